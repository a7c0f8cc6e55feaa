#!/usr/bin/env python3
"""The same questions over the same rows, wherever these lie: all in memory but
what was loaded, after each end of a period, after restarts and corrections, and
loaded as files. Each answer is the same to the last byte, and what can be
recounted here is so. MILLRACE_QUESTIONS=8000 asks for longer. Needs no data of
others."""

import datetime
import json
import math
import os
import random
import threading

import millrace_cluster as mill

QUESTIONS = int(os.environ.get("MILLRACE_QUESTIONS", "24"))
SEED = int(os.environ.get("MILLRACE_QUESTIONS_SEED", "1"))
NODES = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1", "gw1"]}
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
ROWS = 250  # Of each day.
SYMBOLS = [f"S{i}" for i in range(7)] + ["", "Zoë"]
COLUMNS = ["time", "sym", "price", "size", "ex"]

LAYOUT = """table = "trade"
delimiter = ","
header = true
time_column = "time"
symbol_column = "sym"
""" + "".join(f'[[column]]\nname = "{name}"\ntype = "{kind}"\n'
              f'header = "{name}"\n' + more for name, kind, more in (
                ("time", "timestamp", 'format = "iso"\nzone = "UTC"\n'),
                ("sym", "symbol", ""), ("price", "float", ""),
                ("size", "int", ""), ("ex", "symbol", "")))


def rows_of(day):
  """Times and sizes differ between all rows: no order is left open."""
  draw = random.Random(SEED * 1000 + day)
  out = []
  for i in range(ROWS):
    at = datetime.datetime.fromisoformat(f"{DAYS[day]}T06:00:00")
    at += datetime.timedelta(microseconds=draw.randrange(1000) + 77_000_000 * i)
    # Sums that nearly cancel.
    price = draw.choice([1.5, 0.1, 1e11 / 3, -1e11 / 3, draw.gauss(0, 1e6)])
    out.append({"time": at.isoformat(timespec="microseconds") + "Z",
                "sym": draw.choice(SYMBOLS), "price": price,
                "size": day * 100_000 + i * 3 + 1,
                "ex": draw.choice("NPQ")})
  draw.shuffle(out)
  return out


def question(draw):
  """A getdata call; what `told` does not know, only its repeats do."""
  first, last = sorted(draw.choices(range(len(DAYS)), k=2))
  asked = {"tablename": "trade", "starttime": DAYS[first],
           "endtime": DAYS[last] + "T23:59:59.999999999"}
  if draw.random() < 0.4:
    asked["instruments"] = draw.sample(SYMBOLS[:7], draw.randrange(1, 4))
  if draw.random() < 0.25:  # As `told` recounts it.
    asked["aggregations"] = {
      each: draw.choice(["size", "price"])
      for each in draw.sample(["count", "sum", "min", "max"], 2)}
    if draw.random() < 0.7:
      asked["grouping"] = "sym"
    return asked
  if draw.random() < 0.4:
    asked["filters"] = draw.choice([
      {"size": [draw.choice(["<", ">", ">=", "<>"]), draw.randrange(400_000)]},
      {"ex": ["in", ["N", "Q"]]}, {"price": ["within", [-10, 1e7]]},
      {"sym": ["like", "S[1-4]"]}, {"price": [">", 0], "ex": ["=", "P"]}])
  if draw.random() < 0.25:
    asked["columns"] = draw.sample(COLUMNS, draw.randrange(1, 6))
    if draw.random() < 0.6:
      asked["columns"] = ["size", *(set(asked["columns"]) - {"size"})]
      asked["ordering"] = [draw.choice(["asc", "desc"]), "size"]
      asked["sublist"] = draw.choice([5, -5, 1000])
    return asked
  functions = draw.sample(["count", "sum", "min", "max", "first", "last", "avg",
                           "dev", "med", "var", "wavg", "cor"],
                          draw.randrange(1, 5))
  asked["aggregations"] = {
    each: ["size", "price"] if each in ("wavg", "cor")
    else draw.choice(["size", "price", ["price", "size"]])
    for each in functions}
  if draw.random() < 0.7:
    asked["grouping"] = draw.choice(["sym", "ex", "date", ["sym", "ex"],
                                     ["date", "sym"]])
  if draw.random() < 0.3:
    asked["timebar"] = [draw.choice([7, 60, 600]), "minute", "time"]
  return asked


def joined_rows(draw):
  """In q, with time, sym, price, size and ex: what is joined has the times of
  several rows, and by other keys than the symbol too."""
  first, last = sorted(draw.choices(DAYS, k=2))
  left = (f"(select from trade where date within {first.replace('-', '.')} "
          f"{last.replace('-', '.')})")
  right = "select time:0D00:20 xbar time,sym,ex,bid:size from trade"
  way = draw.choice(["", ";`forward", ";`nearest"])
  window = ("[-0D00:10 0D00:10+\\:exec time from trade;`ex`time;"
            f"{left};({right};({draw.choice(['first', 'last'])};`bid))]")
  return draw.choice([
    f"aj[`sym`time;{left};{right}{way}]", f"aj[`ex`time;{left};{right}{way}]",
    f"aj[`time;{left};select time,bid from {right}{way}]",
    draw.choice(["wj", "wj1"]) + window,
    f"ej[`ex;{left};select ex,bid from {right} where size<60]",
    f"({left} lj `ex xkey select ex,bid from {right})",
    f"({left} uj select time,sym,size:bid,ex from {right})", f"({left},{left})"])


def order_question(draw):
  """What depends on the order of rows that are joined or united, as arguments
  of the command."""
  if draw.random() < 0.6:
    rows = joined_rows(draw)
    return [draw.choice([
      f"select first size, last price, last ex from {rows}",
      f"select first size, last price by sym from {rows}",
      f"select[50] s:sums size, p:prev price from {rows}",
      f"-50#update d:deltas size, e:prev sym by ex from {rows}",
      f"last {rows}", f"20#`ex xasc {rows}", f"select[10;>ex] from {rows}",
      f"select from {rows} where i<7"])]
  right = draw.choice([
    "asof join trade q on t.ex = q.ex and t.time > q.time",
    "asof join trade q on t.sym = q.sym and t.time > q.time",
    "left join trade q on t.ex = q.ex and q.size < 40",
    "join trade q on t.sym = q.sym and q.size < 40"])
  return ["-l", "sql", draw.choice([
    f"select first(t.size), last(q.price) from trade t {right}",
    "select t.sym, first(t.size) as f, last(q.size) as l from trade t "
    f"{right} group by t.sym",
    f"select t.size, q.size as q from trade t {right} order by t.ex limit 9",
    "select last(size) as l, first(ex) as f from (select size, ex from trade "
    "union all select size + 1, ex from trade) x",
    f"select max(s) as m from (select t.size + lag(t.size) over () as s "
    f"from trade t {right}) x"])]


def told(asked, rows):
  """The answer, for calls that count, sum and compare by symbol or in all."""
  parts = asked.get("aggregations", {})
  if ("filters" in asked or "timebar" in asked or not parts
      or set(parts) - {"count", "sum", "min", "max"}
      or asked.get("grouping", "sym") != "sym"
      or any(isinstance(each, list) for each in parts.values())):
    return None
  wanted = [row for row in rows
            if asked["starttime"] <= row["time"][:10] <= asked["endtime"][:10]
            and row["sym"] in asked.get("instruments", SYMBOLS)]
  fold = {"count": len, "min": min, "max": max,
          "sum": lambda all_of: math.fsum(all_of)
          if isinstance(all_of[0], float) else sum(all_of)}
  groups = {}
  for row in wanted:
    groups.setdefault((row["sym"] or None) if "grouping" in asked else None,
                      []).append(row)
  return {key: [fold[name]([row[column] for row in group])
                for name, column in parts.items()]
          for key, group in groups.items()}


class asking:
  """The questions, and the answers that each of them had first."""

  def __init__(self):
    draw = random.Random(SEED)
    self.questions = [order_question(draw) if i % 3 == 2 else question(draw)
                      for i in range(QUESTIONS)]
    self.answers = [None] * QUESTIONS
    self.rows = [row for day in range(len(DAYS)) for row in rows_of(day)]
    self.recounted = 0

  def verify(self, asked, answer):
    want = told(asked, self.rows) if isinstance(asked, dict) else None
    if not want:
      return
    got = {row.pop("sym") if "grouping" in asked else None: list(row.values())
           for row in json.loads(answer)}
    mill.check(got == want, json.dumps(asked), "is", got, "not", want)
    self.recounted += 1

  def ask(self, made, where):
    turns = iter(range(QUESTIONS))
    lock = threading.Lock()
    faults = []

    def work():
      while not faults:
        with lock:
          turn = next(turns, None)
        if turn is None:
          return
        asked = self.questions[turn]
        try:
          text = asked if isinstance(asked, list) else [json.dumps(asked)]
          done = made.run("query", "--strict", "-o", "json", *text)
          answer = done.stdout
          if (isinstance(asked, dict) and "columns" in asked
              and "ordering" not in asked):
            answer = json.dumps(sorted(json.loads(answer), key=json.dumps))
          if self.answers[turn] is None:
            self.verify(asked, answer)
            self.answers[turn] = answer
          mill.check(answer == self.answers[turn], where, json.dumps(asked),
                     "is", answer[:2000], "not", self.answers[turn][:2000])
        except Exception as why:  # pylint: disable=broad-except
          faults.append(why)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
      each.start()
    for each in threads:
      each.join()
    mill.check(not faults, where, *faults[:1])
    print(f"  {QUESTIONS} answers, {where}", flush=True)


def load(made, day):
  layout = made.directory / "plain.toml"
  layout.write_text(LAYOUT)
  at = made.directory / f"day{day}.csv"
  with at.open("w") as out:
    out.write(",".join(COLUMNS) + "\n")
    for row in rows_of(day):
      out.write(",".join(
        repr(row[name]) if name == "price" else str(row[name])
        for name in COLUMNS) + "\n")
  made.run("load", "--layout", layout, "--table", "trade", at)


def publish(made, day):
  made.run("pub", "--stream", "market", "--table", "trade",
           text="".join(json.dumps(row) + "\n" for row in rows_of(day)))


def amend(made, size, into):
  made.run("hdb", "amend", made.directory / "data/hdb", "--table", "trade",
           "--filters", json.dumps({"size": ["=", size]}), "--set",
           json.dumps({"size": into}))
  count = {"tablename": "trade", "starttime": DAYS[0], "endtime": DAYS[-1],
           "aggregations": {"count": "size"}, "filters": {"size": ["=", into]}}
  mill.wait_until(lambda: made.query(count) == [{"countSize": 1}], 30,
                  "the corrected row")


def wherever_rows_lie(binary):
  questions = asking()
  with mill.cluster(binary, NODES) as made:
    made.up()
    load(made, 0)
    for day in (2, 1, 3):
      publish(made, day)
    questions.ask(made, "in memory, but what was loaded")
    made.end_period(DAYS[1])
    questions.ask(made, "written down, and still in memory")
    made.kill("back")
    made.kill("front")
    made.up()
    questions.ask(made, "written down, in new lives")
    size = rows_of(2)[7]["size"]
    amend(made, size, 999_999)
    amend(made, 999_999, size)
    questions.ask(made, "corrected, and corrected back")
  with mill.cluster(binary, NODES) as made:
    made.up()
    for day in (3, 0):
      load(made, day)
    publish(made, 1)
    made.end_period(DAYS[1])
    load(made, 2)
    questions.ask(made, "loaded beside what was written down")
  print(f"  {questions.recounted} of the answers were recounted")
  mill.check(questions.recounted * 10 >= QUESTIONS, "too few were recounted")


if __name__ == "__main__":
  mill.main([wherever_rows_lie])
