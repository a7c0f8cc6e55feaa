"""Trees of files with planted violations, and what the lint finds in them."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
from lint import Lint  # noqa: E402 (found through the path above)

HEADER = "#pragma once\n"


def plant(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def lint(files, beside=("folder", "unit")):
    """@returns {file: [(line, rule)]} of a tree of files, without the rules
    `beside` the point: most trees here declare no floor."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        out = {}
        for name, line, rule, _ in Lint(pathlib.Path(root)).run():
            if rule not in beside:
                out.setdefault(name, []).append((line, rule))
        return out


def run_program(files):
    """@returns exit code and output, as ctest sees them."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        ran = subprocess.run([sys.executable, HERE / "lint.py", root],
                             text=True, capture_output=True, check=False)
        return ran.returncode, ran.stdout


class Tree(unittest.TestCase):
    def assert_clean(self, files):
        self.assertEqual(lint(files), {})

    def assert_found(self, files, expected):
        self.assertEqual(lint(files), expected)
