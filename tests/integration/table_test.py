#!/usr/bin/env python3
"""Tables that come to a cluster of real nodes while it runs: each door knows
them, nothing is restarted, and what is wrong is named. Needs no data of
others."""

import http.client
import json
import shutil
import subprocess

import kdb_client as kdb
import millrace_cluster as mill

NODES = {"store": ["discovery1", "rt1", "rdb1", "hdb1"], "gate": ["gw1"]}
CSV = "time,sym,price,size\n" + "".join(
  f"2024-01-02T14:30:{row:02}Z,{['AAPL', 'IBM'][row % 2]},{100 + row},{row}\n"
  for row in range(20))
TICK = """[[table]]
name = "tick"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float"]
"""


def port_processes(ports):
  out = ""
  for kind, port in ports.items():
    out += (f'[[process]]\nname = "{kind}1"\ntype = "{kind}"\nnode = "gate"\n'
            f'port = {port}\n')
    if kind != "postgres":
      out += 'publish = ["market"]\n'
  return out


def pids(made):
  return {node["name"]: node["pid"] for node in made.status()["nodes"]}


def add(made, text, *more, code=0):
  done = made.run("table", "add", "-", "-o", "json", *more, text=text,
                  code=code)
  return json.loads(done.stdout) if done.stdout else done


def count(made, table="mine"):
  return made.query({"tablename": table, "starttime": "2024-01-01",
                     "endtime": "2024-01-09", "aggregations":
                     {"count": "sym"}})[0]["countSym"]


def each_door_knows_it(made, ports, wanted):
  mill.check(count(made) == wanted, count(made), wanted)
  for language, text in [("qsql", "select n:count i from mine"),
                         ("sql", "select count(*) as n from mine")]:
    got = json.loads(made.run("query", "-l", language, "-o", "json",
                              text).stdout)
    mill.check(got == [{"n": wanted}], language, got)
  rows = made.run("tables", "mine").stdout
  mill.check("rdb1=" in rows, rows)
  with kdb.client(ports["kdb"]) as client:
    mill.check(client.ask("tables[]") == ["mine", "quote", "trade"], "tables")
    mill.check(client.ask("count mine") == wanted, "count")
  asked = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=30)
  asked.request("POST", "/query", "count mine")
  mill.check(json.loads(asked.getresponse().read()) == [{"count": wanted}])
  asked.close()
  if shutil.which("psql"):
    done = subprocess.run(
      ["psql", "-X", "-A", "-t", f"host=127.0.0.1 port={ports['postgres']} "
       "user=me dbname=any", "-c", "\\dt mine", "-c",
       "select count(*) as n from mine"],
      text=True, capture_output=True, timeout=60, check=True)
    mill.check("public|mine|table" in done.stdout
               and done.stdout.split()[-1] == str(wanted), done.stdout)


def a_table_comes_without_a_restart(binary):
  ports = dict(zip(["kdb", "http", "postgres"], mill.free_ports(3)))
  with mill.cluster(binary, NODES, port_processes(ports)) as made:
    made.up()
    before = pids(made)
    text = made.path.read_text()
    file = made.directory / "mine.csv"
    file.write_text(CSV)
    layout = made.directory / "mine.toml"
    layout.write_text(made.run("layout", file).stdout)
    table = made.run("layout", "--print-table", file).stdout
    both = json.loads(made.run("layout", "-o", "json", file).stdout)
    mill.check(both == {"layout": layout.read_text(), "table": table,
                        "questions": []}, both)
    # A period that the hdb has comes before it.
    made.end_period("2024-01-01")
    told = add(made, table)
    mill.check(told["state"] == "declared" and not told["left"], told)
    mill.check({each["process"]: each["state"] for each in told["processes"]}
               == dict.fromkeys(["rdb1", "hdb1", "gw1", "kdb1", "http1",
                                 "postgres1"], "taken"), told)
    mill.check(made.path.read_text().startswith(text))
    feed = ["feed", "--layout", layout, "--table", "mine", file]
    made.run(*feed)
    each_door_knows_it(made, ports, 20)
    # A client of a port publishes rows of it.
    asked = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=30)
    asked.request("POST", "/publish?table=mine&level=committed", json.dumps(
      {"time": "2024-01-02T15:00:00Z", "sym": "MSFT", "price": 1, "size": 2}))
    mill.check(asked.getresponse().status == 200, "publish")
    asked.close()
    each_door_knows_it(made, ports, 21)
    made.end_period("2024-01-02")
    each_door_knows_it(made, ports, 21)
    mill.check(pids(made) == before, "a node was started again")
    again = add(made, table)
    mill.check(again["state"] == "known" and not again["left"], again)
    # Those that start later know it, too.
    made.kill("store")
    made.run("restart")
    each_door_knows_it(made, ports, 21)
    mill.check(made.process("rdb1").get("ended") is None, "rdb1 ended")


def what_came_before_is_read_again(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    old = made.directory / "old.toml"
    text = made.path.read_text()
    # A program that knows more than the cluster, and nothing of its rdb.
    old.write_text(text.replace('"rdb1"', '"rdbx"') + TICK.replace("tick", "early"))
    rows = "".join(json.dumps({"time": f"2024-01-02T14:30:{i:02}Z", "sym": "A",
                               "price": i}) + "\n" for i in range(3))
    made.run("pub", "--config", old, "--stream", "market", "--table", "early",
             text=rows)
    mill.wait_until(lambda: made.process("rdb1").get("rejected_batches"), 20,
                    "dead letters")
    told = add(made, TICK.replace("tick", "early"))
    mill.check({"process": "rdb1", "node": "store", "state": "reads_again"}
               in told["processes"], told)
    mill.check(count(made, "early") == 3, count(made, "early"))
    made.end_period("2024-01-02")
    mill.check(count(made, "early") == 3, count(made, "early"))


def nothing_is_loaded_as_the_nodes_do_not_know_it(binary):
  """A table that the file declares otherwise than the nodes do."""
  names = {"node": [name for name, _ in mill.ROLES]}
  with mill.cluster(binary, names) as made:
    made.up()
    path = made.directory / "a.csv"
    path.write_text("time,sym,price,size,ex,cond\n2024-01-02T10:00:00Z,A,1,5,Q,\n")
    words = ("load", "--layout", "csv-trade", "--table", "trade", path)
    made.run(*words)
    mill.check(count(made, "trade") == 1, "loaded")
    text = made.path.read_text()
    changed = text.replace("size:int", "size:long", 1)
    mill.check(changed != text, text)
    made.path.write_text(changed)
    path.write_text("time,sym,price,size,ex,cond\n2024-01-03T10:00:00Z,B,1,6,Q,\n")
    said = made.run(*words, code=78).stderr
    mill.check("another declaration" in said and "'size' is long here, and int"
               in said and "millrace restart" in said, said)
    mill.check(count(made, "trade") == 1, "it can be asked")
    # Nor is anything published that no rdb would take.
    named = text.replace('name = "trade"', 'name = "trad2"', 1)
    mill.check(named != text, named)
    renamed = made.directory / "renamed.toml"
    renamed.write_text(named)
    said = made.run("pub", "--stream", "market", "--table", "trad2", "--config",
                    renamed, text='{"time":"2024-01-04T10:00:00Z","sym":"A"}\n',
                    code=78).stderr
    mill.check("rdb1" in said and "was started without it" in said, said)
    mill.check("outgrown" not in made.process("hdb1"), made.process("hdb1"))
    # From where nobody of the cluster can be asked it is written all the same.
    other = made.directory / "elsewhere.toml"
    here, = made.ports.values()
    there, = mill.free_ports(1)
    other.write_text(changed.replace(f"port = {here}", f"port = {there}"))
    made.run(*words, "--config", other, code=None)
    mill.wait_until(lambda: "outgrown" in made.process("hdb1"), 20,
                    "the hdb notices")
    why = made.process("hdb1")["outgrown"]["trade"]
    mill.check("column 'size'" in why, why)
    log = (made.directory / "data/nodes/node/node.log").read_text()
    mill.check("|WARN|outgrown|" in log and "millrace restart" in log, log)
    made.run("restart", "node")
    mill.check("outgrown" not in made.process("hdb1"), made.process("hdb1"))
    mill.check(count(made, "trade") == 2, "loaded")


def loads(made, times, *words, code=0):
  """Rows at these times, of symbols of their own."""
  path = made.directory / f"{times[0].replace(':', '')}.csv"
  path.write_text("time,sym,price,size,ex,cond\n" + "".join(
    f"{time}Z,{time[8:13]},1,5,Q,\n" for time in times))
  return made.run("load", "--layout", "csv-trade", "--table", "trade", path,
                  *words, code=code)


def by_date(made):
  return {row["date"]: row["countSym"] for row in made.query(
    {"tablename": "trade", "starttime": "2024-01-01", "endtime": "2024-01-09",
     "grouping": "date", "aggregations": {"count": "sym"}})}


def a_table_that_rolls_elsewhere_loses_no_row_of_another_date(binary):
  names = {"node": [name for name, _ in mill.ROLES]}
  with mill.cluster(binary, names) as made:
    made.up()
    loads(made, ["2024-01-02T01:00:00", "2024-01-02T23:00:00",
                 "2024-01-03T01:00:00", "2024-01-03T16:00:00"])
    made.run("down")
    text = made.path.read_text()
    changed = text.replace('name = "trade"\n',
                           'name = "trade"\nroll_zone = "Asia/Tokyo"\n', 1)
    mill.check(changed != text, text)
    made.path.write_text(changed)
    remedy = "--table trade --home"
    said = made.run("up").stderr
    mill.check("made by" in said and "Asia/Tokyo" in said and remedy in said,
               said)
    mill.check(remedy in made.process("hdb1")["strayed"]["trade"],
               made.process("hdb1"))
    log = (made.directory / "data/nodes/node/node.log").read_text()
    mill.check("|WARN|strayed|" in log, log)
    was = by_date(made)
    mill.check(was == {"2024-01-02": 1, "2024-01-03": 2, "2024-01-04": 1}, was)
    said = loads(made, ["2024-01-03T02:00:00"], "--replace", code=65).stderr
    mill.check(remedy in said and "partitions 2024.01.02, 2024.01.03" in said,
               said)
    mill.check(by_date(made) == was, by_date(made))
    hdb = made.directory / "data/hdb"
    said = made.run("hdb", "drop", hdb, "-p", "2024-01-03", code=65).stderr
    mill.check(remedy in said, said)
    made.run("hdb", "amend", hdb, "-t", "trade", "--home")
    mill.check(by_date(made) == was, by_date(made))
    mill.check("strayed" not in made.process("hdb1"), made.process("hdb1"))
    loads(made, ["2024-01-03T02:00:00"], "--replace")
    mill.check(by_date(made) == {**was, "2024-01-03": 1}, by_date(made))


def what_no_rdb_held_is_told_until_one_does(binary):
  """Each end of a period tells it, also after a restart; when the table is
  given to an rdb its rows come from the stream, and nothing is said any
  more."""
  ended = ["eop", "--timeout", "30", "--period"]
  rows = ('{"time":"2024-01-02T10:00:00","sym":"A","price":1}\n')
  asked = ["query", "--strict", "-o", "csv", "select n:count i from tick"]
  with mill.cluster(binary, NODES) as made:
    held = made.path.read_text()
    mill.check(held.count('type = "rdb"\n') == 1, held)
    made.path.write_text(TICK + held.replace(
      'type = "rdb"\n', 'type = "rdb"\ntables = ["trade", "quote"]\n'))
    made.up()
    for _ in range(2):
      made.run("pub", "--stream", "market", "--table", "tick", text=rows)
    words = "2 batches are of tables that no rdb holds"
    done = made.run(*ended, "2024-01-02", code=1)
    mill.check(words in done.stdout, done.stdout)
    made.down()
    made.up()
    done = made.run(*ended, "2024-01-02", code=1)
    mill.check("had ended before" in done.stdout and words in done.stdout,
               done.stdout)
    # Those of one period are not of the next.
    made.run(*ended, "2024-01-03")
    listed = made.run("hdb", "ledger",
                      made.directory / "data/hdb").stdout
    mill.check(listed.count("tick") == 2 and "2 times" in listed, listed)
    made.down()
    made.path.write_text(TICK + held)
    made.up()
    mill.check(made.run(*asked).stdout.split() == ["n", "2"],
               made.run(*asked).stdout)
    made.run(*ended, "2024-01-04")
    made.run(*ended, "2024-01-02")
    listed = made.run("hdb", "ledger",
                      made.directory / "data/hdb").stdout
    mill.check("tick" not in listed, listed)
    mill.check(made.process("rdb1")["losses"] == 0, made.process("rdb1"))


def who_rolls_elsewhere_is_named(binary):
  """Nodes, and a load, whose tables differ in nothing but their dates."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    loads(made, ["2024-01-03T12:00:00"])
    text = made.path.read_text()
    other = made.directory / "other.toml"
    other.write_text(text.replace(
      'name = "trade"\n', 'name = "trade"\nroll_zone = "Asia/Tokyo"\n', 1))
    said = loads(made, ["2024-01-03T20:00:00"], "--config", other,
                 code=78).stderr
    wanted = "roll rule is Asia/Tokyo here, and America/New_York there"
    mill.check("table 'trade'" in said and wanted in said, said)
    mill.check(by_date(made) == {"2024-01-03": 1}, by_date(made))
    mill.check("declared_otherwise" not in made.process("gw1"),
               made.process("gw1"))
    made.run("restart", "store", "--config", other)
    mill.wait_until(lambda: "declared_otherwise" in made.process("gw1"), 20,
                    "the gateway notices")
    told = made.process("gw1")["declared_otherwise"]
    for name in ("rdb1", "hdb1"):
      mill.check("roll rule is America/New_York here, and Asia/Tokyo there"
                 in " ".join(told[name]), told)
    log = (made.directory / "data/nodes/gate/node.log").read_text()
    mill.check("|WARN|declared_otherwise|" in log, log)


def a_port_with_other_tables_takes_no_rows(binary):
  """Its node was started with another file than that of the rdb."""
  ports = dict(zip(["kdb", "http"], mill.free_ports(2)))
  extra = port_processes(ports).replace('node = "gate"', 'node = "web"')
  with mill.cluster(binary, {**NODES, "web": []}, extra) as made:
    text = made.path.read_text()
    other = made.directory / "other.toml"
    other.write_text(TICK + text.replace('"price:float"',
                                         '"price:float", "x:long"', 1))
    made.up("store", "gate")
    made.run("up", "web", "--config", other)

    def publish(table):
      asked = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=30)
      asked.request("POST", f"/publish?table={table}&level=committed",
                    json.dumps({"time": "2024-01-02T15:00:00Z", "sym": "A"}))
      got = asked.getresponse()
      out = got.status, got.read().decode()
      asked.close()
      return out

    mill.wait_until(lambda: "http1" in made.process("gw1").get(
      "declared_otherwise", {}), 20, "the gateway notices")
    told = made.process("gw1")["declared_otherwise"]
    mill.check("column 'x' is declared there, and not here"
               in " ".join(told["http1"] + told["kdb1"]), told)
    for table, wanted in [("trade", "column 'x' is not in it there"),
                          ("tick", "was started without it")]:
      status, said = publish(table)
      mill.check(status == 409 and "rdb1 on node store" in said
                 and wanted in said, status, said)
    mill.check(publish("quote")[0] == 200, "what is the same")
    with kdb.client(ports["kdb"]) as client:
      try:
        client.ask([".u.upd", kdb.symbol("tick"), [
          kdb.timestamp(757_440_000_000_000_000), kdb.symbol("A"), 1.0]])
        mill.check(False, "rows that no rdb would take")
      except kdb.kdb_error as fault:
        mill.check("was started without it" in str(fault), fault)
    mill.check(made.process("http1")["batches_refused"] == 2
               and made.process("kdb1")["batches_refused"] == 1,
               made.process("http1"), made.process("kdb1"))
    log = (made.directory / "data/nodes/web/node.log").read_text()
    mill.check("|WARN|declared_otherwise|" in log, log)
    mill.check(made.process("rdb1").get("rejected", 0) == 0, "dead letters")
    # With one file they are taken.
    made.run("restart", "store", "--config", other)
    mill.wait_until(lambda: publish("tick")[0] == 200, 30, "both are alike")
    mill.check(publish("trade")[0] == 200, publish("trade"))


def what_is_wrong_is_named(binary):
  with mill.cluster(binary, NODES) as made:
    text = made.path.read_text()
    # Nobody runs: it is written, and read at the next start.
    told = add(made, TICK)
    mill.check(sorted(told["down"]) == ["gate", "store"], told)
    made.path.write_text(text)
    made.up("store")
    file = made.directory / "tick.toml"
    file.write_text(TICK.replace("price:float", "price:flaot"))
    wrong = made.run("table", "add", file, code=78)
    mill.check(f"{file}:4:table.columns: " in wrong.stderr
               and "as it was" in wrong.stderr, wrong.stderr)
    wrong = made.run("table", "add", "-", code=64,
                     text=TICK.replace('"tick"', '"trade"'))
    mill.check("standard input:2:table.name: 'trade' is declared otherwise"
               in wrong.stderr, wrong.stderr)
    made.run("table", "add", made.directory / "none.toml", code=64)
    made.run("table", "add", "-", "--rdb", "gw1", text=TICK, code=64)
    mill.check(made.path.read_text() == text)
    dry = add(made, TICK, "--dry-run")
    mill.check(dry["state"] == "checked" and made.path.read_text() == text, dry)
    told = add(made, TICK)
    mill.check(told["down"] == ["gate"] and not told["left"], told)
    # A node of the same cluster that was started with another file.
    other = made.directory / "other.toml"
    other.write_text(text)
    made.run("up", "gate", "--config", other)
    told = add(made, TICK, code=75)
    mill.check(told["state"] == "known" and len(told["left"]) == 1
               and told["left"][0]["node"] == "gate"
               and str(other) in told["left"][0]["reason"], told)
    mill.check(count(made, "tick") == 0, "it knows it all the same")
    other.write_text(made.path.read_text())
    mill.check(not add(made, TICK)["left"])


def the_first_table_of_a_file(binary):
  """A configuration without a table gets it by the same command."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    begin, end = whole.index("[[table]]"), whole.index("[[node]]")
    made.path.write_text(whole[:begin] + whole[end:])
    made.run("up", code=78)
    file = made.directory / "mine.csv"
    file.write_text(CSV)
    layout = made.directory / "mine.toml"
    layout.write_text(made.run("layout", file).stdout)
    add(made, made.run("layout", "--print-table", file).stdout)
    made.up()
    made.run("feed", "--layout", layout, "--table", "mine", file)
    mill.check(count(made) == len(CSV.splitlines()) - 1, count(made))


def two_at_once_are_both_there(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    names = [f"t{i}" for i in range(4)] + ["t0", "t1"]
    started = [made.start("table", "add", "-", "-o", "json",
                          stdin=subprocess.PIPE) for _ in names]
    for each, name in zip(started, names):
      each.stdin.write(TICK.replace("tick", name))
      each.stdin.close()
      each.stdin = None
    for each in started:
      out, err = each.communicate(timeout=90)
      mill.check(each.returncode == 0, out, err)
      mill.check(not json.loads(out)["left"], out)
    tables = json.loads(made.run("tables", "-o", "json").stdout)
    mill.check(sorted(each["name"] for each in tables)
               == ["quote", "t0", "t1", "t2", "t3", "trade"], tables)
    for name in set(names):
      mill.check(count(made, name) == 0, name)


if __name__ == "__main__":
  mill.main([a_table_comes_without_a_restart, what_came_before_is_read_again,
             nothing_is_loaded_as_the_nodes_do_not_know_it,
             a_table_that_rolls_elsewhere_loses_no_row_of_another_date,
             what_no_rdb_held_is_told_until_one_does,
             who_rolls_elsewhere_is_named,
             a_port_with_other_tables_takes_no_rows,
             what_is_wrong_is_named, the_first_table_of_a_file,
             two_at_once_are_both_there])
