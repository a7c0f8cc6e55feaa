#!/usr/bin/env python3
"""A damaged historical database: only what needs the bytes fails, by name.

Files that are flipped, cut while they are served, and put right; a manifest
that cannot be read; a database that is made anew under an index of the old.
"""

import json
import re
import shutil

import millrace_cluster as mill

NODES = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1", "gw1"]}
DAYS = ["2024-01-02", "2024-01-03"]
ROWS = 20000


def publish(made, date, count, symbol):
  rows = "".join(f"{date}T12:{i // 60000:02d}:{i // 1000 % 60:02d}"
                 f".{i % 1000:03d}Z,{symbol},{i % 9}\n" for i in range(count))
  made.run("pub", "--stream", "market", "--table", "trade", "--format", "csv",
           text="time,sym,size\n" + rows)


def ask(made, *dates, code=0, **more):
  begin, end = dates[0], dates[-1]
  return made.query({"tablename": "trade", "starttime": begin, "endtime": end,
                     **more}, "--timeout", "20",
                    at_least=None if code else made.merged_end(), code=code)


def total(made, *dates, what="sum", column="size"):
  answer = ask(made, *dates, aggregations={what: column})
  return list(answer[0].values())[0] if answer else 0


def fails(made, needle, *dates, **more):
  done = ask(made, *dates, code=65, **more)
  mill.check(str(needle) in done.stderr, "no", needle, "in:", done.stderr)


def column(made, date, name):
  found = list(made.directory.glob(
    f"data/hdb/{date.replace('-', '.')}/trade/*/{name}"))
  mill.check(len(found) == 1, found)
  return found[0]


def flip(path, offset, bits=0x40):
  content = bytearray(path.read_bytes())
  content[offset] ^= bits
  path.write_bytes(content)


def check(made, code, *names):
  done = made.run("hdb", "check", "-o", "json", made.directory / "data/hdb",
                  code=code)
  found = sorted(each["file"] for each in json.loads(done.stdout)["damages"])
  mill.check(found == sorted(map(str, names)), found)


def files(made):
  size = column(made, DAYS[0], "size")
  good = total(made, *DAYS)
  mill.check(total(made, DAYS[0]) + total(made, DAYS[1]) == good, good)
  # Cut while it is mapped.
  content = size.read_bytes()
  with open(size, "r+b") as out:
    out.truncate(100)
  fails(made, size, *DAYS, aggregations={"sum": "size"})
  status = made.process("hdb1")
  mill.check(status["damaged_queries"] >= 1 and str(size) in status["damage"],
             status)
  log = (made.directory / "data/nodes/back/node.log").read_text()
  mill.check("|ERR|damaged_file|" in log and str(size) in log, log)
  mill.check(total(made, DAYS[1]) > 0, "the other day")
  mill.check(total(made, *DAYS, what="count") == 2 * ROWS, "a count")
  check(made, 1, size)
  # Put right without a restart.
  size.write_bytes(content)
  mill.check(total(made, *DAYS) == good, "after the repair")
  check(made, 0)
  # Rot while nobody serves it: a value, a code beyond the dictionary.
  made.down("back")
  flip(size, 70000)
  symbols = column(made, DAYS[0], "sym")
  flip(symbols, 4003, 0x7f)
  made.up("back")
  fails(made, size, *DAYS, aggregations={"sum": "size"})
  fails(made, symbols, *DAYS, columns=["sym"])
  mill.check(total(made, DAYS[1]) > 0, "the other day")
  mill.check(total(made, *DAYS, what="count") == 2 * ROWS, "a count")
  check(made, 1, size, symbols)
  flip(size, 70000)
  flip(symbols, 4003, 0x7f)
  other_days(made, total(made, DAYS[1]))
  # What is asked only while the manifest cannot be read is told of as well.
  made.down("back")
  rolls = made.directory / "data/hdb/.rolls"
  flip(rolls, 3)
  check(made, 1, rolls)
  made.up("back")
  log = (made.directory / "data/nodes/back/node.log").read_text()
  mill.check("|WARN|rolls_damaged|" in log and str(rolls) in log, log)
  flip(rolls, 3)
  mill.check(total(made, *DAYS) == good, "after the repair")


def other_days(made, second):
  """However another day is asked for, the times of the first are not read."""
  made.down("back")
  times = column(made, DAYS[0], "time")
  flip(times, 100)
  made.up("back")

  def of(text, code=0):
    done = made.run("query", "-l", "sql", "-o", "json", "--strict",
                    "--timeout", "20", text, code=code)
    return done.stderr if code else list(json.loads(done.stdout)[0].values())[0]

  one = "select sum(size) as s from trade where date < '2024-01-05' and "
  for condition in (f"date in ('{DAYS[1]}', '2024-01-01')",
                    f"(date = '{DAYS[1]}' or date = '2024-01-01')",
                    f"date <> '{DAYS[0]}'", f"not date = '{DAYS[0]}'",
                    f"date > '{DAYS[0]}'", f"time::date = '{DAYS[1]}'"):
    mill.check(of(one + condition) == second, condition)
  two = ("select sum(a.size) as s from trade a join trade b on a.time = b.time "
         "and a.sym = b.sym where a.date = '{}' and b.date = '{}'")
  mill.check(of(two.format(DAYS[1], DAYS[1])) is not None, "a join")
  for text in (one + f"date <= '{DAYS[1]}'", two.format(DAYS[0], DAYS[0])):
    mill.check(str(times) in of(text, 65), text)
  said = made.run("status").stdout
  mill.check("hdb1: 2 questions: failed of damaged files" in said, said)
  made.down("back")
  flip(times, 100)
  made.up("back")


def manifest(made):
  path = made.directory / "data/hdb/manifest"
  good = total(made, "2024-01-01", "2024-02-01")
  made.down("back")
  flip(path, 50)
  said = made.run("up", "back", code=1)
  mill.check("hdb1: cannot be asked yet: corrupt" in said.stdout, said.stdout)
  said = made.run("status", code=1)
  mill.check(f"hdb1: corrupt: {path}" in said.stderr, said.stderr)
  # Today's rows are in the rdb alone, and the hdb can tell.
  mill.check(total(made, "2024-01-05") == 36, "today")
  fails(made, path, *DAYS, aggregations={"sum": "size"})
  status = made.process("hdb1")
  mill.check(str(path.name) in status["last_failure"], status)
  log = (made.directory / "data/nodes/back/node.log").read_text()
  mill.check("damaged" in log and "manifest" in log, log)
  # Nor is a date without rows whose partition is gone as well.
  lost = path.parent / DAYS[0].replace("-", ".")
  lost.rename(path.parent.parent / "lost")
  fails(made, path, DAYS[0])
  (path.parent.parent / "lost").rename(lost)
  flip(path, 50)
  mill.wait_until(lambda: "last_failure" not in made.process("hdb1"), 30,
                  "the manifest to be read again")
  mill.check(total(made, "2024-01-01", "2024-02-01") == good, good)


def rolled_otherwise(binary):
  """Partitions were made by another rule than that of today: what a question
  may need of them is told by their own."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, DAYS[1], 20, "A")
    made.end_period(DAYS[1])
    publish(made, "2024-01-06", 10, "A")
    path = made.directory / "data/hdb/manifest"
    made.down("back")
    flip(path, 50)
    # The rows, of seven o'clock in New York, would be of the day after.
    made.path.write_text(made.path.read_text().replace(
      'name = "trade"\n', 'name = "trade"\nroll_offset = "-18h"\n', 1))
    made.run("up", "back", code=1)
    hours = [f"{DAYS[1]}T11:00:00", f"{DAYS[1]}T13:00:00"]
    today = ["2024-01-06T11:00:00", "2024-01-06T13:00:00"]
    fails(made, path, *hours, aggregations={"count": "size"})
    done = made.run("query", "select count i from trade where date=2024.01.04",
                    code=65)
    mill.check(str(path) in done.stderr, done.stderr)
    mill.check(total(made, *today, what="count") == 10, "today")
    # A database of an earlier release does not say: any rule may be theirs.
    (made.directory / "data/hdb/.rolls").unlink()
    fails(made, path, *hours, aggregations={"count": "size"})
    mill.check(total(made, *today, what="count") == 10, "today")
    flip(path, 50)
    mill.wait_until(lambda: "last_failure" not in made.process("hdb1"), 30,
                    "the manifest to be read again")
    mill.check(total(made, *hours, what="count") == 20, "after the repair")


def anew(made):
  made.down()
  for each in ("hdb", "rt", "pub", "streams"):
    shutil.rmtree(made.directory / "data" / each, ignore_errors=True)
  made.up()
  publish(made, DAYS[0], 10, "NEW")
  made.end_period(DAYS[0])
  made.end_period(DAYS[1])

  def found():
    return total(made, DAYS[0], what="count") and len(
      ask(made, DAYS[0], columns=["sym"], instruments="NEW"))

  mill.check(found() == 10, found())
  mill.wait_until(lambda: made.process("hdb1").get("indexed_version")
                  == made.process("hdb1")["version"], 30, "the index")
  mill.check(found() == 10, found())
  mill.check(not ask(made, DAYS[0], columns=["sym"], instruments="A"),
             "of the old database")


def damage(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    for date in DAYS:
      publish(made, date, ROWS, "A")
      made.end_period(date)
    said = made.run("tables", "trade").stdout
    mill.check("of these rdb1 holds periods that ended" in said, said)
    publish(made, "2024-01-05", 10, "A")
    with mill.part("files"):
      files(made)
    with mill.part("manifest"):
      manifest(made)
    with mill.part("anew"):
      anew(made)


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
      return made.run("load", "--layout", layout, "--table", "trade", file,
                      code=code)

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
  """A copy that was put back lacks what was loaded since, whoever saw it."""
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


def died_behind_its_commit(binary):
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
      return made.run("load", "--layout", layout, "--table", "trade", file,
                      code=code, env=made.environment(**env))

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


def amended_beside_damage(binary):
  """Dates of one file are amended each by itself: damage of one holds up no
  other."""
  with mill.cluster(binary, NODES) as made:
    hdb = made.directory / "data/hdb"
    file = made.directory / "l.csv"
    file.write_text("time,sym,size\n" + "".join(
      f"2024-01-0{day}T10:00:00Z,A,1\n" for day in (2, 3, 4)))
    layout = made.directory / "h.toml"
    layout.write_text(made.run("layout", file).stdout.replace("long", "int"))
    made.run("load", "--layout", layout, "--table", "trade", file)
    made.up()
    flip(column(made, "2024-01-03", "size"), 1)
    words = ["hdb", "amend", hdb, "--table", "trade", "--symbol", "A", "--set",
             '{"size":5}']
    done = made.run(*words, code=65)
    mill.check("2024.01.03" in done.stderr and "nothing is changed"
               in done.stderr, done.stderr)
    made.run(*words, "--from", "2024-01-02", "--to", "2024-01-02T23:00:00")
    rows = [made.query({"tablename": "trade", "starttime": day,
                        "endtime": day, "columns": ["size"]})
            for day in ("2024-01-02", "2024-01-04")]
    mill.check(rows == [[{"size": 5}], [{"size": 1}]], rows)
    check(made, 1, column(made, "2024-01-03", "size"))


def loaded_for_nobody(binary):
  """Files in a directory that no hdb serves are in no answer, and told so."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    elsewhere = whole.replace('type = "hdb"\n', 'type = "hdb"\n'
                              'hdb = "data/other"\n')
    mill.check(elsewhere != whole, whole)
    file = made.directory / "l.csv"
    file.write_text("time,sym,size\n2024-01-01T10:00:00Z,L,7\n")
    layout = made.directory / "h.toml"
    layout.write_text(made.run("layout", file).stdout.replace("long", "int"))
    load = ["load", "--layout", layout, "--table", "trade", file]
    question = {"tablename": "trade", "starttime": "2020-01-01",
                "endtime": "2050-01-01"}
    made.path.write_text(elsewhere)
    done = made.run(*load, code=69)
    mill.check("nobody could be asked" in done.stderr, done.stderr)
    mill.check(not (made.directory / "data/hdb").exists(), "it is loaded")
    made.path.write_text(whole)
    made.run(*load)
    made.path.write_text(elsewhere)
    made.up()
    publish(made, DAYS[0], 3, "A")
    done = made.query(question, "--strict", code=65)
    mill.check("1 rows of table 'trade'" in done.stderr
               and "in no answer" in done.stderr, done.stderr)
    done = made.run("tables", code=69)
    mill.check("in no answer" in done.stderr, done.stderr)
    made.down()
    made.path.write_text(whole)
    made.up()
    mill.check(len(made.query(question, "--strict",
                              at_least=made.merged_end())) == 4, "all is there")


def held_by_nobody(binary):
  """Rows that no process of the configuration serves are told as missing."""
  loads = '[[process]]\nname = "hdb1"\ntype = "hdb"\nnode = "back"\n'
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    made.up()
    publish(made, DAYS[0], 10, "A")
    made.run("eop", "--period", DAYS[0])
    publish(made, DAYS[1], 5, "A")
    made.run("tables")
    made.down()
    # What is written down, and no hdb.
    mill.check(loads in whole, whole)
    made.path.write_text(whole.replace(loads, ""))
    made.up()
    done = made.run("tables", "trade", code=69)
    mill.check("no hdb of the configuration serves" in done.stderr
               and "rdb1" in done.stderr, done.stderr)
    made.down()
    # A database, and no rdb beside it.
    held = whole.replace(
      '[[process]]\nname = "rdb1"\ntype = "rdb"\nnode = "back"\n', "")
    mill.check(held != whole, whole)
    made.path.write_text(held)
    made.up()
    day = {"tablename": "trade", "starttime": DAYS[0], "endtime": DAYS[1],
           "aggregations": {"count": "size"}}
    done = made.query(day, "--strict", code=65)
    mill.check("no rdb holds" in done.stderr and "'market'" in done.stderr,
               done.stderr)
    sql = ["query", "-l", "sql", "select count(*) from trade", "-o", "csv"]
    done = made.run(*sql)
    mill.check("10" in done.stdout and "no rdb holds" in done.stderr,
               done.stdout, done.stderr)
    made.run(*sql, "--strict", code=65)


if __name__ == "__main__":
  mill.main([damage, rolled_otherwise, gone,
             gone_with_nothing_of_the_stream, away_for_one_start,
             back_while_all_run, two_branches, older, died_behind_its_commit, held_by_nobody,
             loaded_for_nobody, amended_beside_damage])
