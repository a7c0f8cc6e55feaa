#!/usr/bin/env python3
"""The port for kdb+ clients of a real node: a client of a few lines, node-q
where npm has it, clients that do what they should not. Needs no data of
others."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile

import kdb_client as kdb
import millrace_cluster as mill

DAY = "2024-01-02"
ROWS = [{"time": f"{DAY}T14:30:{row % 60:02}Z", "sym": ["AAPL", "IBM"][row % 2],
         "price": 100 + row / 4, "size": 10 + row} for row in range(20)]

NODE_CLIENT = """
const q = require("node-q");
q.connect({host: "127.0.0.1", port: PORT, user: "me", password: "p"},
          (fault, client) => {
  if (fault) throw fault;
  client.k("select sum size, max price by sym from trade", (fault, rows) => {
    if (fault) throw fault;
    client.k("meta", "trade", (fault, meta) => {
      if (fault) throw fault;
      client.k("select prise from trade", (fault) => {
        console.log(JSON.stringify({rows, meta, fault: String(fault)}));
        client.close(() => {});
      });
    });
  });
});
"""


def questions(made, port):
  with kdb.client(port) as client:
    answers(client)
    named_queries(client)
    refusals(client)
    messages_without_an_answer(client)
  with kdb.client(port, capability=0) as client:
    got = client.ask("select first time from trade")["time"][0]
    mill.check(abs(got - 8767.604166666) < 1e-6, "a datetime", got)


def answers(client):
  mill.check(client.ask("1+1") == 2, "1+1")
  mill.check(client.ask("tables[]") == ["quote", "trade"], "tables")
  mill.check(client.ask([kdb.symbol("cols"), kdb.symbol("quote")])[:2]
             == ["time", "sym"], "cols")
  by_symbol = client.ask("select n:count i, sum size by sym from trade")
  mill.check(by_symbol.keys_part == {"sym": ["AAPL", "IBM"]}, by_symbol)
  mill.check(by_symbol.values_part
             == {"n": [10, 10],
                 "size": [sum(row["size"] for row in ROWS[first::2])
                          for first in (0, 1)]}, by_symbol.values_part)
  rows = client.ask("select time,sym,price,size from trade where sym=`IBM")
  mill.check(rows["price"] == [row["price"] for row in ROWS[1::2]], rows)
  seconds = (rows["time"][0] // 10**9)
  mill.check(kdb.EPOCH + kdb.datetime.timedelta(seconds=seconds)
             == kdb.datetime.datetime(2024, 1, 2, 14, 30, 1), rows["time"])
  mill.check(client.ask("exec max price from trade") == 104.75, "atom")
  mill.check(client.ask("exec distinct sym from trade") == ["AAPL", "IBM"],
             "exec")
  mill.check(client.ask("count trade") == 20, "count")
  got = client.ask(["getdata", {
    "tablename": kdb.symbol("trade"), "starttime": kdb.date(8767),
    "endtime": kdb.date(8767), "instruments": kdb.symbol("IBM"),
    "aggregations": {"max": kdb.symbol("size")}}])
  mill.check(got == {"maxSize": [29]}, got)
  got = client.ask([".gw.syncexec", "select count i from trade",
                    kdb.column(11, ["rdb", "hdb"])])
  mill.check(got == {"x": [20]}, got)


def named_queries(client):
  """As texts and as lists."""
  for asked in ("countbysym[2024.01.02;2024.01.02]",
                ["countbysym", kdb.date(8767), kdb.date(8767)],
                [kdb.symbol("countbysym"), kdb.date(8767), "2024-01-02"]):
    got = client.ask(asked)
    mill.check(got.keys_part == {"sym": ["AAPL", "IBM"]}
               and got.values_part["tradecount"] == [10, 10], asked, got)
  for asked in (["of_syms", kdb.symbol("IBM")],
                ["of_syms", kdb.column(11, ["IBM", "\"\\"])],
                "of_syms `IBM", "of_syms[\"IBM\"]"):
    got = client.ask(asked)
    mill.check(got == {"n": [10]}, asked, got)
  for asked, tells in (("of_syms[5]", "query: query 'of_syms': parameter"),
                       (["of_syms"], "query: query 'of_syms': 0 values"),
                       (["of_syms", None], "query: query 'of_syms'"),
                       (["of_syms", [1, "a"]], "nyi: ")):
    try:
      answer = client.ask(asked)
      mill.check(False, asked, "was answered:", answer)
    except kdb.kdb_error as why:
      mill.check(str(why).startswith(tells), asked, why)


def refusals(client):
  for asked, tells in (("select prise from trade", "prise: there is no such"),
                       ("meta nothing", "nothing"),
                       ("{x}", "nyi: "),
                       (["getdata", {"tablename": kdb.symbol("nothing"),
                                     "starttime": kdb.date(8767),
                                     "endtime": kdb.date(8767)}],
                        "tableexists: Table:`nothing doesn't exist"),
                       (["system", "ls"], "system: there is no function")):
    try:
      answer = client.ask(asked)
      mill.check(False, asked, "was answered:", answer)
    except kdb.kdb_error as why:
      mill.check(str(why).startswith(tells), asked, why)


def messages_without_an_answer(client):
  # Several at once, and one that wants no answer.
  client.send(1, "count trade")
  client.tell([".gw.asyncexec", "exec min size from trade",
               kdb.symbol("rdb")])
  client.send(1, "")
  got = [client.message() for _ in range(3)]
  mill.check(got == [(2, 20), (0, 10), (2, None)], got)
  for asked, tells in (("select prise from trade", "error: prise: "),
                       ("select from nothing", "error: nothing"),
                       ("select from (", "error: parse")):
    client.tell([".gw.asyncexec", asked, kdb.symbol("rdb")])
    kind, text = client.message()
    mill.check(kind == 0 and text.startswith(tells), asked, kind, text)
  client.tell([".gw.asyncexec", "tables[]", kdb.symbol("rdb")])
  mill.check(client.message() == (0, ["quote", "trade"]), "a known value")


def text_clients(made, port):
  with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
    plain.sendall(b"me:p\0select sum size by sym from trade\0")
    plain.shutdown(socket.SHUT_WR)
    got = b""
    while more := plain.recv(1 << 16):
      got += more
  mill.check(b"AAPL" in got and b"sym" in got, got)


def node_q(made, port):
  """The client that most programs in JavaScript use."""
  if not shutil.which("npm") or not shutil.which("node"):
    print("  skipped: there is no npm")
    return
  with tempfile.TemporaryDirectory(prefix="millrace-node-q-") as folder:
    installed = subprocess.run(
      ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund",
       "--loglevel=error", "node-q@2.7.0"], cwd=folder, capture_output=True,
      text=True, timeout=120, check=False)
    if installed.returncode != 0:
      print("  skipped: npm has no node-q:", installed.stderr[-200:])
      return
    script = pathlib.Path(folder) / "ask.js"
    script.write_text(NODE_CLIENT.replace("PORT", str(port)))
    done = subprocess.run(["node", str(script)], cwd=folder, text=True,
                          capture_output=True, timeout=60, check=False)
  mill.check(done.returncode == 0, done.stderr)
  got = json.loads(done.stdout)
  sizes = [sum(row["size"] for row in ROWS[first::2]) for first in (0, 1)]
  # A keyed table is a pair there.
  mill.check(got["rows"] == [[{"sym": "AAPL"}, {"sym": "IBM"}],
                             [{"size": sizes[0], "price": 104.5},
                              {"size": sizes[1], "price": 104.75}]],
             got["rows"])
  mill.check([row["c"] for row in got["meta"][0]][:3] == ["time", "sym", "price"]
             and got["meta"][1][0]["t"] == "p", got["meta"])
  mill.check("prise: there is no such column" in got["fault"], got["fault"])


def streams(made, port):
  """A feed of kdb+ publishes, others are pushed what they want of it."""
  with kdb.client(port, "all") as all_of, kdb.client(port, "ibm") as ibm, \
       kdb.client(port, "feed") as feed:
    name, empty = all_of.ask([".u.sub", kdb.symbol("trade"), kdb.symbol("")])
    mill.check((name, list(empty)[:3]) == ("trade", ["time", "sym", "price"]),
               name, empty)
    pairs = ibm.ask(".u.sub[`;`IBM]")
    mill.check([pair[0] for pair in pairs] == ["quote", "trade"], pairs)
    names = [column.split(":")[0] for column in mill.TRADE]
    noon = kdb.timestamp(8767 * 86_400 * 10**9 + 17 * 3600 * 10**9)
    for size in (7, 8):
      feed.tell([".u.upd", kdb.symbol("trade"), kdb.table({
        "time": kdb.column(12, [noon, noon]),
        "sym": kdb.column(11, ["IBM", "SPY"]),
        "size": kdb.column(6, [size, size + 100])})])
    mill.check(feed.ask("") is None, "a chaser")
    # A row without the time, which is the first column.
    feed.ask([".u.upd", kdb.symbol("trade"),
              [kdb.symbol("IBM"), 9.5, kdb.column(6, [9]), kdb.symbol("N"),
               kdb.symbol("@"), False]])
    got = []
    while len(got) < 3:
      kind, (verb, table, rows) = ibm.message()
      mill.check((kind, verb, table, list(rows)) == (0, "upd", "trade", names),
                 kind, verb, table, rows)
      got += rows["size"]
    mill.check(got == [7, 8, 9], got)
    got = []
    while len(got) < 5:
      got += all_of.message()[1][2]["size"]
    mill.check(got == [7, 107, 8, 108, 9], got)
    # What was answered is in the next answer.
    mill.check(feed.ask("exec size from trade where sym=`SPY") == [107, 108],
               "rows of the feed")
    for data, tells in (([kdb.symbol("X")], "length: 1 columns came"),
                        (kdb.table({"sym": kdb.column(11, ["X"])}),
                         "type: column 'time' has no value")):
      try:
        feed.ask([".u.upd", kdb.symbol("trade"), data])
        mill.check(False, data, "was taken")
      except kdb.kdb_error as why:
        mill.check(str(why).startswith(tells), data, why)
    ibm.ask([".u.del", kdb.symbol("trade")])
    mill.check(made.process("kdb1")["subscriptions"] == 2, "subscriptions")


def hostile(made, port):
  """Others are served, and status says what was refused."""
  before = made.process("kdb1")
  crowd = [socket.create_connection(("127.0.0.1", port), timeout=30)
           for _ in range(12)]
  # The configuration allows eight.
  refused = 0
  for each in crowd:
    each.settimeout(0.2)
    try:
      refused += each.recv(1) == b""
    except socket.timeout:
      pass
  mill.check(refused == 4, "refused", refused)
  # Of those that say nothing one makes place for who does.
  with kdb.client(port) as client:
    mill.check(client.ask("count trade") == 25, "served beside the silent")
  with socket.create_connection(("127.0.0.1", port), timeout=30) as each:
    each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    got = b""
    while piece := each.recv(1 << 16):
      got += piece
    mill.check(got.startswith(b"HTTP/1.1 404 ") and b"clients of kdb+" in got,
               got)
  # None of them logs in.
  mill.wait_until(lambda: made.process("kdb1")["connections"] == 0, 20,
                  "the end of those that do not log in")
  for each in crowd:
    each.close()
  # What is no message ends its connection; what is no whole one ends with it.
  for junk, is_ended in ((b"u\x03\0GET / HTTP/1.1\r\n\r\n", True),
                         (b"u\x03\0\x01\x01\0\0\xff\xff\xff\x7f", True),
                         (b"u\x03\0" + b"\x01" * 64, False),
                         (b"\xff" * 1000, False)):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as each:
      each.sendall(junk)
      if is_ended:
        while each.recv(1000):
          pass
  with kdb.client(port) as client:
    mill.check(client.ask("count trade") == 25, "served")
  after = made.process("kdb1")
  mill.check(after["refused"] >= before["refused"] + 12 + 2, before, after)
  mill.check(after["bytes_in"] > before["bytes_in"], before, after)


def a_gateway_that_ends(made, port):
  with kdb.client(port) as client:
    made.kill("gate")
    client.send(1, "count trade")
    made.up("gate")
    kind, got = client.message()
    mill.check((kind, got) == (2, 25), kind, got)


def idle_ones(made, port):
  """A port may say for how long; who subscribes waits for what comes."""
  made.down()
  made.path.write_text(made.path.read_text().replace(
    "connections_max = 8\n", 'connections_max = 8\nidle_max = "1s"\n'))
  made.up()
  with kdb.client(port) as waits, kdb.client(port) as idles:
    waits.ask([".u.sub", kdb.symbol("trade"), kdb.symbol("")])
    mill.check(idles.ask("count trade") == 25, "served")
    idles.socket.settimeout(30)
    mill.check(idles.socket.recv(1) == b"", "an idle client was not ended")
    facts = made.process("kdb1")
    mill.check(facts["idle_ended"] == 1 and facts["connections"] == 1, facts)
    made.run("pub", "--stream", "market", "--table", "trade",
             text=json.dumps(ROWS[0]) + "\n")
    kind, pushed = waits.message()
    mill.check(kind == 0 and pushed[1] == "trade", pushed)


def kdb_clients(binary):
  port = mill.free_ports(1)[0]
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "kdb1"],
           "gate": ["gw1"]}
  extra = f'port = {port}\nconnections_max = 8\npublish = ["market"]\n' \
      '[[query]]\nname = "of_syms"\nparameters = ["which:symbol"]\n' \
      'text = "select n:count i from trade where sym in which"\n'
  with mill.cluster(binary, nodes, extra, roles=roles) as made:
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text="".join(json.dumps(row) + "\n" for row in ROWS))
    for part in (questions, text_clients, node_q, streams, hostile,
                 a_gateway_that_ends, idle_ones):
      with mill.part(part.__name__):
        part(made, port)


if __name__ == "__main__":
  mill.main([kdb_clients])
