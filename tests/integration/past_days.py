"""Files of past days, past the stream: each row to its own date, once; parts of
end_of_period_test.py."""

import gzip
import json

import lean_data
import millrace_cluster as mill
from period_steps import NODES, ends, publish, total

NEGATIVE, DATA = 1, 65


class loaded_files:
  """Files of trades in a cluster's directory, and `millrace load` of them."""

  def __init__(self, made):
    self.made = made
    self.layout = made.directory / "plain.toml"
    self.layout.write_text(mill.LAYOUT)

  def write(self, name, *rows):
    """Rows of (date, symbol, size)."""
    at = self.made.directory / name
    at.write_text("time,sym,size\n" + "".join(
      f"{date}T{12 + i % 8}:00:00Z,{symbol},{size}\n"
      for i, (date, symbol, size) in enumerate(rows)))
    return at

  def write_one_day(self, name, sizes, symbol="A"):
    at = self.made.directory / name
    at.write_text("time,sym,size\n" + "".join(
      f"2023-03-01T12:{i // 60 % 60:02}:{i % 60:02}Z,{symbol},{size}\n"
      for i, size in enumerate(sizes)))
    return at

  def load(self, *words, code=0, tells=(), by=None):
    done = self.made.run("load", "--layout", by or self.layout, "--table",
                         "trade", *words, code=code)
    text = done.stdout + done.stderr
    for needle in tells:
      mill.check(needle in text, "no", repr(needle), "in:", text)


def history(binary):
  """Files of past days, past the stream: each row to its own date, once."""
  with mill.cluster(binary, NODES) as made:
    files = loaded_files(made)
    first = files.write("a.csv", ("2023-12-28", "A", 1), ("2023-12-29", "B", 2),
                        ("2023-12-28", "C", 4))
    second = files.write("b.csv", ("2023-12-29", "A", 8),
                         ("2023-12-27", "D", 16))
    loads_are_seen_once(made, files, first, second)
    days_are_replaced(made, files, first, second)
    amendments_are_seen(made)
    drops_are_remembered(made, files, second)
    rows_of_an_rdb_stay(made, files)


def loads_are_seen_once(made, files, first, second):
  # Before anything lives, and beside what lives.
  files.load(first, tells=["3 rows loaded into 2 partitions",
                           "2023.12.28 2023.12.29"])
  made.up()
  publish(made, ("2024-01-02", "E", 32))
  files.load(second, code=DATA, tells=[
    "already_exists: b.csv", "2023.12.29 has 1 rows already (of a load of "
    "a.csv)", "--beside", "--replace", "0 rows loaded"])
  mill.check(total(made) == [4, 39], "a part of it is there:", total(made))
  files.load("--beside", second, tells=[
    "2 rows loaded into 2 partitions", "served by hdb1",
    "those dates had 1 rows before"])
  mill.check(total(made) == [6, 63], "not seen after load:", total(made))
  # Again: nothing twice.
  files.load(first, second, tells=["0 rows loaded", "already loaded"])
  ends(made, "2024-01-02", tells=["trade: 1 rows"])
  mill.check(total(made) == [6, 63], total(made))
  day = made.query({"tablename": "trade", "starttime": "2023-12-29",
                    "endtime": "2023-12-29", "columns": ["sym", "size"]})
  mill.check(sorted(row["sym"] for row in day) == ["A", "B"], day)


def days_are_replaced(made, files, first, second):
  """A day is replaced as a whole; the others stay."""
  third = files.write("c.csv", ("2023-12-29", "Z", 64))
  files.load("--replace", third, tells=["1 rows loaded into 1 partitions",
                                        "in the place of 2"])
  mill.check(total(made) == [5, 1 + 4 + 16 + 32 + 64], "the replaced day:",
             total(made))
  files.load(second, code=DATA, tells=["b.csv", "--replace loads it anew"])
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
  files.load(first, code=DATA, tells=["its rows of 2023.12.28 were dropped",
                                      "other rows took the place of its own of "
                                      "2023.12.29"])
  # Of both its days, one still its own.
  files.load("--replace", second, tells=["2 rows loaded into 2 partitions",
                                         "in the place of 2"])
  mill.check(total(made) == [3, 8 + 16 + 32], "the day that is back:",
             total(made))


def amendments_are_seen(made):
  """An answer after an amendment is one with it, also by another path."""
  hdb = made.directory / "data/hdb"
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


def drops_are_remembered(made, files, second):
  """What was dropped of a file is known after its other rows were amended."""
  hdb = made.directory / "data/hdb"
  made.run("hdb", "drop", hdb, "-p", "2023-12-29")
  made.run("hdb", "amend", hdb, "-t", "trade", "--symbol", "D", "--set",
           json.dumps({"size": 16}))
  files.load(second, code=DATA, tells=["its rows of 2023.12.29 were dropped"])
  files.load("--replace", second, tells=["2 rows loaded into 2 partitions"])


def rows_of_an_rdb_stay(made, files):
  # What the stream has brought and no period has ended stays, and is told.
  publish(made, ("2024-01-03", "F", 64))
  fed = files.write("d.csv", ("2024-01-03", "F", 64))
  files.load(fed, code=DATA, tells=["2024.01.03 has 1 rows already (in rdb1)"])
  # Nor of what the stream brought and a period has ended.
  files.load(files.write("e.csv", ("2024-01-02", "E", 32)), code=DATA,
             tells=["2024.01.02 has 1 rows already (of stream 'market')"])
  files.load("--replace", "--beside", fed, code=64,
             tells=["exclude each other"])
  files.load("--beside", fed,
             tells=["rdb1 holds 1 rows of 2024.01.03 that the stream brought: "
                    "they stay beside these"])
  mill.check(total(made) == [5, 8 + 16 + 32 + 128], total(made))
  hdb = made.directory / "data/hdb"
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


class one_day(loaded_files):
  """Files of the first of March, and what is answered of that day."""

  def __init__(self, made):
    super().__init__(made)
    self.quoted = made.directory / "quoted.toml"
    self.quoted.write_text(
      mill.LAYOUT.replace('"trade"', '"trade"\nquote = true', 1))

  def check(self, rows, sizes):
    got = self.made.query({"tablename": "trade", "starttime": "2023-03-01",
                           "endtime": "2023-03-01",
                           "aggregations": {"count": "sym", "sum": "size"}})
    mill.check(bool(got) and list(got[0].values()) == [rows, sizes], got)


def texts(binary):
  """What a file is, is its text: nothing twice, nothing half, nothing stale."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    day = one_day(made)
    at = corrected_after_its_head(day)
    other_names(day)
    grown_and_mended(day, at)
    nothing_for_a_whole_day(made, day, at)


def corrected_after_its_head(day):
  """A correction after the first 64 KiB, of the same size."""
  at = day.write_one_day("day.csv", [1] * 3000)
  day.load(at)
  day.write_one_day("day.csv", [1] * 2900 + [9] + [1] * 99)
  day.load(at, code=DATA, tells=["another text of this name"])
  day.check(3000, 3000)
  day.load(at, "--replace", tells=["in the place of 3000"])
  day.check(3000, 3008)
  return at


def other_names(day):
  # The same text by another name, packed, and twice in one command.
  copy = day.write_one_day("copy.csv", [1] * 2900 + [9] + [1] * 99)
  day.load(copy, tells=["already loaded"])
  packed = day.made.directory / "packed.csv.gz"
  packed.write_bytes(gzip.compress(copy.read_bytes()))
  day.load(packed, tells=["already loaded"])
  day.check(3000, 3008)
  # Nor by another name with more lines, or fewer.
  longer = day.write_one_day("longer.csv", [1] * 2900 + [9] + [1] * 100)
  day.load(longer, code=DATA, tells=["(3001 lines) are those of day.csv"])
  shorter = day.write_one_day("shorter.csv", [1] * 2000)
  day.load(shorter, code=DATA, tells=["what day.csv begins with"])
  day.load(longer, "--replace", copy, code=DATA, tells=["would come twice"])
  day.check(3000, 3008)


def grown_and_mended(day, at):
  # What came to the day since goes with it.
  day.load(day.write_one_day("more.csv", [5, 5], "B"), "--beside",
           tells=["had 3000 rows before"])
  day.load(at, "--replace", tells=["in the place of 3002"])
  day.check(3000, 3008)
  # A file that grew is another text.
  day.write_one_day("day.csv", [1] * 3001)
  day.load(at, code=DATA, tells=["another text of this name"])
  # A line that gives no row is told, and its mended load is no second one.
  bad = day.made.directory / "bad.csv"
  bad.write_text("time,sym,size\n2023-03-02T12:00:00Z,E,1\n"
                 '2023-03-02T12:00:01Z,E,"2"\n')
  day.load(bad, code=DATA, tells=["1 line gave no row"])
  day.load(bad, code=DATA, by=day.quoted, tells=["with another layout"])
  day.load(bad, "--replace", by=day.quoted, tells=["in the place of 1"])


def nothing_for_a_whole_day(made, day, at):
  # A damaged file puts nothing in the place of a whole day.
  packed = made.directory / "packed.csv.gz"
  packed.write_bytes(gzip.compress(
    day.write_one_day("half.csv", range(20000)).read_bytes())[:-5000])
  day.load(packed, "--replace", code=DATA, tells=["packed.csv.gz"])
  day.check(3000, 3008)
  # Rows that the stream brought are not replaced, and that is told.
  publish(made, ("2023-03-01", "S", 7), ("2023-03-03", "S", 7))
  total(made)
  day.write_one_day("day.csv", [2] * 10)
  day.load(at, "--replace", code=NEGATIVE,
           tells=["rdb1 holds 1 rows of 2023.03.01 that the stream brought"])
  day.check(11, 27)


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
        made.run("load", "--beside", *words(symbol, date))
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
