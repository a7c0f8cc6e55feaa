#!/usr/bin/env python3
"""Bad input: a clear message and the right exit code, nothing lost, no
crash. Needs no data of others."""

import os
import socket
import subprocess

import millrace_cluster as mill

DATE = "2013-10-08"
USAGE, DATA, UNAVAILABLE, LOCKED, IO, CONFIG = 64, 65, 69, 73, 74, 78
GOOD = "34200000,481800,100,P,2000,0\n34200001,481900,200,P,2000,0\n"


def refused(done, *needles):
  """A failed command must say why in words, and nothing of a crash."""
  text = done.stderr
  mill.check(done.returncode > 0, "ended by signal", -done.returncode, text)
  for needle in needles:
    mill.check(needle in text, "no", repr(needle), "in:", text)
  mill.check("terminate called" not in text and "Sanitizer" not in text, text)


def trades(made):
  answer = made.query({"tablename": "trade", "starttime": DATE,
                       "endtime": DATE, "aggregations": {"count": "price"}},
                      at_least=made.merged_end())
  return answer[0]["countPrice"] if answer else 0



def files(binary):
  """What a feed does with files that are not what they should be."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    base = made.directory

    def feed(name, content, code, *more, symbol=None, layout=None):
      at = base / name
      if content is not None:
        at.write_bytes(content if isinstance(content, bytes)
                       else content.encode())
      words = made.feed_words("trade", at, symbol or name.split(".")[0], DATE,
                              *more)
      if layout:
        words[words.index("--layout") + 1] = layout
      return made.run(*words, code=code)

    refused(feed("missing.csv", None, USAGE), "missing.csv")
    refused(feed("good.csv", GOOD, None, layout="no-such-layout"),
            "no-such-layout")
    mill.check(feed("good.csv", GOOD, 0).stdout.startswith("2 rows"),
               "two good rows")
    mill.check(feed("empty.csv", "", 0).stdout.startswith("0 rows"),
               "an empty file has no rows")
    rows = 2
    # Lines that cannot be read go to the reject file with number and reason.
    done = feed("mixed.csv", GOOD + "not a time,1,2,P,2000,0\n34200002,x,1,P,"
                "2000,0\n" + GOOD, 0, "--reject", base / "rejects.txt")
    mill.check("4 rows published, 2 rejected" in done.stdout, done.stdout)
    rejects = (base / "rejects.txt").read_text()
    mill.check("3" in rejects and "4" in rejects, rejects)
    rows += 4
    # The order of a file is kept; that time went back is counted.
    done = feed("back.csv", "".join(reversed(GOOD.splitlines(True))), 0)
    mill.check("1 earlier than the row before" in done.stdout, done.stdout)
    rows += 2
    garbage = bytes((i * 7919 + i // 251) % 256 for i in range(200_000))
    done = feed("garbage.csv", garbage, None)
    mill.check(done.returncode >= 0, "garbage crashed the feed", done.stderr)
    mill.check("0 rows published" in done.stdout, done.stdout, done.stderr)
    for name, content in (("cut.zip", b"PK\x03\x04 and no more"),
                          ("cut.gz", b"\x1f\x8b\x08\x00 and no more")):
      refused(feed(name, content, None), name)
    long_line = base / "long.csv"
    with long_line.open("wb") as out:
      out.write(GOOD.encode())
      for _ in range(100):
        out.write(b"x" * (1 << 20))
      out.write(b"\n" + GOOD.encode())
    done = feed("long.csv", None, 0)
    mill.check("4 rows published, 1 rejected" in done.stdout, done.stdout)
    rows += 4
    refused(made.run("feed", "--layout", "lean-equity-trade", "--date", DATE,
                     "--symbol", "A", "--table", "nothing",
                     base / "good.csv", code=None), "nothing")
    # A layout of another table: its columns are not there.
    refused(feed("good.csv", None, None, layout="lean-equity-quote"), "bid")
    refused(made.run("feed", "--layout", "lean-equity-trade", "--table",
                     "trade", "--symbol", "A", base / "good.csv", code=None),
            "date")
    mill.check(trades(made) == rows, trades(made), "rows, not", rows)
    mill.check(made.log("verify", made.merged)["ok"], "the log is damaged")


def one_sided_quotes(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    at = made.directory / "quotes.csv"
    at.write_text("34200000,481800,100,0,0,P,1,0\n"
                  "34200001,0,0,481900,300,P,1,0\n")
    made.feed("quote", at, "ONE", DATE)
    answer = made.query(
      {"tablename": "quote", "starttime": DATE, "endtime": DATE,
       "columns": ["bid", "bsize", "ask", "asize"]},
      at_least=made.merged_end())
    mill.check(answer == [
      {"bid": 48.18, "bsize": 100, "ask": None, "asize": None},
      {"bid": None, "bsize": None, "ask": 48.19, "asize": 300}], answer)


def queries(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    base = {"tablename": "trade", "starttime": DATE, "endtime": DATE}
    for change, needle in (
        ({"tablename": "nothing"}, "nothing"),
        ({"columns": ["nothing"]}, "nothing"),
        ({"starttime": "2013-10-09"}, "starttime"),
        ({"starttime": "yesterday"}, "starttime"),
        ({"filters": {"price": ["=", "AIG"]}}, "price"),
        ({"instruments": 7}, "instruments"),
        ({"aggregations": {"sum": ["sym"]}}, "sym"),
        ({"sublist": "x"}, "sublist"),
        ({"surprise": 1}, "surprise")):
      done = made.query({**base, **change}, code=None)
      refused(done, needle)
      mill.check(done.returncode == USAGE, change, done.returncode,
                 done.stderr)
    for text in ("", "{", "[1]", "{\"tablename\": \"\xff\"}", "[" * 100_000):
      done = made.run("query", "-l", "getdata", code=None, text=text)
      refused(done)
    mill.check(made.query({**base, "aggregations": {"count": "price"}})
               is not None, "the gateway still answers")


def owners(binary):
  """A port and a directory that another live process has."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    with socket.socket() as busy:
      busy.bind(("127.0.0.1", made.ports["all"]))
      busy.listen()
      done = made.run("node", "--name", "all", code=None, seconds=30)
      refused(done, str(made.ports["all"]))
    made.up()
    done = made.run("node", "--name", "all", code=LOCKED, seconds=30)
    refused(done, "all")
    mill.check(made.node("all")["state"] == "running", "the owner goes on")
    refused(made.run("node", "--name", "nobody", code=CONFIG), "nobody")
  with mill.cluster(binary) as made:
    done = made.run("query", "{\"tablename\": \"trade\"}", code=None)
    refused(done)
    mill.check(done.returncode == UNAVAILABLE, "no cluster:", done.returncode,
               done.stderr)


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
      done = made.run("status", code=CONFIG)
      refused(done, f"{made.path}:{line}:", key)
    made.path.write_text(good + "[[[ what")
    refused(made.run("status", code=CONFIG), str(made.path))
    made.path.write_bytes(b"\x00\xff\xfe" * 1000)
    refused(made.run("status", code=CONFIG), str(made.path))
    made.path.write_text(good)
    done = made.run("status", "--config", made.directory / "none.toml",
                    code=CONFIG)
    refused(done, "none.toml")


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
      with ballast.open("wb") as out:
        try:
          while True:
            out.write(b"\0" * 65536)
            out.flush()
        except OSError:
          pass
      words = made.feed_words("trade", at, "MORE", DATE)
      done = made.run(*words, code=None, seconds=40)
      refused(done, "space")
      mill.check(done.returncode == IO, done.returncode, done.stderr)
      ballast.unlink()
      made.up()
      made.run(*words)
      mill.check(trades(made) == 40_000, trades(made), "rows after the ENOSPC")
    finally:
      made.run("down", "--grace", "5", "--force", code=None)
      subprocess.run(["umount", "-l", str(disk)], check=False)


if __name__ == "__main__":
  mill.main([files, one_sided_quotes, queries, owners, configuration,
             full_disk])
