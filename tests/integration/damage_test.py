#!/usr/bin/env python3
"""Streams whose files are damaged, cut, lost or swapped: what another copy has
is put back, the rest is told, and no process ends of it."""

import json
import shutil
import signal
import subprocess

import millrace_cluster as mill

TRY_LATER = 75
WRONG_CONFIGURATION = 78
ROLES = [("discovery1", "discovery"), ("rt1", "rt")]
# What may act on, or tell of, no cluster but that of the data.
OF_ONE_CLUSTER = [
  ["stop", "rt1"],
  ["spawn", "rt1", "--on", "n"],
  ["eop", "--period", "2024-01-02", "--timeout", "5"],
  ["processes"],
  ["query", "--timeout", "5", "select from trade"],
  ["tables"],
  ["stream", "ls"],
  ["stream", "info", "market"],
  ["stream", "members", "market"],
  ["stream", "losses", "market"],
  ["consumer", "ls"],
  ["stream", "prune", "market", "--to", "log.0.1@0", "--yes"],
  ["stream", "give-up", "market", "--yes"],
]


class rt_only(mill.cluster):
  """One node with RT alone, small files, and payloads as messages."""

  def __init__(self, binary):
    super().__init__(binary, nodes={"n": ["discovery1", "rt1"]}, mode="synced",
                     roles=ROLES)
    self.path.write_text(self.path.read_text().replace(
      'mode = "synced"', 'mode = "synced"\nroll_size = "64KiB"'))
    # A publisher that does not roll: its copies are not collected, and all can
    # be made again from them.
    self.whole = self.directory / "whole.toml"
    self.whole.write_text(self.path.read_text().replace("64KiB", "256MiB"))
    self.stream = self.directory / "data" / "rt" / "rt1" / "market"
    self.sent = []

  def pub(self, origin, count, code=0, config=None, seconds=60):
    lines = []
    for _ in range(count):
      self.sent.append(f"{origin} {len(self.sent)} ".ljust(1000, "x"))
      lines.append(json.dumps({"data": self.sent[-1]}))
    env = self.environment(**({"MILLRACE_CONFIG": str(config)} if config
                              else {}))
    return self.run("pub", "--stream", "market", "--origin", origin, code=code,
                    text="\n".join(lines) + "\n", env=env, seconds=seconds)

  def received(self, seconds=20):
    """All that was sent comes, in order; @returns the events between."""
    sub = self.start("sub", "--stream", "market", "--from", "begin", "--count",
                     str(len(self.sent)))
    try:
      out, err = sub.communicate(timeout=seconds * mill.patience())
    except subprocess.TimeoutExpired:
      sub.kill()
      out, err = sub.communicate()
      raise mill.failure(f"{len(out.splitlines())} lines of {len(self.sent)} "
                         f"messages came; {err[-500:]}") from None
    told = [json.loads(line) for line in out.splitlines()]
    got = [line["data"] for line in told if "data" in line]
    mill.check(got == self.sent, len(got), "messages came, other than the",
               len(self.sent), "that were sent")
    return [line["event"] for line in told if "event" in line]

  def repair(self):
    return self.process("rt1")["repair"]

  def node_log(self):
    return (self.directory / "data/nodes/n/node.log").read_text()

  def input(self, origin):
    return next((self.stream / "in" / f"{origin}.market").iterdir())


def flip(path, offset=None):
  data = bytearray(path.read_bytes())
  data[len(data) // 2 if offset is None else offset] ^= 1
  path.write_bytes(data)


def again(made):
  """Another life of the node."""
  made.down("n")
  made.up("n")


def stored_copies(binary):
  with rt_only(binary) as made:
    out = made.stream / "out"
    made.up()
    made.pub("a", 600, config=made.whole)
    files = sorted(out.glob("log.*"),
                   key=lambda path: tuple(map(int, path.name.split(".")[1:])))
    mill.check(len(files) > 3, "the log should have rolled:", files)

    with mill.part("  a message leads to its publisher's log, and back"):
      a_message_leads_to_its_publisher(made, out)
    damaged_files_of_out(made, out, files)
    damaged_inputs(made)
    with mill.part("  what is made again at a start, and told"):
      made_again_at_a_start(made)


def a_message_leads_to_its_publisher(made, out):
  place = next(item["begin"] for item in made.log("dump", out, "--bytes",
                                                  "0")
               if item["type"] == "message" and item["id"] == 300)
  told = json.loads(made.run("stream", "explain-pos", "market", str(place),
                             "-o", "json").stdout)
  mill.check(told["certain"] and told["id"] == 300, told)
  source = told["sources"][0]
  mill.check(source["directory"] == "a.market", told)
  back = json.loads(made.run("stream", "explain-pos", "market",
                             source["place"], "--publisher", "a.market",
                             "-o", "json").stdout)
  mill.check(back["begin"] == place and not back["duplicate"], back)
  made.run("stream", "explain-pos", "market", str(place + 4), code=65)
  # As subscribers are given its position.
  given = [json.loads(line) for line in made.run(
    "sub", "--stream", "market", "--from", "begin", "--count",
    300).stdout.splitlines()]
  for told, number in ((given[-1], 300), (given[0], given[0]["id"])):
    said = json.loads(made.run("stream", "explain-pos", "market", "--delivered",
                               told["position"], "-o", "json").stdout)
    mill.check(said["id"] == number and said["end"] == told["position"], said)
  made.run("stream", "explain-pos", "market", "--delivered", str(place + 4),
           code=65)
  made.run("stream", "explain-pos", "market", "0", "--publisher",
           "nobody.market", code=64)


def damaged_files_of_out(made, out, files):
  with mill.part("  a bit in a closed file of out/, live"):
    whole = files[1].read_bytes()
    flip(files[1])
    mill.check(made.received() == [], "repaired, and yet an event")
    mill.check(files[1].read_bytes() == whole, "not the same bytes")
    mill.check(made.repair()["out_mended"] == 1, made.repair())
    mill.check("out_mended" in made.node_log(), "the log does not tell")

  with mill.part("  a closed file of out/ gone, another cut, over a start"):
    made.down("n")
    files[0].unlink()
    cut = files[2]
    cut.write_bytes(cut.read_bytes()[:5000])
    made.up("n")
    mill.check(made.received() == [], "repaired, and yet an event")

  with mill.part("  the last file of out/: a bit, zeroes, gone"):
    for harm in (flip,
                 lambda path: path.write_bytes(bytes(path.stat().st_size)),
                 lambda path: path.unlink()):
      made.down("n")
      harm(sorted(out.glob("log.*"),
                  key=lambda path: int(path.name.split(".")[2]))[-1])
      made.up("n")
      made.received()

  with mill.part("  all of out/ gone"):
    made.down("n")
    shutil.rmtree(out)
    made.up("n")
    made.received()


def damaged_inputs(made):
  with mill.part("  a bit in an input that is merged"):
    made.down("n")
    flip(made.input("a") / "log.0.0")
    made.up("n")
    made.pub("a", 5, config=made.whole)
    made.pub("b", 5, config=made.whole)
    made.received()

  with mill.part("  all inputs gone under a running node"):
    shutil.rmtree(made.stream / "in")
    made.pub("a", 70, config=made.whole)
    made.pub("c", 5, config=made.whole)
    made.received()
    told = lambda name: f"{made.input(name)}: is gone" in made.node_log()
    mill.wait_until(lambda: told("a"), 10, "the copy of 'a' to be told")
    again(made)
    made.pub("a", 5, config=made.whole)
    made.received()
    mill.wait_until(lambda: told("b"), 10, "the copy of 'b' to be told")
    mill.check(made.repair()["inputs_gone"] >= 1, made.repair())


def made_again_at_a_start(made):
  rot = lambda at: [flip(path) for path in at.glob("*.log")
                    if path.stat().st_size > 0]
  for name, harm, words in [
      ("state", shutil.rmtree, "/state: is gone;"),
      ("state", rot, "/state: is damaged: "),
      ("history", shutil.rmtree, "/history: is gone,")]:
    made.down("n")
    before = len(made.node_log())
    harm(made.stream / name)
    made.up("n")
    made.received()
    told = made.node_log()[before:]
    mill.check(words in told and "|WARN|begins_anew|" in told, name, told)
    again(made)
    mill.check(told.count("begins_anew") == 1
               and made.node_log().count(words) == 1, name, "told twice")


def live_publisher(binary):
  """A publisher's own log is damaged before it was sent."""
  with rt_only(binary) as made:
    made.up()
    made.pub("a", 1)
    pub = made.start("pub", "--stream", "market", "--origin", "a",
                     stdin=subprocess.PIPE)

    def send(count):
      for _ in range(count):
        made.sent.append(f"a {len(made.sent)} ".ljust(1000, "x"))
        pub.stdin.write(json.dumps({"data": made.sent[-1]}) + "\n")
      pub.stdin.flush()

    send(2)
    mill.wait_until(lambda: made.log("info", made.merged)["messages"] == 3, 20,
                    "the first messages in the stream")
    made.down("n")
    log = sorted((made.directory / "data/pub/a.market").glob("log.*"))[-1]
    # Each in a record of its own.
    for _ in range(3):
      size = log.stat().st_size
      send(1)
      mill.wait_until(lambda at=size: log.stat().st_size > at, 20,
                      "one more message in the log")
    places = [item["begin"]
              for item in made.log("dump", log.parent, "--bytes", "0")
              if item["type"] == "message"]
    mill.check(len(places) == 6, places)
    flip(log, (places[3] & (2**30 - 1)) + 40)
    del made.sent[3]
    made.up("n")
    send(3)
    pub.stdin.close()
    mill.check(pub.wait(60) == 0, "pub:", pub.stderr.read())
    events = made.received()
    mill.check(events == ["badtail", "gap"], "events:", events)
    # Ids are not given out again, and nothing is told twice.
    made.pub("a", 2)
    again(made)
    mill.check(made.received() == events, "other events later")


def gone_for_good(binary):
  """A publisher's directory: what names it is damaged; then all of it is gone,
  and with it what is damaged on its only RT node."""
  with rt_only(binary) as made:
    made.up()
    made.pub("a", 70, config=made.whole)
    home = made.directory / "data/pub/a.market"
    lineage = home / ".lineage"

    with mill.part("  a publisher that does not know its life"):
      for harm in (flip, lambda path: path.write_bytes(b""),
                   lambda path: path.unlink()):
        harm(lineage)
        done = made.run("pub", "--stream", "market", "--origin", "a", code=65,
                        text='{"data": "x"}\n')
        mill.check(".lineage" in done.stderr and "put back" in done.stderr
                   and "a.market" in done.stderr, done.stderr)
        shutil.copy(made.input("a") / ".lineage", lineage)
      made.pub("a", 5, config=made.whole)
      # Nobody knew for a while what its log had held.
      mill.check(set(made.received()) <= {"reset"}, "put back, and yet a loss")

    with mill.part("  what nobody has any more is given up"):
      give_up = ["stream", "give-up", "market"]
      told = json.loads(made.run(*give_up, "--yes", "-o", "json").stdout)
      mill.check(told["lost"] == [] and told["asked"] == [], told)
      made.down("n")
      shutil.rmtree(home)
      shutil.rmtree(made.stream / "out")
      copy = made.input("a")
      flip(copy / "log.0.0")
      made.up("n")
      mill.wait_until(lambda: made.repair()["asked_for"], 20,
                      "a question for what is damaged")
      made.run(*give_up, "--yes", code=75)
      mill.wait_until(lambda: made.repair()["waited_for"], 40,
                      "that it is waited for")
      made.run(*give_up, code=64)
      for how in ("--dry-run", "--yes"):
        told = json.loads(made.run(*give_up, how, "-o", "json").stdout)
        mill.check(told["lost"] and told["lost"][0]["input"].startswith(
          "a.market/"), told)
      told = json.loads(made.run(*give_up, "--dry-run", "-o", "json").stdout)
      mill.check(told["lost"] == [], "still waited for:", told)
      told = json.loads(made.run("stream", "losses", "market", "-o",
                                 "json").stdout)["losses"]
      mill.check("input_lost" in [each["kind"] for each in told], told)
      mill.check(made.node_log().count("|input_damaged|") < 5,
                 "told again and again")


def strangers(binary):
  """Other data at the same port, two directories of one identity, and a copy
  that goes its own way."""
  with rt_only(binary) as made:
    made.up()
    made.pub("a", 3)
    other = made.directory / "other.toml"
    other.write_text(made.path.read_text().replace(
      'data = "data"', f'data = "{made.directory}/elsewhere"'))
    def others_refuse():
      for words in OF_ONE_CLUSTER:
        done = made.run(*words, code=None, seconds=20,
                        env=made.environment(MILLRACE_CONFIG=str(other)))
        mill.check(done.returncode == WRONG_CONFIGURATION
                   and "another cluster" in done.stderr, *words,
                   "acts on another cluster:", done.returncode, done.stdout,
                   done.stderr)

    # Also where nothing was written yet.
    others_refuse()
    mill.check(not (made.directory / "elsewhere").exists(), "it is founded")
    done = made.pub("a", 2, code=None, config=other, seconds=20)
    del made.sent[-2:]
    mill.check(done.returncode == WRONG_CONFIGURATION
               and "another cluster" in done.stderr
               and f"{made.directory}/data" in done.stderr,
               "another cluster of this name is not refused:",
               done.returncode, done.stderr)
    others_refuse()
    # Copied by hand, it passes for the same.
    shutil.rmtree(made.directory / "elsewhere/.cluster", ignore_errors=True)
    shutil.copytree(made.directory / "data/.cluster",
                    made.directory / "elsewhere/.cluster")
    # The node's own files stay where they are.
    made.pub("a", 2, config=other)
    done = made.pub("a", 1, code=None, seconds=20)
    del made.sent[-1]
    mill.check(done.returncode not in (0, TRY_LATER)
               and "closed by a later one" in done.stderr,
               "the first directory is not refused:", done.returncode,
               done.stderr)
    made.pub("copied", 3)
    here = made.directory / "data/pub/copied.market"
    there = made.directory / "elsewhere/pub/copied.market"
    shutil.copytree(here, there)
    made.pub("copied", 3)
    done = made.pub("copied", 3, code=None, config=other, seconds=20)
    del made.sent[-3:]
    mill.check(done.returncode not in (0, TRY_LATER)
               and "published elsewhere" in done.stderr,
               "the copy is not refused:", done.returncode, done.stderr)
    made.pub("copied", 2)
    made.received()


def unread_pipe(binary):
  """`sub` into a pipe that nobody reads ends when it is told to."""
  with rt_only(binary) as made:
    made.up()
    made.pub("a", 300)
    sub = made.start("sub", "--stream", "market", "--from", "begin")
    # It fills the pipe, and waits.
    mill.check(sub.stdout.read(1) == "{", "nothing is printed")
    sub.send_signal(signal.SIGTERM)
    try:
      sub.wait(10 * mill.patience())
    finally:
      sub.kill()
    mill.check(sub.returncode > 0, "all is said to be printed:",
               sub.returncode)


if __name__ == "__main__":
  mill.main([stored_copies, live_publisher, gone_for_good, strangers,
             unread_pipe])
