"""What was published, what of it was acknowledged, and who holds what.

Rows are published by commands, one after the other; each row is a number of its
own. The ledger shares nothing with the product: a row counts as acknowledged when
its command ended with 0, and a row that was acknowledged has to be in each later
answer, once.
"""
import contextlib
import csv
import io
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "integration"))
import millrace_cluster as mill  # noqa: E402

MEMBERS = ["rt1", "rt2", "rt3"]
ROWS = 40
QUESTION = ["query", "-o", "csv", "select size from trade"]
# Refused or not finished in time: to be tried again.
NOT_NOW = (69, 75)


def sizes(text):
  return [row["size"] for row in csv.DictReader(io.StringIO(text))]


def compare(who, seen, committed, published):
  """Each acknowledged row is there, none twice, none that nobody published."""
  mill.check(len(seen) == len(set(seen)), who, "has rows twice:",
             len(seen) - len(set(seen)))
  missing = committed - set(seen)
  mill.check(not missing, who, "lacks", len(missing), "acknowledged rows:",
             sorted(missing)[:5])
  strange = set(seen) - published
  mill.check(not strange, who, "has rows that nobody published:",
             sorted(strange)[:5])


class ledger:
  """Publishes to the table trade of the stream market. Thread safe."""

  def __init__(self, made, day):
    self.made, self.day = made, day
    self.published, self.acknowledged = set(), set()
    self.commands = 0
    self._lock = threading.Lock()
    self._running = None

  def facts(self):
    """(acknowledged, published), as of now."""
    with self._lock:
      return set(self.acknowledged), set(self.published)

  def publish(self, *words, crash_at=None):
    """Whether the next rows were acknowledged, as committed if `words` say nothing
    else. crash_at: where the command ends as by kill -9; it fails when that is
    nowhere."""
    with self._lock:
      first = self.commands * ROWS
      self.commands += 1
      rows = {str(i) for i in range(first, first + ROWS)}
      self.published |= rows
      running = self._running = self.made.start(
        "pub", "--stream", "market", "--table", "trade", "--format", "csv",
        *words,
        env=self.made.environment(CRASH_AT=crash_at) if crash_at else None,
        stdin=subprocess.PIPE)
    text = "time,sym,price,size\n" + "".join(
      f"{self.day}T10:00:00,S{int(row) % 7},1,{row}\n" for row in sorted(
        rows, key=int))
    out, told = running.communicate(text, timeout=180)
    code = running.returncode
    mill.check(code == -9 if crash_at else code in (0, -9, *NOT_NOW), "pub",
               crash_at or "", ":", code, out, told)
    with self._lock:
      self._running = None
      if code == 0:
        self.acknowledged |= rows
    return code == 0

  def kill_publisher(self):
    """kill -9 of the command that runs, if one does."""
    with self._lock:
      if self._running is not None:
        self._running.kill()

  @contextlib.contextmanager
  def writing(self):
    """Rows come one after the other until the block ends; gives what waits until
    others have been acknowledged since."""
    over, faults, count = threading.Event(), [], [0]

    def go_on():
      while not over.is_set() and not faults:
        try:
          count[0] += self.publish()
        except Exception as why:  # pylint: disable=broad-except
          faults.append(why)

    def wait(seconds, what):
      before = count[0]
      mill.wait_until(lambda: faults or count[0] > before, seconds, what)
      if faults:
        raise faults[0]

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
      yield wait
    finally:
      over.set()
      writer.join()
    if faults:
      raise faults[0]

  def flush(self, origin=None):
    """What the publisher's log kept is committed."""
    self.made.run("pub", "--stream", "market", "--flush",
                  *(["--origin", origin] if origin else []))

  def check_answer(self, who="the gateway"):
    """An answer of now, by what was acknowledged before it was asked for."""
    committed, _ = self.facts()
    seen = sizes(self.made.run(*QUESTION).stdout)
    compare(who, seen, committed, self.facts()[1])
    return seen

  def ask(self, what):
    """Whether there was an answer while something fails; one that is there is
    whole."""
    committed, _ = self.facts()
    done = self.made.run(*QUESTION, "--timeout", "10", code=None)
    if done.returncode in NOT_NOW:
      return False
    mill.check(done.returncode == 0, what, "a question ended with",
               done.returncode, done.stderr)
    compare(f"{what}: an answer", sizes(done.stdout), committed,
            self.facts()[1])
    return True

  def check_all(self):
    """A subscriber, the answers and the merged logs; stops the RT nodes. Nobody
    publishes any more, and all nodes run."""
    self.flush()
    committed, published = self.facts()
    heard = sizes(self.made.run(
      "sub", "--stream", "market", "--table", "trade", "--from", "begin",
      "--until", "end", "--format", "csv").stdout)
    compare("a subscriber", heard, committed, published)
    told = self.check_answer()
    mill.check(set(heard) == set(told), "a subscriber and an answer differ:",
               sorted(set(heard) ^ set(told))[:5])
    alike(self.made)
    return len(heard)


def alike(made):
  """The merged logs of all RT nodes, byte for byte."""
  def content(name):
    at = made.directory / "data" / "rt" / name / "market" / "out"
    return {each.name: each.read_bytes() for each in at.glob("log.*.*")}

  def ends():
    return len({
      made.log("info", made.directory / "data" / "rt" / name / "market"
               / "out")["files"][-1]["valid_end"] for name in MEMBERS}) == 1

  mill.wait_until(ends, 60, "the same end of all merged logs")
  made.down(*MEMBERS)
  first, *others = [content(name) for name in MEMBERS]
  for name, other in zip(MEMBERS[1:], others):
    for file in first.keys() & other.keys():
      size = min(len(first[file]), len(other[file]))
      mill.check(first[file][:size] == other[file][:size], file, "of", name,
                 "differs from that of", MEMBERS[0])
