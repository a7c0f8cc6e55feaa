"""What tests of commands begin with: a directory of their own, the program, and
a cluster that runs in one node."""
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import unittest

import millrace_cluster as mill

PROGRAM = None  # Its path: commands_test.py sets it.
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


class Cluster(Case):
    """A node with a cluster of its own runs for each test."""

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

    def restart(self):
        self.end_node(self.node)
        self.node = self.start_node(self.config, "all")

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

    def stream_end(self, stream):
        out, _ = self.run_program("status", "--config", self.config, "-o",
                                  "json")
        return next(each["end"] for each in json.loads(out)["streams"]
                    if each["name"] == stream)

    def write_feed(self):
        with open(os.path.join(self.dir, "mine.toml"), "w",
                  encoding="utf-8") as file:
            file.write(MINE)
        return ["feed", "--layout", "mine", "--table", "trade", "--config",
                self.config]
