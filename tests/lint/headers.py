#!/usr/bin/env python3
"""Sees that each header compiles by itself: headers.py <build folder>

A header that a unit includes before anything else is proven by that unit. The
others, and those of units that are compiled together, are given to the compiler
here, which checks their syntax and makes no code."""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

VERIFIED = re.compile(r"_verify_interface_header_sets/(millrace/.*)\.cxx$")
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
    database = pathlib.Path(sys.argv[1], "compile_commands.json")
    headers, total = unproven(json.loads(database.read_text(encoding="utf-8")))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, text in pool.map(lambda each: compile_alone(*each),
                                           headers):
            if code != 0:
                failed += 1
                print(f"{header} does not compile alone:\n{text}")
    print(f"headers: {total - len(headers)} of {total} are proven by a unit, "
          f"{len(headers)} were compiled, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
