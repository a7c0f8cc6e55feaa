"""`millrace feed`: an RT node that is away, files that are wrong, a pipe."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import zipfile

from command_case import Cluster, DEADLINE


class Feed(Cluster):
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
