#!/usr/bin/env python3
"""Who may do what at the ports of a real node: users, passwords, tokens and
grants, by each door and verb. Needs no data of others."""

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
from lock_doors import (DAY, GRANTS, LIMITS, PASSWORDS, TABLES, basic, by_http,
                        by_kdb, by_postgres, getdata, psycopg2, web)


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
  rows_and_bytes_are_bounded(ports)
  questions_per_second_are_bounded(ports)
  connections_are_bounded(made, ports)
  log = next(made.directory.glob("data/nodes/node/node.log")).read_text()
  for tells in ("user 'few' has 2 connections, as many as it may",
                "user 'slow' at 127.0.0.1 asks more than 5 questions per second"):
    mill.check(tells in log, "the log does not tell:", tells)


def answers(ports, user, path="/query",
            text="select from trade where sym=`MANY"):
  with web(ports["http"], basic(user)) as client:
    return client.ask("POST", path, text)


def rows_and_bytes_are_bounded(ports):
  """Those of an answer, whatever the question says of them itself."""
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
      status, said = answers(ports, user, path, text)
      mill.check(status == 413 and json.loads(said)["error"] ==
                 "limit_exceeded", user, text, status, said)
    status, said = answers(ports, user)
    mill.check(tells in said and "of the user who asks" in said, said)
    status, said = answers(ports, user, text="count trade")
    mill.check(status == 200, user, said)


def questions_per_second_are_bounded(ports):
  """The others of the port ask on."""
  with web(ports["http"], basic("slow")) as client:
    came = [client.ask("POST", "/query", "count trade") for _ in range(60)]
    done = [said for status, said in came if status == 200]
    refused = [said for status, said in came if status == 429]
    mill.check(len(done) >= 5 and len(refused) >= 1
               and len(done) + len(refused) == 60, came)
    mill.check(json.loads(refused[0])["error"] == "busy"
               and "5 questions per second (rate_max)" in refused[0], refused[0])
  mill.check(answers(ports, "root-of-all")[0] == 200, "another user")
  with kdb.client(ports["kdb"], "slow", password=PASSWORDS["slow"]) as client:
    tells = []
    for _ in range(60):
      try:
        client.ask("count trade")
      except kdb.kdb_error as why:
        tells.append(str(why))
    mill.check(tells and all(each.startswith("limit: user 'slow' asks more")
                             for each in tells), tells)


def connections_are_bounded(made, ports):
  """A third one gets in once another one ends."""
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
