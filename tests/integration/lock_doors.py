"""Users with grants, and all that each of them tries at each port; parts of
locks_test.py."""

import base64
import http.client
import json
import sys

import kdb_client as kdb
import millrace_cluster as mill

# Debian's, also for a Python of its version that is another one.
sys.path.append("/usr/lib/python3/dist-packages")
try:
  import psycopg2
except ImportError:
  psycopg2 = None

# Nobody who may not see the table sees any of these.
MARKS = ("ZZHIDDEN", "hidden", "secret")
TABLES = ("trade", "quote", "secret")
GRANTS = {  # query, publish, subscribe
  "ada": (("trade",), ("trade",), ("trade",)),
  "root-of-all": (TABLES, TABLES, TABLES),
  "feeder": ((), ("quote",), ()),
  "watcher": ((), (), ("quote",)),
  "nobody": ((), (), ()),
}
# Users of one limit each.
LIMITS = {"few": "connections_max = 2", "slow": "rate_max = 5",
          "short": "rows_max = 3", "small": "memory_max = 16384"}
PASSWORDS = {name: f"pass of {name}: é" if name == "ada" else f"pass-{name}"
             for name in (*GRANTS, *LIMITS)}
DAY = "2024-01-02"


def basic(user, password=None):
  both = f"{user}:{PASSWORDS[user] if password is None else password}"
  return {"Authorization": "Basic "
          + base64.b64encode(both.encode()).decode()}


class web:
  """A connection that a user keeps: its password is judged once."""

  def __init__(self, port, headers):
    self.made = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    self.headers = headers

  def ask(self, method, path, body=None):
    self.made.request(method, path, body, self.headers)
    got = self.made.getresponse()
    return got.status, got.read().decode()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.made.close()


def getdata(table):
  return {"tablename": table, "starttime": DAY, "endtime": DAY}


def check_no_leak(user, table, said):
  if table in ("secret", "nosuch") and "secret" not in GRANTS[user][0]:
    text = str(said).replace(f"'{table}'", "").replace(table, "")
    for mark in MARKS:
      mill.check(mark not in text, "a leak to", user, ":", said)


def expect(user, use, table, is_done, said):
  """It is done where it is granted, and told of like a table that is not there
  otherwise."""
  allowed = table in GRANTS[user][use]
  mill.check(is_done == allowed, user, ("query", "publish", "subscribe")[use],
             table, "allowed" if allowed else "not allowed", ":", said)
  if not is_done:
    check_no_leak(user, table, said)


def by_kdb(user, port):
  row = {"trade": lambda: kdb.table({
           "time": kdb.column(12, [0]), "sym": kdb.column(11, ["X"])}),
         "quote": lambda: kdb.table({
           "time": kdb.column(12, [0]), "sym": kdb.column(11, ["X"])}),
         "secret": lambda: kdb.table({
           "time": kdb.column(12, [0]), "sym": kdb.column(11, ["ZZHIDDEN"])}),
         "nosuch": lambda: kdb.table({"sym": kdb.column(11, ["X"])})}
  with kdb.client(port, user, password=PASSWORDS[user]) as client:
    def answer(wanted):
      """What comes of this kind; whatever is pushed before may be."""
      while True:
        kind, said = client.message()
        if not (isinstance(said, list) and said and said[0] == "upd"):
          mill.check(kind == wanted, kind, said)
          return said
        mill.check(said[1] in GRANTS[user][2], user, "was pushed", said[1])

    def attempt(what):
      client.send(1, what)
      try:
        return True, answer(2)
      except kdb.kdb_error as why:
        return False, str(why)

    known = sorted(set().union(*GRANTS[user]))
    mill.check(attempt("tables[]") == (True, known), user, "tables")
    for table in (*TABLES, "nosuch"):
      for text in (f"select from {table}", f"exec sym from {table}",
                   f"select from (select from {table})",
                   f"select sym from {table} where sym in exec sym from {table}",
                   f".gw.syncexec[\"select from {table}\";`rdb]",
                   f"count {table}"):
        expect(user, 0, table, *attempt(text))
      for what in (["getdata", {"tablename": kdb.symbol(table),
                                "starttime": kdb.date(8767),
                                "endtime": kdb.date(8767)}],
                   [".dataaccess.getdata", {"tablename": kdb.symbol(table),
                                            "starttime": kdb.date(8767),
                                            "endtime": kdb.date(8767)}]):
        expect(user, 0, table, *attempt(what))
      for text in (f"meta {table}", f"cols `{table}", f"keys `{table}",
                   f"type `{table}"):
        done, said = attempt(text)
        mill.check(done == (table in known), user, text, said)
        if not done:
          check_no_leak(user, table, said)
      expect(user, 2, table, *attempt(f".u.sub[`{table};`]"))
      expect(user, 1, table, *attempt(
        [".u.upd", kdb.symbol(table), row[table]()]))
      # Whom it serves by a message.
      client.tell([".gw.asyncexec", f"select from {table}", kdb.symbol("rdb")])
      said = answer(0)
      expect(user, 0, table, not str(said).startswith("error: "), said)
    _, pairs = attempt(".u.sub[`;`]")
    mill.check([pair[0] for pair in pairs] == sorted(GRANTS[user][2]), user,
               pairs)


def by_http(user, port):
  line = {table: json.dumps({"time": f"{DAY}T15:00:00Z", "sym": "X"}) + "\n"
          for table in (*TABLES, "nosuch")}
  with web(port, basic(user)) as client:
    for table in (*TABLES, "nosuch"):
      for path, body in (
          ("/query", f"select from {table}"),
          ("/query", f"meta {table}" if table in GRANTS[user][0] else
           f"select from {table}"),
          ("/query?language=sql", f"select * from {table}"),
          ("/query?language=sql", f"with a as (select * from {table}) "
                                  "select count(*) from a"),
          ("/query?language=sql", f"select sym from {table} "
                                  f"where sym in (select sym from {table})"),
          ("/query?language=sql", f"explain select * from {table}"),
          ("/query?format=csv", f"select from {table}"),
          ("/query?language=getdata", json.dumps(getdata(table))),
          ("/query", json.dumps(getdata(table) | {"getquery": True}))):
        status, said = client.ask("POST", path, body)
        mill.check(status in (200, 400), path, body, status, said)
        expect(user, 0, table, status == 200, said)
      status, said = client.ask("POST", "/query", json.dumps(
        {"user": "root-of-all", "peer": "x", "tables": [table],
         "question": json.dumps(getdata(table))}))
      mill.check(status == 400, "a question within a question", said)
      status, said = client.ask("POST", f"/publish?table={table}", line[table])
      expect(user, 1, table, status == 200, said)
      knows = any(table in granted for granted in GRANTS[user])
      mill.check(status == (200 if table in GRANTS[user][1]
                            else 403 if knows else 400), user, table, said)
    status, said = client.ask("POST", "/query", "tables[]")
    mill.check(json.loads(said) == [{"table": table}
                                    for table in sorted(GRANTS[user][0])],
               user, said)
    for path in ("/status", "/metrics"):
      status, said = client.ask("GET", path)
      mill.check(status == (200 if user == "root-of-all" else 403), user, path,
                 status)
      if status != 200:
        check_no_leak(user, "secret", said)
    for wish in (*(f"table={table}" for table in (*TABLES, "nosuch")),
                 "stream=market"):
      allowed = wish.partition("=")[2] in GRANTS[user][2] \
          or (wish == "stream=market" and user == "root-of-all")
      with web(port, basic(user)) as follower:
        follower.made.request("GET", f"/stream?from=begin&{wish}", None,
                              follower.headers)
        got = follower.made.getresponse()
        mill.check((got.status == 200) == allowed, user, wish, got.status)
        if not allowed:
          check_no_leak(user, "secret", got.read().decode())


def by_postgres(user, port):
  if psycopg2 is None:
    print("  skipped: there is no psycopg2")
    return
  client = psycopg2.connect(host="127.0.0.1", port=port, user=user,
                            password=PASSWORDS[user], dbname="any")
  client.autocommit = True
  with client.cursor() as cursor:
    def attempt(text):
      try:
        cursor.execute(text)
        return True, cursor.fetchall()
      except psycopg2.Error as why:
        return False, str(why)

    for table in (*TABLES, "nosuch"):
      for text in (f"select * from {table}", f"select count(*) from {table}",
                   f"select a.sym from {table} a join (select sym, count(*) as n "
                   f"from {table} group by sym) b using (sym)",
                   f"with a as (select * from {table}) select * from a",
                   f"select * from (select sym from {table}) x",
                   f"select sym from {table} union all "
                   f"select sym from {table}",
                   f"select * from public.{table} limit 1",
                   f"explain select * from {table}",
                   f"copy (select * from {table}) to stdout"):
        if text.startswith("copy"):
          class sink:
            text = ""

            def write(self, more):
              self.text += more if isinstance(more, str) else more.decode()
          into = sink()
          try:
            cursor.copy_expert(text, into)
            done, said = True, into.text
          except psycopg2.Error as why:
            done, said = False, str(why)
        else:
          done, said = attempt(text)
        expect(user, 0, table, done, said)
    for text in ("select relname from pg_catalog.pg_class",
                 "select table_name from information_schema.tables",
                 "select table_name, column_name from "
                 "information_schema.columns"):
      done, said = attempt(text)
      mill.check(done, text, said)
      names = {row[0] for row in said} & set(TABLES)
      mill.check(names == set(GRANTS[user][0]), user, text, names)
      check_no_leak(user, "secret", said)
  client.close()
