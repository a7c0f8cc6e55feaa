#!/usr/bin/env python3
"""A cluster on three hosts, which are network namespaces of this one: what is fed
on one is asked on another, by TLS alone; a link is cut, and mended. Needs root, and
no data of others; nothing listens outside of the namespaces."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import millrace_cluster as mill
from certificates import make_authority, make_certificate

ADDRESS = {f"n{i}": f"10.77.0.{i}" for i in (1, 2, 3)}
EXAMPLE = mill.REPOSITORY / "examples" / "hosts.toml"
COUNT = "select count(*) as n from trade"


def configuration(change=lambda line: line):
  """The example, each line of its own keys of TLS as `change` makes it."""
  out = []
  for line in EXAMPLE.read_text().splitlines():
    out.append(change(line) if line.startswith("tls_") else line)
  return "\n".join(out) + "\n"


def ip(*words, check=True):
  done = subprocess.run(["ip", *words], capture_output=True, text=True,
                        timeout=30, check=False)
  mill.check(not check or done.returncode == 0, "ip", *words, done.stderr)
  return done


class network:
  """Three namespaces, and a fourth with what is between them."""

  def __init__(self):
    mark = f"mill{os.getpid()}"
    self.switch = f"{mark}s"
    self.of = {node: f"{mark}{node}" for node in ADDRESS}

  def __enter__(self):
    if os.geteuid() != 0 or not shutil.which("ip"):
      print("skipped: namespaces of the network need root, and ip")
      sys.exit(mill.SKIP)
    try:
      made = ip("netns", "add", self.switch, check=False)
      if made.returncode != 0:
        print("skipped: no namespaces of the network here:", made.stderr)
        sys.exit(mill.SKIP)
      made = ip("-n", self.switch, "link", "add", "br0", "type", "bridge",
                check=False)
      if made.returncode != 0:
        print("skipped: no bridges here:", made.stderr)
        sys.exit(mill.SKIP)
      ip("-n", self.switch, "link", "set", "br0", "up")
      for node, name in self.of.items():
        ip("netns", "add", name)
        ip("-n", self.switch, "link", "add", node, "type", "veth", "peer",
           "name", "eth0", "netns", name)
        ip("-n", self.switch, "link", "set", node, "master", "br0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "addr", "add", f"{ADDRESS[node]}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
    except BaseException:
      self.__exit__()
      raise
    return self

  def __exit__(self, *_):
    for name in [*self.of.values(), self.switch]:
      ip("netns", "del", name, check=False)

  def link(self, node, state):
    ip("-n", self.switch, "link", "set", node, state)


class host:
  """One of them, with a disk of its own: what lies at the same path on each is
  another directory here."""

  def __init__(self, binary, net, base, node):
    self.binary, self.namespace, self.node = binary, net.of[node], node
    self.directory, self.seen = base / node, base / "host"
    (self.directory / "tls").mkdir(parents=True)
    self.seen.mkdir(exist_ok=True)
    self.path = self.seen / "cluster.toml"
    (self.directory / "cluster.toml").write_text(configuration())

  def words(self, *words):
    return ["ip", "netns", "exec", self.namespace, "sh", "-c",
            'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh",
            str(self.directory), str(self.seen), self.binary,
            *map(str, words)]

  def environment(self):
    return dict(os.environ, MILLRACE_CONFIG=str(self.path))

  def start(self, *words):
    return subprocess.Popen(self.words(*words), env=self.environment(),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)

  def run(self, *words, code=0, text=None, seconds=120):
    done = subprocess.run(self.words(*words), input=text, text=True,
                          env=self.environment(), capture_output=True,
                          timeout=seconds, check=False)
    mill.check(code is None or done.returncode == code, self.node, *words,
               ": exit code", done.returncode, "instead of", code, "\n",
               done.stdout[-3000:], done.stderr[-3000:])
    return done

  def publish(self, count, symbol):
    rows = "".join(json.dumps({"time": "2024-01-02T14:30:00Z", "sym": symbol,
                               "price": 1.5, "size": i}) + "\n"
                   for i in range(count))
    # A log of a publisher is of one host, and so is its origin.
    self.run("pub", "--stream", "market", "--table", "trade", "--origin",
             f"pub-{self.node}", text=rows)

  def counted(self, count):
    """Whether a question that is asked here sees so many rows."""
    done = self.run("query", "-l", "sql", "-o", "json", COUNT, code=None)
    return done.returncode == 0 and json.loads(done.stdout) == [{"n": count}]

  def status(self):
    return json.loads(self.run("status", "-o", "json", code=None).stdout)


def up_all(hosts):
  starting = [(each, each.start("up")) for each in hosts]
  for each, command in starting:
    out, err = command.communicate(timeout=150)
    mill.check(command.returncode == 0, each.node, "up:", out, err)
    for other in ADDRESS:
      wanted = "started" if other == each.node else "is on another host, at"
      mill.check(any(line.startswith(f"{other}: {wanted}")
                     for line in out.splitlines()), each.node, out)


def leader(at):
  for row in at.status()["streams"]:
    if row.get("leads"):
      return "n" + row["process"][-1]
  return None


def what_lies_elsewhere(hosts):
  first, _, third = hosts
  for each in hosts:
    said = each.run("status").stdout
    for other, address in ADDRESS.items():
      told = f"{other}: on another host, at {address}" in said
      mill.check(told == (other != each.node), each.node, said)
  for words in (("up", "n2"), ("down", "n2"), ("restart", "n2"),
                ("logs", "n2")):
    said = first.run(*words, code=69).stderr
    mill.check("node 'n2' is on another host, at 10.77.0.2: run this there"
               in said, words, said)
  empty = first.directory / "none.csv"
  empty.write_text("time,sym,size\n")
  (first.directory / "mine.toml").write_text(mill.LAYOUT)
  said = first.run("load", "--layout", first.seen / "mine.toml", "--table",
                   "trade", first.seen / "none.csv", code=69).stderr
  mill.check("of 'rdb1': node 'n2' is on another host" in said, said)
  said = first.run("rejects", code=69).stderr
  mill.check("rdb1: node 'n2' is on another host" in said, said)
  said = first.run("stream", "recover", "market", code=64).stderr
  mill.check("is on another host, at 10.77.0.2" in said, said)
  # What nodes do for others they do for those of other hosts.
  first.run("stop", "gw3")
  said = first.run("status", code=1).stdout
  first.run("spawn", "gw3", "--on", "n3")
  third.run("status")
  mill.check("gw3" in first.run("top", "--once").stdout, "top")


def who_has_no_certificate(hosts, base):
  third = hosts[2]
  make_authority(base, "other")
  make_certificate(base, "foreign", authority="other")
  for name in ("foreign.pem", "foreign.key", "other.pem"):
    shutil.copy(base / name, third.directory / "tls")
  foreign = third.directory / "foreign.toml"
  foreign.write_text(configuration(
    lambda line: line.replace("node.", "foreign.").replace("ca.pem",
                                                           "other.pem")))
  said = third.run("query", "select from trade", "--config",
                   third.seen / "foreign.toml", code=77)
  mill.check("its certificate is not of this cluster" in said.stderr,
             said.stderr)
  clear = third.directory / "clear.toml"
  clear.write_text(configuration(lambda line: ""))
  said = third.run("query", "select from trade", "--config",
                   third.seen / "clear.toml", code=78)
  mill.check(":node.address: '10.77.0.1' is not a loopback address"
             in said.stderr and "write tls_certificate" in said.stderr,
             said.stderr)


def a_link_is_cut(net, hosts, rows):
  """Of the host whose RT node leads, where that is not the one of the rdb."""
  cut = leader(hosts[1])
  cut = cut if cut in ("n1", "n3") else "n1"
  gone = hosts[int(cut[1]) - 1]
  second = hosts[1]
  other = hosts[2] if cut == "n1" else hosts[0]
  net.link(cut, "down")
  mill.wait_until(lambda: leader(second) not in (None, cut), 60,
                  "another leader")
  second.publish(200, "CUT")
  mill.wait_until(lambda: other.counted(rows + 200), 90,
                  "what was fed while a host was away")
  said = second.run("status", code=1).stdout
  mill.check(f"{cut}: on another host, at {ADDRESS[cut]}: does not answer"
             in said, said)
  done = gone.run("query", "select from trade", "--timeout", "3", code=None)
  mill.check(done.returncode in (69, 75), "exit code", done.returncode,
             done.stderr)
  net.link(cut, "up")
  mill.wait_until(lambda: second.run("status", code=None).returncode == 0, 90,
                  "all nodes again")
  mill.wait_until(lambda: gone.counted(rows + 200), 60, "what it had missed")
  return rows + 200


def three_hosts(binary):
  binary = str(pathlib.Path(binary).resolve())
  base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-hosts-"))
  with network() as net:
    hosts = [host(binary, net, base, node) for node in ADDRESS]
    try:
      make_authority(base, "ca")
      for each in hosts:
        make_certificate(base, each.node, names=f"IP:{ADDRESS[each.node]}",
                         usage="serverAuth, clientAuth")
        shutil.copy(base / "ca.pem", each.directory / "tls")
        for kind in ("pem", "key"):
          shutil.copy(base / f"{each.node}.{kind}",
                      each.directory / "tls" / f"node.{kind}")
      up_all(hosts)
      hosts[0].publish(1000, "IBM")
      mill.wait_until(lambda: hosts[2].counted(1000), 60,
                      "on the third host what was fed on the first")
      what_lies_elsewhere(hosts)
      who_has_no_certificate(hosts, base)
      rows = a_link_is_cut(net, hosts, 1000)
      hosts[2].run("eop", "--period", "2024-01-02", "--timeout", "60")
      mill.wait_until(lambda: hosts[0].counted(rows), 60, "the partition")
      for each in hosts:
        out = each.run("down").stdout
        mill.check(f"{each.node}: stopped" in out, out)
    except BaseException:
      for log in sorted(base.glob("*/data/nodes/*/node.log")):
        tail = log.read_text(errors="replace").splitlines()[-15:]
        print(f"-- {log.parent.name}", *tail, sep="\n", file=sys.stderr)
      raise
    finally:
      for each in hosts:
        each.run("down", "--grace", "5", "--force", code=None)
      if not os.environ.get("MILLRACE_KEEP"):
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
  mill.main([three_hosts])
