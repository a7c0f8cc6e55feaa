#!/usr/bin/env python3
"""A generator process makes several days, and ends each before the next.
Needs no data of others."""

import json

import many_symbols_test
import millrace_cluster as mill

TRADES, QUOTES = 20_000, 30_000
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
GENERATOR = f"""
[[process]]
name = "gen1"
type = "feed"
node = "gen"
[process.generator]
periods = {len(DAYS)}
trades = {TRADES}
quotes = {QUOTES}
trade_table = "trade"
quote_table = "quote"
"""


def market(binary):
  made = mill.cluster(binary, {"rest": [name for name, _ in mill.ROLES],
                               "gen": []}, extra=GENERATOR)
  text = made.path.read_text()
  for was, name in ((mill.TRADE, "trade"), (mill.QUOTE, "quote")):
    text = text.replace(json.dumps(was),
                        json.dumps(many_symbols_test.TABLES[name]))
  made.path.write_text(text)
  return made


def verify(made):
  mill.wait_until(lambda: made.process("gen1").get("finished"), 60,
                  "the end of the generator")
  end = made.merged_end()
  for table, column, count in (("trade", "price", TRADES),
                               ("quote", "ask", QUOTES)):
    for day in DAYS:
      answer = made.query({"tablename": table, "starttime": day,
                           "endtime": day,
                           "aggregations": {"count": [column]}}, at_least=end)
      got = answer[0]["count" + column.capitalize()]
      mill.check(got == count, table, "of", day, ":", got, "rows, not", count)
  # All days but the last have ended, and each partition holds its own day.
  mill.wait_until(lambda: len(made.process("hdb1")["partitions"])
                  == len(DAYS) - 1, 30, "the partitions")
  served = made.process("hdb1")
  mill.check(served["partitions"] == [day.replace("-", ".")
                                      for day in DAYS[:-1]], served)
  mill.check(served["rows"] == {"trade": 2 * TRADES, "quote": 2 * QUOTES},
             served)


def days_in_a_row(binary):
  with market(binary) as made:
    made.up()
    verify(made)
    made.run("eop", "--period", DAYS[-1], "--timeout", "60")
    mill.check(len(made.process("hdb1")["partitions"]) == len(DAYS),
               made.process("hdb1"))


def killed_between(binary):
  """kill -9 in each of the days: nothing is missing, nothing comes twice."""
  with market(binary) as made:
    made.up("rest")
    for writes in (3, 4, 5):
      made.up("gen", env=made.environment(
        CRASH_AT=f"pub.after_write:{writes}"))
      made.wait_death("gen")
    made.up("gen")
    verify(made)


if __name__ == "__main__":
  mill.main([days_in_a_row, killed_between])
