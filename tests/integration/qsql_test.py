#!/usr/bin/env python3
"""Queries in q from the command line, over rows of the hdb and the rdb, beside
the same counted in Python; and every example of docs/qsql.md and docs/sql.md.
Needs no data of others."""

import collections
import json
import statistics

import millrace_cluster as mill

DAYS = ["2024-01-02", "2024-01-03"]
SYMBOLS = ["AAPL", "IBM", "SPY"]


def trades_of(day):
  return [{"time": f"{day}T14:{30 + row // 60:02}:{row % 60:02}Z",
           "sym": SYMBOLS[row % 3], "price": 100 + (row * 37 % 23) / 4,
           "size": 10 + row * 7919 % 300, "ex": "QNZ"[row % 2]}
          for row in range(90)]


def quotes_of(day):
  out = []
  for row in range(0, 90, 2):
    bid = 99 + (row * 29 % 31) / 8
    out.append({"time": f"{day}T14:{30 + row // 60:02}:{row % 60:02}.500Z",
                "sym": SYMBOLS[row // 2 % 3], "bid": bid, "ask": bid + 0.25,
                "bsize": 1 + row % 7, "asize": 2 + row % 5, "ex": "Q"})
  return out


TRADES = [row for day in DAYS for row in trades_of(day)]
QUOTES = [row for day in DAYS for row in quotes_of(day)]


def grouped(rows, *keys):
  out = collections.defaultdict(list)
  for row in rows:
    out[tuple(row[key] for key in keys)].append(row)
  return sorted(out.items())


def alike(got, wanted):
  """Rows with the same values; times as their texts begin."""
  if len(got) != len(wanted):
    return False
  for row, expected in zip(got, wanted):
    if list(row) != list(expected):
      return False
    for name, value in expected.items():
      if isinstance(value, float):
        if row[name] is None or abs(row[name] - value) > 1e-9:
          return False
      elif row[name] != value:
        return False
  return True


def expect(made, text, wanted):
  got = json.loads(made.run("query", text, "-o", "json").stdout)
  mill.check(alike(got, wanted), text, "\n got", got[:5], len(got), "\n wanted",
             wanted[:5], len(wanted))


def groups(made):
  expect(made, "select n:count i, sum size by sym from trade",
         [{"sym": key[0], "n": len(rows),
           "size": sum(row["size"] for row in rows)}
          for key, rows in grouped(TRADES, "sym")])
  expect(made, "select vwap:size wavg price, med price by sym,ex from trade "
         "where date=2024.01.02",
         [{"sym": key[0], "ex": key[1],
           "vwap": sum(row["size"] * row["price"] for row in rows)
                   / sum(row["size"] for row in rows),
           "price": float(statistics.median(row["price"] for row in rows))}
          for key, rows in grouped(trades_of(DAYS[0]), "sym", "ex")])
  expect(made, "select range:(max price)-min price by sym from trade",
         [{"sym": key[0], "range": float(max(row["price"] for row in rows)
                                         - min(row["price"] for row in rows))}
          for key, rows in grouped(TRADES, "sym")])
  expect(made, "exec sum size*price from trade where size>100, ex=`Q",
         [{"size": sum(row["size"] * row["price"] for row in TRADES
                       if row["size"] > 100 and row["ex"] == "Q")}])
  expect(made, "select n:count i by date from trade",
         [{"date": day, "n": 90} for day in DAYS])
  expect(made, "`n xdesc select n:count i by m:time.minute from trade",
         [{"m": "14:30", "n": 120}, {"m": "14:31", "n": 60}])


def rows(made):
  expect(made, "select[4;>size] sym,size from trade where sym=`IBM",
         [{"sym": "IBM", "size": size} for size in sorted(
           (row["size"] for row in TRADES if row["sym"] == "IBM"),
           reverse=True)[:4]])
  expect(made, "`sym`size xasc select sym,size,cost:size*price from trade "
         "where size within 250 260",
         [{"sym": row["sym"], "size": row["size"],
           "cost": row["size"] * row["price"]}
          for row in sorted(TRADES, key=lambda x: (x["sym"], x["size"]))
          if 250 <= row["size"] <= 260])
  top = {key: max(row["size"] for row in of)
         for key, of in grouped(TRADES, "sym")}
  expect(made, "`sym xasc select sym,size from trade where "
         "size=(max;size) fby sym",
         [{"sym": row["sym"], "size": row["size"]}
          for row in sorted(TRADES, key=lambda x: x["sym"])
          if row["size"] == top[(row["sym"],)]])
  running = []
  for key, of in grouped(TRADES, "sym"):
    total = 0
    for row in sorted(of, key=lambda x: x["time"]):
      total += row["size"]
      running.append({"sym": key[0], "size": row["size"], "cum": total})
  expect(made, "select sym,size,cum from `sym`time xasc update cum:sums size "
         "by sym from trade", running)


def joins(made):
  wanted = []
  for row in sorted(TRADES, key=lambda x: (x["sym"], x["time"])):
    before = [quote for quote in QUOTES if quote["sym"] == row["sym"]
              and quote["time"].rstrip("Z") <= row["time"].rstrip("Z")]
    last = max(before, key=lambda x: x["time"]) if before else None
    wanted.append({"sym": row["sym"], "price": row["price"],
                   "bid": last["bid"] if last else None})
  expect(made, "select sym,price,bid from `sym`time xasc aj[`sym`time; "
         "select sym,time,price from trade; select sym,time,bid from quote]",
         wanted)
  expect(made, "(select n:count i by sym from trade) lj "
         "select m:count i by sym from quote",
         [{"sym": key[0], "n": len(of),
           "m": sum(quote["sym"] == key[0] for quote in QUOTES)}
          for key, of in grouped(TRADES, "sym")])
  expect(made, "select n:count i by sym from trade where sym in exec sym from "
         "(select max bid by sym from quote where sym<>`IBM) where bid>0",
         [{"sym": key[0], "n": len(of)} for key, of in grouped(TRADES, "sym")
          if key[0] != "IBM"])


def refusals(made):
  for text, tells in (
      ("select max prise from trade", "did you mean 'price'? at character 12"),
      ("select from trades", "trades: there is no such table"),
      ("select {x} from trade", "unsupported: lambdas are not there"),
      ("select foo price from trade", "unsupported: there is no function"),
      ('{"starttime": "2024-01-02"}', "the question has no 'tablename'"),
      ("select a from", "a value is missing at character 14, the end")):
    done = made.run("query", text, code=None)
    mill.check(done.returncode == 64 and tells in done.stderr, text,
               done.returncode, done.stderr)
    for word in ("nyi:", "parse:", "type:", "checkrequiredparams:"):
      mill.check(word not in done.stderr, text, done.stderr)


def hints(made):
  """How others ask what there is, and what they write in quotes."""
  for text in ("show tables", "describe trade", "tables", "\\d"):
    done = made.run("query", text, code=None)
    mill.check(done.returncode != 0 and "'millrace tables' lists the tables"
               in done.stderr, text, done.stderr)
  done = made.run("query", "select from trade where sym=SPY", code=None)
  mill.check("a symbol is written `SPY" in done.stderr, done.stderr)
  done = made.run("tables", "--config", "nofile.toml", code=78)
  mill.check(done.stderr.startswith(
    "millrace: config: cannot read the configuration: nofile.toml"),
    done.stderr)


def examples(made):
  run_examples(made, "qsql", 26)


def sql_examples(made):
  run_examples(made, "sql", 22)


def run_examples(made, language, count_min):
  page = (mill.REPOSITORY / "docs" / f"{language}.md").read_text()
  block = page.split("## Examples\n")[1].split("## ")[0]
  texts = [line.strip() for line in block.splitlines()
           if line.startswith("    ")]
  mill.check(len(texts) >= count_min, texts)
  faults = []
  for text in texts:
    done = made.run("query", "-l", language, text, "-o", "json", code=None)
    if done.returncode != 0:
      faults.append((text, done.stderr))
    elif not json.loads(done.stdout):
      faults.append((text, "no rows"))
  mill.check(not faults, "\n".join(map(str, faults)))


QUERIES = """[[query]]
name = "vwap_of"
language = "sql"
parameters = ["which:symbol", "since:timestamp"]
text = '''
select sum(price * size) / sum(size) as vwap from trade
where sym = $1 and time >= $2'''
"""


def named(made):
  """Queries that have names: built in, of the configuration, of a file."""
  day = DAYS[1]
  rows = [row for row in TRADES if row["sym"] == "IBM" and row["time"] >= day]
  vwap = sum(row["price"] * row["size"] for row in rows) \
      / sum(row["size"] for row in rows)
  for text in ("vwap_of[`IBM;2024.01.03]", "update vwap from vwap_of[`IBM;2024.01.03]",
               "vwap_of[\"IBM\";\"2024-01-03\"]"):
    expect(made, text, [{"vwap": vwap}])
  said = json.loads(made.run(
    "query", "-l", "sql", "select round(vwap * 0 + 1) as one from vwap_of('IBM', "
    "'2024-01-03') v", "-o", "json").stdout)
  mill.check(said == [{"one": 1}], said)
  expect(made, "select sum size from days_of[`IBM;2024.01.02 2024.01.03]",
         [{"size": sum(row["size"] for row in TRADES if row["sym"] == "IBM")}])
  expect(made, "countbysym[2024.01.02;2024.01.03]",
         [{"sym": sym, "size": sum(row["size"] for row in of),
           "tradecount": len(of)} for (sym,), of in grouped(TRADES, "sym")])
  got = json.loads(made.run("query", "hloc[2024.01.02;2024.01.03;0D12]", "-o",
                            "json").stdout)
  mill.check(len(got) == 6 and list(got[0]) == [
    "sym", "time", "high", "low", "open", "close", "totalsize", "vwap"], got)
  names = {row["query"] for row in json.loads(
    made.run("query", "queries[]", "-o", "json").stdout)}
  mill.check(names == {"vwap_of", "days_of", "hloc", "countbysym"}, names)
  # What is wrong is told before anything stops.
  path = made.directory / "queries.toml"
  for text, tells in (
      (QUERIES.replace("price *", "prise *"),
       f"{path}:5:query.text: query 'vwap_of': line 1, column 12: there is no "
       "column 'prise'"),
      (QUERIES.replace("vwap_of", "days_of"), "'days_of' is a query of"),
      ("[[query]", f"{path}:1")):
    path.write_text(text)
    said = made.run("restart", "node", code=78).stderr
    mill.check(tells in said, text, said)
  path.unlink()
  said = made.run("restart", "node", code=78).stderr
  mill.check(":process.load: " in said and str(path) in said, said)
  path.write_text(QUERIES)
  mill.check(made.node("node")["state"] == "running", "it went on")


def in_q(binary):
  names = {"node": [name for name, _ in mill.ROLES]}
  roles = [role for role in mill.ROLES if role[0] != "gw1"] + [("gw1", "gateway")]
  extra = """load = ["queries.toml"]
[[query]]
name = "days_of"
parameters = ["which:symbol", "days:date"]
text = "select from trade where sym in which, date in days"
"""
  with mill.cluster(binary, names, extra, roles=roles) as made:
    (made.directory / "queries.toml").write_text(QUERIES)
    made.up()
    for day in DAYS:
      for table, of in (("trade", trades_of(day)), ("quote", quotes_of(day))):
        made.run("pub", "--stream", "market", "--table", table,
                 text="".join(json.dumps(row) + "\n" for row in of))
      if day != DAYS[-1]:
        made.end_period(day)
    for part in (groups, rows, joins, refusals, hints, examples, sql_examples, named):
      with mill.part(part.__name__):
        part(made)


if __name__ == "__main__":
  mill.main([in_q])
