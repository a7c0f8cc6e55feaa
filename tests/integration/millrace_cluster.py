"""Drives the real binary: clusters on loopback in a directory of their own.

Tests are plain scripts: exit code 0 passed, 1 failed, 77 skipped. The binary
is the first argument; the data of others is looked for in
$MILLRACE_SHARED_DATA, else in ../shared/data beside the repository.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

TRADE = [
  "time:timestamp", "sym:symbol", "price:float", "size:int", "ex:symbol",
  "cond:symbol", "suspicious:boolean"
]
QUOTE = [
  "time:timestamp", "sym:symbol", "bid:float", "bsize:int", "ask:float",
  "asize:int", "ex:symbol", "cond:symbol", "suspicious:boolean"
]
ROLES = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb"),
         ("hdb1", "hdb"), ("gw1", "gateway")]

# Rows of a table of time, symbol and size.
LAYOUT = """table = "trade"
delimiter = ","
header = true
time_column = "time"
symbol_column = "sym"
[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "iso"
zone = "UTC"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
[[column]]
name = "size"
type = "int"
header = "size"
"""


class failure(Exception):
  """A check that does not hold."""


def check(condition, *facts):
  if not condition:
    raise failure(" ".join(str(fact) for fact in facts))


def shared_data(part):
  """The directory of real input; ends the test as skipped without it."""
  base = os.environ.get("MILLRACE_SHARED_DATA")
  if base:
    path = pathlib.Path(base) / part
  else:
    path = REPOSITORY.parent / "shared" / "data" / part
  if not path.is_dir():
    print(f"skipped: no real data in {path}; set MILLRACE_SHARED_DATA")
    sys.exit(SKIP)
  return path


def free_ports(count):
  """Ports that nobody listens on at the moment, below those that the kernel gives
  to connections. Drawn, so that tests beside one another do not meet."""
  sockets, draw = [], random.SystemRandom()
  try:
    while len(sockets) < count:
      each = socket.socket()
      try:
        each.bind(("127.0.0.1", draw.randrange(10_000, 32_000)))
        sockets.append(each)
      except OSError:
        each.close()
    return [each.getsockname()[1] for each in sockets]
  finally:
    for each in sockets:
      each.close()


def patience():
  """How much slower this machine may be: $MILLRACE_PATIENCE, default 1."""
  return float(os.environ.get("MILLRACE_PATIENCE", "1"))


def wait_until(condition, seconds, what):
  """Asks until `condition()` is true; fails after `seconds`."""
  end = time.monotonic() + seconds
  while not condition():
    check(time.monotonic() < end, "not within", seconds, "s:", what)
    time.sleep(0.02)  # Another process, which wakes nobody.


def resident_mib(pid):
  """Memory of a process."""
  with open(f"/proc/{pid}/status", encoding="ascii") as lines:
    return next(int(line.split()[1]) / 1024 for line in lines
                if line.startswith("VmRSS:"))


class cluster:
  """One configuration in its own directory, and what runs of it.

  `nodes` maps a node's name to its processes' names; by default each process
  has a node of its own."""

  def __init__(self, binary, nodes=None, extra="", mode="cached",
               roles=tuple(ROLES)):
    self.binary = str(pathlib.Path(binary).resolve())
    self.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
    self.path = self.directory / "cluster.toml"
    self.begin = None
    self.nodes = nodes or {f"n-{name}": [name] for name, _ in roles}
    self.ports = dict(zip(self.nodes, free_ports(len(self.nodes))))
    node_of = {p: n for n, all_of in self.nodes.items() for p in all_of}
    text = f"""[cluster]
name = "test"
data = "data"
[period]
zone = "America/New_York"
time = "00:00"
grace = "2s"
[[stream]]
name = "market"
mode = "{mode}"
[[table]]
name = "trade"
stream = "market"
columns = {json.dumps(TRADE)}
[[table]]
name = "quote"
stream = "market"
columns = {json.dumps(QUOTE)}
"""
    for name, port in self.ports.items():
      text += f'[[node]]\nname = "{name}"\nport = {port}\n'
    for name, kind in roles:
      text += f'[[process]]\nname = "{name}"\ntype = "{kind}"\n'
      if name in node_of:
        text += f'node = "{node_of[name]}"\n'
    self.path.write_text(text + extra)

  def __enter__(self):
    return self

  def __exit__(self, kind, fault, trace):
    if kind is not None:
      for log in sorted(self.directory.glob("data/nodes/*/node.log")):
        tail = log.read_text(errors="replace").splitlines()[-15:]
        print(f"-- {log.parent.name}", *tail, sep="\n", file=sys.stderr)
    self.run("down", "--grace", "5", "--force", code=None)
    if kind is not None and os.environ.get("MILLRACE_KEEP"):
      print("kept:", self.directory, file=sys.stderr)
    else:
      shutil.rmtree(self.directory, ignore_errors=True)

  def environment(self, **more):
    out = dict(os.environ, MILLRACE_CONFIG=str(self.path))
    out.pop("CRASH_AT", None)
    out.update(more)
    return out

  def start(self, *words, env=None, **how):
    """A command that goes on beside the test; a Popen."""
    return subprocess.Popen([self.binary, *map(str, words)],
                            env=env or self.environment(),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **how)

  def run(self, *words, code=0, seconds=90, env=None, text=None, cwd=None):
    """Runs a command to its end. `code` None: any exit code will do."""
    done = subprocess.run([self.binary, *map(str, words)], input=text,
                          env=env or self.environment(), capture_output=True,
                          text=True, timeout=seconds, check=False,
                          errors="replace", cwd=cwd)
    check(code is None or done.returncode == code, "millrace", *words,
          ": exit code", done.returncode, "instead of", code, "\n",
          done.stdout[-2000:], done.stderr[-2000:])
    return done

  def up(self, *names, env=None, code=0):
    return self.run("up", *names, env=env, code=code)

  def down(self, *names):
    self.run("down", *names)

  def status(self):
    done = self.run("status", "-o", "json", code=None)
    # 78: what does not run could not start, and the rest is told all the same.
    check(done.returncode in (0, 1, 78), "status:", done.stderr)
    return json.loads(done.stdout)

  def node(self, name):
    for each in self.status()["nodes"]:
      if each["name"] == name:
        return each
    raise failure(f"status has no node {name}")

  def process(self, name):
    """What a process tells of itself."""
    for node in self.status()["nodes"]:
      for each in node["processes"]:
        if each["name"] == name:
          return each
    raise failure(f"status has no process {name}")

  def kill(self, name):
    """kill -9 of a node; returns when it is gone."""
    pid = self.node(name)["pid"]
    check(pid, "node", name, "does not run")
    os.kill(pid, signal.SIGKILL)
    self.wait_death(name)

  def wait_death(self, name, seconds=30):
    wait_until(lambda: self.node(name)["state"] != "running", seconds,
               f"the end of node {name}")

  def feed_words(self, table, path, symbol, date, *more):
    return ["feed", "--layout", f"lean-equity-{table}", "--date", date,
            "--symbol", symbol, "--table", table, *more, str(path)]

  def feed(self, table, path, symbol, date, *more):
    return self.run(*self.feed_words(table, path, symbol, date, *more))

  @property
  def merged(self):
    """The directory of the merged stream."""
    return self.directory / "data" / "rt" / "rt1" / "market" / "out"

  def first(self):
    """Session and roll where the merged stream began: they are drawn. Asked
    for before any file of it went."""
    if self.begin is None:
      self.begin = min(tuple(map(int, path.name.split(".")[1:]))
                       for path in self.merged.glob("log.*.*"))
    return self.begin

  def file(self, number):
    """The name of a file of the merged stream; its first one is 0."""
    session, roll = self.first()
    return f"log.{session}.{roll + number}"

  def place(self, number, offset=0):
    """A place there, as a command takes it."""
    return f"{self.file(number)}@{offset}"

  def position(self, number, offset=0):
    session, roll = self.first()
    return (session << 44) + (roll + number << 30) + offset

  def log(self, *words, code=0):
    return json.loads(
      self.run("log", words[0], "-o", "json", *words[1:], code=code).stdout)

  def merged_end(self):
    """Where the merged stream ends now."""
    return self.log("info", self.merged)["files"][-1]["valid_end"]

  def query(self, parameters, *more, at_least=None, code=0):
    words = ["query", "-l", "getdata", json.dumps(parameters), "-o", "json"]
    if at_least is not None:
      words += ["--at-least", str(at_least)]
    done = self.run(*words, *more, code=code)
    return json.loads(done.stdout) if code == 0 else done

  def end_period(self, date, **how):
    return self.run("eop", "--period", date, "--timeout", "60", **how)


@contextlib.contextmanager
def part(name):
  """Names what is tested, and says how long it took."""
  begin = time.monotonic()
  print(f"{name} ...", flush=True)
  yield
  print(f"{name}: ok, {time.monotonic() - begin:.1f} s", flush=True)


def main(parts):
  """Runs functions that take the binary's path; argv[2:] picks some."""
  # So that what was started ends with the test.
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
  binary = sys.argv[1]
  chosen = sys.argv[2:] or [each.__name__ for each in parts]
  known = {each.__name__: each for each in parts}
  for name in chosen:
    try:
      with part(name):
        known[name](binary)
    except failure as why:
      print(f"FAILED {name}: {why}", file=sys.stderr)
      sys.exit(1)
