"""What scripts/build-costs makes of ninja's log and of lines."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))


def script():
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader(
        "build_costs", importlib.machinery.SourceFileLoader(
            "build_costs", str(SCRIPTS / "build-costs"))))
    made.__spec__.loader.exec_module(made)
    return made


class CostsTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.build = pathlib.Path(holder.name)
        self.costs = script()

    def log(self, *rows):
        (self.build / ".ninja_log").write_text("# ninja log v5\n" + "".join(
            "\t".join(map(str, row)) + "\n" for row in rows))

    def test_each_command_counts_as_it_ran_last(self):
        unit = "a/CMakeFiles/millrace_a_b.dir/Unity/unity_0_cxx.cxx.o"
        other = "t/CMakeFiles/x_test.dir/Unity/unity_t_cxx.cxx.o"
        self.log((0, 9000, 1, unit, "1"), (0, 4000, 2, unit, "2"),
                 (4000, 4100, 2, other, "3"), (4100, 5600, 3, "bin/x_test", "4"),
                 (5600, 5900, 3, "made.h", "5"), (5600, 5900, 3, "made.c++", "5"))
        ran = self.costs.commands(self.build)
        self.assertEqual(ran, {unit: 4000, other: 100, "bin/x_test": 1500,
                               "made.h": 300})
        self.assertEqual(self.costs.cost_of(ran), [
            ("units", 2, 4, 1), ("tests discovered, code made", 1, 0, 0),
            ("programs and libraries", 1, 2, 0)])
        self.assertEqual(self.costs.dearest(ran, 1), [("a_b, unit 0", 4)])
        self.assertEqual(self.costs.dearest(ran, 2)[1], ("x_test, t", 0))

    def test_a_build_that_was_not_made_costs_nothing(self):
        self.assertIsNone(self.costs.commands(self.build))
        self.assertEqual(self.costs.tests_of(self.build), {})

    def test_tables_say_numbers_as_people_read_them(self):
        self.assertEqual(self.costs.table(("what", "lines"), [("`x`", 12345)]),
                         "| what | lines |\n|---|---:|\n| `x` | 12,345 |\n")


if __name__ == "__main__":
    unittest.main()
