"""The N-th call of a disk fails, for every N until a run meets none.

failing_disk is loaded before the libraries of one program, whose calls on files
of one directory it counts. After each failure the program says so, or has put up
with it; what it acknowledged is there, nothing is there twice, and the same
command, or the next one, goes on from what is there.

error_sweep_test.py PROGRAM FAILING_DISK [PART...]; MILLRACE_SWEEP=all takes every
call of each class, otherwise some of them.
"""
import csv
import datetime
import io
import itertools
import os
import pathlib
import shutil
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "integration"))
import millrace_cluster as mill  # noqa: E402

DAY = "2024-01-02"
NODES = {"front": ["discovery1", "rt1", "hdb1", "gw1"], "back": ["rdb1"]}
# A failed call is told by one of these: bad data, a defect, the system refused.
TOLD = (1, 69, 70, 74, 75)
CALLS = {"write": ["EIO", "ENOSPC", "short"], "sync": ["EIO"],
         "rename": ["EIO", "ENOSPC"], "open": ["EIO", "ENOSPC"],
         "truncate": ["EIO"]}
ALL = os.environ.get("MILLRACE_SWEEP") == "all"
USUAL = ("EIO", "short")
# Of one class; far above what a program needs for what it is given here.
MOST = 400
SHIM = None


class failing:
  """One call that is to fail, and whether it did."""

  def __init__(self, made, below, call, number, how):
    self.note = made.directory / "told"
    self.note.unlink(missing_ok=True)
    self.name = f"{call} {number} {how}"
    self.how = how
    self.environment = made.environment(
      LD_PRELOAD=str(SHIM), FAILING_DISK_BELOW=str(below),
      FAILING_DISK_CALL=f"{call}:{number}:{how}",
      FAILING_DISK_TOLD=str(self.note))

  def happened(self):
    return self.note.exists()

  def what(self):
    return self.note.read_text().strip() if self.happened() else self.name


def sweep(made, below, one):
  """Gives `one` each call that is to fail, until it meets none, and says how many
  it met of each class; their number. `one` begins each time from what it began
  from before, so that there is an end."""
  met = 0
  for call, ways in CALLS.items():
    for how in ways if ALL else [how for how in ways if how in USUAL]:
      # The first ones, and some of the others.
      numbers = itertools.count(1) if ALL else (1, 3, 9)
      before = met
      for number in numbers:
        mill.check(number <= MOST, call, how, "has no end")
        fault = failing(made, below, call, number, how)
        one(fault)
        if not fault.happened():
          break
        met += 1
      print(f"  {call} {how}: {met - before} calls", flush=True)
  return met


def told_or_done(done, fault):
  """Whether a command succeeded; else it has told what failed."""
  if done.returncode == 0:
    return True
  mill.check(done.returncode in TOLD, fault.what(), "ends with",
             done.returncode, done.stdout, done.stderr)
  mill.check("millrace:" in done.stderr, fault.what(), "tells nothing:",
             done.stdout, done.stderr)
  # A write that was short is gone on with: it fails for no reason of its own.
  mill.check(fault.happened(), "nothing failed, and yet", done.returncode,
             done.stderr)
  return False


def sizes(text):
  return [row["size"] for row in csv.DictReader(io.StringIO(text))]


def compare(who, seen, acknowledged, published):
  mill.check(len(seen) == len(set(seen)), who, "has rows twice")
  missing = acknowledged - set(seen)
  mill.check(not missing, who, "lacks acknowledged rows:", sorted(missing)[:5])
  mill.check(set(seen) <= published, who, "has rows that nobody published")


def publisher(binary):
  """The log of a publisher that has none yet."""
  publishes(binary, False)


def next_session(binary):
  """The log of a publisher that goes on after its last one."""
  publishes(binary, True)


def publishes(binary, goes_on):
  """Each call fails for a publisher of its own, whose log nobody harmed before."""
  with mill.cluster(binary, NODES, mode="synced") as made:
    made.up()
    acknowledged, published = set(), set()
    numbers, origins = itertools.count(), itertools.count()

    def send(origin, **how):
      rows = [str(next(numbers)) for _ in range(3)]
      text = "time,sym,price,size\n" + "".join(
        f"{DAY}T10:00:00,A,1,{row}\n" for row in rows)
      published.update(rows)
      done = made.run("pub", "--stream", "market", "--table", "trade",
                      "--format", "csv", "--origin", origin, text=text, **how)
      return rows, done

    def one(fault):
      origin = f"o{next(origins)}"
      if goes_on:
        acknowledged.update(send(origin)[0])
      rows, done = send(origin, code=None, env=fault.environment)
      if told_or_done(done, fault):
        acknowledged.update(rows)
      # It goes on from what is there.
      acknowledged.update(send(origin)[0])

    met = sweep(made, made.directory / "data" / "pub", one)
    mill.check(met > 0 and acknowledged, "no call failed")
    compare("a subscriber", sizes(made.run(
      "sub", "--stream", "market", "--table", "trade", "--from", "begin",
      "--until", "end", "--format", "csv").stdout), acknowledged, published)
    compare("the rdb", sizes(made.run(
      "query", "-o", "csv", "select size from trade").stdout), acknowledged,
      published)
    print(f"  {met} calls failed, {len(acknowledged)} of {len(published)} rows "
          "acknowledged and there")


def trade_file(made):
  at = made.directory / "rows.csv"
  at.write_text("time,sym,size\n" + "".join(
    f"{DAY}T10:00:{i:02},{'AB'[i % 2]},{i}\n" for i in range(20)))
  layout = made.directory / "rows.toml"
  layout.write_text(mill.LAYOUT)
  return ["load", "--layout", str(layout), "--table", "trade", str(at)]


def rows(made):
  """The sizes that the database holds, by the files that kdb+ would read."""
  hdb, target = made.directory / "data" / "hdb", made.directory / "export"
  if not (hdb / "manifest").exists():
    return []
  made.run("hdb", "check", hdb)
  shutil.rmtree(target, ignore_errors=True)
  made.run("hdb", "export", hdb, "--kdb", target, "--table", "trade",
           code=None)
  out = []
  for path in target.glob("*/trade/size"):
    # A list of ints: 16 bytes of head.
    out += [each for each, in struct.iter_unpack("<i", path.read_bytes()[16:])]
  return sorted(out)


def load(binary):
  """The partitions of a load."""
  written(binary, "load", list(range(20)))


def amend(binary):
  """The partitions of an amendment."""
  written(binary, "amend", sorted([i if i % 2 else 100 for i in range(20)]))


def written(binary, which, after):
  before = list(range(20)) if which == "amend" else []
  with mill.cluster(binary, NODES) as made:
    hdb = made.directory / "data" / "hdb"
    words = trade_file(made)
    kept = made.directory / "kept"
    if which == "amend":
      made.run(*words)
      shutil.copytree(hdb, kept)
      words = ["hdb", "amend", hdb, "--table", "trade", "--symbol", "A",
               "--set", '{"size":100}']

    def one(fault):
      # Nobody is to miss what the round before it wrote.
      for gone in (hdb, made.directory / "data" / "hdb-served"):
        shutil.rmtree(gone, ignore_errors=True)
      if kept.exists():
        shutil.copytree(kept, hdb)
      done = made.run(*words, code=None, env=fault.environment)
      succeeded = told_or_done(done, fault)
      found = rows(made)
      mill.check(found == after or (not succeeded and found == before),
                 fault.what(), "leaves", found, "and ends with",
                 done.returncode, done.stderr)
      # The same once more: nothing of it is there twice.
      made.run(*words)
      mill.check(rows(made) == after, fault.what(), "and again:", rows(made))

    met = sweep(made, hdb, one)
    mill.check(met > 0, "no call failed")
    print(f"  {met} calls failed, and the old or the new was there")


def end_of_period(binary):
  """The partitions of an end of a period, which an rdb writes; it tries again
  by itself, and so does the one who asked for the end."""
  with mill.cluster(binary, NODES, mode="synced") as made:
    made.up()
    days = itertools.count()
    published = set()

    def one(fault):
      number = next(days)
      day = (datetime.date(2024, 1, 2) + datetime.timedelta(number)).isoformat()
      made.down("back")
      made.up("back", env=fault.environment)
      published.update([str(2 * number), str(2 * number + 1)])
      made.run("pub", "--stream", "market", "--table", "trade", "--format",
               "csv", text="time,sym,price,size\n" + "".join(
                 f"{day}T10:00:00,A,1,{2 * number + i}\n" for i in (0, 1)))
      done = made.run("eop", "--period", day, "--timeout", "60", code=None)
      if not told_or_done(done, fault):
        made.run("eop", "--period", day, "--timeout", "60")
      seen = sizes(made.run("query", "-o", "csv",
                            "select size from trade").stdout)
      compare(fault.what(), seen, published, published)

    met = sweep(made, made.directory / "data" / "hdb", one)
    mill.check(met > 0, "no call failed")
    written = {str(each) for each in rows(made)}
    mill.check(written == published, "the hdb has", len(written), "of",
               len(published), "rows")
    print(f"  {met} calls failed, {len(published)} rows written down once")


def stream(binary):
  """The logs and the checkpoints of the one RT node of a stream."""
  nodes = {"front": ["discovery1", "gw1", "hdb1", "rdb1"], "rt1": ["rt1"]}
  with mill.cluster(binary, nodes, mode="synced") as made:
    made.up()
    numbers = itertools.count()
    acknowledged, published = set(), set()

    def one(fault):
      made.down("rt1")
      up = made.run("up", "rt1", env=fault.environment, code=None)
      if up.returncode != 0:
        told_or_done(up, fault)
        made.up("rt1")
      new = [str(next(numbers)) for _ in range(2)]
      published.update(new)
      done = made.run("pub", "--stream", "market", "--table", "trade",
                      "--format", "csv", code=None,
                      text="time,sym,price,size\n" + "".join(
                        f"{DAY}T10:00:00,A,1,{row}\n" for row in new))
      if told_or_done(done, fault):
        acknowledged.update(new)

    met = sweep(made, made.directory / "data" / "rt", one)
    mill.check(met > 0, "no call failed")
    made.down("rt1")
    made.up("rt1")
    made.run("pub", "--stream", "market", "--flush")
    compare("a subscriber", sizes(made.run(
      "sub", "--stream", "market", "--table", "trade", "--from", "begin",
      "--until", "end", "--format", "csv").stdout), published, published)
    made.run("log", "verify", made.merged)
    print(f"  {met} calls failed, {len(acknowledged)} of {len(published)} rows "
          "acknowledged at once, and all there")


PARTS = {each.__name__: each for each in (publisher, next_session, load, amend,
                                          end_of_period, stream)}
# By day; the others are of the night alone.
BY_DAY = ["publisher", "next_session", "load", "amend"]


def main():
  global SHIM
  binary, shim, *chosen = sys.argv[1:]
  SHIM = pathlib.Path(shim).resolve()
  for name in chosen or (list(PARTS) if ALL else BY_DAY):
    try:
      with mill.part(name):
        PARTS[name](binary)
    except mill.failure as why:
      print(f"FAILED {name}: {why}", file=sys.stderr)
      sys.exit(1)


if __name__ == "__main__":
  main()
