#!/usr/bin/env python3
"""Who may do what at the ports of a real node: users, passwords, tokens and
grants, by each door and verb. Needs no data of others."""

import base64
import http.client
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time

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


def configuration(ports):
  out = f"""port = {ports['kdb']}
login = "password"
publish = ["market"]
connections_max = 1200
[[process]]
name = "web1"
type = "http"
node = "node"
port = {ports['http']}
login = "password"
publish = ["market"]
connections_max = 1200
[[process]]
name = "sql1"
type = "postgres"
node = "node"
port = {ports['postgres']}
login = "password"
connections_max = 1200
[[process]]
name = "open1"
type = "http"
node = "node"
port = {ports['open']}
[[table]]
name = "secret"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "hidden:int"]
"""
  for name, (query, publish, subscribe) in GRANTS.items():
    everything = name == "root-of-all"
    out += f"""[[user]]
name = "{name}"
query = {json.dumps(["*"] if everything else query)}
publish = {json.dumps(publish)}
subscribe = {json.dumps(["*"] if everything else subscribe)}
admin = {json.dumps(everything)}
"""
  for name, limit in LIMITS.items():
    out += f'[[user]]\nname = "{name}"\nquery = ["trade"]\n{limit}\n'
  return out


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


# -- the doors -----------------------------------------------------------------


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


def no_grant_leaks(made, ports):
  for user in GRANTS:
    for door in (by_kdb, by_http, by_postgres):
      door(user, ports[door.__name__[3:]])


# -- logins --------------------------------------------------------------------


def wrong_passwords(made, ports):
  for user, password in (("ada", "wrong"), ("ada", ""), ("eve", "x"), ("", ""),
                         ("trade", PASSWORDS["ada"])):
    try:
      kdb.client(ports["kdb"], user, password=password).socket.close()
      mill.check(False, user, password, "logged in")
    except (kdb.kdb_error, OSError):
      pass
    with web(ports["http"], basic(user, password)) as client:
      status, said = client.ask("POST", "/query", "tables[]")
      mill.check(status == 401, user, status, said)
    if psycopg2 is not None and user and password:
      try:
        psycopg2.connect(host="127.0.0.1", port=ports["postgres"], user=user,
                         password=password, dbname="x").close()
        mill.check(False, user, password, "logged in")
      except psycopg2.OperationalError as why:
        mill.check("password authentication failed for user" in str(why), why)
  for headers in ({}, {"Authorization": "Bearer mrt_0"},
                  {"Authorization": "Basic"}):
    for path in ("/query?query=tables[]", "/", "/status", "/stream?table=trade",
                 "/metrics", "/console/"):
      with web(ports["http"], headers) as client:
        status, said = client.ask("GET", path)
        mill.check(status == 401, path, headers, status, said)
  with web(ports["http"], {}) as client:
    mill.check(client.ask("GET", "/health")[0] == 200, "health")
  facts = made.process("kdb1")
  mill.check(facts["login"] == "password" and facts["logins_failed"] >= 5
             and made.process("open1")["login"] == "system", facts)
  # Who is there, and who is not, wait as long.
  def takes(user):
    begin = time.monotonic()
    with web(ports["http"], basic(user, "nothing")) as client:
      client.ask("GET", "/status")
    return time.monotonic() - begin
  known, unknown = [], []
  for i in range(2):
    known.append(takes(("watcher", "feeder")[i]))
    unknown.append(takes(f"no-{i}"))
  mill.check(min(unknown) > min(known) / 3 and min(known) > min(unknown) / 3,
             "time tells who is there:", known, unknown)


def interrupted_password(made):
  """Who is asked for a password and ends that has the terminal as before."""
  ours, theirs = pty.openpty()
  before = termios.tcgetattr(theirs)
  asks = subprocess.Popen(
    [made.binary, "user", "passwd", "ada", "--config", made.path],
    stdin=theirs, stdout=theirs, stderr=theirs)
  said = b""
  while b"Password of ada" not in said:
    said += os.read(ours, 1000)
  mill.check(not termios.tcgetattr(theirs)[3] & termios.ECHO, "shows it")
  asks.send_signal(signal.SIGINT)
  mill.check(asks.wait(60) == 130, "exit code", asks.returncode)
  mill.check(termios.tcgetattr(theirs) == before, "the terminal is changed")
  os.close(ours)
  os.close(theirs)


def stays_while_it_has_its_secret(made, ports):
  """Connections end soon after their user is removed, or has another secret;
  those of others do not."""
  def is_there(client):
    client.socket.settimeout(0.05)
    try:
      return client.socket.recv(1) != b""
    except TimeoutError:
      return True
    except OSError:
      return False

  other = kdb.client(ports["kdb"], "feeder", password=PASSWORDS["feeder"])
  with other, kdb.client(ports["kdb"], "ada", password="another") as client:
    postgres = psycopg2 and psycopg2.connect(
      host="127.0.0.1", port=ports["postgres"], user="ada",
      password="another", dbname="m", sslmode="disable")
    with web(ports["http"], basic("ada", "another")) as kept:
      mill.check(kept.ask("POST", "/query", "count trade")[0] == 200, "http")
      made.run("user", "passwd", "ada", text="third\n")
      mill.wait_until(lambda: not is_there(client), 20, "kdb is logged out")
      if postgres:
        def is_out():
          try:
            with postgres.cursor() as cursor:
              cursor.execute("select 1")
            return False
          except psycopg2.Error:
            return True
        mill.wait_until(is_out, 20, "postgres is logged out")
      mill.wait_until(lambda: kept.made.sock is None
                      or kept.made.sock.recv(1) == b"", 20, "http")
    mill.check(is_there(other), "another user's connection is ended")
  said = made.run("logs", "node", code=None).stdout
  mill.check("user 'ada' is logged out" in said, said[-2000:])
  made.run("user", "passwd", "ada", text="another\n")


def tokens_and_changes(made, ports):
  token = made.run("user", "token", "ada").stdout.strip()
  def status_of(headers):
    with web(ports["http"], headers) as client:
      return client.ask("POST", "/query", "count trade")[0]
  bearer = {"Authorization": "Bearer " + token}
  mill.check(status_of(bearer) == 200, "a token")
  kept = (made.directory / "cluster.toml.passwords")
  mill.check(token not in kept.read_text()
             and PASSWORDS["ada"] not in kept.read_text(), "is kept in clear")
  mill.check(kept.stat().st_mode & 0o777 == 0o640, "mode", kept.stat())
  listed = {each["user"]: each for each in
            json.loads(made.run("user", "ls", "-o", "json").stdout)}
  mill.check(listed["ada"]["password"] and len(listed["ada"]["tokens"]) == 1
             and listed["ada"]["query"] == ["trade"], listed)
  mill.check("nobody" in made.run("user", "ls").stdout, "ls")
  made.run("user", "remove", "ada", "--token", listed["ada"]["tokens"][0])
  mill.check(status_of(bearer) == 401, "a token that was removed")
  made.run("user", "remove", "ada", "--token", "none", code=64)
  # A change counts from the next login on, without a restart.
  made.run("user", "passwd", "ada", text="another\n")
  mill.check(status_of(basic("ada")) == 401, "the old password")
  mill.check(status_of(basic("ada", "another")) == 200, "the new password")
  for words, code, tells in (
      (("add", "ada"), 64, "has a password"),
      (("passwd", "eve"), 64, "no [[user]] is named 'eve'"),
      (("remove", "eve"), 64, "nothing is kept of 'eve'"),
      (("passwd", "ada"), 64, "a password is not empty")):
    said = made.run("user", *words, code=code, text="\n").stderr
    mill.check(tells in said, words, said)
  stays_while_it_has_its_secret(made, ports)
  made.run("user", "remove", "ada")
  mill.check(status_of(basic("ada", "another")) == 401, "who was removed")
  path = made.directory / "secret.txt"
  path.write_text(PASSWORDS["ada"] + "\n")
  made.run("user", "add", "ada", "--password-file", path)
  mill.check(status_of(basic("ada")) == 200, "ada is back")
  # Of commands that begin together none undoes what another one did.
  made_at_once = [made.start("user", "token", "ada") for _ in range(8)]
  tokens = {each.communicate(timeout=60)[0].strip() for each in made_at_once}
  mill.check(len(tokens) == 8 and all(
    status_of({"Authorization": "Bearer " + each}) == 200 for each in tokens),
    "tokens made at once", tokens)
  interrupted_password(made)
  # Without what is kept nobody logs in, and the port says so.
  kept.chmod(0o644)
  mill.check(status_of(basic("ada")) == 401, "others could read it")
  kept.chmod(0o640)
  mill.check(status_of(basic("ada")) == 200, "ada again")
  said = made.run("logs", "node", code=None).stdout
  mill.check("chmod 0640" in said, "the log does not tell")


def by_python(made, ports):
  """The module of ours, by a password and by a token."""
  sys.path.insert(0, str(mill.REPOSITORY / "nodes" / "python"))
  try:
    import millrace
  except ImportError as why:
    print("  skipped:", why)
    return
  address = f"http://127.0.0.1:{ports['http']}"
  token = made.run("user", "token", "ada").stdout.strip()
  for login in ({"user": "ada", "password": PASSWORDS["ada"]},
                {"token": token}):
    with millrace.connect(address, **login) as client:
      rows = client.ask("select from trade where sym=`IBM").to_numpy()
      mill.check(len(rows["sym"]) == 1, rows)
      with client.subscribe("trade", start="begin") as flow:
        mill.check(next(flow)["type"] in ("begin", "schema", "rows"), login)
      try:
        client.ask("select from secret")
        mill.check(False, "secret was answered")
      except millrace.MillraceError as why:
        mill.check(why.code == "not_found", why)
  with millrace.connect(address) as client:
    try:
      client.ask("select from trade")
      mill.check(False, "nobody was answered")
    except millrace.MillraceError as why:
      mill.check(why.status == 401, why)
  for wrong in ({"user": "ada"}, {"user": "a", "password": "b", "token": "c"}):
    try:
      millrace.connect(address, **wrong)
      mill.check(False, wrong, "was taken")
    except ValueError:
      pass


def audited(made, ports):
  log = next(made.directory.glob("data/nodes/node/node.log")).read_text()
  for tells in ("user 'ada' at 127.0.0.1 logged in",
                "user 'ada' at 127.0.0.1 queries trade: allowed: ",
                "user 'ada' at 127.0.0.1 queries 'secret': refused: ",
                "user 'ada' at 127.0.0.1: publish 'trade': allowed",
                "user 'ada' at 127.0.0.1: publish 'secret': refused",
                "user 'ada' at 127.0.0.1: subscribe 'quote': refused",
                "user 'ada' at 127.0.0.1: see 'status': refused",
                "user 'root-of-all' at 127.0.0.1: see 'metrics': allowed",
                "a login of 'ada' from 127.0.0.1 failed"):
    mill.check(tells in log, "the log does not tell:", tells)
  for password in PASSWORDS.values():
    mill.check(password not in log, "the log tells a password")


# -- limits --------------------------------------------------------------------


def no_user_takes_more_than_it_may(made, ports):
  for i in range(20):
    made.run("pub", "--stream", "market", "--table", "trade", text=json.dumps(
      {"time": f"{DAY}T15:00:{i:02}Z", "sym": "MANY"}) + "\n")
  made.run("pub", "--stream", "market", "--table", "trade", text="".join(
    json.dumps({"time": f"{DAY}T15:01:00Z", "sym": "MANY"}) + "\n"
    for _ in range(2000)))

  def answers(user, path="/query", text="select from trade where sym=`MANY"):
    with web(ports["http"], basic(user)) as client:
      return client.ask("POST", path, text)

  # Rows and bytes of an answer, whatever the question says of them itself.
  whole = json.dumps(getdata("trade") | {"limits": {"rows": 100,
                                                    "bytes": 1 << 30}})
  for user, tells in (("short", "more than 3 rows"),
                      ("small", "more than 16384 bytes")):
    for path, text in (("/query", "select from trade where sym=`MANY"),
                       ("/query", "select from trade,trade"),
                       ("/query?language=sql", "select * from trade"),
                       ("/query?language=sql",
                        "select sym, row_number() over () from trade"),
                       ("/query?language=getdata", whole)):
      status, said = answers(user, path, text)
      mill.check(status == 413 and json.loads(said)["error"] ==
                 "limit_exceeded", user, text, status, said)
    status, said = answers(user)
    mill.check(tells in said and "of the user who asks" in said, said)
    status, said = answers(user, text="count trade")
    mill.check(status == 200, user, said)

  # Questions per second: the others of the port ask on.
  with web(ports["http"], basic("slow")) as client:
    came = [client.ask("POST", "/query", "count trade") for _ in range(60)]
    done = [said for status, said in came if status == 200]
    refused = [said for status, said in came if status == 429]
    mill.check(len(done) >= 5 and len(refused) >= 1
               and len(done) + len(refused) == 60, came)
    mill.check(json.loads(refused[0])["error"] == "busy"
               and "5 questions per second (rate_max)" in refused[0], refused[0])
  mill.check(answers("root-of-all")[0] == 200, "another user")
  with kdb.client(ports["kdb"], "slow", password=PASSWORDS["slow"]) as client:
    tells = []
    for _ in range(60):
      try:
        client.ask("count trade")
      except kdb.kdb_error as why:
        tells.append(str(why))
    mill.check(tells and all(each.startswith("limit: user 'slow' asks more")
                             for each in tells), tells)

  # Connections: a third one gets in once another one ends.
  def log_in(door):
    if door == "kdb":
      return kdb.client(ports["kdb"], "few", password=PASSWORDS["few"]).socket
    if door == "http":
      client = web(ports["http"], basic("few"))
      status, said = client.ask("POST", "/query", "count trade")
      if status != 200:
        client.made.close()
        raise OSError(f"{status} {said}")
      return client.made
    return psycopg2.connect(host="127.0.0.1", port=ports["postgres"],
                            user="few", password=PASSWORDS["few"], dbname="x")
  doors = ["kdb", "http"] + (["postgres"] if psycopg2 is not None else [])
  for door in doors:
    held = [log_in(door), log_in(door)]
    try:
      log_in(door)
      mill.check(False, door, "let a third one in")
    except Exception as why:  # Each client has its own.
      if door != "kdb":
        mill.check("2 connections, as many as it may (connections_max)"
                   in str(why), door, why)
    held.pop().close()

    def gets_in():
      try:
        held.append(log_in(door))
        return True
      except Exception:  # Each client has its own.
        return False
    mill.wait_until(gets_in, 20, f"a place at {door}")
    for each in held:
      each.close()
    facts = made.process({"kdb": "kdb1", "http": "web1", "postgres":
                          "sql1"}[door])
    mill.check(facts["refused_by_limits"] >= 1, door, facts)
  log = next(made.directory.glob("data/nodes/node/node.log")).read_text()
  for tells in ("user 'few' has 2 connections, as many as it may",
                "user 'slow' at 127.0.0.1 asks more than 5 questions per second"):
    mill.check(tells in log, "the log does not tell:", tells)


# -- many that mean harm -------------------------------------------------------


def hostile_logins(made, ports):
  pid = made.node("node")["pid"]
  with kdb.client(ports["kdb"], "root-of-all",
                  password=PASSWORDS["root-of-all"]) as served:
    before = mill.resident_mib(pid)
    for name, hello in (("kdb", b"guess:wrong\x03\0"),
                        ("http", b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                 b"Authorization: Basic Z3Vlc3M6d3Jvbmc=\r\n\r\n"),
                        ("postgres", b"\0\0\0\x14\0\3\0\0user\0guess\0\0")):
      crowd = []
      for _ in range(1000):
        each = socket.create_connection(("127.0.0.1", ports[name]), timeout=30)
        each.sendall(hello)
        crowd.append(each)
      begin = time.monotonic()
      mill.check(served.ask("1+1") == 2, "served")
      took = time.monotonic() - begin
      mill.check(took < 2 * mill.patience(), name, "served in", took)
      # One who logs in meanwhile has its turn.
      begin = time.monotonic()
      with web(ports["http"], basic("root-of-all")) as client:
        mill.check(client.ask("GET", "/status")[0] == 200, "a login")
      took = time.monotonic() - begin
      mill.check(took < 10 * mill.patience(), name, "logged in within", took)
      growth = mill.resident_mib(pid) - before
      mill.check(growth < 100, name, "holds", growth, "MiB more")
      print(f"  {name}: {growth:.0f} MiB more, a login took {took:.1f} s")
      for each in crowd:
        each.close()


def locks(binary):
  names = ("kdb", "http", "postgres", "open")
  ports = dict(zip(names, mill.free_ports(len(names))))
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "gw1", "kdb1"]}
  with mill.cluster(binary, nodes, configuration(ports), roles=roles) as made:
    for user, password in PASSWORDS.items():
      made.run("user", "add", user, text=password + "\n")
    made.up()
    for table in TABLES:
      made.run("pub", "--stream", "market", "--table", table, text=json.dumps(
        {"time": f"{DAY}T14:30:00Z",
         "sym": "ZZHIDDEN" if table == "secret" else "IBM"}) + "\n")
    for part in (no_grant_leaks, wrong_passwords, tokens_and_changes, by_python,
                 audited, no_user_takes_more_than_it_may, hostile_logins):
      with mill.part(part.__name__):
        part(made, ports)


if __name__ == "__main__":
  mill.main([locks])
