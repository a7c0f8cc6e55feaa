"""Runs the program as a user does: demo, pub, sub, spawn, node, query.

commands_test.py PROGRAM [unittest arguments]
"""
import csv
import datetime
import fcntl
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from collections import defaultdict
from math import fsum

import millrace_cluster as mill

PROGRAM = sys.argv.pop(1)
DEADLINE = 120

CLUSTER = """
[cluster]
name = "t"
data = "data"
[period]
grace = "1s"
[[stream]]
name = "market"
mode = "cached"
[[stream]]
name = "notes"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "note:string"]
stamp = true
[[node]]
name = "all"
port = {port}
[[process]]
name = "discovery1"
type = "discovery"
node = "all"
[[process]]
name = "rt1"
type = "rt"
node = "all"
streams = ["market", "notes"]
[[process]]
name = "rdb1"
type = "rdb"
node = "all"
[[process]]
name = "hdb1"
type = "hdb"
node = "all"
[[process]]
name = "gw1"
type = "gateway"
[[process]]
name = "feed1"
type = "feed"
layout = "mine"
table = "trade"
files = ["ticks.csv"]
[feed.layouts]
mine = "mine.toml"
"""

MINE = """table = "trade"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "size"
type = "int"
header = "size"
[[constant]]
name = "sym"
type = "symbol"
value = "A"
"""


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="millrace-")
        self.addCleanup(holder.cleanup)
        self.dir = holder.name
        self.environment = dict(os.environ)
        self.environment.pop("MILLRACE_CONFIG", None)

    def start(self, *arguments, **how):
        process = subprocess.Popen(
            [PROGRAM, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment, **how)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def run_program(self, *arguments, stdin=b"", code=0):
        done = subprocess.run(
            [PROGRAM, *arguments], input=stdin, capture_output=True,
            env=self.environment, timeout=DEADLINE)
        if code is not None:
            self.assertEqual(done.returncode, code, (arguments, done))
        return done.stdout.decode(), done.stderr.decode(errors="replace")

    def start_node(self, config, name):
        """Waits for the node's own word that it serves."""
        process = self.start("node", "--config", config, "--name", name)
        seen = b""
        while b"serves\n" not in seen or b"|ready|" not in seen:
            line = process.stderr.readline()
            self.assertTrue(line, "the node ended: " + seen.decode())
            seen += line
        return process

    def end_node(self, process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0)

    def query(self, config, **parameters):
        out, _ = self.run_program("query", "--config", config, "-l", "getdata",
                                  json.dumps(parameters), "-o", "json")
        return json.loads(out)


class CommandLine(Case):
    def completed(self, *words):
        script, _ = self.run_program("completion", "bash")
        done = subprocess.run(
            ["bash", "-c", script + 'COMP_WORDS=("$@"); '
             'COMP_CWORD=$(($# - 1)); _millrace; echo "${COMPREPLY[@]}"',
             "bash", "millrace", *words],
            capture_output=True, text=True, timeout=DEADLINE, check=True)
        return done.stdout.split()

    def test_a_shell_completes_commands_and_options(self):
        self.assertEqual(self.completed("sta"), ["status"])
        self.assertEqual(self.completed("log", "v"), ["verify"])
        self.assertIn("--period", self.completed("eop", "--per"))
        self.assertEqual(self.completed("eop", "--period", "x"), [])

    def test_a_shell_completes_values(self):
        self.assertEqual(self.completed("help", "stre"), ["stream"])
        self.assertEqual(self.completed("help", "stream", "lo"), ["losses"])
        self.assertEqual(self.completed("completion", "z"), ["zsh"])
        self.assertEqual(self.completed("query", "-o", "js"), ["json"])
        self.assertEqual(self.completed("query", "--output", "=", "js"),
                         ["json"])
        self.assertEqual(self.completed("feed", "--layout", "csv-t"),
                         ["csv-trade"])
        self.assertIn("synced", self.completed("pub", "--level", ""))
        # Where files are wanted the shell offers them.
        self.assertEqual(self.completed("feed", "--config", ""), [])
        self.assertEqual(self.completed("feed", "--table", "trade", ""), [])
        self.assertIn("--again", self.completed("feed", "x.csv", "--ag"))

    def test_output_that_nobody_reads_ends_a_command_quietly(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([PROGRAM, "help"], stdout=write,
                              stderr=subprocess.PIPE, timeout=DEADLINE,
                              restore_signals=False, env=self.environment)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (141, b""))

    def test_a_full_disk_is_told_in_our_words(self):
        for words in (["bench", "--list"], ["layout", "--preset", "itch-trade"],
                      ["help"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *words], stdout=full,
                                      stderr=subprocess.PIPE, timeout=DEADLINE,
                                      env=self.environment)
            self.assertEqual(done.returncode, 74, words)
            self.assertIn(b"standard output: No space left on device",
                          done.stderr)

    def test_version_and_help_are_found_by_any_name(self):
        for words in (["--version"], ["version"]):
            self.assertRegex(self.run_program(*words)[0], r"^millrace \d")
        self.assertEqual(self.run_program("help", "log", "verify"),
                         self.run_program("log", "verify", "--help"))


class Demo(Case):
    def test_its_answers_are_those_of_the_rows_in_the_stream(self):
        out, err = self.run_program("demo", "--once", "--dir", self.dir,
                                    "--port", str(mill.free_ports(1)[0]))
        self.assertEqual(err, "")
        self.assertEqual(out.count("period ended: the hdb serves it"), 2)
        self.assertIn("the rdb holds it", out)
        config = os.path.join(self.dir, "demo.toml")
        node = self.start_node(config, "demo")
        # 300 batches of trades: 3 days of 200,000 rows, a batch of each table
        # every 2,000 rows.
        text, _ = self.run_program(
            "sub", "--stream", "market", "--table", "trade", "--from", "begin",
            "--count", "300", "--format", "csv", "--config", config)
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), 150000)
        self.assertEqual(len({row["time"][:10] for row in rows}), 3)
        groups = defaultdict(list)
        for row in rows:
            groups[row["sym"]].append(row)
        where = {"tablename": "trade", "starttime": "2024-01-02",
                 "endtime": "2024-01-04"}
        answer = self.query(config, **where, grouping="sym", aggregations={
            "count": "price", "sum": "size", "min": "time", "max": "time",
            "wavg": ["size", "price"]})
        self.assertEqual(len(answer), len(groups))
        for got in answer:
            of = groups[got["sym"]]
            sizes = [int(row["size"]) for row in of]
            self.assertEqual(got["countPrice"], len(of))
            self.assertEqual(got["sumSize"], sum(sizes))
            self.assertEqual(got["minTime"], min(row["time"] for row in of))
            self.assertEqual(got["maxTime"], max(row["time"] for row in of))
            mean = fsum(size * float(row["price"])
                        for size, row in zip(sizes, of)) / sum(sizes)
            self.assertAlmostEqual(got["wavgSizePrice"], mean, delta=1e-9)
            # What the demo showed is what can be asked.
            if f'{got["sym"]} ' in out and got["sym"] == "AAA":
                self.assertIn(str(got["countPrice"]), out)
        self.assertEqual(
            self.query(config, **dict(where, tablename="quote"),
                       aggregations={"count": "bid"}),
            [{"countBid": 450000}])
        self.end_node(node)
        # A second run feeds nothing twice.
        again, _ = self.run_program("demo", "--once", "--dir", self.dir)
        self.assertIn("2024-01-04  0 rows", again)

    def test_a_temporary_directory_goes_with_it(self):
        self.environment["TMPDIR"] = self.dir
        port = str(mill.free_ports(1)[0])
        process = self.start("demo", "--port", port)
        seen = b""
        while b"It stays up" not in seen:
            line = process.stdout.readline()
            self.assertTrue(line, seen)
            seen += line
        self.assertEqual(len(os.listdir(self.dir)), 1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_port_in_use_is_said(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            done = subprocess.run([PROGRAM, "demo", "--once", "--port", port],
                                  capture_output=True, timeout=DEADLINE,
                                  env=self.environment)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(port, done.stderr.decode())


class Cluster(Case):
    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.dir, "cluster.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CLUSTER.format(port=mill.free_ports(1)[0]))
        self.node = self.start_node(self.config, "all")

    def pub(self, *arguments, stdin, code=0):
        return self.run_program("pub", "--config", self.config, *arguments,
                                stdin=stdin, code=code)

    def sub(self, *arguments, count, code=0):
        out, _ = self.run_program("sub", "--config", self.config, "--count",
                                  str(count), *arguments, code=code)
        return out

    def test_payloads_come_back_from_every_place(self):
        texts = [f"line {i} \u00e9" for i in range(100)]
        for level in ("recorded", "synced", "committed"):
            self.pub("--stream", "notes", "--level", level, "--origin",
                     "by-" + level, stdin="".join(
                         json.dumps({"data": text}) + "\n"
                         for text in texts).encode())
        lines = [json.loads(line) for line in self.sub(
            "--stream", "notes", "--from", "begin", count=300).splitlines()]
        for level in ("recorded", "synced", "committed"):
            of = [x for x in lines if x["on"] == "by-" + level]
            self.assertEqual([x["data"] for x in of], texts)
            self.assertEqual([x["id"] for x in of], list(range(1, 101)))
        positions = [x["position"] for x in lines]
        self.assertEqual(positions, sorted(set(positions)))
        # A position is the end of its message: the next one follows.
        behind = self.sub("--stream", "notes", "--from", str(positions[249]),
                          count=50)
        self.assertEqual([json.loads(x) for x in behind.splitlines()],
                         lines[250:])
        at = self.sub("--stream", "notes", "--from", lines[150]["ts"], count=1)
        self.assertGreaterEqual(json.loads(at)["ts"], lines[150]["ts"])
        as_csv = self.sub("--stream", "notes", "--from", "begin", "--format",
                          "csv", count=300)
        self.assertEqual([x["data"] for x in csv.DictReader(
            io.StringIO(as_csv))], [x["data"] for x in lines])

    def test_bytes_that_are_no_text_come_back(self):
        payloads = [{"hex": "00ff80"}, {"data": "text \u00e9\n"},
                    {"hex": "c3"}, {"data": ""}, {"hex": bytes(
                        range(256)).hex()}]
        stdin = "".join(json.dumps(x) + "\n" for x in payloads).encode()
        self.pub("--stream", "notes", stdin=stdin)
        lines = self.sub("--stream", "notes", "--from", "begin", count=5)
        payload = lambda line: {key: value for key, value in line.items()
                                if key in ("data", "hex")}
        self.assertEqual(
            [payload(json.loads(x)) for x in lines.splitlines()], payloads)
        # What `sub` prints, `pub` publishes again.
        path = os.path.join(self.dir, "copy")
        self.run_program("pub", "--stream", path, stdin=lines.encode())
        copy, _ = self.run_program("sub", "--stream", path, "--from", "begin",
                                   "--count", "5")
        self.assertEqual(
            [payload(json.loads(x)) for x in copy.splitlines()], payloads)
        # Upper case is read too; what else is not a payload is refused.
        self.pub("--stream", "notes", stdin=b'{"hex": "FF"}\n')
        for bad in ('{"hex": "0"}', '{"hex": "0g"}', '{"hex": "+1"}', "{}",
                    '{"hex": 1}', '{"data": "x", "hex": "00"}',
                    '{"data": "x", "more": 1}'):
            _, err = self.pub("--stream", "notes", code=65,
                              stdin=(json.dumps({"data": "x"}) + "\n"
                                     + bad).encode())
            self.assertIn("standard input:2: ", err, bad)

    def test_a_subscriber_at_the_end_hears_what_comes(self):
        self.pub("--stream", "notes", stdin=b'{"data": "before"}\n')
        reader = self.start("sub", "--stream", "notes", "--from", "end",
                            "--count", "1", "--config", self.config)
        # It hears the first one published after it stands there.
        while reader.poll() is None:
            self.pub("--stream", "notes", stdin=b'{"data": "after"}\n')
        out, _ = reader.communicate(timeout=DEADLINE)
        self.assertEqual(reader.returncode, 0)
        self.assertEqual(json.loads(out)["data"], "after")

    def test_rows_reach_the_stream_and_the_database(self):
        rows = [{"time": f"2024-01-02T15:00:00.{i:09}Z", "sym": "A",
                 "price": i / 4, "size": i, "note": 'say "x", y\nand z'}
                for i in range(1000)]
        rows[7]["size"] = None
        rows[8]["price"] = None
        self.pub("--stream", "market", "--table", "trade", stdin="".join(
            json.dumps(row) + "\n" for row in rows[:500]).encode())
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[500:])
        self.pub("--stream", "market", "--table", "trade", "--format", "csv",
                 stdin=text.getvalue().encode())
        reader = self.start("sub", "--stream", "market", "--table", "trade",
                            "--from", "begin", "--config", self.config)
        heard = [json.loads(reader.stdout.readline()) for _ in rows]
        self.assertEqual(heard, rows)
        reader.send_signal(signal.SIGTERM)
        reader.communicate(timeout=DEADLINE)
        self.assertEqual(reader.returncode, 128 + signal.SIGTERM)
        self.sub_ends_where_it_is_told(rows)
        # The gateway runs once it is asked to.
        self.run_program("query", "--config", self.config, "-l", "getdata",
                         "{}", code=69)
        out, _ = self.run_program("spawn", "gw1", "--on", "all", "--config",
                                  self.config)
        self.assertEqual(out, "gw1 runs on node all\n")
        self.run_program("spawn", "gw1", "--on", "all", "--config",
                         self.config, code=73)
        # No [[process]] says where it is: discovery does.
        got = self.query(
            self.config, tablename="trade", starttime="2024-01-02",
            endtime="2024-01-02", at_least=self.stream_end("market"),
            aggregations={"count": "sym", "sum": "size", "last": "price"})
        self.assertEqual(got, [{
            "countSym": 1000, "lastPrice": 999 / 4,
            "sumSize": sum(row["size"] or 0 for row in rows)}])

    def sub_ends_where_it_is_told(self, rows):
        def heard(*words, code=0):
            out, err = self.run_program(
                "sub", "--stream", "market", "--table", "trade", *words,
                "--config", self.config, code=code)
            return [json.loads(line) for line in out.splitlines()], err

        self.assertEqual(heard("--from", "begin", "--until", "end")[0], rows)
        self.assertEqual(heard("--last", "3")[0], rows[-3:])
        self.assertEqual(heard("--last", "5000")[0], rows)
        self.assertEqual(heard("--from", "begin", "--rows", "7")[0], rows[:7])
        self.assertEqual(heard("--from-row-time", rows[990]["time"],
                               "--until", "end")[0], rows[990:])
        # It was all published before now; what is quiet ends by the clock.
        end = str(self.stream_end("market"))
        self.assertEqual(heard("--from", "begin", "--until", end)[0], rows)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        self.assertEqual(heard("--from", "begin", "--until",
                               now.replace("+00:00", "Z"))[0], rows)
        self.assertEqual(heard("--from", "end", "--until", "end")[0], [])
        self.assertEqual(heard("--from", "end", "--for", "100ms")[0], [])
        _, err = heard("--from", "2024000000", code=65)
        self.assertIn("a time is written as", err)
        for words in (["--last", "1", "--from", "begin"],
                      ["--until", "begin"]):
            heard(*words, code=64)

    def test_a_failure_has_one_form_for_programs(self):
        path = os.path.join(self.dir, "few.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("time,size\nx,1\n")
        feed = self.write_feed()
        bad = b'{"time": "2024-01-02T15:00:00Z", "sym": "A"}\n{\n'

        def failed(*words, code, stdin=b""):
            out, err = self.run_program(*words, "-o", "json", stdin=stdin,
                                        code=code)
            told = json.loads(out)
            told = (told[0] if isinstance(told, list) else told)["failure"]
            self.assertEqual(sorted(told), ["code", "text"], words)
            self.assertIn(told["text"].splitlines()[0], err, words)
            return told["code"]

        at = ["--config", self.config]
        rows = ["pub", "--stream", "market", "--table", "trade", *at]
        self.run_program("spawn", "gw1", "--on", "all", *at)
        failed("query", "select from nope", *at, code=64)
        failed("stop", "nope", *at, code=64)
        failed("stream", "info", "nope", *at, code=64)
        failed("status", "--nope", code=64)
        self.assertEqual(failed(*rows, stdin=bad, code=65), "bad_data")
        self.assertEqual(failed(*feed, path, code=65), "bad_data")
        failed(*feed, path + "x", code=64)
        self.end_node(self.node)
        for words in (rows, ["query", "select from trade", *at],
                      ["consumer", "ls", *at], ["stream", "info", "market", *at],
                      ["eop", "--period", "2024-01-02", *at]):
            self.assertEqual(failed(*words, code=69), "unavailable", words)

    def test_csv_leaves_no_message_out(self):
        self.pub("--stream", "market", "--table", "trade", stdin=(
            b'{"time": "2024-01-02T15:00:00Z", "sym": "A", "size": 7}\n'))
        read = ["--from", "begin", "--config", self.config, "--format", "csv"]
        for words in (["--until", "end"], ["--count", "1"], ["--last", "1"]):
            if "--last" in words:
                read = read[2:]
            out, err = self.run_program("sub", "--stream", "market", *read,
                                        *words, code=64)
            self.assertEqual(out, "")
            self.assertIn("--table (trade)", err)
        # Of a log nothing tells of tables before its messages do.
        log = os.path.join(self.dir, "log")
        self.run_program("pub", "--stream", log, "--table", "trade",
                         "--config", self.config, stdin=(
                             b'{"time": "2024-01-02T15:00:00Z", "sym": "A"}\n'))
        _, err = self.run_program("sub", "--stream", log, "--from", "begin",
                                  "--until", "end", "-o", "csv", code=64)
        self.assertIn("name one with --table", err)
        out, _ = self.run_program("sub", "--stream", log, "--from", "begin",
                                  "--until", "end", "-o", "csv", "--table",
                                  "trade")
        self.assertEqual(len(out.splitlines()), 2, out)
        # Bytes that are no text stand there as in json.
        self.pub("--stream", "notes", stdin=(
            b'{"hex": "00ff"}\n{"data": "a\\u0000b"}\n{"data": "x"}\n'))
        out, _ = self.run_program(
            "sub", "--stream", "notes", "--from", "begin", "--count", "3",
            "--config", self.config, "-o", "csv")
        self.assertEqual([x["data"] for x in csv.DictReader(io.StringIO(out))],
                         ['{"hex":"00ff"}', '{"hex":"610062"}', "x"])

    def test_closed_descriptors_are_no_ones_else(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n')

        def run(closed, *words):
            with open(os.devnull) as empty:
                shell = f'exec "$0" "$@" {closed}'
                done = subprocess.run(
                    ["bash", "-c", shell, PROGRAM, *words, "--config",
                     self.config], stdin=empty, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=self.environment,
                    timeout=DEADLINE)
            return done.returncode, done.stderr.decode()

        pub = ("pub", "--stream", "notes")
        self.assertEqual(run("<&- >&- 2>&-", *pub)[0], 74)
        code, err = run("<&-", *pub)
        self.assertEqual(code, 74)
        self.assertIn("standard input: Bad file descriptor", err)
        self.assertEqual(run("2>&-", *pub)[0], 0)
        self.assertEqual(run(">&- 2>&-", *pub)[0], 0)
        for words in (["status"], ["top"],
                      ["sub", "--stream", "notes", "--from", "begin",
                       "--until", "end"]):
            code, err = run(">&-", *words)
            self.assertEqual(code, 74, err)
            self.assertIn("standard output", err)
        # A node whose log lines would go into a pipe of its own.
        self.end_node(self.node)
        node = self.start_unheard("node", "--config", self.config, "--name",
                                  "all")
        deadline = time.monotonic() + DEADLINE
        while run("", "status")[0] != 0:
            self.assertIsNone(node.poll())
            self.assertLess(time.monotonic(), deadline)
        self.pub("--stream", "notes", stdin=b'{"data": "y"}\n')
        node.send_signal(signal.SIGTERM)
        self.assertEqual(node.wait(timeout=DEADLINE), 0)

    def start_unheard(self, *words):
        process = subprocess.Popen(
            ["bash", "-c", 'exec "$0" "$@" <&- >&- 2>&-', PROGRAM, *words],
            env=self.environment)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()

        self.addCleanup(end)
        return process

    @unittest.skipIf(os.geteuid() != 0, "nobody can be another user")
    def test_a_log_of_another_user_is_not_said_to_be_none(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n')
        os.chmod(self.dir, 0o755)
        done = subprocess.run(
            [PROGRAM, "log", "verify", "notes"], capture_output=True,
            env={**self.environment, "MILLRACE_CONFIG": self.config},
            user=65534, group=65534, extra_groups=[], timeout=DEADLINE)
        self.assertEqual(done.returncode, 77, done)
        self.assertIn(b"millrace: permission: ", done.stderr)
        done = subprocess.run(
            [PROGRAM, "hdb", "ls", os.path.join(self.dir, "data", "hdb")],
            capture_output=True, env=self.environment,
            user=65534, group=65534, extra_groups=[], timeout=DEADLINE)
        self.assertEqual(done.returncode, 77, done)

    def test_a_year_as_a_place_is_told_to_be_a_number(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n' * 3000)
        for place in ("2023", "2025"):  # Inside of a message.
            _, err = self.run_program("sub", "--stream", "notes", "--from",
                                      place, "--config", self.config, code=65)
            self.assertIn("a number is a position, a time is written as "
                          "2024-01-02", err)

    def test_the_time_of_a_reading_ends_it_though_nobody_reads(self):
        self.pub("--stream", "notes", stdin=b"".join(
            b'{"data": "' + b"x" * 1000 + b'"}\n' for _ in range(300)))
        process = self.start_unread("sub", "--stream", "notes", "--from",
                                    "begin", "--for", "1s", "-o", "csv")
        self.assertEqual(process.wait(timeout=DEADLINE), 0)
        self.assertEqual(process.stderr.read(), b"")

    def test_a_log_of_ones_own_is_read_to_its_end(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        own = os.path.join(folder.name, "own")
        self.pub("--stream", own, stdin=b'{"data": "x"}\n' * 3)
        for ends in (["--until", "end"], ["--last", "3"]):
            begins = ["--from", "begin"] if "--until" in ends else []
            done, _ = self.run_program("sub", "--stream", own, *begins, *ends)
            self.assertEqual(len(done.splitlines()), 3, done)
        _, err = self.run_program("sub", "--stream", own + "2", "--from",
                                  "begin", "--until", "end", code=64)
        self.assertIn("own2", err)

    def test_queries_that_are_none(self):
        for text, why in (("", "the query is empty"),
                          ("{[x] x+1} 3", "-l qsql for q")):
            _, err = self.run_program("query", text, "--config", self.config,
                                      code=64)
            self.assertIn(why, err)

    def test_a_signal_ends_a_command_with_its_own_code(self):
        stuck, full = os.pipe()
        self.addCleanup(os.close, stuck)
        self.pub("--stream", "notes", stdin=b"".join(
            b'{"data": "' + b"x" * 1000 + b'"}\n' for _ in range(300)))
        reader = subprocess.Popen(
            [PROGRAM, "sub", "--stream", "notes", "--from", "begin",
             "--config", self.config], stdout=full, stderr=subprocess.PIPE,
            env=self.environment)
        os.close(full)
        # Nobody reads on: it is in the midst of writing when it is told.
        os.read(stuck, 1000)
        publisher = self.start("pub", "--stream", "notes", "--config",
                               self.config, stdin=subprocess.PIPE)
        publisher.stdin.write(b'{"data": "kept"}\n')
        publisher.stdin.flush()
        self.sub("--stream", "notes", "--from", "begin", count=301)
        for process in (reader, publisher):
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=DEADLINE), 130)
        self.assertEqual(reader.stderr.read(), b"")
        self.assertIn(b"1 messages published", publisher.stderr.read())

    def start_unread(self, *words):
        """Runs with output that is read once, and then no more."""
        stuck, full = os.pipe()
        self.addCleanup(os.close, stuck)
        fcntl.fcntl(full, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(
            [PROGRAM, *words, "--config", self.config], stdout=full,
            stderr=subprocess.PIPE, env=self.environment)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(full)
        self.assertTrue(os.read(stuck, 1))
        return process

    def test_a_signal_ends_what_gathers_first_and_is_not_read(self):
        self.pub("--stream", "notes", stdin=b"".join(
            b'{"data": "' + b"x" * 1000 + b'"}\n' for _ in range(300)))
        log = os.path.join(self.dir, "data", "nodes", "all", "node.log")
        with open(log, "a", encoding="utf-8") as file:
            file.writelines("x" * 100 + "\n" for _ in range(1000))
        for words in (["sub", "--stream", "notes", "--last", "200"],
                      ["logs", "all", "-n", "900"],
                      ["logs", "all", "-n", "900", "-f"],
                      ["top", "--interval", "0.1", "-o", "json"]):
            for how in (signal.SIGTERM, signal.SIGINT):
                process = self.start_unread(*words)
                process.send_signal(how)
                self.assertEqual(process.wait(timeout=DEADLINE), 128 + how)
                self.assertEqual(process.stderr.read(), b"")

    def test_followers_end_with_their_reader_though_nothing_comes(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n' * 3)
        log = os.path.join(self.dir, "data", "nodes", "all", "node.log")
        with open(log, "a", encoding="utf-8") as file:
            file.write("a line\n")
        self.environment["MILLRACE_CONFIG"] = self.config
        for words in (["log", "tail", "notes", "-f", "--poll-ms", "60000"],
                      ["log", "tail", "notes", "-f", "-o", "json"],
                      ["logs", "all", "-f"], ["top", "--interval", "3600"]):
            gone, written = os.pipe()
            process = subprocess.Popen([PROGRAM, *words], stdout=written,
                                       stderr=subprocess.PIPE,
                                       env=self.environment)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            os.close(written)
            if words[0] != "top":
                self.assertTrue(os.read(gone, 1))
            os.close(gone)
            self.assertEqual(process.wait(timeout=DEADLINE), 141, words)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()

    def test_output_that_is_not_read_on_is_no_failure(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n' * 3)
        done = subprocess.run(
            ["bash", "-c", '"$0" sub --stream notes --from begin --config "$1" '
             '| head -1; exit ${PIPESTATUS[0]}', PROGRAM, self.config],
            capture_output=True, timeout=DEADLINE, env=self.environment,
            restore_signals=False)
        self.assertEqual((done.returncode, done.stderr), (141, b""))

    def test_every_command_that_acts_answers_programs_too(self):
        def said(*words, code=0):
            out, _ = self.run_program(*words, "--config", self.config, "-o",
                                      "json", code=code)
            return json.loads(out)

        self.assertEqual(said("spawn", "gw1", "--on", "all"),
                         {"process": "gw1", "node": "all", "state": "runs"})
        self.assertEqual(said("stop", "gw1"), {"process": "gw1", "node": "all",
                                               "state": "stopped"})
        self.pub("--stream", "market", "--table", "trade",
                 stdin=b'{"time": "2024-01-02T15:00:00Z", "sym": "A"}\n')
        ended = said("eop", "--period", "2024-01-02")
        self.assertEqual([(x["stream"], x["ended_before"]) for x in ended],
                         [("market", False), ("notes", False)])
        self.assertEqual(ended[0]["written"][0]["rows"],
                         {"trade": {"2024-01-02": 1}})
        members = said("stream", "members", "market")
        self.assertEqual(members["leader"], "rt1")
        self.assertTrue(members["members"][0]["votes"])
        self.assertEqual(said("up"), {"nodes": [
            {"node": "all", "state": "runs already", "pid": self.node.pid}],
            "not_ready": []})
        self.assertEqual(said("down"), [
            {"node": "all", "state": "stopped", "pid": self.node.pid}])
        self.assertEqual(self.node.wait(timeout=DEADLINE), 0)
        # What is not known is not told as if it were.
        _, err = self.run_program("tables", "--config", self.config, code=69)
        self.assertIn("do not answer: all", err)
        # Who waits says for what, and not for longer than was asked.
        for words in (["query", "select from trade"],
                      ["eop", "--period", "2024-01-03"]):
            begin = time.monotonic()
            _, err = self.run_program(*words, "--timeout", "2", "--config",
                                      self.config, code=69)
            self.assertLess(time.monotonic() - begin, 4)
            self.assertIn("nothing listens there", err)

    def test_a_node_is_started_again_and_its_log_is_printed(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n')
        self.end_node(self.node)
        run = lambda *words, **how: self.run_program(
            *words, "--config", self.config, **how)[0]
        run("logs", "all", code=64)  # Nothing started it by `up`.
        self.addCleanup(self.run_program, "down", "--config", self.config)
        first = json.loads(run("up", "-o", "json"))["nodes"][0]["pid"]
        second = json.loads(run("restart", "-o", "json"))["nodes"][0]["pid"]
        self.assertNotEqual(first, second)
        run("spawn", "gw1", "--on", "all")
        run("eop", "--period", "2024-01-02")
        run("stop", "rdb1")
        told = run("logs", "all", "-n", "1000")
        for word in ("|INF|backend_found|rdb1", "|INF|period_ended|period 2024",
                     "|INF|written|", "|INF|stopped|"):
            self.assertIn(word, told)
        last = json.loads(run("restart", "-o", "json"))["nodes"][0]["pid"]
        self.assertEqual(len(run("logs", "all", "-n", "2").splitlines()), 2)
        # A node that runs may write at any time: what was told stands in what
        # is told later, not at its end.
        told = [json.loads(line) for line in run(
            "logs", "all", "-n", "20", "-o", "json").splitlines()]
        self.assertIn(["node", "all", "INF", "ready", "node all serves"], [
            [line[key] for key in ("proctype", "procname", "level", "id",
                                   "message")] for line in told])
        self.assertGreater(len(run("logs", "all").splitlines()), 2)
        run("logs", "none", code=64)
        # A process has that of its node.
        out, err = self.run_program("logs", "rdb1", "-n", "2", "--config",
                                    self.config)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn(out, run("logs", "all", "-n", "1000"))
        self.assertIn("rdb1 runs in node all", err)
        # A stream's log is found by its name.
        self.environment["MILLRACE_CONFIG"] = self.config
        self.run_program("log", "verify", "notes")
        _, err = self.run_program("log", "verify", "nowhere", code=64)
        self.assertIn("is not a directory here; ", err)
        # What died says its last word.
        os.kill(last, signal.SIGKILL)
        while json.loads(self.run_program("status", "-o", "json", code=1)[0]
                         )["nodes"][0]["state"] != "died":
            pass
        out, _ = self.run_program("status", code=1)
        self.assertRegex(out, "all: ended without a word: .*, last "
                              r"seen alive at 20\S+; its last word, in "
                              r".*node.log: 20")

    def test_what_waits_in_a_log_is_told_and_waited_for(self):
        publish = lambda *words, **how: self.pub(
            "--stream", "notes", *words, **how)
        publish(stdin=b'{"data": "one"}\n')
        _, err = publish("--flush", stdin=b"")
        self.assertIn("all of the log is merged", err)
        self.end_node(self.node)
        # Its log knows its origin: nobody needs to be there.
        publish("--level", "recorded", stdin=b'{"data": "two"}\n')
        _, err = publish("--level", "recorded", "--origin", "new", stdin=b"",
                         code=75)
        self.assertIn("must hear from rt once", err)
        # Its own disk needs nobody either.
        publish("--level", "synced", stdin=b'{"data": "three"}\n')
        _, err = publish("--flush", stdin=b"", code=69)
        self.assertIn("has messages up to number 3", err)
        self.assertNotIn("nothing is recorded", err)
        _, err = publish("--flush", "--origin", "empty", stdin=b"", code=69)
        self.assertIn("has no message", err)
        self.node = self.start_node(self.config, "all")
        publish("--flush", stdin=b"")
        lines = self.sub("--stream", "notes", "--from", "begin", count=3)
        self.assertEqual([json.loads(x)["data"] for x in lines.splitlines()],
                         ["one", "two", "three"])

    def test_a_message_that_is_not_committed_in_time_is_told_once(self):
        publisher = self.start("pub", "--stream", "notes", "--timeout", "1",
                               "--config", self.config, stdin=subprocess.PIPE)
        publisher.stdin.write(b'{"data": "one"}\n')
        publisher.stdin.flush()
        self.sub("--stream", "notes", "--from", "begin", count=1)
        self.end_node(self.node)
        _, err = publisher.communicate(b'{"data": "two"}\n', DEADLINE)
        self.assertEqual(publisher.returncode, 75, err)
        self.assertEqual(err.count(b"kept in"), 1, err)
        self.assertRegex(
            err, rb"do not publish it again; .*; 'millrace pub --flush")

    def write_feed(self):
        with open(os.path.join(self.dir, "mine.toml"), "w",
                  encoding="utf-8") as file:
            file.write(MINE)
        return ["feed", "--layout", "mine", "--table", "trade", "--config",
                self.config]

    def test_a_feed_without_rt_says_at_once_that_it_waits(self):
        words = self.write_feed()
        path = os.path.join(self.dir, "few.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("time,size\n2024-01-03T10:00:00,1\n")
        self.end_node(self.node)
        begun = time.monotonic()
        feed = self.start(*words, path)
        self.assertIn(b"its rt does not run; this feed waits for it for 10 s; "
                      b"`millrace up all`", feed.stderr.readline())
        self.assertLess(time.monotonic() - begun, 8)
        # It goes on when one comes.
        self.node = self.start_node(self.config, "all")
        out, err = feed.communicate(timeout=DEADLINE)
        self.assertEqual(feed.returncode, 0, err)
        self.assertIn(b"1 row published", out)

    def test_a_feed_whose_rt_was_stopped_says_how_to_go_on(self):
        words = self.write_feed()
        path = os.path.join(self.dir, "few.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("time,size\n2024-01-03T10:00:00,1\n")
        self.run_program("stop", "rt1", "--config", self.config)
        _, err = self.run_program(*words, path, code=69)
        spawn = "`millrace spawn rt1 --on all` starts it"
        for line, what in zip(err.splitlines(), (
                "its rt does not run; this feed waits for it for 10 s",
                "its rt does not answer within 10 s")):
            self.assertIn(what, line)
            self.assertIn(spawn, line)
        self.run_program("spawn", "rt1", "--on", "all", "--config",
                         self.config)
        out, _ = self.run_program(*words, path)
        self.assertIn("1 row published", out)

    def test_what_is_wrong_with_a_file_is_no_fault_of_the_words(self):
        words = self.write_feed()
        path = pathlib.Path(self.dir, "a.csv")
        path.write_text("time,size\n2024-01-03T10:00:00,1\n",
                        encoding="utf-8")
        self.run_program(*words, str(path))
        copy = path.with_name("b.csv")
        shutil.copy(path, copy)
        _, err = self.run_program(*words, str(copy), code=65)
        self.assertIn("already_exists", err)
        # Its first member says that it is encrypted.
        packed = path.with_name("c.zip")
        with zipfile.ZipFile(packed, "w") as file:
            file.write(path, "a.csv")
        marked = bytearray(packed.read_bytes())
        for begin, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            marked[marked.index(begin) + flags] |= 1
        packed.write_bytes(marked)
        _, err = self.run_program(*words, str(packed), code=65)
        self.assertIn("is encrypted", err)
        self.run_program(*words, str(path), str(path), code=64)
        # Before anything is read of it.
        _, err = self.run_program(*words, "--reject", "/nope/x", str(copy),
                                  code=64)
        self.assertIn("--reject /nope/x: its directory is not there", err)

    def test_an_interrupted_pipe_is_not_said_to_go_on(self):
        feed = self.start(*self.write_feed(), "-", stdin=subprocess.PIPE)
        feed.stdin.write(b"time,size\n2024-01-03T10:00:00,1\n")
        feed.stdin.flush()
        while b"feed" not in (found := self.publisher_names()):
            self.assertIsNone(feed.poll(), found)
        feed.send_signal(signal.SIGINT)
        # While its pipe is open: one that ends is a whole one.
        feed.wait(timeout=DEADLINE)
        _, err = feed.communicate(timeout=DEADLINE)
        self.assertEqual(feed.returncode, 130, err)
        self.assertNotIn(b"run the same command again", err)
        self.assertRegex(err, b"nothing of what was piped in is recorded|pipe in "
                              b"only what comes after those that are recorded")

    def publisher_names(self):
        found = subprocess.run(["ls", "-R", self.dir], capture_output=True,
                               check=False)
        return found.stdout

    def test_what_runs_can_be_asked_stopped_and_started_again(self):
        self.run_program("spawn", "gw1", "--on", "all", "--config",
                         self.config)
        asked = lambda *words: json.loads(self.run_program(
            *words, "--config", self.config, "-o", "json")[0])
        here = {row["name"]: (row["type"], row["node"], row["state"])
                for row in asked("processes")}
        self.assertEqual(here.pop("rdb1")[:2], ("rdb", "all"))
        self.assertEqual(here, {
            "discovery1": ("discovery", "all", "available"),
            "rt1": ("rt", "all", "available"),
            "hdb1": ("hdb", "all", "available"),
            "gw1": ("gateway", "all", "available")})
        # What was published a moment ago is in the answer.
        count = lambda: self.query(
            self.config, tablename="trade", starttime="2024-01-02",
            endtime="2024-01-02", aggregations={"count": "sym"})
        for rows in range(1, 6):
            out, _ = self.pub(
                "--stream", "market", "--table", "trade", "-o", "json",
                stdin=b'{"time": "2024-01-02T15:00:00Z", "sym": "A"}\n')
            self.assertEqual(json.loads(out), {
                "rows": 1, "stream": "market",
                "end": self.stream_end("market")})
            self.assertEqual(count(), [{"countSym": rows}])
        tables = asked("tables")
        self.assertEqual([(x["name"], x["stream"]) for x in tables],
                         [("trade", "market")])
        trade = asked("tables", "trade")
        self.assertEqual(trade, tables[0])
        self.assertEqual(trade["rows"], {"rdb1": 5})
        self.assertEqual(trade["columns"][1], {"name": "sym",
                                               "type": "symbol"})
        self.run_program("tables", "nowhere", "--config", self.config,
                         code=64)
        # A name is there once.
        _, err = self.run_program("spawn", "rdb1", "--on", "all", "--config",
                                  self.config, code=73)
        self.assertIn("'rdb1' runs on node 'all'", err)
        self.run_program("stop", "rdb1", "--config", self.config)
        # Its rows are not counted, and that is told.
        out, err = self.run_program("tables", "trade", "-o", "json",
                                    "--config", self.config, code=69)
        self.assertEqual(json.loads(out)["rows"], {})
        self.assertIn("do not run: rdb1", err)
        self.run_program("stop", "rdb1", "--config", self.config, code=69)
        self.run_program("stop", "rdb1", "--on", "al", "--config", self.config,
                         code=64)
        _, err = self.run_program("processes", "http", "--config", self.config,
                                  code=69)
        self.assertIn("no process of type 'http' is registered", err)
        _, err = self.run_program("node", "--name", "al", "--config",
                                  self.config, code=64)
        self.assertIn("did you mean 'all'?", err)
        out, _ = self.run_program("status", "--config", self.config, "-o",
                                  "json", code=1)
        self.assertEqual(
            {row["name"]: row.get("down")
             for row in json.loads(out)["nodes"][0]["processes"]}["rdb1"],
            "does not run: 'millrace spawn rdb1' starts it")
        self.assertEqual([row["state"] for row in asked("processes", "rdb")],
                         ["gone"])
        self.run_program("spawn", "rdb1", "--config", self.config)
        # A row of the table has what is to be seen, and no counts of nothing.
        out, _ = self.run_program("status", "--config", self.config)
        for line in out.splitlines():
            self.assertLess(len(line), 300, line)
        for quiet in ("group.", "=0 ", "=false", "=null", "= "):
            self.assertNotIn(quiet, out)
        # It replays before it answers.
        self.assertEqual(count(), [{"countSym": 5}])
        self.check_a_feed_tells_its_rejects()

    def check_a_feed_tells_its_rejects(self):
        with open(os.path.join(self.dir, "mine.toml"), "w",
                  encoding="utf-8") as file:
            file.write(MINE)
        with open(os.path.join(self.dir, "ticks.csv"), "w",
                  encoding="utf-8") as file:
            file.write("time,size\n2024-01-03T10:00:00,1\n"
                       "2024-01-03T09:00:00,2\n2024-01-03T11:00:00,many\n")
        self.run_program("spawn", "feed1", "--on", "all", "--config",
                         self.config)
        fed = {}
        while not fed.get("finished"):
            out, _ = self.run_program("status", "--config", self.config, "-o",
                                      "json", code=None)
            fed = next(row for row in json.loads(out)["nodes"][0]["processes"]
                       if row["name"] == "feed1")
        self.assertEqual((fed["rows"], fed["rejected"], fed["backwards"]),
                         (2, 1, 1))
        out, _ = self.run_program("status", "--config", self.config, code=None)
        self.assertIn("feed1: 1 line: gave no row since it began", out)

    def stream_end(self, stream):
        out, _ = self.run_program("status", "--config", self.config, "-o",
                                  "json")
        return next(each["end"] for each in json.loads(out)["streams"]
                    if each["name"] == stream)

    def test_a_bad_line_is_named_and_what_came_before_is_kept(self):
        good = b'{"sym": "A", "size": 1}\n'
        for bad, reason in ((b'{"sym": "A", "sizes": 1}', "'sizes'"),
                            (b'{"size": "x"}', "column 'size'"),
                            (b'{"size": 3000000000}', "column 'size'"),
                            (b"\xff\x00", "a NUL at byte 2"),
                            (b"{size: 1}", "JSON")):
            _, err = self.pub("--stream", "market", "--table", "trade",
                              stdin=good * 3 + bad + b"\n" + good, code=65)
            self.assertIn("standard input:4: ", err)
            self.assertIn(reason, err)
            self.assertIn("3 rows published", err)
        out = self.sub("--stream", "market", "--table", "trade", "--from",
                       "begin", count=4)
        self.assertEqual(len(out.splitlines()), 12)

    def restart(self):
        self.end_node(self.node)
        self.node = self.start_node(self.config, "all")

    def test_what_is_refused_is_not_said_to_be_published(self):
        line = b'{"sym": "A", "size": 1}\n'
        rows = ("--stream", "market", "--table", "trade")
        # What rt has is more than an older copy of the log knows.
        self.pub(*rows, stdin=line)
        log = pathlib.Path(self.config).parent / "data" / "pub" / "pub.market"
        shutil.copytree(log, log.with_name("kept"))
        self.restart()
        self.pub(*rows, stdin=line * 2)
        shutil.rmtree(log)
        log.with_name("kept").rename(log)
        self.restart()
        out, err = self.pub(*rows, "-o", "json", stdin=line, code=65)
        self.assertIn("fenced", err)
        self.assertNotRegex(err, "1 rows? published")
        self.assertEqual(json.loads(out)["level"], "recorded")
        shutil.rmtree(log)

    def test_names_that_are_not_there(self):
        pub = lambda *arguments: self.pub(*arguments, stdin=b"", code=64)
        self.assertIn("'nowhere'", pub("--stream", "nowhere")[1])
        # No name leads out of the directory of publishers.
        for origin in ("../../outside", "b.c", b"caf\xe9", ".dot"):
            _, err = pub("--stream", "market", "--origin", origin)
            self.assertIn("is not a name", err)
        _, err = self.run_program("processes", "rdbb", "--config",
                                  self.config, code=64)
        self.assertIn("did you mean 'rdb'?", err)
        self.run_program("layout", self.config, "--table", "9 x", code=64)
        self.assertIn("did you mean 'market'?",
                      pub("--stream", "markt")[1])
        self.assertIn("'t'", pub("--stream", "market", "--table", "t")[1])
        self.assertIn("'market'",
                      pub("--stream", "notes", "--table", "trade")[1])
        for place in ("nowhere", "-1"):
            self.sub("--stream", "notes", "--from=" + place, count=1, code=64)
        for process, node in (("gw2", "all"), ("gw1", "none")):
            self.run_program("spawn", process, "--on", node, "--config",
                             self.config, code=64)
        top = ["top", "--once", "--interval", "0.1", "--config", self.config]
        self.run_program(*top)
        self.end_node(self.node)
        self.run_program(*top, code=1)
        self.pub("--stream", "notes", stdin=b"", code=69)
        self.sub("--stream", "notes", count=1, code=69)
        self.run_program("spawn", "gw1", "--on", "all", "--config",
                         self.config, code=69)


class Journal(Case):
    def test_a_path_is_a_log_of_its_own(self):
        path = os.path.join(self.dir, "journal")
        for word in ("one", "two"):
            self.run_program("pub", "--stream", path, "--level", "synced",
                             stdin=json.dumps({"data": word}).encode())
        reader = self.start("sub", "--stream", path, "--from", "begin")
        heard = []
        while len(heard) < 2:
            line = json.loads(reader.stdout.readline())
            if "data" in line:
                heard.append(line["data"])
        self.assertEqual(heard, ["one", "two"])


if __name__ == "__main__":
    unittest.main()
