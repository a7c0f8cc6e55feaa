#!/usr/bin/env python3
"""Bad input: a clear message and the right exit code, nothing lost, no
crash. Needs no data of others."""

import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile

import millrace_cluster as mill
from fed_files import (CONFIG, DATE, GOOD, IO, LOCKED, PERMISSION, UNAVAILABLE,
                       USAGE, again_file_by_file, feeder, first_of_a_cluster,
                       layouts, lines, one_sided_quotes, published_before,
                       refused, trades, unreadable_files)

STRANGER = 65534  # The user that owns nothing.


def queries(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    base = {"tablename": "trade", "starttime": DATE, "endtime": DATE}
    for change, needle in (
        ({"tablename": "nothing"}, "nothing"),
        ({"columns": ["nothing"]}, "nothing"),
        ({"starttime": "2013-10-09"}, "starttime"), # After the end.
        ({"starttime": "yesterday"}, "starttime"),
        ({"filters": {"price": ["=", "AIG"]}}, "price"),
        ({"instruments": 7}, "instruments"),
        ({"aggregations": {"sum": ["sym"]}}, "sym"),
        ({"sublist": "x"}, "sublist"),
        ({"surprise": 1}, "surprise")):
      refused(made.query({**base, **change}, code=None), USAGE, needle)
    for text in ("", "{", "[1]", "{\"tablename\": \"\xff\"}", "[" * 100_000):
      refused(made.run("query", "-l", "getdata", code=None, text=text), USAGE)
    refused(made.run("query", "{\"a\": 1, \"a\": 2}", code=None), USAGE,
            "key 'a' appears twice")
    mill.check(made.query({**base, "aggregations": {"count": "price"}})
               is not None, "the gateway still answers")


def owners(binary):
  """A port and a directory that another live process has."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    port = made.ports["all"]
    with socket.socket() as busy:
      busy.bind(("127.0.0.1", port))
      busy.listen()
      for words in (["node", "--name", "all"], ["up"],
                    ["demo", "--once", "--port", port]):
        refused(made.run(*words, code=None, seconds=30), LOCKED,
                f"port {port} of 127.0.0.1 is in use by process {os.getpid()} ")
      # It was not stopped by anybody.
      told = made.node("all")
      mill.check(told["state"] == "failed", told)
      said = made.run("status", code=1).stdout
      for fact in ("all: ended by itself: locked: ", "is in use by process",
                   "'millrace up all' starts it again"):
        mill.check(fact in said, fact, "is not in", said)
    made.up()
    refused(made.run("node", "--name", "all", code=None, seconds=30), LOCKED,
            made.directory / "data/nodes/all",
            f"held by process {made.node('all')['pid']}")
    mill.check(made.node("all")["state"] == "running", "the owner goes on")
    refused(made.run("node", "--name", "nobody", code=None), USAGE, made.path,
            "'nobody'")


def strangers(binary):
  """Another user of the host, with data of that user at the same ports: each
  command is refused at once, and none waits for nodes that will not serve."""
  if os.geteuid():
    print("  skipped: only root can be another user")
    return
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made, \
       tempfile.TemporaryDirectory() as theirs:
    made.up()
    theirs = pathlib.Path(theirs)
    shutil.copy(binary, theirs / "millrace")
    (theirs / "c.toml").write_text(made.path.read_text())
    (theirs / "good.csv").write_text(GOOD)
    for each in (theirs, *theirs.iterdir()):
      os.chown(each, STRANGER, STRANGER)
    row = '{"time":"2013-10-08T10:00:00","sym":"A","price":1,"size":1}'
    for words in (["query", "select from trade"],
                  ["pub", "--stream", "market", "--table", "trade"],
                  ["feed", "--layout", "lean-equity-trade", "--table", "trade",
                   "--symbol", "SPY", "--date", DATE, "good.csv"],
                  ["eop", "--period", DATE]):
      done = subprocess.run([theirs / "millrace", *words], input=row,
                            cwd=theirs, user=STRANGER, group=STRANGER,
                            env={**made.environment(),
                                 "MILLRACE_CONFIG": str(theirs / "c.toml")},
                            capture_output=True, text=True, timeout=30,
                            check=False)
      refused(done, PERMISSION, f"uid {STRANGER}", "[cluster]")
    mill.check(trades(made) == 0, "a stranger's rows")


def a_colleague(binary):
  """One who may ask needs the configuration alone, and sees what ports tell."""
  if os.geteuid():
    print("  skipped: only root can be another user")
    return
  who = pwd.getpwnam("nobody")
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made, \
       tempfile.TemporaryDirectory() as theirs:
    made.path.write_text(made.path.read_text().replace(
      'name = "test"', 'name = "test"\nusers = ["nobody"]', 1))
    made.up()
    theirs = pathlib.Path(theirs)
    shutil.copy(binary, theirs / "millrace")
    (theirs / "c.toml").write_text(re.sub(
      r'(?m)^(data|hdb) = "(?!/)', rf'\1 = "{made.directory}/',
      made.path.read_text()))
    for each in (theirs, *theirs.iterdir()):
      os.chown(each, who.pw_uid, who.pw_gid)
    for words in (["query", "select from trade"], ["status"]):
      done = subprocess.run([theirs / "millrace", *words],
                            cwd=theirs, user=who.pw_uid, group=who.pw_gid,
                            extra_groups=[],
                            env={**made.environment(),
                                 "MILLRACE_CONFIG": str(theirs / "c.toml")},
                            capture_output=True, text=True, timeout=30,
                            check=False)
      mill.check(done.returncode == 0, words, done)
    mill.check("running" in done.stdout and "rt1" in done.stdout, done.stdout)


def nobody_there(binary):
  with mill.cluster(binary) as made:
    refused(made.run("query", "{\"tablename\": \"trade\"}", code=None),
            UNAVAILABLE, "gw1")
    at = feeder(made).put("good.csv", GOOD)
    refused(made.run(*feeder(made).words(at), code=None), UNAVAILABLE,
            "'market'", "rt does not answer")
    refused(made.run("eop", "--period", DATE, "--timeout", "3", code=None),
            UNAVAILABLE, "rt/market")


def configuration(binary):
  """file:line:key, and exit code 78."""
  with mill.cluster(binary) as made:
    good = made.path.read_text()
    for old, new, key in (
        ('name = "test"', 'name = 7', "name"),
        ('zone = "America/New_York"', 'zone = "Mars/Olympus"', "zone"),
        ('mode = "cached"', 'mode = "quick"', "mode"),
        ('mode = "cached"', 'mode = "cached"\nsurprise = 1', "surprise"),
        ('"price:float"', '"price:fruit"', "columns"),
        ('type = "rdb"', 'type = "rtb"', "type")):
      mill.check(old in good, old)
      made.path.write_text(good.replace(old, new, 1))
      changed = new.splitlines()[-1]
      line = next(i for i, text in enumerate(
        made.path.read_text().splitlines(), 1) if changed in text)
      refused(made.run("status", code=None), CONFIG, f"{made.path}:{line}:",
              key)
    made.path.write_text(good + "[[[ what")
    refused(made.run("status", code=None), CONFIG, f"{made.path}:")
    made.path.write_bytes(b"\x00\xff\xfe" * 1000)
    refused(made.run("status", code=None), CONFIG, f"{made.path}:")
    made.path.write_text(good)
    refused(made.run("status", "--config", made.directory / "none.toml",
                     code=None), CONFIG, made.directory / "none.toml",
            "No such file")


def inputs_of_another_user(binary):
  """RT that may not write what publishers send says so when it starts."""
  with mill.cluster(binary, roles=mill.ROLES[:2]) as made:
    made.up()
    made.run("pub", "--stream", "market", "--origin", "a",
             text='{"data":"x"}\n')
    made.down()
    copies = made.merged.parent / "in"
    copies.chmod(0)
    # Root may do all, unless it gives that up.
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] \
      if os.geteuid() == 0 else []
    try:
      done = subprocess.run([*words, made.binary, "up"], capture_output=True,
                            text=True, env=made.environment(), timeout=60,
                            check=False)
    finally:
      copies.chmod(0o750)
    refused(done, PERMISSION, copies, "Permission denied")
    made.up()
    made.run("pub", "--stream", "market", "--origin", "b",
             text='{"data":"x"}\n')


def full_disk(binary):
  """A small file system that fills: said by name, and nothing lost."""
  if os.geteuid() != 0:
    print("  skipped: only root may mount a small disk")
    return
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    disk = made.directory / "data"
    disk.mkdir()
    mounted = subprocess.run(
      ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)],
      capture_output=True, text=True, check=False)
    if mounted.returncode:
      print("  skipped: cannot mount a small disk:", mounted.stderr.strip())
      return
    try:
      made.up()
      at = made.directory / "many.csv"
      with at.open("w") as out:
        for i in range(20_000):
          out.write(f"{34_200_000 + i},481800,100,P,2000,0\n")
      made.feed("trade", at, "MANY", DATE)
      mill.check(trades(made) == 20_000, trades(made))
      ballast = disk / "ballast"
      with ballast.open("wb", buffering=0) as out:
        try:
          while True:
            out.write(b"\0" * 65536)
        except OSError:
          pass
      words = made.feed_words("trade", at, "MORE", DATE)
      refused(made.run(*words, code=None, seconds=40), IO,
              disk / "pub/feed-trade-MORE.market", "No space left")
      ballast.unlink()
      made.up()
      made.run(*words)
      mill.check(trades(made) == 40_000, trades(made), "rows after the ENOSPC")
    finally:
      made.run("down", "--grace", "5", "--force", code=None)
      subprocess.run(["umount", "-l", str(disk)], check=False)


if __name__ == "__main__":
  mill.main([unreadable_files, lines, layouts, first_of_a_cluster,
             again_file_by_file, published_before, one_sided_quotes, queries,
             owners, strangers, a_colleague, nobody_there, configuration,
             inputs_of_another_user, full_disk])
