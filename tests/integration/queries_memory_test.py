#!/usr/bin/env python3
"""What all queries of a node may hold together, node by node, and what a query
tells of the work that it was. Needs no data of others."""

import json
import signal

import millrace_cluster as mill

ROWS = 400_000
GROUPS = "select sum size by size from trade"
ORDERED = "`size xdesc select from trade"
TWO = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb"),
       ("rdb2", "rdb"), ("hdb1", "hdb"), ("gw1", "gateway")]


def write(made, day):
  at = made.directory / f"{day}.csv"
  with at.open("w") as out:
    out.write("time,sym,size\n")
    for i in range(ROWS):
      second = i * 20_000 // ROWS
      out.write(f"{day}T{12 + second // 3600}:{second // 60 % 60:02}:"
                f"{second % 60:02}Z,S{i % 50:02},{i}\n")
  return at


def filled(made, live):
  made.up()
  layout = made.directory / "plain.toml"
  layout.write_text(mill.LAYOUT)
  made.run("load", "--layout", layout, "--table", "trade",
           write(made, "2024-01-03"), seconds=600)
  if live:
    made.run("feed", "--layout", layout, "--table", "trade",
             write(made, "2024-01-04"), seconds=600)


def bounded(binary, process, bytes_max):
  """A cluster in which all queries of one process may hold so much."""
  made = mill.cluster(binary)
  text = made.path.read_text()
  head = f'[[process]]\nname = "{process}"\n'
  mill.check(head in text, "no process", process)
  made.path.write_text(
    text.replace(head, head + f'queries_memory_max = "{bytes_max}"\n'))
  return made


def memory_of(made, process):
  return made.process(process)["queries_memory"]


def refuses(binary, process, question, live):
  with bounded(binary, process, "4MiB") as made:
    filled(made, live)
    mill.check(memory_of(made, process) == {"bytes": 0, "bytes_max": 4 << 20},
               memory_of(made, process))
    done = made.run("query", question, "-o", "csv", code=None)
    for fact in ("limit_exceeded", "queries_memory_max", f"'{process}'"):
      mill.check(done.returncode != 0 and fact in done.stderr, fact, "in",
                 done.returncode, done.stderr)
    # All of it went back, and others are served.
    mill.wait_until(lambda: memory_of(made, process)["bytes"] == 0, 10,
                    "memory given back")
    done = made.run("query", "count select from trade", "-o", "csv")
    mill.check(str(ROWS * (2 if live else 1)) in done.stdout, done.stdout)


def an_rdb_refuses(binary):
  refuses(binary, "rdb1", GROUPS, live=True)


def an_hdb_refuses(binary):
  refuses(binary, "hdb1", GROUPS, live=False)


def a_gateway_refuses(binary):
  refuses(binary, "gw1", GROUPS, live=True)


def a_full_rdb_gives_way(binary):
  """The questions of one rdb may hold next to nothing: those that it refuses
  its replica answers, and it does not draw them for being so quick."""
  with mill.cluster(binary, roles=TWO) as made:
    text = made.path.read_text()
    head = '[[process]]\nname = "rdb2"\ntype = "rdb"\n'
    mill.check(head in text, "no rdb2 in", text)
    made.path.write_text(text.replace(
      head, head + 'write_down = false\nquery_memory_max = "64KiB"\n'))
    filled(made, True)
    for _ in range(8):
      done = made.run("query", GROUPS, "-o", "csv")
      mill.check(done.stdout.count("\n") == ROWS + 1, done.stdout[-200:])
    # Where no other one is left, its refusal is the answer.
    made.run("stop", "rdb1")
    done = made.run("query", GROUPS, "-o", "csv", code=65)
    for fact in ("limit_exceeded", "rdb2", "query_memory_max"):
      mill.check(fact in done.stderr, fact, "in", done.stderr)
    done = made.run("query", "count select from trade", "-o", "csv")
    mill.check(f"{2 * ROWS}\n" in done.stdout, done.stdout)


def a_cancel_gives_back(binary):
  with mill.cluster(binary) as made:
    filled(made, True)
    asked = [made.start("query", question, "-o", "csv")
             for question in (GROUPS, ORDERED) * 4]
    mill.wait_until(
      lambda: any(memory_of(made, each)["bytes"] > 0
                  for each in ("hdb1", "rdb1", "gw1")), 20, "a query that runs")
    for each in asked:
      each.send_signal(signal.SIGINT)
    for each in asked:
      each.communicate()
    for name in ("hdb1", "rdb1", "gw1"):
      mill.wait_until(lambda: memory_of(made, name)["bytes"] == 0, 10,
                      f"memory of {name} given back")


def what_it_took(binary):
  with mill.cluster(binary) as made:
    filled(made, True)
    facts = ["-- answered", "of 2 parts", "left out by time", "hdb1, 'trade'",
             "rdb1, 'trade'", "gateway, merge of 'trade'", "bind", "scan",
             "bytes held"]
    for language, question in (
        ("qsql", "select sum size by sym from trade where "
         "time within 2024.01.03D12:00 2024.01.03D12:10"),
        ("sql", "select sym, sum(size) from trade where time between "
         "'2024-01-03T12:00:00' and '2024-01-03T12:10:00' group by sym"),
        ("getdata", json.dumps(
          {"tablename": "trade", "starttime": "2024-01-03T12:00:00",
           "endtime": "2024-01-03T12:10:00", "grouping": "sym",
           "aggregations": {"sum": "size"}}))):
      done = made.run("query", "-l", language, question, "--analyze")
      for fact in facts:
        mill.check(fact in done.stdout, language, "lacks", fact, "\n",
                   done.stdout)
    # Rows that flow tell it at their end.
    done = made.run("query", "select from trade", "-o", "csv", "--timing")
    mill.check(done.stdout.count("\n") == 2 * ROWS + 1)
    for fact in (f"{2 * ROWS} rows in", "hdb1, 'trade'", "rdb1, 'trade'",
                 f"{ROWS} of {ROWS} rows"):
      mill.check(fact in done.stderr, fact, "in", done.stderr)
    # Steps of the gateway, each with its time.
    done = made.run("query", "-l", "sql", "--analyze",
                    "select lag(size) over (partition by sym order by time) "
                    "from trade where size < 100")
    mill.check("gateway, window" in done.stdout, done.stdout)
    # A limit after many rows takes no more than they need, and gives its own.
    done = made.run("query", "-l", "sql", "-o", "csv",
                    "select size from trade order by size desc "
                    "limit 3 offset 600000")
    mill.check(done.stdout.split() == ["size", "99999", "99999", "99998"],
               done.stdout)


if __name__ == "__main__":
  mill.main([an_rdb_refuses, an_hdb_refuses, a_gateway_refuses,
             a_full_rdb_gives_way, a_cancel_gives_back, what_it_took])
