"""The end of a period says what became of its rows, and only what is true.

Rows of several dates, periods out of turn, batches that no table fits, tables
that change between two lives.
"""

import gzip
import json
import select
import shutil
import socket
import threading

import lean_data
import millrace_cluster as mill

NEGATIVE, USAGE, DATA, UNAVAILABLE, RETRY, CONFIG = 1, 64, 65, 69, 75, 78
NODES = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1", "gw1"]}


def publish(made, *rows, table="trade", config=None, code=0):
  """Rows of (date, symbol, size)."""
  text = "".join(
    json.dumps({"time": f"{date}T12:00:00Z", "sym": symbol, "size": size}) +
    "\n" for date, symbol, size in rows)
  words = ["pub", "--stream", "market", "--table", table]
  return made.run(*words, *(["--config", config] if config else []), text=text,
                  code=code)


def total(made, **more):
  """Rows and their sizes, whatever the date."""
  rows = made.query({"tablename": "trade", "starttime": "2020-01-01",
                     "endtime": "2050-01-01",
                     "aggregations": {"count": "sym", "sum": "size"}, **more},
                    at_least=made.merged_end())
  return list(rows[0].values()) if rows else [0, 0]


def ends(made, date, *more, code=0, tells=()):
  done = made.run("eop", "--period", date, "--timeout", "30", *more, code=code)
  text = done.stdout + done.stderr
  for needle in tells:
    mill.check(needle in text, "no", repr(needle), "in:", text)
  return text


def periods(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1), ("2024-01-03", "B", 2),
            ("2024-01-04", "A", 4), ("2024-01-02", "C", 8))
    mill.check(total(made) == [4, 15], total(made))
    # Rows of several dates: each in the partition of its own.
    ends(made, "2024-01-02", tells=[
      "2024.01.02 ended at log.", "served by the hdb",
      "trade: 4 rows; early: 2024.01.03 1 2024.01.04 1", "quote: 0 rows"])
    hdb = made.process("hdb1")
    mill.check(hdb["partitions"] == ["2024.01.02", "2024.01.03", "2024.01.04"],
               hdb)
    mill.check(total(made) == [4, 15], total(made))
    day = made.query({"tablename": "trade", "starttime": "2024-01-03",
                      "endtime": "2024-01-03", "columns": ["sym", "size"]})
    mill.check([row["sym"] for row in day] == ["B"], day)
    publish(made, ("2024-01-02", "D", 16), ("2024-01-03", "E", 32))
    total(made)
    ends(made, "2024-01-02", tells=["trade: 1 rows of this date came later"])
    ends(made, "2024-01-03",
         tells=["ended at", "trade: 2 rows; late: 2024.01.02 1"])
    mill.check(total(made) == [6, 63], total(made))
    # Again: what is there, and no more.
    ends(made, "2024-01-03", tells=["had ended before", "trade: 2 rows"])
    ends(made, "2024-01-02", tells=["had ended before", "trade: 4 rows"])
    # Out of turn.
    ends(made, "2023-12-29", code=NEGATIVE,
         tells=["2023.12.29 is not ended: 2024.01.03 ended already"])
    ends(made, "2042-01-02", code=USAGE,
         tells=["2042.01.02 is not ended", "--force"])
    publish(made, ("2024-01-04", "F", 64))
    ends(made, "2042-01-02", "--force", tells=["2042.01.02 ended at"])
    ends(made, "2042-01-02", tells=["had ended before"])
    ends(made, "2024-01-04", code=NEGATIVE,
         tells=["2024.01.04 is not ended: 2042.01.02 ended already"])
    mill.check(total(made) == [7, 127], total(made))


def rejects(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    other = made.directory / "other.toml"
    other.write_text(made.path.read_text().replace(
      '"size:int"', '"size:int", "venue:symbol"', 1))
    publish(made, ("2024-01-02", "A", 1))
    # An rdb that lives is asked, and nothing is published that it cannot take.
    refused = publish(made, ("2024-01-02", "B", 2), config=other, code=CONFIG)
    mill.check("rdb1 on node back" in refused.stderr
               and "column 'venue' is not in it there" in refused.stderr,
               refused.stderr)
    mill.check(total(made) == [1, 1], total(made))
    made.run("stop", "rdb1")
    publish(made, ("2024-01-02", "B", 2), config=other)
    made.run("spawn", "rdb1", "--on", "back")
    mill.wait_until(lambda: made.process("rdb1")["rejected_batches"] == 1, 30,
                    "a rejected batch")
    ends(made, "2024-01-02", code=NEGATIVE,
         tells=["2024.01.02 ended at", "rdb1: not written down",
                "--accept-rejects"])
    listed = json.loads(made.run("rejects", "-o", "json").stdout)
    mill.check([(row["rdb"], row["table"], row["rows"]) for row in listed]
               == [("rdb1", "trade", 1)] and "venue" in listed[0]["reason"],
               listed)
    log = (made.directory / "data/nodes/back/node.log").read_text()
    mill.check("fits no table" in log and "venue" in log, log)
    mill.check("held" in made.process("rdb1"), made.process("rdb1"))
    # A new life meets it again, and keeps it once.
    made.kill("back")
    made.up("back")
    ends(made, "2024-01-02", code=NEGATIVE, tells=["had ended before"])
    mill.check(total(made) == [1, 1], total(made))
    ends(made, "2024-01-02", "--accept-rejects",
         tells=["trade: 1 rows", "1 batches are set aside"])
    mill.check(len(json.loads(made.run("rejects", "-o", "json").stdout)) == 1,
               "kept once")
    mill.check(total(made) == [1, 1], total(made))


def tables(binary):
  """Columns may come and grow between two lives, and nothing else."""
  with mill.cluster(binary, NODES) as made:
    good = made.path.read_text()
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    ends(made, "2024-01-02")
    publish(made, ("2024-01-03", "B", 2))
    made.down()
    line = next(i for i, text in enumerate(good.splitlines(), 1)
                if "columns" in text)
    for old, new in (("size:int", "size:short"), ("size:int", "size:symbol"),
                     ("sym:symbol", "sym:string")):
      made.path.write_text(good.replace(old, new, 1))
      done = made.run("up", code=CONFIG)
      text = done.stdout + done.stderr
      mill.check(f"{made.path}:{line}:" in text, text)
    made.path.write_text(good.replace(
      '"size:int"', '"size:long", "venue:symbol"', 1))
    made.up()
    publish(made, ("2024-01-04", "C", 4))
    mill.check(total(made) == [3, 7], total(made))

    def venues():
      rows = made.query({"tablename": "trade", "starttime": "2020-01-01",
                         "endtime": "2050-01-01", "columns": ["sym", "venue"]},
                        at_least=made.merged_end())
      return sorted((row["sym"], row["venue"]) for row in rows)

    # Before and after the first partition with the new columns.
    for _ in range(2):
      got = venues()
      mill.check([sym for sym, _ in got] == ["A", "B", "C"]
                 and not any(venue for _, venue in got), got)
      ends(made, "2024-01-03", tells=["trade: 2 rows"])
    mill.check(total(made) == [3, 7], total(made))
    # A table that has another name now is another one, and that is told.
    made.down()
    made.path.write_text(
      made.path.read_text().replace('name = "trade"', 'name = "ticks"', 1))
    made.up()
    mill.check(made.process("hdb1")["undeclared"] == ["trade"],
               made.process("hdb1"))
    log = (made.directory / "data/nodes/back/node.log").read_text()
    mill.check("|WARN|undeclared|" in log
               and "holds 3 rows of table 'trade'" in log, log)



def history(binary):
  """Files of past days, past the stream: each row to its own date, once."""
  with mill.cluster(binary, NODES) as made:
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)

    def write(name, *rows):
      at = made.directory / name
      at.write_text("time,sym,size\n" + "".join(
        f"{date}T{12 + i % 8}:00:00Z,{symbol},{size}\n"
        for i, (date, symbol, size) in enumerate(rows)))
      return at

    def load(*words, code=0, tells=()):
      done = made.run("load", "--layout", layout, "--table", "trade", *words,
                      code=code)
      text = done.stdout + done.stderr
      for needle in tells:
        mill.check(needle in text, "no", repr(needle), "in:", text)

    first = write("a.csv", ("2023-12-28", "A", 1), ("2023-12-29", "B", 2),
                  ("2023-12-28", "C", 4))
    second = write("b.csv", ("2023-12-29", "A", 8), ("2023-12-27", "D", 16))
    # Before anything lives, and beside what lives.
    load(first, tells=["3 rows loaded into 2 partitions",
                       "2023.12.28 2023.12.29"])
    made.up()
    publish(made, ("2024-01-02", "E", 32))
    load(second, tells=["2 rows loaded into 2 partitions", "served by hdb1",
                        "those dates had 1 rows before"])
    mill.check(total(made) == [6, 63], "not seen after load:", total(made))
    # Again: nothing twice.
    load(first, second, tells=["0 rows loaded", "already loaded"])
    ends(made, "2024-01-02", tells=["trade: 1 rows"])
    mill.check(total(made) == [6, 63], total(made))
    day = made.query({"tablename": "trade", "starttime": "2023-12-29",
                      "endtime": "2023-12-29", "columns": ["sym", "size"]})
    mill.check(sorted(row["sym"] for row in day) == ["A", "B"], day)
    # A day is replaced as a whole; the others stay.
    third = write("c.csv", ("2023-12-29", "Z", 64))
    load("--replace", third, tells=["1 rows loaded into 1 partitions",
                                    "in the place of 2"])
    mill.check(total(made) == [5, 1 + 4 + 16 + 32 + 64], "the replaced day:",
               total(made))
    load(second, code=DATA, tells=["b.csv", "--replace loads it anew"])
    made.kill("back")
    made.up("back")
    mill.check(total(made) == [5, 117], total(made))
    # What was dropped is not said to be replaced.
    hdb = made.directory / "data/hdb"
    done = made.run("hdb", "drop", hdb, "-p", "2023-12-28")
    mill.check("served by hdb1" in done.stdout, done.stdout)
    mill.check(total(made) == [3, 112], "the dropped day:", total(made))
    done = made.run("hdb", "drop", hdb, "-p", "2023-12-28")
    mill.check("nothing of it is there" in done.stdout, done.stdout)
    load(first, code=DATA, tells=["its rows of 2023.12.28 were dropped",
                                  "other rows took the place of its own of "
                                  "2023.12.29"])
    # Of both its days, one still its own.
    load("--replace", second, tells=["2 rows loaded into 2 partitions",
                                     "in the place of 2"])
    mill.check(total(made) == [3, 8 + 16 + 32], "the day that is back:",
               total(made))
    # An answer after an amendment is one with it, also by another path.
    link = made.directory / "link"
    link.symlink_to(hdb)
    for size in (2, 4, 6):
      done = made.run("hdb", "amend", link, "-t", "trade", "--symbol", "D",
                      "--set", json.dumps({"size": size}), "-o", "json")
      mill.check(json.loads(done.stdout)["served_by"] == ["hdb1"], done.stdout)
      mill.check(total(made) == [3, 8 + size + 32], "amended:", total(made))
    done = made.run("hdb", "amend", hdb, "-t", "trade", "--symbol", "none",
                    "--remove", code=NEGATIVE)
    mill.check("no row of table 'trade' is meant" in done.stderr, done.stderr)
    entries = json.loads(made.run("hdb", "ledger", hdb, "-o",
                                  "json").stdout)["entries"]
    mill.check([(entry["partition"], entry["rows"]) for entry in entries]
               == [("2023.12.29", 2), ("2023.12.28", 2), ("2023.12.27", 1),
                   ("2023.12.29", 1)] + [("2023.12.27", 1)] * 3, entries)
    # What was dropped of a file is known after its other rows were amended.
    made.run("hdb", "drop", hdb, "-p", "2023-12-29")
    made.run("hdb", "amend", hdb, "-t", "trade", "--symbol", "D", "--set",
             json.dumps({"size": 16}))
    load(second, code=DATA, tells=["its rows of 2023.12.29 were dropped"])
    load("--replace", second, tells=["2 rows loaded into 2 partitions"])
    # What the stream has brought and no period has ended stays, and is told.
    publish(made, ("2024-01-03", "F", 64))
    load(write("d.csv", ("2024-01-03", "F", 64)),
         tells=["rdb1 holds 1 rows of 2024.01.03 that the stream brought: they "
                "stay beside these"])
    mill.check(total(made) == [5, 8 + 16 + 32 + 128], total(made))
    # What an rdb holds is not changed by hand, either, and that is no success.
    told = "rdb1 holds 1 rows of 2024.01.03 that the stream brought: they are "
    busts = ["amend", hdb, "-t", "trade", "--symbol", "F", "--remove"]
    drops = ["drop", hdb, "-p", "2024-01-03"]
    for words in (busts, drops):
      done = made.run("hdb", *words, "--dry-run", code=None)
      mill.check("rdb1 holds 1 rows of 2024.01.03" in done.stderr, done.stderr)
    for words, fate in ((busts, "not amended"), (drops, "not dropped")):
      done = made.run("hdb", *words, "-o", "json", code=NEGATIVE)
      mill.check(told + fate in done.stderr, done.stderr)
      mill.check(json.loads(done.stdout)["rows_in_rdbs"]
                 == [{"rdb": "rdb1", "table": "trade",
                      "partition": "2024.01.03", "rows": 1}], done.stdout)
    mill.check(total(made)[0] == 4, total(made))
    # Of other symbols, or dates, it holds none.
    made.run("hdb", "amend", hdb, "-t", "trade", "--symbol", "D", "--set",
             json.dumps({"size": 8}))
    made.run("hdb", "drop", hdb, "--before", "2023-12-28")


def spawned(binary):
  """One that only `spawn` starts is missed while it is away, and seen."""
  nodes = {"front": ["discovery1", "rt1"], "back": ["hdb1", "gw1"]}
  with mill.cluster(binary, nodes) as made:
    made.up()
    everything = {"tablename": "trade", "starttime": "2020-01-01",
                  "endtime": "2050-01-01", "timeout": "0D00:00:01"}

    def unanswered():
      done = made.run("query", json.dumps(everything), code=UNAVAILABLE)
      mill.check("only 'millrace spawn' starts rdb1" in done.stderr,
                 done.stderr)

    publish(made, ("2024-01-02", "A", 1))
    unanswered()
    mill.check(made.status()["not_started"] == ["rdb1"], made.status())
    ends(made, "2024-01-02", code=UNAVAILABLE,
         tells=["2024.01.02 ended at", "rdb1 was not started",
                "not written down there"])
    made.run("spawn", "rdb1", "--on", "back")
    ends(made, "2024-01-02", tells=["had ended before", "trade: 1 rows",
                                    "served by the hdb"])
    mill.check(made.process("rdb1")["role"] == "rdb", made.status())
    publish(made, ("2024-01-03", "B", 2))
    mill.check(total(made) == [2, 3], total(made))
    # A new life of its node does not start it, and nothing is answered short.
    made.kill("back")
    made.up("back")
    unanswered()
    made.run("spawn", "rdb1", "--on", "front")
    mill.check(total(made) == [2, 3], total(made))
    ends(made, "2024-01-03", tells=["trade: 1 rows", "served by the hdb"])


COPY = """
[[process]]
name = "hdbq"
type = "hdb"
node = "back"
hdb = "data/hdbq"
[[process]]
name = "rdbq"
type = "rdb"
node = "back"
tables = ["quote"]
hdb = "data/hdbq"
[[process]]
name = "rdb2"
type = "rdb"
node = "back"
tables = ["trade"]
hdb = "data/copy"
[[process]]
name = "hdb2"
type = "hdb"
node = "back"
hdb = "data/copy"
"""


def directories(binary):
  """Questions, ends and drops go by what an hdb serves."""
  with mill.cluster(binary, NODES, extra=COPY) as made:
    made.path.write_text(made.path.read_text().replace(
      'name = "rdb1"\ntype = "rdb"\n',
      'name = "rdb1"\ntype = "rdb"\ntables = ["trade"]\n', 1))
    made.up()
    log = (made.directory / "data/nodes/back/node.log").read_text()
    for process in ("rdb2", "hdb2"):
      mill.check("|WARN|not_asked|" in log and process in log, log)
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    old = made.directory / "a.csv"
    old.write_text("time,sym,size\n2023-12-28T12:00:00Z,A,1\n")
    made.run("load", "--layout", layout, "--table", "trade", old)
    publish(made, ("2024-01-02", "A", 2))
    text = ('{"time": "2024-01-02T12:00:00Z", "sym": "Q", "bid": 1}\n')
    made.run("pub", "--stream", "market", "--table", "quote", text=text)

    def alike(trades):
      for _ in range(2):
        mill.check(total(made) == trades, total(made))
        got = made.query({"tablename": "quote", "starttime": "2020-01-01",
                          "endtime": "2050-01-01", "columns": ["sym"]},
                         at_least=made.merged_end())
        mill.check([row["sym"] for row in got] == ["Q"], got)

    alike([2, 3])
    # Nobody serves what rdbq writes, whatever others serve.
    made.run("stop", "hdbq")
    done = made.run("eop", "--period", "2024-01-02", "--timeout", "3",
                    code=RETRY)
    text = done.stdout + done.stderr
    mill.check("rdbq: after 3 s no hdb serves" in text, text)
    mill.check("rdb1: written" in text and "served by the hdb" in text, text)
    made.run("spawn", "hdbq", "--on", "back")
    ends(made, "2024-01-02", tells=["quote: 1 rows"])
    alike([2, 3])
    made.kill("back")
    made.up("back")
    alike([2, 3])


def texts(binary):
  """What a file is, is its text: nothing twice, nothing half, nothing stale."""
  with mill.cluster(binary, NODES) as made:
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    quoted = made.directory / "quoted.toml"
    quoted.write_text(mill.LAYOUT.replace('"trade"', '"trade"\nquote = true', 1))
    made.up()
    day = {"tablename": "trade", "starttime": "2023-03-01",
           "endtime": "2023-03-01",
           "aggregations": {"count": "sym", "sum": "size"}}

    def answer():
      got = made.query(day)
      return [got[0]["countSym"], got[0]["sumSize"]] if got else [0, 0]

    def write(name, sizes, symbol="A"):
      at = made.directory / name
      at.write_text("time,sym,size\n" + "".join(
        f"2023-03-01T12:{i // 60 % 60:02}:{i % 60:02}Z,{symbol},{size}\n"
        for i, size in enumerate(sizes)))
      return at

    def load(at, *words, code=0, tells="", by=layout):
      done = made.run("load", "--layout", by, "--table", "trade", *words, at,
                      code=code)
      mill.check(tells in done.stdout + done.stderr, repr(tells), "not in",
                 done.stdout, done.stderr)

    # A correction after the first 64 KiB, of the same size.
    at = write("day.csv", [1] * 3000)
    load(at)
    write("day.csv", [1] * 2900 + [9] + [1] * 99)
    load(at, code=DATA, tells="another text of this name")
    mill.check(answer() == [3000, 3000], answer())
    load(at, "--replace", tells="in the place of 3000")
    mill.check(answer() == [3000, 3008], answer())
    # The same text by another name, packed, and twice in one command.
    copy = write("copy.csv", [1] * 2900 + [9] + [1] * 99)
    load(copy, tells="already loaded")
    packed = made.directory / "packed.csv.gz"
    packed.write_bytes(gzip.compress(copy.read_bytes()))
    load(packed, tells="already loaded")
    mill.check(answer() == [3000, 3008], answer())
    # Nor by another name with more lines, or fewer.
    longer = write("longer.csv", [1] * 2900 + [9] + [1] * 100)
    load(longer, code=DATA, tells="(3001 lines) are those of day.csv")
    shorter = write("shorter.csv", [1] * 2000)
    load(shorter, code=DATA, tells="what day.csv begins with")
    load(longer, "--replace", copy, code=DATA, tells="would come twice")
    mill.check(answer() == [3000, 3008], answer())
    # What came to the day since goes with it.
    load(write("more.csv", [5, 5], "B"), tells="had 3000 rows before")
    load(at, "--replace", tells="in the place of 3002")
    mill.check(answer() == [3000, 3008], answer())
    # A file that grew is another text.
    write("day.csv", [1] * 3001)
    load(at, code=DATA, tells="another text of this name")
    # A line that gives no row is told, and its mended load is no second one.
    bad = made.directory / "bad.csv"
    bad.write_text("time,sym,size\n2023-03-02T12:00:00Z,E,1\n"
                   '2023-03-02T12:00:01Z,E,"2"\n')
    load(bad, code=DATA, tells="1 line gave no row")
    load(bad, code=DATA, by=quoted, tells="with another layout")
    load(bad, "--replace", by=quoted, tells="in the place of 1")
    # A damaged file puts nothing in the place of a whole day.
    packed.write_bytes(gzip.compress(
      write("half.csv", range(20000)).read_bytes())[:-5000])
    load(packed, "--replace", code=DATA, tells="packed.csv.gz")
    mill.check(answer() == [3000, 3008], answer())
    # Rows that the stream brought are not replaced, and that is told.
    publish(made, ("2023-03-01", "S", 7), ("2023-03-03", "S", 7))
    total(made)
    write("day.csv", [2] * 10)
    load(at, "--replace", code=NEGATIVE,
         tells="rdb1 holds 1 rows of 2023.03.01 that the stream brought")
    mill.check(answer() == [11, 27], answer())


def real_history(binary):
  """Real days, loaded in any order, answer as an independent reading says, and
  to the last byte as the same days do that were fed and ended one by one."""
  days = [("SPY", "2013-10-07"), ("SPY", "2013-10-08"), ("AIG", "2013-10-08"),
          ("SPY", "2013-10-09")]

  def words(symbol, date):
    name = f"{symbol.lower()}_{date.replace('-', '')}_trade.zip"
    return ["--layout", "lean-equity-trade", "--table", "trade", "--date", date,
            "--symbol", symbol, mill.shared_data("lean") / name]

  def answers(made):
    out = []
    for columns in (["size", "price"], ["price", "size"]):
      out.append(made.query({
        "tablename": "trade", "starttime": days[0][1], "endtime": days[-1][1],
        "grouping": ["date", "sym"], "aggregations": {
          "count": "time", "first": ["time", "price", "ex", "cond"],
          "last": ["time", "price", "size", "ex"], "sum": columns,
          "avg": columns, "dev": columns, "wavg": [columns],
          "cor": [columns]}}))
    out.append(made.query(lean_data.trade_query(days[0][1], days[-1][1],
                                                bars=True)))
    # Rows, those of one symbol and time as they came: of several symbols they
    # came by the order of the loads.
    rows = made.query({
      "tablename": "trade", "starttime": days[1][1] + "T14:00:00",
      "endtime": days[1][1] + "T14:05:00", "ordering": ["asc", "time"]})
    mill.check([row["time"] for row in rows]
               == sorted(row["time"] for row in rows), "not by time")
    out.append(sorted(rows, key=lambda row: (row["time"], row["sym"])))
    mill.check(len(out[-1]) > 100, "too few rows to tell:", len(out[-1]))
    return out

  with mill.cluster(binary, NODES) as made:
    made.up()
    for symbol, date in days:
      made.run("feed", *words(symbol, date))
      if (symbol, date) != days[1]:
        made.end_period(date)
    fed = answers(made)
  for order in ([3, 2, 0, 1], [1, 3, 0, 2]):
    with mill.cluster(binary, NODES) as made:
      made.up()
      want = {}
      for symbol, date in (days[i] for i in order):
        made.run("load", *words(symbol, date))
        facts = lean_data.trade_facts(words(symbol, date)[-1], symbol, date)
        want.setdefault(date, {}).update(
          {key: value for key, value in facts.items() if key[1] is None})
      mill.check(made.process("hdb1")["partitions"]
                 == ["2013.10.07", "2013.10.08", "2013.10.09"],
                 made.process("hdb1"))
      for date, facts in want.items():
        lean_data.compare(f"trades of {date}",
                          made.query(lean_data.trade_query(date, date)), facts)
      mill.check(answers(made) == fed, "loaded", order, "is", answers(made),
                 "not", fed)


def log_is_gone(binary):
  """Partitions that go on from a log that is not there are told, not used."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    ends(made, "2024-01-02")
    open_to_all = [path for path in (made.directory / "data").rglob("*")
                   if path.stat().st_mode & 0o007 and not path.is_socket()]
    mill.check(not open_to_all, "others may read", *open_to_all[:5])
    made.run("down")
    for name in ("rt", "pub"):
      shutil.rmtree(made.directory / "data" / name, ignore_errors=True)
    made.run("up", code=None)
    told = made.run("status", code=NEGATIVE).stderr
    mill.check("rdb1: the hdb in" in told and "another life" in told, told)


def atom(word):
  """As CAF writes it: six bits a letter, after a mark."""
  letters = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
  value = 0xF
  for letter in word:
    value = value << 6 | letters.index(letter)
  return value.to_bytes(8, "big")


def vanishing(port, after, before):
  """A port that hands on to `port`, until a client that said `after` says
  `before`: then nobody is there any more."""
  listener = socket.create_server(("127.0.0.1", 0))
  said = threading.Event()
  gone = threading.Event()

  def hand_on(client):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
      while not gone.is_set():
        for end in select.select([client, server], [], [], 0.05)[0]:
          piece = end.recv(1 << 16)
          if end is client and said.is_set() and before in piece:
            listener.shutdown(socket.SHUT_RDWR)
            gone.set()
          if not piece or gone.is_set():
            return
          if end is client and after in piece:
            said.set()
          (server if end is client else client).sendall(piece)

  def accept():
    while not gone.is_set():
      try:
        client, _ = listener.accept()
      except OSError:
        break
      threading.Thread(target=hand_on, args=(client,), daemon=True).start()
    listener.close()

  threading.Thread(target=accept, daemon=True).start()
  return listener.getsockname()[1], gone


def rt_goes(binary):
  """An end that was reached is told as one, whatever its rt does then; and
  what is waited for is told while it is."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    port, gone = vanishing(made.ports["front"], atom("endperiod"),
                           atom("facts"))
    other = made.directory / "other.toml"
    other.write_text(made.path.read_text().replace(
      f"port = {made.ports['front']}", f"port = {port}"))
    done = made.run("eop", "--period", "2024-01-02", "--timeout", "30", "-o",
                    "json", "--config", other, code=RETRY)
    mill.check(gone.is_set(), "the rt was there all the time")
    (told,) = json.loads(done.stdout)
    mill.check("failure" not in told and told["end"] > 0
               and told["absent"] is None and "absent_unknown" in told
               and told["written"][0]["served"], told)
    mill.check("ask again which publishers" in done.stderr, done.stderr)
    # Asked again, it is known.
    (told,) = json.loads(made.run("eop", "--period", "2024-01-02", "-o",
                                  "json").stdout)
    mill.check(told["absent"] == [] and told["ended_before"], told)
    made.down("back")
    done = made.run("eop", "--period", "2024-01-03", "--timeout", "6",
                    code=RETRY)
    mill.check("2024.01.03 ended; rdb1 does not answer" in done.stderr,
               done.stderr)


if __name__ == "__main__":
  mill.main([periods, rejects, tables, spawned, directories, history, texts,
             real_history, log_is_gone, rt_goes])
