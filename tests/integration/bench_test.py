#!/usr/bin/env python3
"""`millrace bench`: lists, and measures nothing without its peer.

    bench_test.py MILLRACE
"""

import os
import subprocess
import sys
import tempfile
import unittest

MILLRACE = sys.argv.pop(1)


def run(*arguments, **environment):
    return subprocess.run([MILLRACE, "bench", *arguments], text=True,
                          capture_output=True, timeout=120,
                          env={**os.environ, **environment})


class Bench(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.nothing = {"PATH": self.scratch.name,
                        "MILLRACE_BENCH_DIR": self.scratch.name,
                        "MILLRACE_BENCH_DUCKDB": self.scratch.name + "/none.so"}

    def test_list_names_every_benchmark_with_its_peer(self):
        got = run("--list")
        self.assertEqual(got.returncode, 0, got.stderr)
        for name in ["publish_cached_100", "publish_synced_1k", "replay_100",
                     "latency_p99", "csv_feed", "rdb_insert"]:
            self.assertIn(name + " ", got.stdout)
        self.assertIn("beside JetStream", got.stdout)

    def test_unknown_name_is_a_fault_of_usage(self):
        got = run("no_such_thing")
        self.assertEqual(got.returncode, 64)
        self.assertIn("no_such_thing", got.stderr)

    def test_missing_peer_is_told_with_how_to_install_it(self):
        for name in ["publish_cached_100", "publish_synced_100", "rdb_insert",
                     "csv_parse", "csv_feed"]:
            with self.subTest(name):
                got = run(name, "--runs", "1", "-o", "json", **self.nothing)
                self.assertEqual(got.returncode, 69, got.stderr)
                self.assertIn("scripts/bench-peers", got.stderr)
                self.assertEqual(got.stdout, "")
                self.assertEqual(os.listdir(self.scratch.name), [])


if __name__ == "__main__":
    unittest.main()
