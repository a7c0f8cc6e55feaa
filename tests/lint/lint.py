#!/usr/bin/env python3
"""Checks what the compiler does not: who includes whom, who touches the world.

    lint.py ROOT

Prints `file:line: rule: text` for each violation and exits with 1 when there
is one. A line that must break a rule says so, with a reason:

    // lint: allow(<rule>): <reason>

on the line or the one before it; in Python after `#`.
"""

import pathlib
import re
import subprocess
import sys

import documents
import half_used
import layout
import lengths
import notices
import protocol
import surface
import words

# Each room may include itself and those before it. Within and between rooms a
# floor (a folder that is a library) may include what its millrace_floor(NEEDS)
# names, all of which it must use.
ROOMS = ["messages", "persistence", "feed", "query", "actors", "nodes"]
# Where the floors of a room are declared, other than <room>/CMakeLists.txt.
LISTS = {"sim": "tests/sim"}
# Made by the build, from a folder that is not a floor.
MADE = {"messages/schema": "messages/data"}
# Folders that see everything; the simulator is the library among them.
FREE = ["tests", "bench", "examples"]
# All files of the top level, which a newcomer sees first.
TOP = {".clang-format", ".gitignore", "CMakeLists.txt", "CMakePresets.json",
       "CONTRIBUTING.md", "LICENSE", "README.md"}
SOURCES = (".hpp", ".cpp", ".h", ".cc")

# Libraries and the places that may include them: folder prefixes, or suffixes
# of file names after '*'. A folder with ':cpp' means its sources only.
LIBRARIES = {
    r"caf/": ["messages/", "actors/", "nodes/"],
    r"(capnp|kj)/": ["messages/"],
    r"rocksdb/": ["persistence/:cpp"],
    r"nlohmann/": ["messages/text/:cpp"],
    r"(spdlog)/": ["nodes/:cpp"],
    r"boost/": ["nodes/servers/port/:cpp", "nodes/servers/http/:cpp"],
    r"CLI/": ["nodes/cli/command/:cpp"],
    r"toml": ["messages/text/:cpp"],
    r"date/": ["messages/text/:cpp"],
    r"simdjson": ["feed/parse/:cpp"],
    r"pg_query\.h": ["query/front/sql/:cpp"],
    r"(zip\.h|bzlib\.h|lzma\.h)": ["feed/:cpp"],
    r"zlib\.h": ["feed/:cpp", "persistence/kdb/:cpp"],
    r"zstd\.h": ["feed/:cpp", "persistence/kdb/:cpp",
                 "persistence/exchange/:cpp"],
    r"(lz4\.h|snappy)": ["persistence/kdb/:cpp"],
    r"openssl/": ["nodes/tls/", "nodes/users/:cpp"],
    r"argon2\.h": ["nodes/users/:cpp"],
    r"(sqlite3\.h|re2/)": ["nodes/servers/postgres/"],
    r"editline/": ["nodes/cli/:cpp"],
    r"systemd/": ["nodes/host/:cpp"],
    r"fast_float/": ["feed/text/"],
    r"flatbuffers/": ["query/table/:cpp"],
    r"isa-l/": ["persistence/log/:cpp"],
}

# Rooms that must not reach CAF, not even through a header of ours. Nor may
# units of a floor that are not among its ACTORS, and cores.
NO_CAF = ["persistence/", "feed/", "query/"]

# What goes through a seam, and what implements the seams.
# RocksDB keeps files of its own; what opens it cares for their directory.
SEAMS = ["nodes/", "persistence/disk/posix_", "persistence/stores/rocksdb_"]
CALLS = {
    "clock": r"\b(system_clock|steady_clock|high_resolution_clock)\s*::\s*now\b"
             r"|\b(clock_gettime|gettimeofday)\s*\(|\bstd::time\s*\(",
    "random": r"\brandom_device\b|(?<![\w.>:])(rand|srand|getrandom)\s*\("
              r"|\bstd::s?rand\s*\(",
    "thread": r"\bstd::(thread|jthread|async)\b(?!::)|\bpthread_create\b",
    "file": r"(?<![\w.>])::(open|rename|unlink|fsync|fdatasync|write|pwrite"
            r"|ftruncate)\s*\(|\b(fsync|fdatasync|fopen)\s*\("
            r"|\bstd::(rename|remove)\s*\(\s*[\"\w]+\.?\w*(\(\))?\s*[,)]\s*;"
            r"|\bstd::(i|o)?fstream\b|\bstd::filesystem\b",
    "environment": r"\b(getenv|setenv)\s*\(",
}
# Waiting for a time instead of for what is waited for.
SLEEP = r"\bsleep_(for|until)\b|(?<![\w.>])(sleep|usleep|nanosleep)\s*\("

# Split, so that this file does not break its own rule.
WORKPLACE = re.compile("/" + r"(work|tmp/wt|home/\w+|root)/")
TEXTS = SOURCES + (".py", ".sh", ".md", ".txt", ".toml", ".cmake", ".capnp",
                   ".json", "")


class Lint:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.needed = set()  # (file, line) of what allows something.
        self.lines = {}
        self.others = set()  # Files that are not text.
        self.code = {}
        self.includes = {}

    def report(self, name, line, rule, text):
        lines = self.lines[name]
        allowed = f"lint: allow({rule})"
        for at in range(max(0, line - 2), min(line, len(lines))):
            if re.search(re.escape(allowed) + r": \S", lines[at]):
                self.needed.add((name, at + 1))
                return
        self.found.append((name, line, rule, text))

    def load(self):
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            first = name.split("/")[0]
            if first in ("build", ".git") or not path.is_file():
                continue
            if path.suffix not in TEXTS or name.startswith("tests/data/"):
                self.others.add(name)
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            self.lines[name] = text.splitlines()
            if path.suffix in SOURCES:
                self.code[name] = strip(text).splitlines()
                self.includes[name] = [
                    (i + 1, m.group(1), m.group(2))
                    for i, line in enumerate(self.lines[name])
                    if (m := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]',
                                      line))
                ]

    def run(self):
        self.load()
        self.load_floors()
        for name in self.code:
            room = name.split("/")[0]
            self.check_header(name)
            if room in ROOMS:
                self.check_direction(name, room)
                self.check_libraries(name)
                self.check_calls(name)
            if room in ROOMS + FREE:
                self.check_sleep(name)
                self.check_comments(name)
        self.check_top(tracked_files(self.root))
        self.check_floors()
        self.check_caf_reach()
        half_used.check(self)
        surface.check(self)
        documents.check(self)
        lengths.check(self)
        notices.check(self)
        protocol.check(self)
        words.check(self)
        layout.check(self)
        for name, lines in self.lines.items():
            for i, line in enumerate(lines):
                if WORKPLACE.search(line):
                    self.report(name, i + 1, "path",
                                "a path of somebody's machine")
        self.check_allowances()
        return sorted(self.found)

    def check_top(self, names):
        """What somebody tried out, and committed with the rest."""
        for name in names:
            if "/" not in name and name not in TOP:
                self.found.append((name, 1, "top", "no file of the top level; "
                                   "TOP in tests/lint/lint.py has them"))

    def check_allowances(self):
        """Last: what allows nothing says what is not so."""
        for name, lines in self.lines.items():
            mark = "//" if name in self.code else r"^\s*#"
            if name not in self.code and not lengths.is_python(name, lines):
                continue
            for i, line in enumerate(lines):
                if (re.search(mark + r" lint: allow\(\w+\): \S", line)
                        and (name, i + 1) not in self.needed):
                    self.report(name, i + 1, "allowance",
                                "nothing is found here without it: remove it")

    def check_header(self, name):
        if not name.endswith(".hpp"):
            return
        code = self.code[name]
        if not any(line.strip() == "#pragma once" for line in code):
            self.report(name, 1, "guard", "a header begins with #pragma once")
        for i, line in enumerate(code):
            # Inside a function it harms nobody.
            if (name.split("/")[0] in ROOMS
                    and re.match(r"using namespace\b", line)):
                self.report(name, i + 1, "using",
                            "a header must not say 'using namespace'")

    def check_direction(self, name, room):
        for line, bracket, target in self.includes[name]:
            if bracket == '"':
                self.report(name, line, "include",
                            "write <millrace/...> or <library/...>")
                continue
            if not target.startswith("millrace/"):
                continue
            other = target.split("/")[1]
            if other not in ROOMS:
                self.report(name, line, "direction",
                            f"{room} must not know {other}")
            elif ROOMS.index(other) > ROOMS.index(room):
                self.report(name, line, "direction",
                            f"{room} must not know {other}, which comes "
                            "after it")

    def check_libraries(self, name):
        for line, _, target in self.includes[name]:
            for library, places in LIBRARIES.items():
                if not re.match(library, target):
                    continue
                if not any(inside(name, place) for place in places):
                    self.report(name, line, "library",
                                f"<{target}> is for {', '.join(places)} only")

    def check_calls(self, name):
        if any(name.startswith(seam) for seam in SEAMS):
            return
        for i, line in enumerate(self.code[name]):
            if re.match(r"\s*#\s*include", line):
                continue
            for rule, pattern in CALLS.items():
                if re.search(pattern, line):
                    self.report(name, i + 1, rule,
                                "goes through a seam of persistence/disk/env.hpp")

    def check_sleep(self, name):
        for i, line in enumerate(self.code[name]):
            if re.search(SLEEP, line):
                self.report(name, i + 1, "sleep",
                            "wait for what you wait for, not for a time")
            elif (not name.startswith("tests/")
                    and re.search(r"\bcaf::after\b", line)):
                self.report(name, i + 1, "wall_wait",
                            "a blocking actor waits there by the wall clock, "
                            "which is set back: take guest::pause")

    def check_comments(self, name):
        """Who sorts lines must not change what they say."""
        for i, line in enumerate(self.lines[name]):
            if re.search(r"^\s*[^\s/].*//[/<]* The same\.$", line):
                self.report(name, i + 1, "comment",
                            "it is of another line: say what that says")

    def check_caf_reach(self):
        free = self.files_of_caf_free_libraries()
        for start in self.code:
            if not (start in free
                    or any(start.startswith(place) for place in NO_CAF)
                    or re.search(r"_core\.[hc]pp$", start)):
                continue
            seen = {start}
            todo = [(start, start)]
            while todo:
                name, way = todo.pop()
                for _, _, target in self.includes.get(name, []):
                    if target.startswith("caf/"):
                        line = self.first_step(start, way)
                        self.report(start, line, "caf",
                                    f"reaches <{target}>: {way}")
                        todo = []
                        break
                    if target.startswith("millrace/"):
                        other = self.file_of(target[len("millrace/"):])
                        if other not in seen:
                            seen.add(other)
                            todo.append((other, f"{way} -> {other}"))

    def load_floors(self):
        self.floors = {}
        for room in ROOMS + list(LISTS):
            folder = LISTS.get(room, room)
            name = f"{folder}/CMakeLists.txt"
            text = "\n".join(line.split("#")[0].rstrip()
                             for line in self.lines.get(name, []))
            for call in re.finditer(r"millrace_floor\(([^)]*)\)", text):
                words = call.group(1).split()
                parts = {"": []}
                part = ""
                for word in words[1:]:
                    if re.fullmatch(r"[A-Z_]+", word):
                        part = word
                        parts[part] = []
                    else:
                        parts[part].append(word)
                line = text.count("\n", 0, call.start()) + 1
                path = words[0]
                self.floors[path] = {
                    "list": name, "line": line, "needs": parts.get("NEEDS", []),
                    "caf": "CAF" in parts, "actors": parts.get("ACTORS", []),
                    "folder": path.replace(room, folder, 1), "uses": set()}

    def floor_of(self, include):
        """The floor of <millrace/...>, which may be made by the build."""
        folder = include.rsplit("/", 1)[0]
        return MADE.get(folder, folder)

    def check_floors(self):
        folders = {each["folder"]: path for path, each in self.floors.items()}
        for name in self.code:
            path = folders.get(name.rsplit("/", 1)[0])
            room = name.split("/")[0]
            if path is None:
                if name.count("/") > 1 and room in ROOMS:
                    self.report(name, 1, "folder", "its folder is not a library")
                continue
            floor = self.floors[path]
            for line, _, target in self.includes[name]:
                if not target.startswith("millrace/"):
                    continue
                other = self.floor_of(target[len("millrace/"):])
                if other in (path, *floor["needs"]):
                    floor["uses"].add(other)
                elif other in self.floors:
                    self.report(name, line, "direction",
                                f"{path} does not list {other} in NEEDS")
        for path, floor in self.floors.items():
            for need in floor["needs"]:
                if need not in self.floors:
                    what = f"{path} needs {need}, which is not a floor"
                elif self.reaches(need, path):
                    what = f"{path} needs {need}, which needs it"
                elif need not in floor["uses"]:
                    what = f"{path} uses nothing of {need}"
                else:
                    continue
                self.report(floor["list"], floor["line"], "floor", what)

    def file_of(self, include):
        """The source of <millrace/...>."""
        if include == "millrace.hpp":
            return "nodes/millrace.hpp"
        room = include.split("/")[0]
        return include.replace(room, LISTS.get(room, room), 1)

    def reaches(self, start, end):
        seen, todo = set(), [start]
        while todo:
            path = todo.pop()
            if path == end:
                return True
            if path not in seen:
                seen.add(path)
                todo += self.floors.get(path, {"needs": []})["needs"]
        return False

    def files_of_caf_free_libraries(self):
        out = set()
        for floor in self.floors.values():
            if floor["caf"]:
                continue
            for name in self.code:
                folder, _, file = name.rpartition("/")
                if folder == floor["folder"] \
                        and file.split(".")[0] not in floor["actors"]:
                    out.add(name)
        return out

    def first_step(self, start, way):
        steps = way.split(" -> ")
        wanted = f"millrace/{steps[1]}" if len(steps) > 1 else "caf/"
        for line, _, target in self.includes[start]:
            if target.startswith(wanted):
                return line
        return 1


def tracked_files(root):
    """Those of its repository; none: it is not the top of one."""
    if not (root / ".git").exists():
        return []
    try:
        ran = subprocess.run(["git", "ls-files"], cwd=root, text=True,
                             capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return ran.stdout.splitlines()


def inside(name, place):
    if place.endswith(":cpp"):
        return name.startswith(place[:-4]) and name.endswith(".cpp")
    return name.startswith(place)


def strip(text):
    """The text without comments and the content of literals, same lines."""
    pattern = re.compile(
        r'R"(?P<d>[^()\\ ]*)\(.*?\)(?P=d)"'  # a raw string
        r"|//[^\n]*|/\*.*?\*/"
        r'|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
        re.DOTALL)

    def blank(match):
        kept = match.group(0)
        # Literals of the preprocessor, #include "x", are kept apart already.
        return '""' + "\n" * kept.count("\n") if kept[0] in "\"R'" \
            else " " + "\n" * kept.count("\n")

    return pattern.sub(blank, text)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    lint = Lint(pathlib.Path(sys.argv[1]))
    found = lint.run()
    for name, line, rule, text in found:
        print(f"{name}:{line}: {rule}: {text}")
    if not lint.code:
        print("lint: no sources below " + sys.argv[1], file=sys.stderr)
        return 66
    print(f"lint: {len(lint.code)} sources, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
