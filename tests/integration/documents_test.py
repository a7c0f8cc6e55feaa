"""Documents say what is true: their commands run as they are printed.

documents_test.py PROGRAM [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

PROGRAM = pathlib.Path(sys.argv.pop(1))
SOURCES = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 300


def section(path, title):
    """The text below a title, up to the next one."""
    text = (SOURCES / path).read_text()
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text,
                     re.M | re.S)[1]


def blocks(text):
    """Indented blocks, each with the line of prose before it."""
    found = []
    prose = ""
    for part in filter(str.strip, re.split(r"\n\s*\n", text)):
        if all(line.startswith("    ") for line in part.splitlines() if line):
            found.append((prose, textwrap.dedent(part).strip("\n")))
        else:
            prose = part.strip().splitlines()[-1]
    return found


class Documents(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="millrace-")
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        shutil.copytree(SOURCES / "examples", self.dir / "examples")
        (self.dir / "build" / "release").mkdir(parents=True)
        (self.dir / "build" / "release" / "bin").symlink_to(
            PROGRAM.resolve().parent)

    def run_as_printed(self, path, titles, before=""):
        """One shell runs all blocks that are no answers, and prints those."""
        script = "set -eo pipefail\n" + before
        answers = []
        for title in titles:
            for prose, block in blocks(section(path, title)):
                if prose == "The answer:":
                    answers.append(block)
                elif not block.startswith("$ "):  # What one would see.
                    script += block + "\n"
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MILLRACE_")}
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.dir, capture_output=True,
            text=True, timeout=DEADLINE, env=environment)
        self.addCleanup(subprocess.run, [
            PROGRAM, "down", "--config", self.dir / "examples" / "local.toml"],
            capture_output=True)
        said = script + done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        for answer in answers:
            self.assertIn(answer, "\n".join(lines), said)
        return answers

    def test_the_first_hour(self):
        answers = self.run_as_printed("README.md", [
            "The first answer", "A file of your own", "The day after",
            "Streams from a shell"])
        self.assertEqual(len(answers), 2)

    def test_operations(self):
        self.run_as_printed(
            "docs/operations.md", ["Days past", "Start, stop, look"],
            'export PATH="$PWD/build/release/bin:$PATH"\n'
            'export MILLRACE_CONFIG="$PWD/examples/local.toml"\n')

    def test_each_kind_of_failure_is_explained(self):
        table = lambda title: re.findall(
            r"^\| `?(\w+)`? \|", section("docs/troubleshooting.md", title),
            re.M)
        code = (SOURCES / "messages/base/errors.hpp").read_text()
        self.assertEqual(table("Words")[1:],
                         re.findall(r"^  (\w+) = [1-9]\d*,", code, re.M))
        exits = (SOURCES / "nodes/host/exit_codes.hpp").read_text()
        self.assertEqual(table("Exit codes")[1:],
                         re.findall(r"^  exit_\w+ = (\d+),", exits, re.M))


if __name__ == "__main__":
    unittest.main()
