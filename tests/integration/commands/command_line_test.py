"""Help, completion, and output that goes nowhere."""
import os
import subprocess

from command_case import Case, DEADLINE, PROGRAM


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
