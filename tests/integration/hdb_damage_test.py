#!/usr/bin/env python3
"""A damaged historical database: only what needs the bytes fails, by name.

Files that are flipped, cut while they are served, and put right; a manifest
that cannot be read; a database that is made anew under an index of the old.
"""

import json
import shutil

import millrace_cluster as mill
from absent_hdb import (away_for_one_start, back_while_all_run,
                        died_after_its_commit, gone,
                        gone_with_nothing_of_the_stream, older, two_branches)
from hdb_steps import (DAYS, NODES, ask, check, column, fails, flip, publish,
                       total)

ROWS = 20000


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
             back_while_all_run, two_branches, older, died_after_its_commit,
             held_by_nobody, loaded_for_nobody, amended_beside_damage])
