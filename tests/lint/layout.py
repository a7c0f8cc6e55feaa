"""Sources stand as `.clang-format` says, as far as its program is there."""

import re
import shutil
import subprocess

# Others put line breaks elsewhere.
VERSION = 14
PROGRAMS = (f"clang-format-{VERSION}", "clang-format")


def program():
    """The program of that version; None: it is not installed."""
    for name in PROGRAMS:
        path = shutil.which(name)
        if not path:
            continue
        said = subprocess.run([path, "--version"], text=True,
                              capture_output=True, check=True).stdout
        if re.search(rf"version {VERSION}\.", said):
            return path
    return None


def check(lint):
    """One report for each file that would be changed."""
    if ".clang-format" not in lint.others | set(lint.lines):
        return
    path = program()
    if path is None:
        print(f"lint: layout is not checked: there is no clang-format {VERSION}")
        return
    names = sorted(lint.code)
    ran = subprocess.run([path, "--dry-run", *names], cwd=lint.root, text=True,
                         capture_output=True, check=True)
    first = {}
    for name, line in re.findall(r"^(.+?):(\d+):\d+: warning:", ran.stderr,
                                 re.MULTILINE):
        first.setdefault(name, int(line))
    for name, line in first.items():
        lint.report(name, line, "layout", "clang-format would change it")
