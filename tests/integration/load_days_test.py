#!/usr/bin/env python3
"""Recorded days that are loaded, in any order, are the days that were fed and
ended one after the other: each row, each answer, each byte of a column."""

import hashlib
import json
import subprocess

import millrace_cluster as mill

# In the order in which they are fed.
DAYS = [("SPY", "2013-10-07"), ("AIG", "2013-10-08"), ("SPY", "2013-10-08"),
        ("SPY", "2013-10-09")]
ORDERS = [[3, 1, 0, 2], [2, 3, 1, 0], [1, 0, 2, 3]]
# Of one file each: what is loaded is one part, as what was fed.
ALONE = ["2013.10.07", "2013.10.09"]
NODES = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1", "gw1"]}
# Of the gateway, the last process.
ALL_ROWS = "rows_max = 10000000\n"


def file_of(symbol, date):
  return (mill.shared_data("lean")
          / f"{symbol.lower()}_{date.replace('-', '')}_trade.zip")


def questions():
  """By name: each row, in the order of its time and of its file, and what is
  made of many."""
  for symbol, date in DAYS:
    day = date.replace("-", ".")
    yield (f"rows of {symbol} on {date}",
           f"select from trade where date={day}, sym=`{symbol}")
  yield ("by date and symbol",
         "select n:count i, s:sum size, v:size wavg price, d:dev price, "
         "f:first price, l:last price, m:med price by date, sym from trade")
  yield ("by exchange", "select n:count i, a:avg price by sym, ex from trade")
  yield ("by bar", "select n:count i, s:sum size, h:max price by sym, "
         "0D00:05 xbar time from trade where sym in `SPY`AIG")
  yield ("of no symbol by name",
         "select n:count i, s:sum price by suspicious from trade")


def sum_of(content):
  return hashlib.sha256(content).hexdigest()


def answers(made):
  """Of each question in each form the sum over the answer's bytes, and how many
  lines it has."""
  out = {}
  for name, text in questions():
    for form in ("csv", "arrow"):
      done = subprocess.run(
        [made.binary, "query", "--strict", "--timeout", "80", "-o", form, text],
        env=made.environment(), capture_output=True, timeout=120, check=False)
      mill.check(done.returncode == 0, name, done.stderr)
      out[name, form] = sum_of(done.stdout), done.stdout.count(b"\n")
  return out


def columns(made, date):
  """The bytes of the only part of a date, by file."""
  parts = [each for each in made.directory.glob(f"data/hdb/{date}/trade/*")]
  mill.check(len(parts) == 1, date, parts)
  return {each.name: sum_of(each.read_bytes())
          for each in parts[0].iterdir()}


def outcome(made):
  done = made.run("hdb", "check", "-o", "json", made.directory / "data/hdb")
  mill.check(json.loads(done.stdout)["ok"], done.stdout)
  return answers(made), {date: columns(made, date) for date in ALONE}


def fed(binary):
  with mill.cluster(binary, NODES, extra=ALL_ROWS) as made:
    made.up()
    for at, (symbol, date) in enumerate(DAYS):
      made.feed("trade", file_of(symbol, date), symbol, date)
      if at + 1 == len(DAYS) or DAYS[at + 1][1] != date:
        made.end_period(date)
    return outcome(made)


def loaded(binary, order):
  with mill.cluster(binary, NODES, extra=ALL_ROWS) as made:
    made.up()
    for at in order:
      symbol, date = DAYS[at]
      made.run("load", "--layout", "lean-equity-trade", "--date", date,
               "--symbol", symbol, "--table", "trade", "--beside",
               file_of(symbol, date))
    return outcome(made)


def in_any_order(binary):
  want = fed(binary)
  rows = [lines for (name, form), (_, lines) in want[0].items()
          if form == "csv" and name.startswith("rows of")]
  mill.check(min(rows) > 10_000, "days without rows:", rows)
  for order in ORDERS:
    with mill.part(f"  {order}"):
      got = loaded(binary, order)
      for which in range(2):
        for key, value in want[which].items():
          mill.check(got[which][key] == value, order, key, value,
                     got[which][key])


if __name__ == "__main__":
  mill.shared_data("lean")
  mill.main([in_any_order])
