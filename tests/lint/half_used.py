"""Nothing half-used: what is declared has product code that consumes it.

What stays because a later step brings its other half is listed in `AWAITED`,
one per line: `<kind> <name> - <the step>`. An entry that is no longer half-used
must go.
"""

import re

AWAITED = "tests/lint/awaited.txt"
CONFIGURATION = "nodes/configuration/configuration.hpp"
ERRORS = "messages/base/errors.hpp"
CRASH_POINTS = "persistence/disk/crash_point_names.hpp"
MERGE_ENTRY = "actors/rt/merge/merge_entry.hpp"
# Called by others than us: CAF's scheduler, its inspection.
CALLED_BY_LIBRARIES = {"nodes/node/scheduling.hpp"}
NO_FUNCTIONS = set(
    "if for while switch return sizeof alignof decltype noexcept requires catch"
    " static_cast reinterpret_cast const_cast static_assert explicit operator"
    " defined alignas".split())


def check(lint):
    from lint import ROOMS
    product = {name: "\n".join(code) for name, code in lint.code.items()
               if name.split("/")[0] in ROOMS}
    found = {}
    for rule in (fields, options, atoms, codes, entries, schema_fields,
                 functions):
        for kind, what, name, line, text in rule(lint, product):
            found[f"{kind} {what}"] = (name, line, text)
    crash_points(lint, product, found)
    awaited = read_awaited(lint)
    for what, (name, line, text) in found.items():
        if what not in awaited:
            lint.report(name, line, "half_used", f"{what}: {text}")
    for what, line in awaited.items():
        if what not in found:
            lint.report(AWAITED, line, "half_used",
                        f"{what} is consumed now, or gone: remove the line")


def read_awaited(lint):
    out = {}
    for i, line in enumerate(lint.lines.get(AWAITED, [])):
        if not line.strip() or line.startswith("#"):
            continue
        what, _, step = line.partition(" - ")
        if not re.fullmatch(r"[A-Z][\w ,:'-]{10,}", step.strip()):
            lint.report(AWAITED, i + 1, "half_used",
                        "write `<kind> <name> - <the step that brings it>`")
        out[what.strip()] = i + 1
    return out


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def members(text):
    """@returns (struct, member, offset) of the structs of a header."""
    for struct in re.finditer(r"^struct (\w+) \{(.*?)^\};", text,
                              re.DOTALL | re.MULTILINE):
        for member in re.finditer(
                r"^\s+[\w:<>, ]+?\s(\w+)(\s*=[^;]*|\{[^;]*)?;",
                struct.group(2), re.MULTILINE):
            if member.group(1) != "operator":
                yield (struct.group(1), member.group(1),
                       struct.start(2) + member.start(1))


def fields(lint, product):
    """What a configuration holds is read outside its floor."""
    text = product.get(CONFIGURATION, "")
    for struct, member, at in members(text):
        if not any(re.search(r"(\.|->)" + member + r"\b", other)
                   for name, other in product.items()
                   if not name.startswith("nodes/configuration/")):
            yield ("key", f"{struct}.{member}", CONFIGURATION,
                   line_of(text, at), "no product code reads it")


def options(lint, product):
    """What is off unless somebody chooses it is chosen by product code, other
    than the unit that goes by it. Examples are programs of others. A size that
    only tests make smaller is not off."""
    product = product | examples(lint)
    for header, text in product.items():
        if not header.endswith(".hpp") or header == CONFIGURATION:
            continue
        own = units_of(lint, header)
        for struct, member, at in members(text):
            default = re.search(rf"\b{member}\b\s*([^;]*);", text[at:]).group(1)
            # Deeper in stand the members of a struct within it.
            inner = text[text.rfind("\n", 0, at) + 1:at].startswith("   ")
            if inner or not re.search(r"(options|settings)$", struct) \
                    or default not in ("", "{}", "= {}", "= false", "= 0",
                                       "= nullptr"):
                continue
            chosen = re.compile(
                # Assigned or filled, or by its place.
                rf"(\.|->){member}\s*(=(?!=)|\{{|\[|\.(push_back|insert|emplace)"
                rf")|\b{struct}(\s+\w+)?\s*\{{\s*[^\s.}}]")
            # Handed to what reads a command line.
            handed = re.compile(rf"\binto\.{member}\b")
            if not any(handed.search(other) or (name not in own
                                                and chosen.search(other))
                       for name, other in product.items()):
                yield ("option", f"{struct}.{member}", header,
                       line_of(text, at), "no product code chooses it")


def examples(lint):
    return {name: "\n".join(code) for name, code in lint.code.items()
            if name.startswith("examples/")}


def atoms(lint, product):
    """Each atom is sent by someone, and handled by someone."""
    for header, text in product.items():
        for atom in re.finditer(r"CAF_ADD_ATOM\(\w+, \w+, (\w+),"
                                r"|\busing (\w+) = caf::atom_constant<",
                                text):
            name = atom.group(1) or atom.group(2)
            sends = re.compile(rf"\b{name}(_v\b|::value\b|\{{\}})")
            handles = re.compile(rf"\b{name}\b(?!::value|\{{\}})")
            sent, handled = (any(how.search(other)
                                 for file, other in product.items()
                                 if file != header)
                             for how in (sends, handles))
            if not (sent and handled):
                yield ("atom", name, header, line_of(text, atom.start()),
                       "nobody sends it" if handled else "nobody handles it")


def codes(lint, product):
    """Each error code is made by some product code."""
    text = product.get(ERRORS, "")
    made = {name for file, other in product.items()
            if not file.startswith("messages/base/errors.")
            for name in re.findall(
                r"(?<!case )(?<!== )(?<!!= )\berrc::(\w+)", other)}
    for code in re.finditer(r"^\s+(\w+) = (\d+),", text, re.MULTILINE):
        name = code.group(1)
        if code.group(2) != "0" and name not in made:
            yield ("errc", name, ERRORS, line_of(text, code.start(1)),
                   "no product code makes it")


def entries(lint, product):
    """Each kind of merge entry is made by other code than its codec."""
    text = product.get(MERGE_ENTRY, "")
    listed = re.search(r"using merge_entry\s*=\s*std::variant<([^>]*)>", text)
    for name in re.findall(r"\w+", listed.group(1)) if listed else []:
        if not any(re.search(rf"\b{name}\s*(\w+\s*)?[{{;]", other)
                   for file, other in product.items()
                   if not file.startswith(MERGE_ENTRY[:-4])):
            yield ("entry", name, MERGE_ENTRY, line_of(text, listed.start()),
                   "no product code makes it")


def schema_fields(lint, product):
    """Each field of a schema is written and read."""
    words = {word for text in product.values()
             for word in re.findall(r"\w+", text)}
    for name, lines in lint.lines.items():
        if not name.endswith(".capnp") or not name.startswith("messages/"):
            continue
        struct = ""
        enums = False
        for i, line in enumerate(lines):
            if begin := re.match(r"\s*(struct|enum) (\w+)", line):
                struct = begin.group(2)
                enums = begin.group(1) == "enum"
            field = re.match(r"\s*(\w+) @\d+\s*:\s*(\w+)", line)
            if not field or enums:
                continue
            upper = field.group(1)[0].upper() + field.group(1)[1:]
            # What is Void is chosen by being nothing else.
            if field.group(2) == "Void":
                continue
            for how, begins in (("writes", ("set", "init", "adopt")),
                                ("reads", ("get", "has"))):
                if not any(begin + upper in words for begin in begins):
                    yield ("field", f"{struct}.{field.group(1)}", name, i + 1,
                           f"no product code {how} it")


def crash_points(lint, product, found):
    """The list of crash points and the places that pass them agree."""
    text = "\n".join(lint.lines.get(CRASH_POINTS, []))
    known = {}
    for point in re.finditer(r'"(\w+\.\w+)"', text):
        known.setdefault(point.group(1), line_of(text, point.start()))
    prefixes = {point.split(".")[0] for point in known}
    passed = set()
    for name in product:
        for i, line in enumerate(lint.lines[name]):
            for called in re.finditer(r'\bcrash_point\s*\(\s*"([^"]+)"', line):
                point = called.group(1)
                # Without a prefix: a log says itself whose it is.
                points = [point] if "." in point else [
                    f"{prefix}.{point}" for prefix in prefixes]
                passed.update(points)
                if not known.keys() & set(points):
                    lint.report(name, i + 1, "crash_point",
                                f"{point} is not in {CRASH_POINTS}")
    for point, line in known.items():
        if point not in passed:
            found[f"crash point {point}"] = (
                CRASH_POINTS, line, "no product code passes it")


def functions(lint, product):
    """Each function that a header declares is called by product code, be it
    of another file that includes it, of its own unit, or of a template where
    some file includes both. Examples are programs of others."""
    product = product | examples(lint)
    includers = includers_of(lint, product)
    words = {name: set(re.findall(r"\w+", text))
             for name, text in product.items()}
    templates = [name for name, text in product.items()
                 if name.endswith(".hpp") and "template <" in text]
    for header, text in product.items():
        if not header.endswith(".hpp") or header in CALLED_BY_LIBRARIES \
                or header.startswith("examples/"):
            continue
        declared = {}
        for call in re.finditer(r"(?:[\w>&*\]]\s+|[&*])(\w+)\s*\((?!\s*\*)",
                                text):
            before = text[:call.start(1)].rsplit("\n", 1)[-1].split()
            # What overrides is called through what it overrides.
            after = text[call.end():text.find(";", call.end())].split("{")[0]
            if not ({"return", "throw", "new", "="} & set(before)) \
                    and not re.search(r"\boverride\b", after):
                declared.setdefault(call.group(1), call.start(1))
        own = units_of(lint, header) & product.keys()
        for name, at in declared.items():
            if name in NO_FUNCTIONS or name.endswith("_") \
                    or name.isupper() or name == "inspect":
                continue
            if any(name in words[other]
                   for other in includers[header] - own - {header}):
                continue
            if used_inside(header, text, own, product, name):
                continue
            if any(name in words[each]
                   and re.search(rf"(\.|->){name}\(", product[each])
                   and includers[each] & includers[header]
                   for each in templates):
                continue
            # Where the declaration begins, whose name may stand further down.
            begin = re.search(r"(?:\A|[;{}]|^#[^\n]*\n)\s*(?=[^;{}#]*\Z)",
                              text[:at], re.MULTILINE).end()
            yield ("function", f"{header}:{name}", header, line_of(text, begin),
                   "no product code calls it")


def used_inside(header, text, own, product, name):
    word = re.compile(rf"\b{name}\b")
    # One is the declaration.
    if len(word.findall(text)) > 1 + text.count(f"friend class {name}") \
            and any(not is_declaration(line, name)
                    for line in text.splitlines() if word.search(line)):
        return True
    # In its unit something else may have its name, a member for one.
    called = re.compile(rf"\b{name}\s*[(<]|::{name}\b|, {name}}}")
    for unit in own - {header}:
        for line in product[unit].splitlines():
            if called.search(line) and line[:1].isspace():
                return True
    return False


def is_declaration(line, name):
    return bool(re.match(rf"\s*([\w:<>,&*\[\]]+\s+)+[&*]?{name}\s*\(", line)
                or re.match(rf"\s*{name}\s*\(.*\).*[;{{]", line)) \
        and not re.match(r"\s*return\b", line)


def units_of(lint, header):
    """The header's unit, and those that it says implement it."""
    folder = header.rpartition("/")[0]
    named = re.findall(r"\b(\w+)\.cpp\b", "\n".join(lint.lines[header]))
    return {header, header[:-4] + ".cpp"} | {
        f"{folder}/{each}.cpp" for each in named}


def includers_of(lint, product):
    """Of each header, the product files that reach it."""
    direct = {name: set() for name in product}
    for name in product:
        for _, _, target in lint.includes[name]:
            if target.startswith("millrace/"):
                direct.setdefault(lint.file_of(target[9:]), set()).add(name)
    out = {}
    for header in product:
        seen, todo = set(), [header]
        while todo:
            for other in direct.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        out[header] = seen
    return out
