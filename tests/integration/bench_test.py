#!/usr/bin/env python3
"""`millrace bench`: every benchmark runs, measures nothing without its peer,
and leaves nothing behind.

    bench_test.py MILLRACE

Sizes are tiny: this tests the benchmarks, and measures nothing. Those whose
peer is not installed (scripts/bench-peers) are skipped.
"""

import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MILLRACE = sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]

# By name: what the first peer's and the limit's ratio must reach; none where
# one of them stands beside without a target.
STREAMS = {
    "publish_cached_100": (30, 0.5),
    "publish_cached_1k": (7, 0.5),
    "publish_synced_100": (11, None),
    "publish_synced_1k": (6, None),
    "publish_cached_100_3p": (None, None),
    "replay_100": (7, None),
    "latency_p50": (1.2, None),
    "latency_p99": (0.3, None),
    "latency_3p_p50": (2.8, None),
    "latency_3p_p99": (0.5, None),
    "publish_cached_100_r3": (27, 0.36),
    "publish_cached_1k_r3": (7, 0.36),
    "publish_synced_100_r3": (10, None),
    "publish_synced_1k_r3": (10, None),
    "latency_r3_p50": (0.4, None),
    "latency_r3_p99": (0.1, None),
}
TABLES = {"csv_parse": 5, "csv_feed": 2, "rdb_insert": 12, "eop_write": 2.3}
# Of the family `queries`: milliseconds as in an hdb, and as in an rdb.
QUERIES = {
    "q1": (0.1, 0.1), "q1b": (None, None), "q1c": (5, 5), "q2": (0.1, 0.1),
    "q2b": (8, 8), "q3": (25, 25), "q3b": (None, None), "q4": (60, 60),
    "q4b": (None, None), "q5": (None, None), "q5b": (0.1, 25),
    "q6": (1.5, 1.5), "q6b": (70, 70), "q6c": (300, 300), "q7": (38, 38),
    "q7b": (None, None), "q8": (10, 10), "q9": (26, 26), "q9b": (6, 6),
    "q10": (15, 15), "q11": (0.15, 0.15), "q12": (14, 14),
    "median": (None, None), "like_symbol": (None, None),
    "like_text": (None, None), "many_keys": (None, None),
    "all_rows": (None, None),
}
QUERY_TARGETS = {f"query_{name}_{layout}": target
                 for name, targets in QUERIES.items()
                 for layout, target in zip(["hdb", "rdb"], targets)}
GATEWAYS = {"gateway_empty": 150, "gateway_empty_3p": 300,
            "door_empty_kdb": 250, "door_empty_http": 500}
# Beside PostgreSQL.
DOORS = {"door_empty_postgres": 1.5, "door_rows_kdb": 5, "door_rows_arrow": 5,
         "door_rows_postgres": 5}
MANY = "publish_many_100"
ALONE = ["publish_cached_100_copy", "publish_cached_1k_copy", "rdb_recovery",
         "catch_up_r3", "start_growth", "publish_cached_100_stopped"]
# What askers notice: unit and target of ours, and of what stands beside it.
ASKERS = {"query_shell": ("ms", 10, [None, None]),
          "result_stream": ("B/s", 1.3e9, [None]),
          "ingest_beside_queries": ("rows/s", None, [0.7]),
          "cancel_query": ("ms", 50, []),
          "cold_scan": ("B/s", None, [0.9])}


def run(*arguments, **environment):
    return subprocess.run([MILLRACE, "bench", *arguments], text=True,
                          capture_output=True, timeout=120,
                          env={**os.environ, **environment})


def alive(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def children(process):
    try:
        text = pathlib.Path(
            f"/proc/{process}/task/{process}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(word) for word in text.split()]


def name_of(process):
    try:
        return pathlib.Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Bench(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        # PostgreSQL's server has a user of its own where root starts it.
        os.chmod(self.scratch.name, 0o755)
        self.here = {"MILLRACE_BENCH_DIR": self.scratch.name,
                     "MILLRACE_BENCH_DUCKDB":
                         os.environ.get("MILLRACE_BENCH_DUCKDB",
                                        f"{ROOT}/build/peers/libduckdb.so")}
        self.nothing = {"PATH": self.scratch.name,
                        "MILLRACE_BENCH_DIR": self.scratch.name,
                        "MILLRACE_BENCH_DUCKDB": self.scratch.name + "/none.so"}

    def measure(self, name):
        """What a tiny run prints; skips without its peer."""
        got = run(name, "--runs", "1", "--scale", "0.003", "-o", "json",
                  **self.here)
        if got.returncode == 69 and "scripts/bench-peers" in got.stderr:
            self.skipTest(f"{name}: {got.stderr.strip()}")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(os.listdir(self.scratch.name), [])
        out = json.loads(got.stdout)
        self.assertEqual(out["name"], name)
        self.assertGreater(out["value"], 0)
        self.assertTrue(out["unit"])
        self.assertEqual(out["runs"], [out["value"]])
        self.assertEqual(out["scale"], 0.003)
        for other in out.get("beside", []):
            self.check_ratio(out, other)
        return out

    def check_ratio(self, out, other):
        ratio = out["value"] / other["value"]
        self.assertAlmostEqual(other["ratio"], ratio)
        self.assertAlmostEqual(out["ratios"][other["name"]], ratio)
        self.assertEqual(other.get("target"),
                         out["targets"].get(other["name"]))
        if "target" in other:
            met = ratio <= other["target"] if out["less_is_better"] \
                else ratio >= other["target"]
            self.assertEqual(other["met"], met)

    def test_list_names_every_benchmark_with_its_peer(self):
        got = run("--list")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual({line.split()[0] for line in got.stdout.splitlines()},
                         {*STREAMS, *TABLES, *ALONE, MANY, "queries",
                          *QUERY_TARGETS, *GATEWAYS, *DOORS, *ASKERS})
        self.assertIn("beside JetStream", got.stdout)

    def test_unknown_name_is_a_fault_of_usage(self):
        got = run("no_such_thing")
        self.assertEqual(got.returncode, 64)
        self.assertIn("no_such_thing", got.stderr)

    def test_unknown_part_is_a_fault_of_usage(self):
        got = subprocess.run([MILLRACE + "-bench", "--part", "no_such_part"],
                             capture_output=True, timeout=120)
        self.assertEqual(got.returncode, 64)

    def test_a_name_or_the_list(self):
        self.assertEqual(run().returncode, 64)
        self.assertEqual(run("--list", "rdb_recovery").returncode, 64)

    def test_the_program_tells_its_options_itself(self):
        got = subprocess.run([MILLRACE + "-bench", "--help"], text=True,
                             capture_output=True, timeout=120)
        self.assertEqual(got.returncode, 0)
        self.assertIn("  millrace-bench publish_cached_100", got.stdout)
        alone = subprocess.run([MILLRACE + "-bench"], capture_output=True,
                               timeout=120)
        self.assertEqual(alone.returncode, 64)

    def test_without_the_program_it_says_what_to_do(self):
        alone = shutil.copy(MILLRACE, self.scratch.name)
        got = subprocess.run([alone, "bench", "--list"], text=True,
                             capture_output=True, timeout=120)
        self.assertEqual(got.returncode, 69)
        self.assertEqual(got.stdout, "")
        self.assertIn(alone + "-bench", got.stderr)
        self.assertIn("no package has it", got.stderr)
        self.assertIn("MILLRACE_BENCH=ON", got.stderr)

    def test_streams_stand_beside_their_peer_and_the_limit(self):
        for name, (peer, limit) in STREAMS.items():
            with self.subTest(name):
                out = self.measure(name)
                self.assertEqual(out["peer"].get("target"), peer)
                self.assertEqual(out["limit"]["name"],
                                 "proto3" if "_r3" in name else "proto")
                self.assertEqual(out["limit"].get("target"), limit)
                self.assertEqual(out["mode"], "synced" if "synced" in name
                                 else "cached")
                self.assertEqual(out["less_is_better"], "latency" in name)

    def test_doors_stand_beside_postgresql(self):
        for name, target in DOORS.items():
            with self.subTest(name):
                out = self.measure(name)
                self.assertIn("PostgreSQL", out["peer"]["name"])
                self.assertEqual(out["peer"]["target"], target)

    def test_many_stand_beside_their_peer(self):
        out = self.measure(MANY)
        self.assertEqual(out["peer"]["target"], 10)
        self.assertGreater(out["node_mib"], 0)

    def test_tables_stand_beside_duckdb(self):
        for name, target in TABLES.items():
            with self.subTest(name):
                out = self.measure(name)
                self.assertIn("DuckDB", out["peer"]["name"])
                self.assertEqual(out["peer"]["target"], target)

    def check_query(self, out):
        self.assertEqual(out["unit"], "ms")
        self.assertEqual(out.get("target"), QUERY_TARGETS[out["name"]])
        self.assertEqual(len(out["beside"]), 3)
        self.assertEqual(out["peer"]["value"],
                         min(other["value"] for other in out["beside"]))
        self.assertEqual(out["peer"]["target"], 1)
        for other in out["beside"]:
            self.check_ratio(out, other)

    def test_queries_stand_beside_duckdb_over_one_data_set(self):
        got = run("queries", "--runs", "1", "--scale", "0.002", "-o", "json",
                  **self.here)
        if got.returncode == 69 and "scripts/bench-peers" in got.stderr:
            self.skipTest(got.stderr.strip())
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(os.listdir(self.scratch.name), [])
        out = json.loads(got.stdout)
        self.assertEqual(out["name"], "queries")
        self.assertEqual([each["name"] for each in out["benchmarks"]],
                         list(QUERY_TARGETS))
        for each in out["benchmarks"]:
            self.check_query(each)
        leads = [each["peer"]["value"] / each["value"]
                 for each in out["benchmarks"]]
        self.assertAlmostEqual(out["value"],
                               math.prod(leads) ** (1 / len(leads)))
        self.assertEqual(out["slower_than_peer"],
                         sum(lead < 1 for lead in leads))
        self.assertEqual(out["with_target"],
                         sum("target" in each for each in out["benchmarks"]))

    def test_one_query_alone(self):
        self.check_query(self.measure("query_q3_rdb"))

    def test_gateways_have_targets_of_their_own(self):
        for name, target in GATEWAYS.items():
            with self.subTest(name):
                out = self.measure(name)
                self.assertEqual(out["target"], target)
                self.assertEqual(out["unit"], "us")

    def test_what_askers_notice_has_its_targets(self):
        for name, (unit, target, beside) in ASKERS.items():
            with self.subTest(name):
                out = self.measure(name)
                self.assertEqual(out["unit"], unit)
                self.assertEqual(out.get("target"), target)
                self.assertEqual([each.get("target")
                                  for each in out.get("beside", [])], beside)

    def test_a_local_copy_stands_beside_none(self):
        for name in ["publish_cached_100_copy", "publish_cached_1k_copy"]:
            with self.subTest(name):
                out = self.measure(name)
                self.assertNotIn("peer", out)
                self.assertEqual([other["name"] for other in out["beside"]],
                                 ["without a local copy"])

    def test_a_stopped_subscriber_stands_beside_none(self):
        out = self.measure("publish_cached_100_stopped")
        self.assertEqual([(other["name"], other["target"])
                          for other in out["beside"]],
                         [("without the stopped subscriber", 0.95)])

    def test_recovery_has_a_target_of_its_own(self):
        out = self.measure("rdb_recovery")
        self.assertEqual(out["target"], 10e6)
        self.assertEqual(out["met"], out["value"] >= 10e6)

    def test_growth_has_targets_of_its_own(self):
        out = self.measure("catch_up_r3")
        self.assertEqual(out["target"], 300e6)
        self.assertGreater(out["live_p99_us"], 0)
        out = self.measure("start_growth")
        self.assertEqual(out["target"], 2)
        self.assertGreater(out["start_s_4g"], 0)

    def test_text_tells_the_same(self):
        got = run("rdb_recovery", "--runs", "1", "--scale", "0.001",
                  **self.here)
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertRegex(got.stdout, r"^rdb_recovery: .* rows/s, cached "
                                     r"\(target >= 1e\+07: (met|missed)\)$")

    def test_missing_peer_is_told_with_how_to_install_it(self):
        for name in [*STREAMS, *TABLES, MANY, "queries", "query_q1_hdb"]:
            with self.subTest(name):
                got = run(name, "--runs", "1", "--scale", "0.001", "-o", "json",
                          **self.nothing)
                self.assertEqual(got.returncode, 69, got.stderr)
                self.assertIn("scripts/bench-peers", got.stderr)
                self.assertEqual(json.loads(got.stdout)["failure"]["code"],
                                 "unavailable")
                self.assertEqual(os.listdir(self.scratch.name), [])

    def wait_until(self, what):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.01)
        self.fail("waited for 60 s")

    def test_a_signal_leaves_no_server_and_no_file(self):
        # Each is interrupted while it has so many children of that name: its
        # peer, or the three parts of a stream.
        for name, child, count in [("publish_cached_100", "nats-server", 1),
                                   ("publish_synced_100", "redis-server", 1),
                                   ("latency_3p_p50", "exe", 3)]:
            for number in [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]:
                with self.subTest(name, signal=number):
                    self.interrupt(name, child, count, number)

    def interrupt(self, name, child, count, number):
        bench = subprocess.Popen([MILLRACE, "bench", name, "--scale", "0.5"],
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, **self.here})
        self.addCleanup(bench.stderr.close)
        self.addCleanup(bench.kill)
        mine = []

        def found():
            mine[:] = children(bench.pid)
            named = [each for each in mine if name_of(each).startswith(child)]
            return bench.poll() is not None or len(named) == count
        self.wait_until(found)
        if bench.poll() == 69:
            self.skipTest(bench.stderr.read())
        bench.send_signal(number)
        self.assertEqual(bench.wait(60), -number)
        self.wait_until(lambda: not any(alive(each) for each in mine)
                        and os.listdir(self.scratch.name) == [])


if __name__ == "__main__":
    unittest.main()
