"""Runs the program as a user does, command by command: the tests of `commands/`,
as one, since each takes a second or two.

commands_test.py PROGRAM [unittest arguments]
"""
import pathlib
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent / "commands"
sys.path.insert(0, str(FOLDER))
import command_case  # noqa: E402 (found through the path above)


def load_tests(loader, _, __):
    found = loader.discover(FOLDER, "*_test.py")
    if not found.countTestCases():
        raise FileNotFoundError(f"no tests in {FOLDER}")
    return found


if __name__ == "__main__":
    command_case.PROGRAM = sys.argv.pop(1)
    unittest.main()
