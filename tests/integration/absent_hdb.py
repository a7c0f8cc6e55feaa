"""A database that is gone, back, or older than what was done in it; parts of
hdb_damage_test.py."""

import json
import re
import shutil

import millrace_cluster as mill
from hdb_steps import DAYS, NODES, publish, total


def load_and_publish(made):
  """Starts it; a day that is loaded, and rows of the next one in the stream."""
  file = made.directory / "h.csv"
  file.write_text("time,sym,size\n2024-01-01T10:00:00Z,L,7\n")
  layout = made.directory / "h.toml"
  made.up()
  layout.write_text(made.run("layout", file).stdout.replace("long", "int"))
  made.run("load", "--layout", layout, "--table", "trade", file)
  publish(made, DAYS[0], 10, "A")


def gone(binary):
  """What was loaded, and a disk that is not mounted: at a start, and live."""
  with mill.cluster(binary, NODES) as made:
    hdb, away = (made.directory / "data" / each for each in ("hdb", "away"))
    load_and_publish(made)
    made.end_period(DAYS[0])
    made.down()
    hdb.rename(away)
    said = made.up(code=1)
    mill.check("rdb1: the hdb in" in said.stdout
               and "not mounted" in said.stdout, said.stdout)
    all_days = ["2020-01-01", "2050-01-01"]

    def told():
      done = made.query({"tablename": "trade", "starttime": all_days[0],
                         "endtime": all_days[1]}, "--strict", code=65)
      mill.check("loaded h.csv" in done.stderr, done.stderr)
      mill.check(made.process("hdb1")["losses"] > 0, made.process("hdb1"))
      done = made.run("status", code=1)
      mill.check("hdb1: " in done.stderr and "h.csv" in done.stderr,
                 done.stderr)
      mill.check(re.search(r"^hdb1: \d loss(es)?: ", done.stdout, re.M),
                 done.stdout)
      done = made.run("tables", code=69)
      mill.check("rows are missing" in done.stderr
                 and "h.csv" in done.stderr, done.stderr)

    told()
    publish(made, DAYS[1], 10, "A")
    made.down()
    shutil.rmtree(hdb, ignore_errors=True)
    away.rename(hdb)
    made.up()
    mill.check(total(made, *all_days) == 7 + 2 * 36, "all is back")
    mill.check(made.process("hdb1")["losses"] == 0, made.process("hdb1"))
    # No database is made in the place of one that is gone, without a word.
    hdb.rename(away)
    done = made.run("eop", "--period", DAYS[1], code=None)
    mill.check(done.returncode != 0, done.stdout)
    mill.wait_until(lambda: "gone" in made.process("rdb1"), 30, "it is missed")
    done = made.run("eop", "--period", DAYS[1], code=1)
    mill.check("not mounted" in done.stderr, done)
    made.query({"tablename": "trade", "starttime": all_days[0],
                "endtime": all_days[1]}, code=65)
    mill.check(not hdb.exists(), "nothing is made there")
    away.rename(hdb)
    mill.wait_until(lambda: "gone" not in made.process("rdb1"), 30, "it is back")
    made.run("eop", "--period", DAYS[1])
    mill.check(total(made, *all_days) == 7 + 2 * 36, "all is back")


def gone_with_nothing_of_the_stream(binary):
  """All that it had was loaded: the rdb never wrote anything there."""
  with mill.cluster(binary, NODES) as made:
    hdb, away = (made.directory / "data" / each for each in ("hdb", "away"))
    load_and_publish(made)
    hdb.rename(away)
    hdb.mkdir()
    note = made.directory / "data/streams/rdb1"
    said = made.run("eop", "--period", DAYS[0], code=None)
    mill.check(said.returncode != 0 and f"remove {note}" in said.stderr, said)
    mill.wait_until(lambda: "gone" in made.process("rdb1"), 30, "it is missed")
    said = made.run("eop", "--period", DAYS[0], code=1)
    mill.check(f"remove {note}" in said.stderr, said)
    log = (made.directory / "data/nodes/back/node.log").read_text()
    mill.check("|WARN|hdb_gone|" in log and "|WARN|not_written|" in log, log)
    mill.check(not (hdb / "manifest").exists(), "nothing is made there")
    note.unlink()
    # What is told is not in the way of the next one.
    publish(made, DAYS[1], 10, "A")
    made.end_period(DAYS[1], code=None)
    mill.check((hdb / "manifest").exists(), "it is begun anew")
    done = made.query({"tablename": "trade", "starttime": "2020-01-01",
                       "endtime": "2050-01-01"}, "--strict", code=65)
    mill.check("h.csv" in done.stderr, done.stderr)
    mill.check(made.process("rdb1")["ended"] == 1, made.process("rdb1"))


def away_for_one_start(binary):
  """What was away and is back is lost no more, and what is lost is told by the
  end of the period that somebody asks for."""
  with mill.cluster(binary, NODES) as made:
    hdb, away = (made.directory / "data" / each for each in ("hdb", "away"))
    load_and_publish(made)
    all_days = ["2020-01-01", "2050-01-01"]

    def asked(code):
      return made.query({"tablename": "trade", "starttime": all_days[0],
                         "endtime": all_days[1]}, "--strict", code=code)

    made.down()
    hdb.rename(away)
    made.up(code=1)
    mill.check("h.csv" in asked(65).stderr or "loaded" in asked(65).stderr,
               "the loads are missed")
    made.down()
    shutil.rmtree(hdb, ignore_errors=True)
    away.rename(hdb)
    made.up()
    asked(0)
    mill.check(made.process("rdb1")["losses"] == 0, made.process("rdb1"))
    made.run("eop", "--period", DAYS[0], "--timeout", "60")
    asked(0)
    # Gone for good: the first end of a period is in the log and comes again, the
    # second is asked for and tells.
    made.down()
    shutil.rmtree(hdb)
    made.up(code=1)
    publish(made, DAYS[1], 10, "B")
    said = made.run("load", "--layout", made.directory / "h.toml", "--table",
                    "trade", made.directory / "h.csv", code=69)
    note = made.directory / "data/streams/rdb1"
    mill.check(f"remove {note}" in said.stderr, said.stderr)
    note.unlink()
    said = made.run("eop", "--period", DAYS[1], "--timeout", "60", "-o", "json",
                    code=1)
    mill.check(json.loads(said.stdout)[0]["written"][0]["losses"] == 1,
               said.stdout)
    asked(65)


def back_while_all_run(binary):
  """A disk that is mounted late: what was told of it is over."""
  with mill.cluster(binary, NODES) as made:
    hdb, away = (made.directory / "data" / each for each in ("hdb", "away"))
    load_and_publish(made)

    def asked(code):
      return made.query({"tablename": "trade", "starttime": "2020-01-01",
                         "endtime": "2050-01-01"}, "--strict", code=code)

    made.down()
    hdb.rename(away)
    made.up(code=1)
    asked(65)
    shutil.rmtree(hdb, ignore_errors=True)
    away.rename(hdb)
    mill.wait_until(lambda: made.process("rdb1").get("losses") == 0
                    and made.process("hdb1").get("losses") == 0, 30,
                    "the database to be taken for there")
    asked(0)
    made.run("eop", "--period", DAYS[0], "--timeout", "60")
    asked(0)
    made.run("restart", "back")
    asked(0)


def two_branches(binary):
  """What is loaded into an older copy is missed once the newer one is back."""
  with mill.cluster(binary, NODES) as made:
    hdb, copy, good = (made.directory / "data" / each
                       for each in ("hdb", "copy", "good"))
    layout = made.directory / "h.toml"

    def load(symbol, code=0):
      file = made.directory / f"{symbol}.csv"
      file.write_text(f"time,sym,size\n2024-01-01T10:00:00Z,{symbol},7\n")
      if not layout.exists():
        layout.write_text(
          made.run("layout", file).stdout.replace("long", "int"))
      return made.run("load", "--layout", layout, "--table", "trade", "--beside",
                      file, code=code)

    def asked(code, *needles):
      done = made.query({"tablename": "trade", "starttime": "2020-01-01",
                         "endtime": "2050-01-01"}, "--strict", code=code)
      mill.check(code == 0 or all(each in done.stderr for each in needles),
                 done)

    made.up()
    load("L")
    shutil.copytree(hdb, copy)
    load("M")
    made.down()
    hdb.rename(good)
    copy.rename(hdb)
    made.up(code=1)
    asked(65, "M.csv")
    load("K", code=1)
    # Whatever is done there says so.
    said = made.run("hdb", "amend", hdb, "--table", "trade", "--remove",
                    "--symbol", "K", "--from", "2030-01-01", code=1)
    said = made.run("hdb", "amend", hdb, "--table", "trade", "--set",
                    '{"size":8}', "--symbol", "K", code=1)
    mill.check("M.csv" in said.stdout, said.stdout)
    publish(made, DAYS[0], 10, "A")
    said = made.run("eop", "--period", DAYS[0], "--timeout", "60", code=1)
    mill.check("it is done, but" in said.stdout, said.stdout)
    made.down()
    shutil.rmtree(hdb)
    good.rename(hdb)
    made.up(code=1)
    # The correction is the last that was done there.
    asked(65, 'set {"size":8}')
    made.run("status", code=1)


def older(binary):
  """A copy that was put back lacks what was loaded since, no matter who saw it."""
  with mill.cluster(binary, NODES) as made:
    hdb, copy = (made.directory / "data" / each for each in ("hdb", "copy"))
    files = {}
    for day, symbol in (("01", "L"), ("05", "K"), ("09", "N")):
      files[symbol] = made.directory / f"{symbol}.csv"
      files[symbol].write_text(
        f"time,sym,size\n2024-01-{day}T10:00:00Z,{symbol},7\n")
    layout = made.directory / "h.toml"
    layout.write_text(
      made.run("layout", files["L"]).stdout.replace("long", "int"))

    def load(symbol, code=0):
      return made.run("load", "--layout", layout, "--table", "trade",
                      files[symbol], code=code)

    def asked(code):
      done = made.query({"tablename": "trade", "starttime": "2020-01-01",
                         "endtime": "2050-01-01"}, "--strict", code=code)
      mill.check(code == 0 or "K.csv" in done.stderr, done)

    # No process of the cluster runs while the files are loaded.
    load("L")
    shutil.copytree(hdb, copy)
    load("K")
    shutil.rmtree(hdb)
    copy.rename(hdb)
    # An entry of another date, by the command and before anybody served it.
    said = made.run("hdb", "amend", hdb, "--table", "trade", "--remove",
                    "--symbol", "L", "--why", "bust", code=1)
    mill.check("it is done, but" in said.stdout and "K.csv" in said.stdout,
               said.stdout)
    said = made.run("load", "--layout", layout, "--table", "trade", files["N"],
                    "-o", "json", code=1)
    mill.check("K.csv" in json.loads(said.stdout)["hdb_lacks"][0], said.stdout)
    mill.check("it is done, but" in said.stderr, said.stderr)
    made.up(code=1)
    asked(65)
    made.run("status", code=1)
    # What is not there is loaded again: then all is.
    load("K")
    asked(0)
    made.run("status")
    made.down()
    # And a database that is gone is not begun anew.
    shutil.rmtree(hdb)
    told = load("L", code=69).stderr
    mill.check("is not there" in told and "remove" in told, told)
    mill.check(not hdb.exists(), "a database was begun")
    for mark in (made.directory / "data" / "hdb-served").iterdir():
      mark.unlink()
    load("L")


def died_after_its_commit(binary):
  """A command that is given again does all that the first had still to do."""
  with mill.cluster(binary, NODES) as made:
    hdb, copy = (made.directory / "data" / each for each in ("hdb", "copy"))
    layout = made.directory / "h.toml"

    def load(symbol, code=0, **env):
      file = made.directory / f"{symbol}.csv"
      if not file.exists():
        file.write_text(f"time,sym,size\n2024-01-01T10:00:00Z,{symbol},7\n")
      if not layout.exists():
        layout.write_text(
          made.run("layout", file).stdout.replace("long", "int"))
      return made.run("load", "--layout", layout, "--table", "trade", "--beside",
                      file, code=code, env=made.environment(**env))

    def twice(symbol):
      died = load(symbol, code=None, CRASH_AT="rdb.after_manifest")
      mill.check(died.returncode != 0, died)
      again = load(symbol)
      mill.check("already loaded" in again.stderr, again)

    made.up()
    load("L")
    for symbol in ("M", "N", "O", "P"):
      twice(symbol)
      rows = made.query({"tablename": "trade", "starttime": "2024-01-01",
                         "endtime": "2024-01-02", "instruments": [symbol]})
      mill.check(len(rows) == 1, symbol, "is not served", rows)
    # Who else remembers what was done, when no hdb ran.
    made.down()
    shutil.copytree(hdb, copy)
    twice("K")
    shutil.rmtree(hdb)
    copy.rename(hdb)
    made.up(code=1)
    done = made.query({"tablename": "trade", "starttime": "2024-01-01",
                       "endtime": "2024-01-02"}, "--strict", code=65)
    mill.check("K.csv" in done.stderr, done.stderr)
    # Nor is it silent where nothing is left to do.
    for words in (["drop", hdb, "--before", "1999-01-01"],
                  ["amend", hdb, "--table", "trade", "--remove", "--symbol",
                   "K", "--from", "2030-01-01"]):
      done = made.run("hdb", *words, code=1)
      mill.check("K.csv" in done.stdout, done)
