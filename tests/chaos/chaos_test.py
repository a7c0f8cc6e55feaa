"""A cluster of three RT nodes through scripts of faults, and the ledger.

Rows are published one command after the other while `millrace chaos` carries
out a script. What a subscriber, the rdb and the partitions hold afterwards is
compared with a ledger (`ledger.py`): each acknowledged row is there, none twice,
none that nobody published, and the merged logs of all RT nodes are alike.

chaos_test.py PROGRAM [SCRIPT NAME...]; MILLRACE_CHAOS=all runs all of them.
"""
import itertools
import json
import os
import subprocess
import sys
import time

from ledger import MEMBERS, NOT_NOW, ledger, mill

DAY = "2024-01-02"
ROLES = [("discovery1", "discovery"), *((name, "rt") for name in MEMBERS),
         ("rdb1", "rdb"), ("hdb1", "hdb"), ("gw1", "gateway")]
NODES = {"all": ["discovery1", "gw1"], **{name: [name] for name in MEMBERS},
         "rdb1": ["rdb1"], "hdb1": ["hdb1"]}
# Of the script "links".
FLIPS = 4
# Of the script "flaps": when links are calm, flap, and when one is very slow.
CALM_S, FLAPS_S, SLOW_S = 10, 60, 20

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
  "an older disk": """
at 300ms: back-up rt2
at 1500ms: kill rt2 restart 300ms older
at 3s: heal
""",
  "links": """
at 200ms: corrupt rt1 -> rt2 | corrupt rt2 -> rt3
at 700ms: corrupt rt3 -> rt1 | corrupt rdb1 -> all
at 2800ms: heal
at 3s: cut rt1 <-> rt2 | cut rt1 <-> rt3
at 5s: heal | cut rt2 <-> rt3
at 7s: heal | cut rt1 -> rt2 | cut rdb1 -> rt2
at 8500ms: heal | half-open rt1 <-> rdb1 | reset rt2 <-> rt3
at 9s: delay rt1 <-> rt3 50ms | slow rt2 <-> rt1 64KiB
at 10s: heal
""",
}


# What nodes pass while rows are published: one at a time ends there, and is back
# before the next one does, for two of three RT nodes have to agree.
PASSED = {
  "rt": ["rt.before_append", "rt.after_append", "rt.before_sync", "rt.after_sync",
         "rt.before_ack", "rt.after_ack", "rt.before_commit", "rt.after_commit"],
  "rdb1": ["sub.before_apply", "sub.after_apply", "rdb.before_insert"],
}
# And while questions are asked; the node of the gateway has discovery as well.
ASKED = {"all": ["gw.before_dispatch", "gw.after_partial", "gw.before_merge",
                 "gw.after_reply"]}
# By a command that publishes.
PUBLISHED = ["pub.before_write", "pub.after_write", "pub.before_sync",
             "pub.after_sync", "pub.before_send", "pub.after_send"]
# By the first one that has this name.
BEGUN = ["pub.after_create", "pub.after_dirsync"]
CRASH_S = 4


def crash_points(passed):
  """The third time that each point is passed its process ends."""
  members = itertools.cycle(MEMBERS)
  ends = [(next(members) if node == "rt" else node, point)
          for node, points in passed.items() for point in points]
  return "\n".join(
    f"at {CRASH_S * number}s200ms: crash {node} {point} 3\n"
    f"at {CRASH_S * (number + 1)}s: heal"
    for number, (node, point) in enumerate(ends)) + "\n"


SCRIPTS["crash points"] = crash_points(PASSED)
SCRIPTS["crash points under questions"] = crash_points(ASKED)


def flaps():
  """Links fail for half of each second; then one passes 1,000 bytes per second."""
  out = []
  for second in range(CALM_S, CALM_S + FLAPS_S):
    one, other = MEMBERS[second % 3], MEMBERS[(second + 1) % 3]
    out += [f"at {second}s: cut {one} <-> {other}",
            f"at {second}s500ms: heal"]
  slow = CALM_S + FLAPS_S
  return "\n".join([*out, f"at {slow}s: slow rt1 <-> rt3 1000",
                    f"at {slow + SLOW_S}s: heal\n"])


SCRIPTS["flaps"] = flaps()


def term(made):
  return max(made.process(name)["group"]["term"] for name in MEMBERS)


def pace_stays(made, running, book):
  """Commands that publish go on at half of the pace at least, while a majority of
  RT nodes can talk, and there is at most one election in five seconds."""
  begins = (f"cut {MEMBERS[CALM_S % 3]}", "slow", "heal:")
  seen, marks = running.stdout.readline(), []
  begin = (time.monotonic(), book.commands)
  elections = []
  for line in running.stdout:
    seen += line
    what = line.partition("s  ")[2]
    is_last = len(marks) == 2
    if what.startswith(begins[len(marks)]):
      marks.append((time.monotonic(), book.commands))
      elections.append(term(made))
    if is_last and what.startswith("heal:"):
      break
  paces = [(commands - before) / (at - since) for (since, before), (at, commands)
           in zip([begin, *marks], marks)]
  print("commands per second, calm, with flaps, with a slow link:",
        *(f"{each:.2f}" for each in paces), "; elections:",
        elections[1] - elections[0], elections[2] - elections[1])
  mill.check(min(paces[1:]) >= paces[0] / 2, "the pace fell:", paces)
  mill.check(elections[1] - elections[0] <= FLAPS_S / 5
             and elections[2] - elections[1] <= SLOW_S / 5,
             "elections:", elections)


def damage_is_told(made, running, _):
  """Each bit that flipped on a link was told and noticed, before nodes start
  again."""
  flipped = 0
  for line in running.stdout:
    print(line, end="")
    flipped += "a bit flipped: corrupt " in line
    if "heal:" in line:
      break
  mill.check(flipped == FLIPS, flipped, "bits were told of", FLIPS)
  def told():
    return sum(each.get("refused_connections", 0)
               for each in made.status()["nodes"])

  mill.wait_until(lambda: told() >= FLIPS, 8, f"word of {FLIPS} flipped bits")
  logs = "".join(log.read_text(errors="replace") for log
                 in made.directory.glob("data/nodes/*/node.log"))
  mill.check("|bad_frame|" in logs, "no log tells of it")


def questions_are_asked(made, running, book):
  """Of how many rows there are, one after the other until chaos ends, for the rows
  themselves are not put together by the gateway. They go on coming."""
  answers = 0
  while running.poll() is None:
    least = len(book.facts()[0])
    done = made.run("query", "-o", "csv", "--timeout", "10",
                    "select n:count i from trade", code=None)
    if done.returncode in NOT_NOW:
      continue
    mill.check(done.returncode == 0, "a question ended with", done.returncode,
               done.stderr)
    count = int(done.stdout.split()[1])
    mill.check(least <= count <= len(book.facts()[1]), count, "rows, and", least,
               "were acknowledged")
    answers += 1
  mill.check(answers > 0, "no question was answered")
  print(f"{answers} true answers")


def through(binary, script, beside):
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    at = made.directory / "script.faults"
    at.write_text(script)
    book = ledger(made, DAY)
    running = made.start("chaos", at)
    try:
      with book.writing():
        beside(made, running, book)
        running.wait()
    finally:
      running.terminate()  # It starts nodes.
      running.wait()
    told, faults = running.communicate()
    mill.check(running.returncode == 0, "chaos:", running.returncode, told,
               faults)
    print(told, end="")
    # What was kept in the publisher's log comes once RT is whole.
    book.flush()
    book.acknowledged = set(book.published)
    made.run("up")
    book.check_answer("the rdb")
    made.end_period(DAY)
    made.run("hdb", "check", made.directory / "data" / "hdb")
    book.check_all()
    print(f"{len(book.published)} rows published, each is everywhere once")


def publishers_end(binary):
  """A publisher ends at each of its crash points, in its first session and in its
  second; the next one goes on from what it left."""
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, DAY)
    for point in [*BEGUN, *PUBLISHED, *PUBLISHED]:
      origin = point.replace(".", "-")
      words = ["--origin", origin]
      # Else nobody waits for the publisher's disk.
      if point.endswith("_sync"):
        words += ["--level", "synced"]
      book.publish(*words, crash_at=point)
      mill.check(book.publish(*words), "not acknowledged after", point)
      book.flush(origin)
      book.check_answer(f"after {point}, the gateway")
    rows = book.check_all()
    print(f"{len(book.published)} rows published, {rows} are everywhere once, "
          f"{len(book.acknowledged)} of them were acknowledged")


def read_only(binary):
  """The file system of one of three RT nodes refuses all writes: the others order
  what comes, and it comes back once it may write."""
  if os.geteuid() != 0:
    print("  skipped: only root may mount a file system")
    return
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    disk = made.directory / "data" / "rt" / "rt2"
    disk.mkdir(parents=True)

    def mount(*words):
      done = subprocess.run(["mount", *words, str(disk)], capture_output=True,
                            text=True, check=False)
      mill.check(done.returncode == 0, "mount", *words, done.stderr)

    mount("-t", "tmpfs", "tmpfs")
    try:
      made.up()
      book = ledger(made, DAY)
      mill.check(book.publish(), "rows were not committed")
      # The kernel lets no file be open for writing in one that changes so.
      made.kill("rt2")
      mount("-o", "remount,ro")
      done = made.run("up", "rt2", code=None)
      mill.check(done.returncode not in (0, 70), "started, or ended by a defect:",
                 done.returncode, done.stdout, done.stderr)
      mill.check("Read-only file system" in done.stdout + done.stderr,
                 done.stdout, done.stderr)
      for _ in range(5):
        mill.check(book.publish(), "rows were not committed without it")
      book.check_answer()
      mount("-o", "remount,rw")
      made.up()
      mill.check(book.publish(), "rows were not committed with it")
      book.check_all()
    finally:
      made.run("down", "--grace", "5", "--force", code=None)
      subprocess.run(["umount", "-l", str(disk)], check=False)


def refusals(binary):
  """Nothing is done when a part of a script cannot be done."""
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    at = made.directory / "script.faults"
    for text, told in (
        ("cut rt1 <-> rt9", "no [[node]] is named rt9"),
        ("kill rt1 | lie rt1 | reset rt1 <-> rt2 3",
         "'lie rt1', 'reset rt1 <-> rt2 3': real nodes are"),
        ("crash rt1 rt.nosuch",
         "no code of a node passes a crash point named 'rt.nosuch'"),
        ("cut rt1", "script.faults:1:15: ")):
      at.write_text(f"at 0s: {text}\n")
      said = made.run("chaos", at, code=64).stderr
      mill.check(told in said, text, said)


def of_nothing(binary):
  """Faults that cannot be done are no success, and start nothing."""
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    at = made.directory / "script.faults"
    at.write_text("at 0s: cut rt1 <-> rt2\nat 1s: heal\n")
    said = made.run("chaos", at, code=69)
    mill.check("no node runs here" in said.stderr, said.stderr)
    mill.check("started again" not in said.stdout, said.stdout)
    at.write_text("at 0s: kill rt1 | flip rt1 no.such 3\n")
    said = made.run("chaos", at, code=1).stdout
    mill.check("rt1: does not run" in said, said)
    mill.check("faults that could not be done: 2" in said, said)
    said = json.loads(made.run("chaos", at, "-o", "json", code=1).stdout)
    mill.check([(each["fault"], each["done"]) for each in said["faults"]]
               == [("kill rt1", False), ("flip rt1 no.such 3", False)], said)
    mill.check(said["down"] == list(NODES) and said["awaited"] == [], said)
    at.write_text("at 0s: try kill rt1 | try flip rt1 no.such 3\n")
    said = json.loads(made.run("chaos", at, "-o", "json", code=1).stdout)
    mill.check(not any(each["done"] for each in said["faults"]), said)
    said = made.run("chaos", at, code=1).stdout
    mill.check("faults that could not be done" not in said, said)


def of_less(binary):
  """What would change nothing, or never came, is no success."""
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    made.up()
    # It waited for a node to lead.
    made.run("status")
    some = min((path for path in (made.directory / "data").rglob("*")
                if path.is_file() and "/rt1/" in str(path)
                and path.stat().st_size > 0), key=lambda path: len(str(path)))
    at = made.directory / "script.faults"
    at.write_text(
      f"at 0s: shorten rt1 {some.name} 99999999 | resume rt1 | restart rt1\n"
      "at 1s: crash rt2 rdb.before_insert 1 | "
      "try crash rt1 rdb.before_insert 1\n"
      "at 2s: pause rt3\nat 3s: heal\n")
    said = made.run("chaos", at, code=1).stdout
    for told in ("has only", "resume rt1: does not stand still",
                 "restart rt1: runs already", "rt3 goes on",
                 "did not come to happen: crash rt2 rdb.before_insert",
                 "did not come to happen: try crash rt1 rdb.before_insert",
                 "faults that could not be done: 3"):
      mill.check(told in said, told, said)
    # All run, and `up` waits for those that choose who leads.
    made.run("up")
    made.run("status")


def told_until(running, what):
  """What a script in progress has said up to a line with this in it."""
  seen = ""
  for line in running.stdout:
    seen += line
    if what in line:
      return seen
  raise mill.failure(f"no word of {what}: {seen}")


def one_end_after_the_other(binary):
  """A disk is another one when its node ends, and not when it comes back, and a
  node comes back so long after its end."""
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, DAY)
    with book.writing():
      at = made.directory / "script.faults"
      at.write_text("at 0s: back-up rt2\n"
                    "at 1s: kill rt1 restart 3s empty\n"
                    "at 1500ms: restart rt1\n"
                    "at 5s: kill rt2 restart 3s older\n"
                    "at 5500ms: heal\nat 9s: heal\n")
      said = made.run("chaos", at).stdout
      for told in ("; empty disk", "; older disk", "back rt1: was started mean",
                   "back rt2: was started meanwhile"):
        mill.check(told in said, told, said)
      for name in ("rt1", "rt2"):
        log = (made.directory / f"data/nodes/{name}/node.log").read_text()
        mill.check("_damaged" not in log, name, "lost files while it ran:", log)
    # Its end comes long after the script asked for it.
    at.write_text("at 0s: crash rt1 rt.before_sync 12 restart 1s\n"
                  "at 2s: pause hdb1\nat 2100ms: resume hdb1\nat 15s: heal\n")
    running = made.start("chaos", at)
    try:
      said = told_until(running, "resume hdb1")
      mill.check("back rt1" not in said, said)
      with book.writing():
        said += told_until(running, "back rt1: started")
      mill.check("ended there: crash rt1" in said, said)
    finally:
      more, faults = running.communicate()
    mill.check(running.returncode == 0, said, more, faults)
    made.run("up")
    book.flush()
    book.check_answer("the rdb")


BESIDE = {"links": damage_is_told, "flaps": pace_stays,
          "crash points under questions": questions_are_asked}
def of_others(binary):
  """A node that others started again is behind no proxy: nothing befalls its links,
  and that is no success."""
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    made.up()
    at = made.directory / "script.faults"
    at.write_text("at 0s: delay rt1 <-> rt2 1ms\nat 6s: cut rt1 <-> rt2\n"
                  "at 6500ms: cut rt2 <-> rt3\nat 7s: heal\n")
    playing = made.start("chaos", at)
    try:
      for line in iter(playing.stdout.readline, ""):
        if "delay rt1" in line:
          break
      made.run("restart", "rt1")
      said = playing.communicate()[0]
    finally:
      playing.terminate()  # It starts nodes.
      playing.wait()
    mill.check(playing.returncode == 1, playing.returncode, said)
    for told in ("cut rt1 <-> rt2: rt1 was started by others",
                 "cut rt2 <-> rt3: cut", "heal: rt1 was started by others",
                 "faults that could not be done: 2"):
      mill.check(told in said, told, said)


# Parts that are no script, all by day.
ALONE = {"refusals": refusals, "nothing": of_nothing, "less": of_less,
         "others": of_others, "ends": one_end_after_the_other,
         "publishers": publishers_end, "read-only": read_only}


PARTS = [*ALONE, *SCRIPTS]
# The others are of the night alone.
BY_DAY = [*ALONE, "kills", "links"]


def main():
  binary, *chosen = sys.argv[1:]
  is_all = os.environ.get("MILLRACE_CHAOS") == "all"
  for name in chosen or (PARTS if is_all else BY_DAY):
    try:
      with mill.part(name):
        if name in ALONE:
          ALONE[name](binary)
        else:
          through(binary, SCRIPTS[name],
                  BESIDE.get(name, lambda *_: None))
    except mill.failure as why:
      print(f"FAILED {name}: {why}", file=sys.stderr)
      sys.exit(1)


if __name__ == "__main__":
  main()
