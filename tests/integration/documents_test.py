"""Documents say what is true: their commands run as they are printed.

documents_test.py PROGRAM [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

PROGRAM = pathlib.Path(sys.argv.pop(1))
SOURCES = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 300


def section(path, title):
    """The text below a title, up to the next one."""
    text = (SOURCES / path).read_text()
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text,
                     re.M | re.S)[1]


def blocks(text):
    """Indented blocks, each with the line of prose before it."""
    found = []
    prose = ""
    for part in filter(str.strip, re.split(r"\n\s*\n", text)):
        if all(line.startswith("    ") for line in part.splitlines() if line):
            found.append((prose, textwrap.dedent(part).strip("\n")))
        else:
            prose = part.strip().splitlines()[-1]
    return found


class Documents(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="millrace-")
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        shutil.copytree(SOURCES / "examples", self.dir / "examples")
        (self.dir / "build" / "release").mkdir(parents=True)
        (self.dir / "build" / "release" / "bin").symlink_to(
            PROGRAM.resolve().parent)

    def run_as_printed(self, path, titles, before=""):
        """One shell runs all blocks that are no answers, and prints those."""
        script = "set -eo pipefail\n" + before
        answers = []
        for title in titles:
            for prose, block in blocks(section(path, title)):
                if prose == "The answer:":
                    answers.append(block)
                elif not block.startswith("$ "):  # What one would see.
                    script += block + "\n"
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MILLRACE_")}
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.dir, capture_output=True,
            text=True, timeout=DEADLINE, env=environment)
        self.addCleanup(subprocess.run, [
            PROGRAM, "down", "--config", self.dir / "examples" / "local.toml"],
            capture_output=True)
        said = script + done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        for answer in answers:
            self.assertIn(answer, "\n".join(lines), said)
        return answers

    def test_the_first_hour(self):
        answers = self.run_as_printed("README.md", [
            "The first answer", "A file of your own", "The day after",
            "Streams from a shell"])
        self.assertEqual(len(answers), 2)

    def test_the_tutorial(self):
        answers = self.run_as_printed("docs/tutorial.md", [
            "A cluster", "A file that nobody has seen",
            "The file grows, and one line is wrong", "The stream behind it",
            "The end of the day", "A process dies"])
        self.assertEqual(len(answers), 4)

    def test_operations(self):
        self.run_as_printed(
            "docs/operations.md", ["Days past", "Start, stop, look"],
            'export PATH="$PWD/build/release/bin:$PATH"\n'
            'export MILLRACE_CONFIG="$PWD/examples/local.toml"\n')

    def test_a_backup_restores_what_came_after_it_too(self):
        """As printed, with a period that ends between copy and restoring."""
        preset = ('export PATH="$PWD/build/release/bin:$PATH"\n'
                  'export MILLRACE_CONFIG="$PWD/examples/local.toml"\n')
        first, *others = blocks(section("docs/operations.md",
                                        "Backup and restore"))
        self.assertEqual(len(others), 2)
        row = ('echo \'{"time": "2024-01-03T14:30:00Z", "sym": "SPY", "price": '
               '1, "size": 7}\' | '
               'millrace pub --stream market --table trade\n'
               'millrace eop --period 2024-01-03\n')
        script = "\n".join([
            "set -eo pipefail", preset, "millrace up",
            "millrace feed --layout csv-trade --table trade "
            "examples/trades.csv", "millrace eop --period 2024-01-02",
            first[1], row, *(block for _, block in others),
            "millrace eop --period 2024-01-03",
            "millrace hdb check examples/local-data/hdb",
            "millrace query -o csv 'select sum size by sym from trade'"])
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MILLRACE_")}
        self.addCleanup(subprocess.run, [
            PROGRAM, "down", "--config", self.dir / "examples" / "local.toml"],
            capture_output=True)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.dir, capture_output=True,
            text=True, timeout=DEADLINE, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith(
            "sym,size\nAIG,600\nIBM,400\nSPY,1107\n"), done.stdout)
        self.assertTrue((self.dir / "data.copy" / "rt").is_dir())

    def test_certificates_are_made_as_printed(self):
        """Both recipes in one folder, and a cluster that takes them."""
        made = {}
        for title in ("Certificates between processes",
                      "Ports that other hosts reach"):
            for _, block in blocks(section("docs/security.md", title)):
                if block.startswith(("openssl", "[cluster]")):
                    made[title, block[0]] = block
        keys = re.findall(r'^tls_.*$', made["Certificates between processes",
                                            "["], re.M)
        self.assertEqual(len(keys), 3)
        (self.dir / "examples" / "tls").mkdir()
        config = self.dir / "examples" / "local.toml"
        config.write_text(config.read_text().replace(
            "[cluster]\n", "[cluster]\n" + "\n".join(keys) + "\n", 1))
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MILLRACE_")}
        self.addCleanup(subprocess.run, [PROGRAM, "down", "--config", config],
                        capture_output=True)
        done = subprocess.run(
            ["bash", "-c", "\n".join([
                "set -eo pipefail", "cd tls",
                made["Certificates between processes", "o"],
                made["Ports that other hosts reach", "o"],
                "openssl verify -CAfile ca.pem node.pem",
                "openssl verify -CAfile ports-ca.pem port.pem", "cd ..",
                f"{PROGRAM.resolve()} up --config local.toml",
                f"{PROGRAM.resolve()} status --config local.toml -o json"])],
            cwd=config.parent, capture_output=True, text=True,
            timeout=DEADLINE, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, '"certificate_days": 36[45]')

    def test_a_process_file_runs(self):
        torq = self.dir / "examples" / "torq"
        self.run_as_printed("docs/coming_from_kdb.md", ["A process file"],
                            'export PATH="$PWD/build/release/bin:$PATH"\n'
                            'trap "millrace down --force --config '
                            'examples/torq/process.csv" EXIT\n')
        self.assertTrue((torq / "millrace-data" / "rt" / "stp1").is_dir())

    def examples(self, *path):
        """Of a command and those below it: words, and what the help shows."""
        text = subprocess.run([PROGRAM, *path, "--help"], capture_output=True,
                              text=True, check=True).stdout
        shown = re.search(r"^Example:\n(.*)\Z", text, re.M | re.S)
        if path:
            yield " ".join(path), textwrap.dedent(shown[1]).strip()
        below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
        for name in re.findall(r"^  (\S+)", below[1] if below else "", re.M):
            yield from self.examples(*path, name)

    def test_the_examples_of_all_help_texts(self):
        """Those that go on until ctrl-C get it; the others end as they say."""
        shown = dict(self.examples())
        self.assertIn("stream info", shown)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MILLRACE_")}
        environment["MILLRACE_CONFIG"] = str(
            self.dir / "examples" / "local.toml")
        environment["PATH"] = f"{self.dir / 'build/release/bin'}:" + \
            environment["PATH"]
        self.addCleanup(subprocess.run, [
            PROGRAM, "down", "--config", self.dir / "examples" / "local.toml"],
            capture_output=True)
        endless = {"log tail": 130, "node": 0}
        # No other rt process is there to come; what is whole needs no word.
        negative = {"stream replace": 64, "stream recover": 1}
        if not PROGRAM.with_name("millrace-bench").exists():
            negative["bench"] = 69  # It is an option of the build.
        elif not shutil.which("nats-server"):
            negative["bench"] = 69  # The peer of its example.
        if not PROGRAM.with_name("millrace-chaos").exists():
            negative["chaos"] = 69
        order = """up feed pub query sub status top chaos tables processes
            rejects
            logs stream|ls stream|info stream|members stream|losses
            stream|prune stream|archive stream|create stream|reset
            stream|give-up stream
            consumer|ls consumer|info consumer|rm consumer log|ls log|info log|verify log|dump log|tail log|explain-pos log
            layout table|add table eop load hdb|ls hdb|du hdb|check hdb|ledger hdb|amend
            hdb|drop hdb|export hdb restart stop spawn down
            stream|remove stream|replace hdb|reindex node
            stream|explain-pos stream|recover demo console generate|alerts
            generate|grafana generate|scrape generate user|add user|passwd
            user|token user|ls user user|remove bench version help completion"""
        typed = {"user add": "one\n", "user passwd": "another\n"}
        three = str(self.dir / "examples" / "cluster.toml")
        self.addCleanup(subprocess.run, [PROGRAM, "down", "--config", three],
                        capture_output=True)
        before = {"stream remove": "up", "hdb reindex": "down"}
        for name in [word.replace("|", " ") for word in order.split()]:
            line = shown.pop(name)
            if name in before:
                subprocess.run([PROGRAM, before[name], "--config", three],
                               check=True, capture_output=True,
                               timeout=DEADLINE)
            if name in endless:
                line = "exec timeout --preserve-status -s INT 3 " + line
            done = subprocess.run(["bash", "-ec", line], cwd=self.dir,
                                  capture_output=True, text=True,
                                  input=typed.get(name, ""),
                                  timeout=DEADLINE, env=environment)
            wanted = endless.get(name, negative.get(name, 0))
            self.assertEqual(done.returncode, wanted,
                             (line, done.stdout[-2000:], done.stderr[-2000:]))
        self.assertEqual(shown, {})

    def test_each_kind_of_failure_is_explained(self):
        table = lambda title: re.findall(
            r"^\| `?(\w+)`? \|", section("docs/troubleshooting.md", title),
            re.M)
        code = (SOURCES / "messages/base/errors.hpp").read_text()
        self.assertEqual(table("Words")[1:],
                         re.findall(r"^  (\w+) = [1-9]\d*,", code, re.M))
        exits = (SOURCES / "nodes/host/exit_codes.hpp").read_text()
        self.assertEqual(table("Exit codes")[1:],
                         re.findall(r"^  exit_\w+ = (\d+),", exits, re.M))


if __name__ == "__main__":
    unittest.main()
