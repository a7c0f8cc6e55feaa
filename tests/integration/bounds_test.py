#!/usr/bin/env python3
"""What a tick database holds: many tables, wide tables, many parts, as a user
meets them. $MILLRACE_EXHAUSTIVE takes the full counts: 1,000 tables, 1,000
columns, 50,000 parts. Needs no data of others."""

import datetime
import http.client
import json
import os
import time

import millrace_cluster as mill

EXHAUSTIVE = bool(os.environ.get("MILLRACE_EXHAUSTIVE"))
TABLES = 1000 if EXHAUSTIVE else 50
COLUMNS = 1000 if EXHAUSTIVE else 300
PERIODS = 50 if EXHAUSTIVE else 3
NODES = {"all": [name for name, _ in mill.ROLES]}
FIRST_DAY = datetime.date(2024, 1, 1)


def rows_of(made, question, *more):
  return json.loads(made.run("query", "-l", "sql", "-o", "json", *more,
                             question, seconds=300).stdout)


def publish(made, table, rows):
  made.run("pub", "--stream", "market", "--table", table,
           text="".join(json.dumps(row) + "\n" for row in rows), seconds=300)


def tables_and_parts(binary):
  """Each of many tables has a row per day, and a part per period; all of them
  are there after a restart, with few mappings and descriptors."""
  columns = json.dumps(["time:timestamp", "sym:symbol", "a:float", "b:int",
                        "c:string", "d:long"])
  port = mill.free_ports(1)[0]
  extra = (f'[[process]]\nname = "web1"\ntype = "http"\nnode = "all"\n'
           f'port = {port}\npublish = ["market"]\n')
  extra += "".join(f'[[table]]\nname = "t{i}"\nstream = "market"\n'
                   f"columns = {columns}\n" for i in range(TABLES))
  with mill.cluster(binary, NODES, extra=extra) as made:
    made.up()
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for day in range(PERIODS):
      date = FIRST_DAY + datetime.timedelta(day)
      begin = time.monotonic()
      for table in range(TABLES):
        publish_row(web, table, day, date, "committed" if table == TABLES - 1
                    else "recorded")
      took = time.monotonic() - begin
      begin = time.monotonic()
      made.run("eop", "--period", date.isoformat(), "--timeout", "600",
               seconds=700)
      if day in (0, PERIODS // 2, PERIODS - 1):
        print(f"  {date}: {TABLES} tables in {took:.1f} s, eop "
              f"{time.monotonic() - begin:.1f} s")
    look(made)
    made.down()
    begin = time.monotonic()
    made.run("up", seconds=300)
    print(f"  up: {time.monotonic() - begin:.1f} s")
    look(made)


def publish_row(web, table, day, date, level):
  row = {"time": f"{date}T15:00:00Z", "sym": f"S{day}", "a": table + 0.5,
         "b": day, "c": f"text {day}", "d": table}
  web.request("POST", f"/publish?table=t{table}&level={level}",
              json.dumps(row) + "\n")
  got = web.getresponse()
  said = got.read()
  mill.check(got.status == 200, got.status, said)


def look(made):
  for table in (0, TABLES // 2, TABLES - 1):
    begin = time.monotonic()
    said = rows_of(made, f"select count(*) as n, sum(b) as b, min(d) as d, "
                         f"max(a) as a from t{table}")
    mill.check(said == [{"n": PERIODS, "b": sum(range(PERIODS)),
                         "d": table, "a": table + 0.5}], table, said)
    print(f"  t{table}: {time.monotonic() - begin:.2f} s")
  begin = time.monotonic()
  said = made.run("status", seconds=60)
  print(f"  status: {time.monotonic() - begin:.2f} s, {len(said.stdout)} bytes")
  begin = time.monotonic()
  listed = json.loads(made.run("tables", "-o", "json", seconds=60).stdout)
  mill.check(len(listed) == TABLES + 2, len(listed))
  print(f"  tables: {time.monotonic() - begin:.2f} s")
  pid = made.node("all")["pid"]
  with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
    mappings = sum(1 for _ in maps)
  descriptors = len(os.listdir(f"/proc/{pid}/fd"))
  print(f"  {mappings} mappings, {descriptors} descriptors, "
        f"{mill.resident_mib(pid):.0f} MiB")
  mill.check(mappings < 10_000, "mappings", mappings)


def columns(binary):
  """A table of many columns: live, written down, asked by each language."""
  wide = json.dumps(["time:timestamp", "sym:symbol"] +
                    [f"c{i}:{('float', 'long', 'symbol')[i % 3]}"
                     for i in range(COLUMNS - 2)])
  extra = f'[[table]]\nname = "wide"\nstream = "market"\ncolumns = {wide}\n'
  def row(i):
    out = {"time": f"2024-01-01T15:00:{i % 60:02}Z", "sym": f"S{i % 7}"}
    for c in range(COLUMNS - 2):
      out[f"c{c}"] = (i + 0.5, i * c, f"v{i % 5}")[c % 3]
    return out
  with mill.cluster(binary, NODES, extra=extra) as made:
    made.up()
    publish(made, "wide", [row(i) for i in range(200)])
    def check():
      last = COLUMNS - 3
      said = rows_of(made, "select * from wide where sym = 'S3' order by c1, "
                           "time limit 2")
      mill.check(len(said) == 2 and len(said[0]) == COLUMNS, len(said))
      mill.check(said[0][f"c{last}"] == row(3)[f"c{last}"], said[0])
      words = ", ".join(f"sum(c{c}) as s{c}" for c in range(1, COLUMNS - 2, 3))
      sums = rows_of(made, f"select {words} from wide")[0]
      mill.check(all(sums[f"s{c}"] == c * sum(range(200))
                     for c in range(1, COLUMNS - 2, 3)), "sums")
    check()
    made.run("eop", "--period", "2024-01-01", "--timeout", "300", seconds=400)
    check()


if __name__ == "__main__":
  mill.main([tables_and_parts, columns])
