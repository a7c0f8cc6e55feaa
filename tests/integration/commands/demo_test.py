"""`millrace demo`: its answers, its directory, its port."""
import csv
import io
import os
import signal
import socket
import subprocess
from collections import defaultdict
from math import fsum

from command_case import Case, DEADLINE, PROGRAM
import millrace_cluster as mill


class Demo(Case):
    def test_its_answers_are_those_of_the_rows_in_the_stream(self):
        place = os.path.join(self.dir, "d 1")
        out, err = self.run_program("demo", "--once", "--dir", place,
                                    "--port", str(mill.free_ports(1)[0]))
        self.assertEqual(err, "")
        self.assertEqual(out.count("period ended: the hdb serves it"), 2)
        self.assertIn("the rdb holds it", out)
        config = os.path.join(place, "demo.toml")
        # What it prints is for a shell.
        self.assertIn(f"millrace query --config '{config}' -l getdata", out)
        self.assertIn(f"millrace node --config '{config}' --name demo", out)
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
        again, _ = self.run_program("demo", "--once", "--dir", place)
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
