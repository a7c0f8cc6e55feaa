"""`millrace sub`: what comes back, from where, and until when."""
import csv
import datetime
import io
import json
import os
import signal
import tempfile

from command_case import Case, Cluster, DEADLINE


class Sub(Cluster):
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
