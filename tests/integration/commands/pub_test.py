"""`millrace pub`: what is published, refused, and waits in a log."""
import json
import pathlib
import shutil
import subprocess

from command_case import Cluster, DEADLINE


class Pub(Cluster):
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
