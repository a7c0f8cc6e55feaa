#!/usr/bin/env python3
"""10,000 symbols, trades and quotes of two feeders in one stream, late rows,
nulls, 20 periods, every process on its own node. MILLRACE_ROWS_PER_PERIOD=
200000 makes more of it. Needs no data of others."""

import bisect
import collections
import datetime
import itertools
import json
import os
import random

import millrace_cluster as mill

ROWS = int(os.environ.get("MILLRACE_ROWS_PER_PERIOD", "5000"))
SYMBOLS = 10_000
PERIODS = 20
FIRST = datetime.date(2013, 10, 7)
LATE = 0.01
NULLS = 0.05
OPEN_S = 14 * 3600  # UTC; New York's day by any clock.
SHARES = list(itertools.accumulate(1 / rank for rank in range(1, SYMBOLS + 1)))
TABLES = {"trade": ["time:timestamp", "sym:symbol", "price:float", "size:int",
                    "ex:symbol", "cond:symbol"],
          "quote": ["time:timestamp", "sym:symbol", "bid:float", "ask:float",
                    "bsize:int", "asize:int", "ex:symbol"]}
# Summed, by table: a null counts as 0.
SUMS = {"trade": ["size"], "quote": ["bsize", "asize"]}


class market:
  """Writes the files, and keeps what they hold by (table, date, symbol)."""

  def __init__(self):
    self.random = random.Random(20131007)
    self.facts = collections.defaultdict(lambda: [0, 0, 0])
    self.late_of_day_before = 0

  def rows(self, table, period):
    draw = self.random
    date = FIRST + datetime.timedelta(days=period)
    for row in range(ROWS):
      at = OPEN_S * 1000 + row * 20_000_000 // ROWS
      day = date
      if draw.random() < LATE:
        if period and draw.random() < 0.5:
          day = date - datetime.timedelta(days=1)
          at = OPEN_S * 1000 + 21_000_000
          self.late_of_day_before += 1
        else:
          at -= 3_000
      rank = bisect.bisect_left(SHARES, draw.random() * SHARES[-1])
      symbol = f"S{rank:05}"
      time = (f"{day}T{at // 3_600_000:02}:{at // 60_000 % 60:02}:"
              f"{at // 1000 % 60:02}.{at % 1000:03}Z")
      sizes = [draw.randrange(1, 1000) for _ in SUMS[table]]
      null = draw.random() < NULLS
      if table == "trade":
        size = "" if null else sizes[0]
        yield f"{time},{symbol},{100 + rank / 100},{size},N,"
      else:
        bid, size = ("", "") if null else (100 + rank / 100, sizes[0])
        yield f"{time},{symbol},{bid},{101 + rank / 100},{size},{sizes[1]},N"
      if null:
        sizes[0] = 0
      fact = self.facts[table, str(day), symbol]
      fact[0] += 1
      for i, size in enumerate(sizes):
        fact[i + 1] += size

  def write(self, made, table, period):
    at = made.directory / f"{table}{period}.csv"
    head = ",".join(column.split(":")[0] for column in TABLES[table])
    at.write_text("\n".join([head, *self.rows(table, period)]) + "\n")
    return at

  def want(self, table, first, last):
    out = collections.defaultdict(lambda: [0, 0, 0])
    for (of, date, symbol), fact in self.facts.items():
      if of == table and first <= date <= last:
        for i, value in enumerate(fact):
          out[symbol][i] += value
    return {symbol: fact[:1 + len(SUMS[table])]
            for symbol, fact in out.items()}


def verify(made, truth, first, last):
  end = made.merged_end()
  for table, sums in SUMS.items():
    counted = "price" if table == "trade" else "ask"
    answer = made.query(
      {"tablename": table, "starttime": first, "endtime": last,
       "grouping": ["sym"],
       "aggregations": {"count": [counted], "sum": sums}}, at_least=end)
    names = [f"count{counted.capitalize()}",
             *(f"sum{column.capitalize()}" for column in sums)]
    got = {row["sym"]: [row[name] for name in names] for row in answer}
    want = truth.want(table, first, last)
    wrong = [(symbol, got.get(symbol), want.get(symbol))
             for symbol in got.keys() | want.keys()
             if got.get(symbol) != want.get(symbol)]
    mill.check(not wrong and len(got) == len(answer), table, first, last,
               ": (symbol, is, should be)", wrong[:3], "of", len(wrong))


def periods(binary):
  with mill.cluster(binary) as made:
    text = made.path.read_text()
    for was, name in ((mill.TRADE, "trade"), (mill.QUOTE, "quote")):
      text = text.replace(json.dumps(was), json.dumps(TABLES[name]))
    made.path.write_text(text)
    made.up()
    truth = market()
    dates = [str(FIRST + datetime.timedelta(days=i)) for i in range(PERIODS)]
    for period, date in enumerate(dates):
      feeds = [made.start("feed", "--layout", f"csv-{table}", "--table", table,
                          truth.write(made, table, period))
               for table in TABLES]
      for feed in feeds:
        out, err = feed.communicate(timeout=60)
        mill.check(feed.returncode == 0 and f"{ROWS} rows published, 0 rej"
                   in out, out, err)
      if period + 1 < PERIODS:
        made.end_period(date)
      if period % 5 == 4:
        verify(made, truth, dates[0], date)
    mill.check(truth.late_of_day_before > 0, "no row is late by a day")
    for date in dates[::6]:
      verify(made, truth, date, date)
    verify(made, truth, dates[0], dates[-1])
    made.down()
    made.up()
    verify(made, truth, dates[0], dates[-1])


if __name__ == "__main__":
  mill.main([periods])
