"""What tests of periods and of past days do: publish rows, end a period, add up
what is answered."""

import json

import millrace_cluster as mill

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
