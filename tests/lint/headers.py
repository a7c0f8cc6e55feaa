#!/usr/bin/env python3
"""Sees that each header compiles by itself: headers.py <build folder>

A header that a unit includes before anything else is proven by that unit. The
others, and those of units that are compiled together, are given to the compiler
here, which checks their syntax and makes no code; but not those that passed
here before, as long as they, the headers of ours below them and the command are
the same. With MILLRACE_EXHAUSTIVE set they are compiled as well."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

VERIFIED = re.compile(r"_verify_interface_header_sets/(millrace/.*)\.cxx$")
OURS = re.compile(r"^\s*#\s*include\s*<(millrace/[^>]+)>", re.MULTILINE)
FIRST = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def first_include(unit):
    """@returns what a unit includes first, as others name it; or None."""
    found = FIRST.search(unit.read_text(encoding="utf-8"))
    if not found:
        return None
    # Generated units name the header beside them.
    beside = str(unit.parent / found[1])
    place = beside.find("/generated/millrace/")
    return found[1] if place < 0 else beside[place + len("/generated/"):]


def unproven(commands):
    """@returns [(header, command)] of those that no unit proves."""
    proven, headers = set(), []
    for entry in commands:
        if header := VERIFIED.search(entry["file"]):
            headers.append((header[1], entry))
        elif "/Unity/" not in entry["file"]:
            proven.add(first_include(pathlib.Path(entry["file"])))
    if not headers:
        raise SystemExit("headers: no header is in compile_commands.json")
    return [each for each in headers if each[0] not in proven], len(headers)


def digest(header, entry, roots):
    """@returns what stands for the header, all of ours below it, the command."""
    whole = hashlib.sha256(entry["command"].encode())
    seen, open_names = set(), [header]
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in (root / name for root in roots):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                whole.update(f"{name}\n{text}".encode())
                open_names += OURS.findall(text)
    return whole.hexdigest()


def compile_alone(header, entry):
    words = shlex.split(entry["command"])
    if words[0].endswith("ccache"):
        words = words[1:]
    place = words.index("-o")
    del words[place:place + 2]
    done = subprocess.run(words + ["-O0", "-fsyntax-only"],
                          cwd=entry["directory"], capture_output=True,
                          text=True, check=False)
    return header, done.returncode, done.stderr


def main():
    build = pathlib.Path(sys.argv[1])
    database = build / "compile_commands.json"
    left, total = unproven(json.loads(database.read_text(encoding="utf-8")))
    roots = [build.parent / "include", build / "generated"]
    now = {name: digest(name, entry, roots) for name, entry in left}
    record, before = build / "headers_passed.json", {}
    if record.is_file() and not os.environ.get("MILLRACE_EXHAUSTIVE"):
        before = json.loads(record.read_text(encoding="utf-8"))
    headers = [each for each in left if before.get(each[0]) != now[each[0]]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, text in pool.map(lambda each: compile_alone(*each),
                                           headers):
            if code != 0:
                failed += 1
                del now[header]
                print(f"{header} does not compile alone:\n{text}")
    record.write_text(json.dumps(now), encoding="utf-8")
    print(f"headers: {total - len(left)} of {total} are proven by a unit, "
          f"{len(left) - len(headers)} passed before as they are, "
          f"{len(headers)} were compiled, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
