#!/usr/bin/env python3
"""Three RT nodes keep one stream while each of them is killed or stopped."""

import json
import os
import select
import shutil
import signal
import subprocess
import time

import millrace_cluster as mill

MEMBERS = ["rt1", "rt2", "rt3"]
ROLES = [("discovery1", "discovery")] + [(name, "rt") for name in MEMBERS]
LINES = 200


def publish(made, origin, first):
  """Returns when all is committed: by a majority."""
  lines = "".join(json.dumps({"data": f"{origin}-{first + i}"}) + "\n"
                  for i in range(LINES))
  made.run("pub", "--stream", "market", "--origin", origin, text=lines)


def leader(made):
  for name in MEMBERS:
    if made.node(f"n-{name}")["state"] == "running":
      if made.process(name)["group"]["role"] == "leader":
        return name
  return None


def files(made, name):
  out = made.directory / "data" / "rt" / name / "market" / "out"
  return {path.name: path.read_bytes() for path in out.glob("log.*")}


def check_all(made, origins):
  """Every copy holds the same bytes, and every message once, in order."""
  mill.wait_until(
    lambda: len({made.process(name)["end"] for name in MEMBERS}) == 1, 30,
    "three equal ends")
  for name in MEMBERS[1:]:
    mill.check(files(made, name) == files(made, "rt1"), name, "differs")
  count = sum(origins.values())
  got = made.run("sub", "--stream", "market", "--from", "begin", "--count",
                 count).stdout.splitlines()
  seen = {}
  for each in map(json.loads, got):
    seen.setdefault(each["on"], []).append(each["data"])
  for origin, total in origins.items():
    mill.check(seen[origin] == [f"{origin}-{i}" for i in range(total)], origin)


def members_are_killed(binary):
  for mode in ("synced", "cached"):
    with mill.cluster(binary, mode=mode, roles=ROLES) as made:
      made.up()
      publish(made, "before", 0)
      origins = {"before": LINES}
      # Each in turn, and the one that leads at the end.
      for name in MEMBERS + [None]:
        name = name or leader(made)
        made.kill(f"n-{name}")
        origin = f"without-{len(origins)}"
        publish(made, origin, 0)
        origins[origin] = LINES
        made.up()
        check_all(made, origins)
      for name in MEMBERS:
        made.kill(f"n-{name}")
      made.up()
      publish(made, "before", LINES)
      origins["before"] += LINES
      check_all(made, origins)


def the_leader_stands_still(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    publish(made, "first", 0)
    name = leader(made)
    pid = made.node(f"n-{name}")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
      publish(made, "second", 0)
    finally:
      os.kill(pid, signal.SIGCONT)
    publish(made, "first", LINES)
    check_all(made, {"first": 2 * LINES, "second": LINES})


def votes(made, name):
  group = made.process(name).get("group", {})
  return group.get("role") in ("leader", "follower")


def data_of(made, name):
  return made.directory / "data" / "rt" / name


def a_group_is_reset(binary):
  """While messages come: the same bytes on all nodes, each message once."""
  with mill.cluster(binary, mode="cached", roles=ROLES) as made:
    made.up()
    publish(made, "a", 0)
    session, roll = made.first()
    soft = json.loads(made.run("stream", "reset", "market", "--soft", "-o",
                               "json").stdout)
    mill.check(sorted(each["process"] for each in soft) == MEMBERS, soft)
    coming = subprocess.Popen(
      [made.binary, "pub", "--stream", "market", "--origin", "b"],
      stdin=subprocess.PIPE, env=made.environment(), text=True)
    for i in range(1000):
      coming.stdin.write(json.dumps({"data": f"b-{i}"}) + "\n")
      if i == 500:
        made.run("stream", "reset", "market", "--hard", "--yes")
        made.kill("n-" + leader(made))
    coming.communicate()
    mill.check(coming.returncode == 0, "the publisher ended with",
               coming.returncode)
    made.up()
    mill.wait_until(
      lambda: len({made.process(name)["end"] for name in MEMBERS}) == 1, 30,
      "three equal ends")
    mill.check(made.process("rt1")["end"] >> 44 == session + 1)
    mill.wait_until(lambda: all(files(made, name) == files(made, "rt1")
                                and f"log.{session}.{roll + 1}"
                                not in files(made, name)
                                for name in MEMBERS), 30, "equal copies")
    followed = [json.loads(line) for line in made.run(
      "sub", "--stream", "market", "--from", "begin", "--until",
      "end").stdout.splitlines()]
    got = [each["data"] for each in followed if "data" in each]
    # What came before the reset went; nothing after it is lost, or comes twice.
    mill.check(got and got == [f"b-{i}" for i in range(1000 - len(got), 1000)],
               len(got), got[:3])
    mill.check(sum(each.get("event") == "reset" for each in followed) == 1,
               [each for each in followed if "event" in each])


def everybody_is_shown(binary):
  """Who reads from any node, and that none orders the stream."""
  with mill.cluster(binary, roles=ROLES) as made:
    # Who waits for the end of what is open where `up` ran need not wait for
    # the nodes.
    read_end, write_end = os.pipe()
    subprocess.run([made.binary, "up"], env=made.environment(), check=True,
                   capture_output=True, pass_fds=[write_end])
    os.close(write_end)
    mill.check(select.select([read_end], [], [], 10)[0], "a node holds it open")
    os.close(read_end)
    publish(made, "a", 0)
    readers = [made.start("sub", "--stream", "market") for _ in range(3)]
    try:
      def info():
        return json.loads(made.run("stream", "info", "market", "-o",
                                   "json").stdout)
      mill.wait_until(lambda: info()["subscribers"] == 3, 30, "three are shown")
      told = info()
      mill.check({int(each["pid"]) for each in told["connected"]}
                 == {each.pid for each in readers}, told["connected"])
      mill.check(all(each["node"] in MEMBERS for each in told["connected"]))
      mill.check(sum(each["leads"] for each in told["nodes"]) == 1, told["nodes"])
    finally:
      for each in readers:
        each.terminate()
        each.communicate()
    for name in MEMBERS[:2]:
      made.kill(f"n-{name}")
    mill.wait_until(
      lambda: made.run("stream", "info", "market", code=None).returncode == 1,
      30, "that none orders it")
    told = made.run("stream", "ls", code=1)
    mill.check("no node orders it" in told.stderr, told.stderr)


def a_damaged_journal_is_read_to_its_end(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    path = made.directory / "journal"
    publish_to = ("pub", "--stream", path)
    made.run(*publish_to, text='{"data":"one"}\n')
    log = path / "log.0.0"
    held = bytearray(log.read_bytes())
    held[held.index(b"one")] ^= 1
    log.write_bytes(held)
    made.run(*publish_to, text='{"data":"two"}\n{"data":"three"}\n')
    told = [json.loads(line) for line in made.run(
      "sub", "--stream", path, "--from", "begin", "--until",
      "end").stdout.splitlines()]
    mill.check([each.get("data", each.get("event")) for each in told]
               == ["badtail", "two", "three"], told)
    last = made.run("sub", "--stream", path, "--last", "1").stdout
    mill.check("three" in last, last)
    told = made.run("log", "tail", path, code=65).stderr
    mill.check("--resync" in told, told)
    told = made.run("log", "tail", "--resync", path).stdout
    mill.check("three" in told, told)


def members_lose_their_disks(binary):
  """One at a time they are taken in again; of two, an operator is told."""
  with mill.cluster(binary, mode="synced", roles=ROLES) as made:
    made.up()
    publish(made, "first", 0)
    origins = {"first": LINES}
    for name in MEMBERS:
      made.kill(f"n-{name}")
      shutil.rmtree(data_of(made, name))
      made.up()
      mill.wait_until(lambda: votes(made, name), 30, f"{name} votes again")
      origin = f"after-{name}"
      publish(made, origin, 0)
      origins[origin] = LINES
      check_all(made, origins)
    told = made.run("stream", "members", "market").stdout
    for name in MEMBERS:
      mill.check(f"member {name} (" in told, told)
    for name in MEMBERS:
      made.kill(f"n-{name}")
    for name in MEMBERS[:2]:
      shutil.rmtree(data_of(made, name))
    # Nobody can lead.
    made.run("up", code=1)
    made.run("stream", "members", "market", code=69)
    made.run("status", code=1)
    made.run("stream", "recover", "market", code=73)
    made.down()
    told = made.run("stream", "recover", "market", code=1)
    mill.check("rt3 holds most" in told.stdout, told.stdout)
    made.run("stream", "recover", "market", "--accept-loss")
    made.up()
    for name in MEMBERS:
      mill.wait_until(lambda: votes(made, name), 30, f"{name} votes again")
    publish(made, "last", 0)
    origins["last"] = LINES
    check_all(made, origins)


def who_waits_says_why(binary):
  """Two of three are dead: those who need an order say within some seconds who
  is missing, and what starts it, and names none that runs."""
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    publish(made, "a", 0)
    for name in MEMBERS[:2]:
      made.kill(f"n-{name}")
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    rows = made.directory / "rows.csv"
    rows.write_text("time,sym,size\n2024-01-02T10:00:00Z,A,1\n")
    waiters = {
      "pub": made.start("pub", "--stream", "market", "--origin", "b",
                        stdin=subprocess.PIPE),
      "known": made.start("pub", "--stream", "market", "--origin", "a",
                          stdin=subprocess.PIPE),
      "sub": made.start("sub", "--stream", "market", "--from", "end"),
      "feed": made.start("feed", "--layout", layout, "--table", "trade", rows),
      "eop": made.start("eop", "--period", "2024-01-02", "--timeout", "60"),
    }
    try:
      for name, waiter in waiters.items():
        if waiter.stdin:
          waiter.stdin.write('{"data": "x"}\n')
          waiter.stdin.flush()
      begun = time.monotonic()
      for name, waiter in waiters.items():
        line = waiter.stderr.readline()
        took = time.monotonic() - begun
        for fact in ("nobody orders it: 1 of 3 rt processes answers (rt3), and "
                     "2 are needed", "`millrace up n-rt1 n-rt2` starts it"):
          mill.check(fact in line, fact, "is not in what", name, "says:", line)
        mill.check("spawn" not in line, name, "says:", line)
        # A loaded machine is slower; the silence was of 30 s.
        mill.check(took < 2.5 * mill.patience() + 3, name, "took", took)
      told = made.run("sub", "--stream", "market", "--until", "end", code=69)
      mill.check("1 of 3 rt processes answers" in told.stderr, told.stderr)
      made.up()
      mill.check("it is ordered again" in waiters["sub"].stderr.readline())
      for name in ("pub", "known"):
        out, err = waiters[name].communicate(timeout=60)
        mill.check(waiters[name].returncode == 0, name, out, err)
      mill.check(waiters["feed"].wait(60) == 0, waiters["feed"].communicate())
    finally:
      for waiter in waiters.values():
        waiter.kill()
        waiter.communicate()


if __name__ == "__main__":
  mill.main([members_are_killed, the_leader_stands_still, who_waits_says_why,
             a_group_is_reset, everybody_is_shown,
             a_damaged_journal_is_read_to_its_end, members_lose_their_disks])
