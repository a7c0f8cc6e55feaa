"""A cluster of three RT nodes through scripts of faults, and the ledger.

Rows are published one command after the other while `millrace chaos` carries
out a script; the ledger has which of them were acknowledged as committed, and
which were not. What a subscriber, the rdb and the partitions hold afterwards is
compared with it: each acknowledged row is there, none twice, none that nobody
published, and the merged logs of all RT nodes are alike.

chaos_test.py PROGRAM [SCRIPT NAME...]; MILLRACE_CHAOS=all runs all of them.
"""
import csv
import io
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "integration"))
import millrace_cluster as mill  # noqa: E402

DAY = "2024-01-02"
MEMBERS = ["rt1", "rt2", "rt3"]
ROLES = [("discovery1", "discovery"), *((name, "rt") for name in MEMBERS),
         ("rdb1", "rdb"), ("hdb1", "hdb"), ("gw1", "gateway")]
NODES = {"all": ["discovery1", "gw1"], **{name: [name] for name in MEMBERS},
         "rdb1": ["rdb1"], "hdb1": ["hdb1"]}
ROWS = 40
USUAL = ["kills"]

# Each ends with all nodes whole.
SCRIPTS = {
  "kills": """
at 200ms: kill rt1 restart 300ms
at 900ms: kill rdb1 restart 200ms | pause rt2
at 1500ms: resume rt2 | kill rt3 restart 200ms
at 2s: kill all restart 100ms
at 2500ms: heal
""",
  "stops": """
at 200ms: pause rt1
at 1200ms: resume rt1 | pause rdb1
at 1400ms: pause rt3
at 2400ms: heal
""",
  "an empty disk": """
at 300ms: kill rt1 restart 300ms empty
at 2500ms: kill rt2 restart 300ms
at 3500ms: heal
""",
  "no majority": """
at 300ms: kill rt1 | kill rt2
at 1800ms: restart rt1 | restart rt2
at 3s: heal
""",
  "crash points": """
at 200ms: crash rt1 rt.after_sync 5
at 1500ms: crash rt2 rt.before_commit 3
at 3s: crash rt3 rt.after_append 3
at 4500ms: heal
""",
  "an older disk": """
at 300ms: back-up rt2
at 1500ms: kill rt2 restart 300ms older
at 3s: heal
""",
}


def rows_of(number):
  """Whole and different numbers stand for the rows."""
  first = number * ROWS
  return {str(i) for i in range(first, first + ROWS)}


def publish(made, number):
  """Whether all of them were acknowledged as committed."""
  text = "time,sym,price,size\n" + "".join(
    f"{DAY}T10:00:00,S{int(row) % 7},1,{row}\n" for row in rows_of(number))
  done = made.run("pub", "--stream", "market", "--table", "trade", "--format",
                  "csv", code=None, text=text)
  mill.check(done.returncode in (0, 69, 75), "pub:", done.returncode,
             done.stderr)
  return done.returncode == 0


def sizes(text):
  return [row["size"] for row in csv.DictReader(io.StringIO(text))]


def compare(who, seen, committed, published):
  mill.check(len(seen) == len(set(seen)), who, "has rows twice:",
             len(seen) - len(set(seen)))
  missing = committed - set(seen)
  mill.check(not missing, who, "lacks", len(missing), "acknowledged rows:",
             sorted(missing)[:5])
  strange = set(seen) - published
  mill.check(not strange, who, "has rows that nobody published:",
             sorted(strange)[:5])


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


def through(binary, script):
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    at = made.directory / "script.faults"
    at.write_text(script)
    committed = set()
    published = set()
    running = made.start("chaos", at)
    number = 0
    while running.poll() is None or number < 3:
      published |= rows_of(number)
      if publish(made, number):
        committed |= rows_of(number)
      number += 1
    told, faults = running.communicate()
    mill.check(running.returncode == 0, "chaos:", running.returncode, told,
               faults)
    print(told, end="")
    # What was kept in the publisher's log comes once RT is whole.
    made.run("pub", "--stream", "market", "--flush")
    committed = published
    made.run("up")
    compare("a subscriber", sizes(made.run(
      "sub", "--stream", "market", "--table", "trade", "--from", "begin",
      "--until", "end", "--format", "csv").stdout), committed, published)
    question = ["query", "-o", "csv", "select size from trade"]
    compare("the rdb", sizes(made.run(*question).stdout), committed, published)
    made.end_period(DAY)
    compare("the hdb", sizes(made.run(*question).stdout), committed, published)
    made.run("hdb", "check", made.directory / "data" / "hdb")
    alike(made)
    print(f"{len(published)} rows published, each is everywhere once")


def main():
  binary, *chosen = sys.argv[1:]
  names = chosen or (list(SCRIPTS) if os.environ.get("MILLRACE_CHAOS") == "all"
                     else USUAL)
  for name in names:
    try:
      with mill.part(name):
        through(binary, SCRIPTS[name])
    except mill.failure as why:
      print(f"FAILED {name}: {why}", file=sys.stderr)
      sys.exit(1)


main()
