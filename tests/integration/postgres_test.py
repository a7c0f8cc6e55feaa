#!/usr/bin/env python3
"""The port for clients of PostgreSQL of a real node: psql and psycopg2 where
they are installed, clients that do what they should not. Needs no data of
others."""

import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

import millrace_cluster as mill

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
JDBC = pathlib.Path("/usr/share/java/postgresql.jar")

# Debian's, also for a Python of its version that is another one.
sys.path.append("/usr/lib/python3/dist-packages")
try:
  import psycopg2
except ImportError:
  psycopg2 = None

ROWS = [{"time": f"2024-01-02T14:30:{row:02}.5Z", "sym": ["AAPL", "IBM"][row % 2],
         "price": 100 + row / 4, "size": 10 + row} for row in range(20)]


def psql(port, text, fails=False):
  """What psql prints, unaligned; its errors when it fails."""
  done = subprocess.run(
    ["psql", "-X", "-A", "-v", "ON_ERROR_STOP=1",
     f"host=127.0.0.1 port={port} user=me dbname=any"],
    input=text, text=True, capture_output=True, timeout=60, check=False)
  mill.check((done.returncode != 0) == fails, done.stdout, done.stderr)
  return done.stderr if fails else done.stdout


def psql_asks(made, port):
  if not shutil.which("psql"):
    print("  skipped: there is no psql")
    return
  got = psql(port, "select sym, count(*) as n, sum(size) as size from trade "
                   "group by sym order by sym;")
  wanted = [f"{sym}|10|{sum(row['size'] for row in ROWS[first::2])}"
            for first, sym in enumerate(["AAPL", "IBM"])]
  mill.check(got.splitlines() == ["sym|n|size", *wanted, "(2 rows)"], got)
  got = psql(port, "select time, price from public.trade "
                   "order by time limit 1;")
  mill.check("2024-01-02 14:30:00.5|100\n" in got, got)
  got = psql(port, "select prise from trade;", fails=True)
  mill.check("there is no column 'prise'" in got and "LINE 1: " in got
             and "       ^" in got, got)
  # What psql asks for by itself.
  got = psql(port, "\\dt\n")
  mill.check("public|quote|table|millrace\npublic|trade|table|millrace\n"
             in got, got)
  got = psql(port, "\\dt tr*\n")
  mill.check("trade" in got and "quote" not in got, got)
  got = psql(port, "\\d trade\n")
  mill.check("time|timestamp without time zone|||\nsym|text|||\n"
             "price|double precision|||\nsize|integer|||\n" in got, got)
  got = psql(port, "\\dn\n\\l\n\\di\n")
  mill.check("public|millrace\n" in got and "test" in got, got)
  # All that it can be asked to show.
  shown = ("d d+ dt dt+ dn+ l+ du dT dx db dp dA dC dD do dy dew des det dF dFp "
           "dFd dFt dO dP dRp dRs dm dv ds di df da dL dE dc ddp dX z")
  psql(port, "".join(f"\\{each}\n\\{each} tr*\n" for each in shown.split()))
  got = psql(port, "\\d+ trade\n\\d *uo*\n")
  mill.check('Table "public.trade"' in got and 'Table "public.quote"' in got
             and "size|integer||||plain|" in got, got)
  # A cursor, as psql has it for large results.
  got = psql(port, "\\set FETCH_COUNT 7\nselect size from trade order by size;")
  mill.check(got.split()[1:21] == [str(row["size"]) for row in ROWS], got)
  got = psql(port, "begin; select 1; rollback; show server_version;")
  mill.check(got.split() == ["BEGIN", "?column?", "1", "(1", "row)", "ROLLBACK",
                             "server_version", "15.0", "(1", "row)"], got)
  mill.check("only reads" in psql(port, "drop table trade;", fails=True),
             "DROP")


def psycopg_asks(made, port):
  if psycopg2 is None:
    print("  skipped: there is no psycopg2")
    return
  client = psycopg2.connect(host="127.0.0.1", port=port, user="me",
                            dbname="any")
  with client.cursor() as rows:
    rows.execute("select time, sym, price, size from trade "
                 "where sym = %s and size > %s order by time", ("IBM", 25))
    got = rows.fetchall()
    mill.check([(row[1], row[2], row[3]) for row in got]
               == [("IBM", row["price"], row["size"]) for row in ROWS[1::2]
                   if row["size"] > 25], got)
    mill.check(got[0][0].isoformat() == "2024-01-02T14:30:17.500000", got)
    try:
      rows.execute("select * from nothing")
      mill.check(False, "there is no such table")
    except psycopg2.errors.UndefinedTable:
      client.rollback()
  with client.cursor("held") as rows:
    rows.itersize = 6
    rows.execute("select size from trade order by size")
    mill.check([row[0] for row in rows] == [row["size"] for row in ROWS],
               "a cursor of its own")
  client.close()


def debian_python(name, needs, port, script):
  """Runs a script with Debian's Python, and its packages."""
  python = "/usr/bin/python3"
  for module in needs:
    found = subprocess.run([python, "-c", f"import {module}"],
                           capture_output=True, check=False)
    if found.returncode != 0:
      print(f"  skipped: there is no {name}")
      return
  done = subprocess.run([python, "-c", script, str(port)], text=True,
                        capture_output=True, timeout=60, check=False)
  mill.check(done.returncode == 0, done.stdout, done.stderr)


ASYNCPG = """
import asyncio, asyncpg, io, sys
async def main():
  pool = await asyncpg.create_pool(host="127.0.0.1", port=int(sys.argv[1]),
                                   user="me", database="any", min_size=1,
                                   max_size=2)
  for _ in range(3):
    async with pool.acquire() as made:
      assert await made.fetchval("select count(*) as n from trade") == 20
      got = await made.fetch("select size from trade where sym = $1 and "
                             "size < $2 order by size", "IBM", 15)
      assert [row["size"] for row in got] == [11, 13], got
      assert (await made.fetchval("select now()")).year >= 2024
      async with made.transaction():
        async with made.transaction():
          rows = [row async for row in made.cursor(
            "select size from trade order by size", prefetch=7)]
          assert [row["size"] for row in rows] == list(range(10, 30)), rows
      assert await made.fetchval("select count(*) from trade where size = "
                                 "any($1::int[])", [10, 11, 40]) == 2
      into = io.BytesIO()
      done = await made.copy_from_query(
        "select sym, size from trade where size < $1", 12, output=into,
        format="csv", header=True)
      assert done == "COPY 2", done
      assert sorted(into.getvalue().split()) == [
        b"AAPL,10", b"IBM,11", b"sym,size"], into.getvalue()
  await pool.close()
asyncio.run(main())
"""

PANDAS = """
import io, sys, warnings, psycopg2, pandas
made = psycopg2.connect(host="127.0.0.1", port=sys.argv[1], user="me",
                        dbname="any")
with warnings.catch_warnings():
  warnings.simplefilter("ignore") # pandas prefers SQLAlchemy, and says so.
  got = pandas.read_sql("select time, sym, size from trade order by time", made)
assert list(got["size"]) == list(range(10, 30)), got
assert str(got["time"].dtype) == "datetime64[ns]", got.dtypes
rows = made.cursor()
into = io.StringIO()
rows.copy_expert("copy (select sym, size from trade order by size limit 2) "
                 "to stdout (format csv, header)", into)
assert into.getvalue() == "sym,size\\nAAPL,10\\nIBM,11\\n", into.getvalue()
into = io.BytesIO()
rows.copy_expert("copy (select size from trade order by size limit 1) "
                 "to stdout (format binary)", into)
wanted = (b"PGCOPY\\n\\xff\\r\\n\\0" + bytes(8)
          + b"\\0\\1\\0\\0\\0\\4\\0\\0\\0\\n\\xff\\xff")
assert into.getvalue() == wanted, into.getvalue()
rows.execute("select version(), now(), current_schema()")
assert rows.fetchone()[0].startswith("PostgreSQL 15")
rows.execute("savepoint a")
rows.execute("rollback to a")
try:
  rows.execute("rollback to b")
  assert False
except psycopg2.errors.InvalidSavepointSpecification:
  made.rollback()
"""

SQLALCHEMY = """
import sys, sqlalchemy, pandas
from sqlalchemy import text
made = sqlalchemy.create_engine(
  f"postgresql+psycopg2://me@127.0.0.1:{sys.argv[1]}/any")
with made.connect() as asks:
  got = asks.execute(text("select sym, sum(size) as n from trade where size > "
                          ":least group by sym order by sym"), {"least": 11})
  assert [tuple(row) for row in got] == [
    ("AAPL", sum(range(12, 30, 2))), ("IBM", sum(range(13, 30, 2)))]
  assert len(pandas.read_sql(text("select * from trade"), asks)) == 20
seen = sqlalchemy.inspect(made)
assert set(seen.get_table_names()) == {"trade", "quote"}
assert "price" in [each["name"] for each in seen.get_columns("trade")]
"""


# psycopg describes each statement before it asks for its rows.
PSYCOPG = """
import datetime, sys, psycopg
made = psycopg.connect(
  f"host=127.0.0.1 port={sys.argv[1]} user=me dbname=any",
  options="-c statement_timeout=60000 -c application_name=of\\\\ mine")
assert made.execute("show statement_timeout").fetchone() == ("60000",)
assert made.execute("show application_name").fetchone() == ("of mine",)
day = "2024-01-02"
for hour in ("01:00", datetime.timedelta(hours=1)):
  got = made.execute("select sym, high, totalsize from hloc(%s, %s, %s) "
                     "order by sym", (day, datetime.date(2024, 1, 2), hour))
  assert got.fetchall() == [("AAPL", 104.5, sum(range(10, 30, 2))),
                            ("IBM", 104.75, sum(range(11, 30, 2)))]
got = made.execute("select sym, tradecount from countbysym('2024-01-02', "
                   "'2024-01-02') order by sym")
assert got.fetchall() == [("AAPL", 10), ("IBM", 10)]
with made.cursor().copy("copy (select sym, size from trade order by size "
                        "limit 2) to stdout (format binary)") as copy:
  copy.set_types(["text", "int4"])
  assert list(copy.rows()) == [("AAPL", 10), ("IBM", 11)]
got = made.execute("select * from trade where sym = %s order by %s limit 1",
                   ("IBM", "time")).fetchall()
assert len(got) == 1 and got[0][1] == "IBM"
"""


def psycopg_3_asks(made, port):
  debian_python("python3-psycopg", ["psycopg"], port, PSYCOPG)


def asyncpg_asks(made, port):
  debian_python("python3-asyncpg", ["asyncpg"], port, ASYNCPG)


def pandas_asks(made, port):
  debian_python("python3-pandas with python3-psycopg2", ["psycopg2", "pandas"],
                port, PANDAS)


def sqlalchemy_asks(made, port):
  debian_python("python3-sqlalchemy", ["psycopg2", "sqlalchemy", "pandas"],
                port, SQLALCHEMY)


def pgjdbc_asks(made, port):
  if not shutil.which("javac") or not JDBC.exists():
    print("  skipped: there is no javac, or no libpostgresql-jdbc-java")
    return
  done = subprocess.run(
    ["java", "-cp", str(JDBC), str(CLIENTS / "PgJdbcClient.java"), str(port)],
    text=True, capture_output=True, timeout=120, check=False)
  mill.check(done.returncode == 0, done.stdout, done.stderr)


def npm_asks(made, port):
  if not shutil.which("npm") or not shutil.which("node"):
    print("  skipped: there is no npm or node")
    return
  with tempfile.TemporaryDirectory(prefix="millrace-npm-pg-") as folder:
    installed = subprocess.run(
      ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund",
       "--loglevel=error", "pg@8", "postgres@3"], cwd=folder,
      capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode != 0:
      print("  skipped: npm has no pg:", installed.stderr[-200:])
      return
    shutil.copy(CLIENTS / "pg_client.js", folder)
    done = subprocess.run(["node", "pg_client.js", str(port)], cwd=folder,
                          text=True, capture_output=True, timeout=60,
                          check=False)
    mill.check(done.returncode == 0, done.stdout, done.stderr)


class raw_client:
  """A few lines of the protocol."""

  def __init__(self, port):
    self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
    body = struct.pack(">I", 3 << 16) + b"user\0raw\0\0"
    self.socket.sendall(struct.pack(">I", len(body) + 4) + body)
    self.read()

  def send(self, kind, body):
    self.socket.sendall(kind + struct.pack(">I", len(body) + 4) + body)

  def read(self):
    """Messages up to ReadyForQuery, or the end of the connection."""
    out = []
    buffered = self.socket.makefile("rb")
    while True:
      head = buffered.read(5)
      if len(head) < 5:
        return out
      out.append((head[:1], buffered.read(struct.unpack(">I", head[1:])[0] - 4)))
      if head[:1] == b"Z":
        return out


def prepared(made, port):
  client = raw_client(port)
  text = b"select size, price from trade where size >= $1 order by size"
  client.send(b"P", b"s\0" + text + b"\0" + struct.pack(">h", 0))
  client.send(b"D", b"Ss\0")
  client.send(b"S", b"")
  got = client.read()
  mill.check([kind for kind, _ in got] == [b"1", b"t", b"T", b"Z"], got)
  mill.check(got[1][1] == struct.pack(">hI", 1, 23), "int4, as the column",
             got[1])
  for least in (28, 29):
    # Both in binary.
    client.send(b"B", b"\0s\0" + struct.pack(">hhhih", 1, 1, 1, 4, 0)[:-2]
                + struct.pack(">i", least) + struct.pack(">hh", 1, 1))
    client.send(b"E", b"\0" + struct.pack(">i", 0))
    client.send(b"S", b"")
    got = client.read()
    rows = [struct.unpack(">hiiid", body)[2::2] for kind, body in got
            if kind == b"D"]
    mill.check([row[0] for row in rows] == list(range(least, 30)), got)
  client.socket.close()


def hostile(made, port):
  for sent in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">II", 4, 0),
               struct.pack(">II", 1 << 30, 3 << 16)):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as each:
      each.sendall(sent)
      got = each.recv(1 << 16)
      mill.check(b"FATAL" in got and each.recv(10) == b"", sent, got)
  big = raw_client(port)
  big.socket.sendall(b"Q" + struct.pack(">I", 1 << 30))
  mill.check(b"08P01" in big.read()[0][1], "a message of a GiB")
  # One that says nothing has five seconds.
  slow = socket.create_connection(("127.0.0.1", port), timeout=30)
  mill.check(slow.recv(10) == b"", "it was waited for")
  facts = made.process("sql")
  mill.check(facts["refused"] >= 5 and facts["failed"] >= 1
             and facts["requests"] >= 10, facts)


def without_a_gateway(made, port):
  waiting = raw_client(port)
  made.kill("gate")
  waiting.send(b"Q", b"select count(*) as n from trade\0")
  # It is away for the port, too.
  mill.wait_until(lambda: made.process("sql")["gateway"] == "", 10, "lost")
  made.up("gate")
  got = waiting.read()
  mill.check([body for kind, body in got if kind == b"D"]
             == [struct.pack(">hi", 1, 2) + b"20"], got)
  waiting.socket.close()


def postgres_clients(binary):
  port = mill.free_ports(1)[0]
  roles = [*mill.ROLES, ("sql", "postgres")]
  nodes = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "sql"],
           "gate": ["gw1"]}
  with mill.cluster(binary, nodes, f"port = {port}\n", roles=roles) as made:
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text="".join(json.dumps(row) + "\n" for row in ROWS))
    for part in (psql_asks, psycopg_asks, psycopg_3_asks, asyncpg_asks, pandas_asks,
                 sqlalchemy_asks, pgjdbc_asks, npm_asks, prepared, hostile, without_a_gateway):
      with mill.part(part.__name__):
        part(made, port)


if __name__ == "__main__":
  mill.main([postgres_clients])
