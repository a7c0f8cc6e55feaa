"""Documents say what is: files, folders, words of code, keys and floors."""

import fnmatch
import re

import surface

ARCHITECTURE = "docs/architecture.md"
DECISIONS = "docs/decisions"
RESULTS = "docs/reliability.md"
GETDATA = "query/front/getdata.cpp"
GETDATA_PAGE = "docs/getdata.md"
GETDATA_CONSOLE = "nodes/servers/http/console/source/languages.js"
REFERENCE = "docs/configuration.md"
CONFIGURATION = "nodes/configuration/configuration"
TABLE = "nodes/configuration/read_table.cpp"
PORT = "nodes/configuration/read_port.cpp"
QUERIES = "nodes/configuration/read_queries.cpp"
CLUSTER = "nodes/configuration/read_cluster_tls.cpp"
PLACE = "nodes/configuration/read_place.cpp"
SUFFIXES = "hpp|cpp|md|py|sh|capnp|cmake|txt"
# Not drawn again for each floor.
KNOWN_TO_ALL = ("messages/base", "messages/text", "messages/data")
# Made by the build, or by a reader who runs what the documents show.
NOT_KEPT = ("build/", "examples/local-data")


def check(lint):
    files = set(lint.lines) | lint.others
    folders = {name.rsplit("/", i + 1)[0] for name in files
               for i in range(name.count("/"))}
    words = words_of_code(lint)
    keys = keys_of(lint)
    tests = tests_of(lint)
    for name, lines in lint.lines.items():
        if name.endswith(".md"):
            for i, line in enumerate(lines):
                # The rules on the surface hold its rows.
                if name != surface.LIST:
                    check_paths(lint, name, i + 1, line, files, folders)
                check_words(lint, name, i + 1, line, words, keys)
                check_tests(lint, name, i + 1, line, tests)
                check_quoted(lint, name, i + 1, line, lines)
        # Those of layouts are held to their keys by a test that loads them.
        if name.startswith("examples/") and name.endswith(".toml") \
                and not name.startswith("examples/layouts/"):
            check_example(lint, name, lines, keys)
    check_floors(lint)
    check_rooms(lint, folders)
    check_decisions(lint)
    check_results(lint)
    check_getdata(lint)
    check_reference(lint, keys)


def check_quoted(lint, name, at, line, lines):
    """An indented block after `<!-- of <path> -->` is a part of that file, but
    for its indentation."""
    source = re.fullmatch(r"<!-- of (\S+) -->", line.strip())
    if not source:
        return
    block = []
    for each in lines[at:]:
        if each.strip() and not each.startswith("    "):
            break
        block.append(each.strip())
    wanted = "\n".join(block).strip()
    there = "\n".join(each.strip()
                      for each in lint.lines.get(source.group(1), []))
    if not wanted or wanted not in there:
        lint.report(name, at, "document",
                    f"this is not what {source.group(1)} says")


def check_paths(lint, name, at, line, files, folders):
    """What looks like a file or a folder of ours is one: counted from the
    root, from the document, or somewhere below it."""
    base = name.rpartition("/")[0]
    top = {each.split("/")[0] for each in folders}
    for match in re.finditer(r"(?<![\w>}/.$:<-])(?!_)[\w*][\w./*-]*", line):
        path = match.group().rstrip(".")
        ours = path.split("/")[0] in top and "/" in path
        if not (ours or re.search(rf"\.({SUFFIXES})$", path)) \
                or path.startswith(NOT_KEPT) \
                or line[match.end():match.end() + 1] in ("<", "{"):
            continue
        plain = path.rstrip("/")
        wanted = [plain, f"{base}/{plain}", *([f"{base}/*/{plain}"])]
        if base.startswith("docs"):
            wanted.append(f"docs/{plain}")
        known = files | folders
        if not any(each in known or fnmatch.filter(known, each)
                   for each in wanted):
            lint.report(name, at, "document", f"there is no {path}")


def check_words(lint, name, at, line, words, keys):
    for quoted in re.findall(r"`([^`]+)`", line):
        for word in re.findall(r"(?<![\w/.:-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+"
                               r"(?![\w/.*<{-])", quoted):
            if word not in words:
                lint.report(name, at, "document", f"no code says {word}")
            elif word in keys["fields"]:
                lint.report(name, at, "document",
                            f"{word} is not a key of the configuration")
        named = re.fullmatch(r"(\w+)\.(\w+)", quoted)
        if named and named.group() not in words \
                and named.group(1) in keys \
                and named.group(2) not in keys[named.group(1)] \
                and named.group(2) not in SUFFIXES.split("|"):
            lint.report(name, at, "document",
                        f"{quoted} is not a key of the configuration")


def tests_of(lint):
    return {f"{suite}.{test}" for name, lines in lint.lines.items()
            if name.startswith("tests/") and name.endswith(".cpp")
            for suite, test in re.findall(
                r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)",
                "\n".join(lines), re.MULTILINE)}


def check_tests(lint, name, at, line, tests):
    for test in re.findall(r"`([A-Z]\w*(?:Test|Sim)\.[A-Z]\w*)`", line):
        if test not in tests:
            lint.report(name, at, "document", f"there is no test {test}")


def words_of_code(lint):
    return {word for name, lines in lint.lines.items()
            if not name.endswith(".md") and not (
                name.startswith("tests/lint/") and name.endswith(".py"))
            for line in lines for word in re.findall(r"\w+\.\w+|\w+", line)
            } | {word for lines in lint.code.values()
                 for line in lines for word in re.findall(r"\w+", line)}


def keys_of(lint):
    """@returns the keys of each table of a configuration, and the names of
    fields that hold one under another name."""
    text = "\n".join(lint.lines.get(CONFIGURATION + ".cpp", []))
    found = {"fields": set()}
    for body in re.finditer(r"^  \w[\w:<> ]* (?:read_)?(\w+)\((?:toml_)?section& at"
                            r".*?^  }", text, re.DOTALL | re.MULTILINE):
        section = {"rt": "process", "rdb": "process", "hdb": "process",
                   "gateway": "process", "feed_process": "process",
                   "settings": "process", "own": "process", "columns": "table"
                   }.get(body.group(1), body.group(1))
        found.setdefault(section, set()).update(KEY.findall(body.group()))
    # Those of a [[table]], a [[query]], a port, a node and some of the cluster are
    # read by functions of their own.
    for source, section in ((TABLE, "table"), (PORT, "process"),
                            (QUERIES, "query"), (CLUSTER, "cluster"),
                            (PLACE, "node")):
        own = "\n".join(lint.lines.get(source, []))
        for body in re.finditer(
                r"^\w+ read_\w+\((?:text::)?toml_section& at.*?^}", own,
                re.DOTALL | re.MULTILINE):
            found.setdefault(section, set()).update(KEY.findall(body.group()))
        text += own
    every = set(KEY.findall(text)) | set(re.findall(r'"(\w+)"', text))
    for body in re.finditer(r'one\(\w+, "(\w+)".*?^  }', text,
                            re.DOTALL | re.MULTILINE):
        found.setdefault(body.group(1), set()).update(KEY.findall(body.group()))
    found["every"] = every
    header = "\n".join(lint.code.get(CONFIGURATION + ".hpp", []))
    held = set(re.findall(r"^  [\w:<>, ]+ (\w+)(?: = [^;]*)?;", header,
                          re.MULTILINE))
    found["fields"] = {field for field in held if "_" in field} - every
    return found


KEY = re.compile(r'\(\s*(?:at,\s*)?"(\w+)"')


def check_example(lint, name, lines, keys):
    if not keys["every"]:
        return
    for i, line in enumerate(lines):
        key = re.match(r"(?:# )?([a-z_]+) = ", line)
        if key and key.group(1) not in keys["every"]:
            lint.report(name, i + 1, "document",
                        f"{key.group(1)} is not a key of the configuration")


def check_reference(lint, keys):
    """The reference of the configuration has each key, and no other."""
    lines = lint.lines.get(REFERENCE)
    if lines is None:
        return
    section = ""
    told = {}
    for i, line in enumerate(lines):
        if heading := re.match(r"## `\[+(?:\w+\.)?(\w+)\]+`$", line):
            section = heading.group(1)
            told.setdefault(section, {"": i + 1})
        elif row := re.match(r"\| `(\w+)` \|", line):
            told.setdefault(section, {})[row.group(1)] = i + 1
    for section, rows in told.items():
        known = set(keys.get(section, ())) - OTHERS.get(section, set())
        for key in rows.keys() - known - {""}:
            lint.report(REFERENCE, rows[key], "document",
                        f"{section}.{key} is not a key of the configuration")
        # Of [feed.layouts] the keys are the user's.
        for key in sorted(known - rows.keys()):
            if section != "layouts":
                lint.report(REFERENCE, rows.get("", 1), "document",
                            f"{section}.{key} is not told of")
    for section in SECTIONS - told.keys():
        if keys.get(section):
            lint.report(REFERENCE, 1, "document", f"{section} is not told of")


# Words in the code of a section that are not keys of it, or are refused.
OTHERS = {
    "cluster": {"RT_LOG_PATH"},
    "table": {"type"},
    "process": {"symbols"},
    "generator": {"date", "files", "generator", "layout", "speed", "symbol",
                  "table"},
}
SECTIONS = {"cluster", "period", "logging", "stream", "table", "node",
            "user", "process", "generator"}


def check_floors(lint):
    """The table of floors draws what is declared."""
    drawn = {}
    for i, line in enumerate(lint.lines.get(ARCHITECTURE, [])):
        row = re.match(r"\| `(\w+/[\w/]+)` \|[^|]*\|([^|]*)\|([^|]*)\|$",
                       line)
        if not row:
            continue
        floor = row.group(1)
        drawn[floor] = i + 1
        declared = lint.floors.get(floor)
        if declared is None:
            lint.report(ARCHITECTURE, i + 1, "document", f"{floor} is not a floor")
            continue
        wanted = (knows(floor, declared), caf(declared))
        if (row.group(2).strip(), row.group(3).strip()) != wanted:
            lint.report(ARCHITECTURE, i + 1, "document",
                        f"{floor}: draw | {wanted[0]} | {wanted[1]} |")
    if drawn:
        for floor, declared in lint.floors.items():
            if floor not in drawn:
                lint.report(declared["list"], declared["line"], "document",
                            f"{floor} is not drawn in {ARCHITECTURE}")


def check_rooms(lint, folders):
    """The README of a room names its floors, that of the tests all folders that
    mirror no room: by the last words of their path, as `torq/rdb/` or `rdb/`."""
    wanted = {}
    for floor, declared in lint.floors.items():
        room = declared["list"].rpartition("/")[0]
        wanted.setdefault(room, set()).add(floor.partition("/")[2])
    mirrored = {floor.partition("/")[0] for floor in lint.floors} | {"bench"}
    wanted.setdefault("tests", set()).update(
        folder.partition("/")[2] for folder in folders
        if folder.startswith("tests/") and folder.count("/") == 1
        and folder.partition("/")[2] not in mirrored - {"sim"})
    for room, below in wanted.items():
        name = f"{room}/README.md"
        text = "\n".join(lint.lines.get(name, []))
        if not text:
            continue
        for each in sorted(below):
            parts = each.split("/")
            if not any(f"`{'/'.join(parts[i:])}/`" in text
                       for i in range(len(parts))):
                lint.report(name, 1, "document", f"it does not name {each}/")


def check_decisions(lint):
    """Their list has each of them."""
    told = "\n".join(lint.lines.get(f"{DECISIONS}/README.md", []))
    for name in lint.lines:
        page = name.rpartition("/")[2]
        if name.startswith(f"{DECISIONS}/0") and f"({page})" not in told:
            lint.report(name, 1, "document",
                        f"{DECISIONS}/README.md does not list it")


def check_results(lint):
    """The table of results is of the rows that stand above it, in their order."""
    lines = lint.lines.get(RESULTS, [])
    if "<!-- results: begin -->" not in lines:
        return
    begin = lines.index("<!-- results: begin -->")
    above, below = ([
        (i + 1, tuple(cell.strip() for cell in line.strip("|").split("|"))[:2])
        for i, line in enumerate(lines)
        if line.startswith("| ") and line.count("|") == 4
        and not line.startswith("| fault |") and inside(i)]
        for inside in (
            lambda i: i < (lines.index("## Answers that would not be true")
                           if "## Answers that would not be true" in lines
                           else begin),
            lambda i: begin < i < lines.index("<!-- results: end -->")))
    for i, (at, row) in enumerate(above):
        if i >= len(below) or below[i][1] != row:
            return lint.report(
                RESULTS, at, "document",
                f"'{row[0]}' is not what the table of results has in its "
                "place: run 'scripts/catalogue --run --write'")
    if len(below) > len(above):
        lint.report(RESULTS, below[len(above)][0], "document",
                    "a result of no row that stands above")


def check_getdata(lint):
    """The page and the console have the parameters that are taken."""
    taken = set(re.findall(r'parameter\{"(\w+)", true\}',
                           "\n".join(lint.lines.get(GETDATA, []))))
    if not taken:
        return
    page = lint.lines.get(GETDATA_PAGE, [])
    told = {name for line in page
            for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", line)
            for name in re.findall(r"\w+", row)}
    proposed = set()
    if GETDATA_CONSOLE in lint.others:
        words = re.search(r"const GETDATA = ([^;]*);", (
            lint.root / GETDATA_CONSOLE).read_text(encoding="utf-8"))
        proposed = set(re.findall(r"\w+", words.group(1)) if words else ())
    for place, names in ((GETDATA_PAGE, told), (GETDATA_CONSOLE, proposed)):
        for name in sorted(taken ^ names):
            lint.report(GETDATA, 1, "document", f"{name} is taken, or in {place}"
                        ", and not both")


def knows(floor, declared):
    room = floor.split("/")[0] + "/"
    return ", ".join(each.removeprefix(room) for each in declared["needs"]
                     if each not in KNOWN_TO_ALL) or "–"


def caf(declared):
    return "all" if declared["caf"] else ", ".join(declared["actors"]) or "–"
