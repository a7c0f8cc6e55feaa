"""What any command does with its output: forms for programs, descriptors that
are closed, signals, readers that went."""
import json
import os
import signal
import subprocess
import time
import unittest

from command_case import Cluster, DEADLINE, PROGRAM


class Output(Cluster):
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
