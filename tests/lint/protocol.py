"""The map of the system: every interface that others know stands in it, and says
what each number counts."""

import re

FOLDER = "messages/protocol/"
MAP = FOLDER + "interfaces.hpp"
PART = "_interfaces.hpp"
BARE = re.compile(r"\bu?int(8|16|32|64)_t\b")


def check(lint):
    for name, code in lint.code.items():
        if not name.startswith(FOLDER) or not name.endswith(".hpp"):
            continue
        text = "\n".join(code)
        is_part = name.endswith(PART)
        for found in re.finditer(r"\busing \w+\s*=[^;]*(typed_actor|extend)<[^;]*;",
                                 text):
            line = text.count("\n", 0, found.start()) + 1
            if not is_part:
                lint.report(name, line, "protocol",
                            f"an interface stands in a *{PART}")
            for number in BARE.finditer(found.group()) if is_part else ():
                lint.report(
                    name, line + found.group().count("\n", 0, number.start()),
                    "protocol", f"{number.group()} does not say what it counts: "
                    "messages/data/ids.hpp has types that do")
        if is_part and MAP in lint.includes and not any(
                target == "millrace/" + name
                for _, _, target in lint.includes[MAP]):
            lint.report(MAP, 1, "protocol", f"it does not include {name}")
