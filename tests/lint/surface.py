"""What others may include, and how headers and units are named.

`LIST` names each header that is installed, with its purpose. Those include
each other only. What ends with `_internal.hpp` is for its own floor alone. A
unit has a header of its name, or a header of its folder names it.
"""

import re

LIST = "docs/public_headers.md"
PURPOSE_BYTES_MIN = 12


def check(lint):
    listed = read_list(lint)
    for header, line in listed.items():
        path = lint.file_of(header)
        if path not in lint.code:
            lint.report(LIST, line, "surface", f"{header} is not a file")
            continue
        if path.endswith("_internal.hpp"):
            lint.report(LIST, line, "surface", f"{header} is private by name")
        for at, _, target in lint.includes[path]:
            if not target.startswith("millrace/"):
                continue
            other = target[len("millrace/"):]
            if other.endswith(".hpp") and other not in listed:
                lint.report(path, at, "surface",
                            f"is public, and {other} is not in {LIST}")
    for name in lint.code:
        check_privacy(lint, name)
        check_unit(lint, name)


def read_list(lint):
    listed = {}
    for i, line in enumerate(lint.lines.get(LIST, [])):
        row = re.match(r"\| `([\w/]+\.hpp)` \|(.*)\|\s*$", line)
        if not row:
            continue
        header, purpose = row.group(1), row.group(2).strip()
        if header in listed:
            lint.report(LIST, i + 1, "surface", f"{header} stands there twice")
        if len(purpose) < PURPOSE_BYTES_MIN:
            lint.report(LIST, i + 1, "surface", f"what is {header} for?")
        # They would end the list that CMake reads.
        if re.search(r"[;\[\]]", line):
            lint.report(LIST, i + 1, "surface", "no ';', '[' or ']' in a row")
        listed[header] = i + 1
    return listed


def check_privacy(lint, name):
    for line, _, target in lint.includes[name]:
        if not (target.startswith("millrace/")
                and target.endswith("_internal.hpp")):
            continue
        path = lint.file_of(target[len("millrace/"):])
        if path.rpartition("/")[0] != name.rpartition("/")[0]:
            lint.report(name, line, "private",
                        f"{target} is for its own floor only")


def check_unit(lint, name):
    folder, _, file = name.rpartition("/")
    if not name.endswith(".cpp") or folder not in {
            floor["folder"] for floor in lint.floors.values()}:
        return
    stem = file[:-len(".cpp")]
    if f"{folder}/{stem}.hpp" in lint.code \
            or f"{folder}/{stem}_internal.hpp" in lint.code:
        return
    for header in lint.code:
        if header.endswith(".hpp") and header.rpartition("/")[0] == folder \
                and re.search(rf"\b{file}\b", "\n".join(lint.lines[header])):
            return
    lint.report(name, 1, "unit", "no header has its name, or says that it is "
                                 "implemented here")
