#!/usr/bin/env python3
"""A group of RT nodes grows from three to five, shrinks, and has a member replaced,
as docs/operations.md says it, while messages come: each once, the same on all."""

import json
import subprocess

import millrace_cluster as mill

ROLES = [("discovery1", "discovery"), ("hdb1", "hdb"), ("rdb1", "rdb"),
         ("gw1", "gateway")]
RTS = ["rt1", "rt2", "rt3", "rt4", "rt5", "rt6"]


class group:
  """A cluster whose rt processes are those that are named, one per node."""

  def __init__(self, made):
    self.made = made
    self.rest = made.path.read_text()
    self.ports = dict(zip(RTS, mill.free_ports(len(RTS))))
    self.members = []
    self.live = None
    self.sent = 0

  def declare(self, *members):
    """The configuration has these, and running nodes are started again with it,
    one after the other."""
    before = self.members
    self.members = list(members)
    text = self.rest
    for name in members:
      text += f'[[node]]\nname = "n-{name}"\nport = {self.ports[name]}\n'
      text += f'[[process]]\nname = "{name}"\ntype = "rt"\nnode = "n-{name}"\n'
    gone = [name for name in before if name not in members]
    if gone:
      self.made.run("down", *[f"n-{name}" for name in gone])
    self.made.path.write_text(text)
    for name in before:
      if name in members:
        self.made.run("restart", f"n-{name}")
    self.made.up()

  def begin(self):
    self.live = subprocess.Popen(
      [self.made.binary, "pub", "--stream", "market", "--origin", "live"],
      stdin=subprocess.PIPE, stderr=subprocess.PIPE,
      env=self.made.environment(), text=True)

  def send(self, count=500):
    for _ in range(count):
      self.sent += 1
      self.live.stdin.write(json.dumps({"data": f"m-{self.sent}"}) + "\n")
    self.live.stdin.flush()

  def told(self):
    out = self.made.run("stream", "members", "market", "-o", "json",
                        code=None).stdout
    return json.loads(out) if out else {}

  def votes(self):
    return sorted(each["process"] for each in self.told().get("members", [])
                  if each["votes"])

  def leader(self):
    return self.told().get("leader")

  def await_leader_of(self, *members):
    """One of these leads; those that lead now are started again until then."""
    for _ in range(20):
      mill.wait_until(self.leader, 30, "a leader")
      if self.leader() in members:
        return
      self.made.run("restart", f"n-{self.leader()}")
    mill.check(False, "none of", members, "ever led")

  def ask(self):
    """An answer, which knows where the stream ends, at once."""
    said = self.made.run("query", "--strict", "-o", "json",
                         "select n:count i from trade", "--timeout", "20")
    mill.check("warning" not in said.stderr, said.stderr)

  def await_votes(self, *members):
    mill.wait_until(lambda: self.votes() == sorted(members), 60,
                    f"votes of {members}, not {self.told()}")

  def end(self):
    """All that was sent is there once, and the same on each member."""
    self.live.stdin.close()
    said = self.live.stderr.read()
    mill.check(self.live.wait(timeout=60) == 0, said)
    out = self.made.run("sub", "--stream", "market", "--from", "begin", "--until", "end").stdout
    got = [json.loads(line).get("data") for line in out.splitlines()]
    mill.check(got == [f"m-{i + 1}" for i in range(self.sent)], self.sent,
               len(got), got[:3], got[-3:])
    mill.wait_until(
      lambda: len({self.made.process(each)["end"]
                   for each in self.members}) == 1, 30, "equal ends")
    first = self.files(self.members[0])
    for name in self.members[1:]:
      mill.check(self.files(name) == first, name, "differs")

  def files(self, name):
    out = self.made.directory / "data" / "rt" / name / "market" / "out"
    return {path.name: path.read_bytes() for path in out.glob("log.*")}


def members_come_and_go(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    one = group(made)
    one.declare("rt1", "rt2", "rt3")
    one.begin()
    one.send()
    # Two more: they are taken in by themselves, and five stand two deaths.
    one.declare("rt1", "rt2", "rt3", "rt4", "rt5")
    one.await_votes("rt1", "rt2", "rt3", "rt4", "rt5")
    one.send()
    # The gateway was started with three, and is told by them of the others.
    one.await_leader_of("rt4", "rt5")
    one.ask()
    for _ in range(2):
      made.kill("n-" + one.leader())
      mill.wait_until(one.leader, 30, "a leader")
      one.send()
    made.up()
    one.await_votes("rt1", "rt2", "rt3", "rt4", "rt5")
    # Back to three: the configuration first, then one after the other.
    one.declare("rt2", "rt3", "rt4")
    mill.wait_until(one.leader, 30, "a leader")
    one.send()
    for leaving in ("rt1", "rt5"):
      told = made.run("stream", "remove", "market", leaving).stdout
      mill.check(f"{leaving} left" in told, told)
      one.send()
    one.await_votes("rt2", "rt3", "rt4")
    # One in the place of another.
    one.declare("rt2", "rt4", "rt6")
    mill.wait_until(one.leader, 30, "a leader")
    one.send()
    told = made.run("stream", "replace", "market", "rt3", "rt6").stdout
    mill.check("rt3 left, rt6 votes" in told, told)
    one.await_votes("rt2", "rt4", "rt6")
    # One who does not hear of it asks again.
    made.run("stream", "replace", "market", "rt3", "rt6")
    one.send()
    one.end()


def one_becomes_three(binary):
  """What was started with the only node is told by it of the others."""
  with mill.cluster(binary, roles=ROLES) as made:
    one = group(made)
    one.declare("rt1")
    one.begin()
    one.send()
    one.ask()
    one.declare("rt1", "rt2", "rt3")
    one.await_votes("rt1", "rt2", "rt3")
    one.send()
    one.await_leader_of("rt2", "rt3")
    one.ask()
    one.send()
    one.ask()
    one.end()


if __name__ == "__main__":
  mill.main([members_come_and_go, one_becomes_three])
