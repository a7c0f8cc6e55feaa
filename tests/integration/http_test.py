#!/usr/bin/env python3
"""The HTTP port of a real node: Python's client, promtool where Debian's
prometheus is installed, clients that do what they should not. Needs no data of
others."""

import http.client
import json
import shutil
import socket
import subprocess

import millrace_cluster as mill

ROWS = [{"time": f"2024-01-02T14:30:{row:02}Z", "sym": ["AAPL", "IBM"][row % 2],
         "price": 100 + row / 4, "size": 10 + row} for row in range(20)]


def ask(port, method, path, body=None, headers=None):
  made = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
  made.request(method, path, body, headers or {})
  got = made.getresponse()
  out = got.status, got.headers, got.read().decode()
  made.close()
  return out


def queries(made, port):
  status, headers, text = ask(port, "POST", "/query",
                              "select n:count i, sum size by sym from trade")
  wanted = [{"sym": sym, "n": 10,
             "size": sum(row["size"] for row in ROWS[first::2])}
            for first, sym in enumerate(["AAPL", "IBM"])]
  mill.check(status == 200 and json.loads(text) == wanted, status, text)
  mill.check(headers["Content-Type"] == "application/json"
             and "upper=" in headers["Millrace-Cut"], headers)
  status, headers, text = ask(
    port, "GET", "/query?query=exec+max+price+from+trade&format=csv")
  mill.check((status, text.split()) == (200, ["price", "104.75"]), status, text)
  status, _, text = ask(port, "POST", "/query", json.dumps(
    {"tablename": "trade", "starttime": "2024-01-02", "endtime": "2024-01-02",
     "aggregations": {"count": "sym"}}))
  mill.check((status, json.loads(text)) == (200, [{"countSym": 20}]), text)
  status, _, text = ask(port, "POST", "/query", "select prise from trade")
  mill.check(status == 400 and json.loads(text)["text"].startswith("prise: "),
             status, text)
  status, _, text = ask(port, "POST", "/query?language=sql",
                        "select max(price) as price from trade")
  mill.check((status, json.loads(text)) == (200, [{"price": 104.75}]), text)
  # Several on one connection.
  kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
  for _ in range(3):
    kept.request("POST", "/query", "count trade")
    got = kept.getresponse()
    mill.check(json.loads(got.read()) == [{"count": 20}], got.status)
  kept.close()


def operators(made, port):
  mill.check(ask(port, "GET", "/health")[0] == 200, "health")
  mill.check(ask(port, "HEAD", "/health")[::2] == (200, ""), "HEAD")
  mill.check(ask(port, "GET", "/ready")[0] == 200, "ready")
  status, _, text = ask(port, "GET", "/status")
  nodes = {node["name"]: node for node in json.loads(text)["nodes"]}
  mill.check(status == 200 and nodes["node"]["answers"]
             and nodes["node"]["processes"]["rdb1"]["rows"]["trade"] == 20
             and nodes["gate"]["processes"]["gw1"]["answered"] >= 5, text)
  status, headers, text = ask(port, "GET", "/metrics")
  mill.check(status == 200 and headers["Content-Type"].startswith(
    "text/plain; version=0.0.4"), headers)
  mill.check('millrace_rdb_rows{node="node",process="rdb1",table="trade"} 20\n'
             in text, text)
  if not shutil.which("promtool"):
    print("  skipped: there is no promtool")
    return
  done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                        capture_output=True, timeout=60, check=False)
  mill.check(done.returncode == 0, done.stdout, done.stderr)


def raw(port, sent, half_closed=False):
  """What comes back until the server closes."""
  with socket.create_connection(("127.0.0.1", port), timeout=30) as each:
    each.sendall(sent.encode())
    if half_closed:
      each.shutdown(socket.SHUT_WR)
    out = b""
    while piece := each.recv(1 << 16):
      out += piece
  return out.decode()


def unusual(made, port):
  one = ("GET /query?query=count+trade&format=csv HTTP/1.1\r\n"
         "Host: localhost\r\n")
  got = raw(port, (one + "\r\n") * 99 + one + "Connection: close\r\n\r\n")
  mill.check(got.count("HTTP/1.1 200 OK") == 100, got[-300:])
  got = raw(port, "GET http://localhost:1/health HTTP/1.1\r\nHost: other\r\n"
            "Connection: close\r\n\r\n")
  mill.check(got.startswith("HTTP/1.1 200 "), got)
  # One that sends no more still reads.
  got = raw(port, (one + "\r\n") * 20, half_closed=True)
  mill.check(got.count("\r\n\r\ncount\n20\n") == 20, got)


def events(port, target, headers=None, until=lambda got: False):
  """What a stream says, as (event, id, data), until it is enough."""
  made = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
  made.request("GET", target, headers=headers or {})
  got = made.getresponse()
  mill.check(got.status == 200
             and got.headers["Content-Type"] == "text/event-stream", got.status)
  out, fields = [], {}
  while not until(out):
    line = got.readline().decode().rstrip("\n")
    if line:
      key, _, value = line.partition(": ")
      fields[key] = value
    elif fields:
      out.append((fields["event"], fields.get("id"),
                  json.loads(fields["data"])))
      fields = {}
  made.close()
  return out


def sizes(got):
  return [row["size"] for kind, _, data in got if kind == "rows"
          for row in data["rows"]]


def publish(port, rows, more="", headers=None):
  return ask(port, "POST", "/publish?table=trade" + more,
             "".join(json.dumps(row) + "\n" for row in rows), headers)


def publishing(made, port):
  row = {"time": "2024-01-02T15:00:00Z", "sym": "MSFT", "price": 1, "size": 1}
  for level in ("recorded", "synced", "committed"):
    status, _, text = publish(port, [row], f"&level={level}")
    said = json.loads(text)
    mill.check(status == 200 and said["rows"] == 1 and said["level"] == level
               and ("end" in said) == (level == "committed"), text)
  # The end is where a query finds them.
  status, _, text = ask(port, "POST", f"/query?at_least={said['end']}",
                        "exec count i from trade where sym=`MSFT")
  mill.check([*json.loads(text)[0].values()] == [3], status, text)
  status, _, text = ask(port, "POST", "/publish?table=trade",
                        "time,sym,size\n2024-01-02T15:00:00,MSFT,4\n",
                        {"Content-Type": "text/csv"})
  mill.check(status == 200 and json.loads(text)["rows"] == 1, text)
  # All or nothing, by line.
  status, _, text = publish(port, [row, {"sym": "MSFT"}])
  mill.check(status == 400 and "line 2: column 'time'" in text, text)
  # A retry is not doubled.
  first = publish(port, [row], "&origin=me&id=1")
  again = publish(port, [row], "&origin=me&id=1")
  mill.check(json.loads(first[2])["rows"] == 1
             and json.loads(again[2])["duplicate"], first, again)
  mill.check(publish(port, [row], "&origin=me&id=5")[0] == 409, "a gap")
  mill.check(publish(port, [row], headers={"Origin": "http://evil"})[0] == 403,
             "a page of somebody else")
  status, _, text = publish(port, [], "&table=x")
  mill.check(status == 400, text)
  mill.check(ask(port, "POST", "/publish?table=none", "{}")[0] == 400, "none")
  facts = made.process("web")
  mill.check(facts["rows_published"] == 5, facts)
  status, _, text = ask(port, "POST", "/query?at_least="
                        + json.loads(again[2])["end"],
                        "exec count i from trade where sym=`MSFT")
  mill.check([*json.loads(text)[0].values()] == [5], status, text)


def streaming(made, port):
  got = events(port, "/stream?table=trade&from=begin",
               until=lambda all: len(sizes(all)) >= len(ROWS))
  mill.check(sizes(got)[:len(ROWS)] == [row["size"] for row in ROWS], got)
  mill.check("begin" in [kind for kind, _, _ in got], got)
  # It goes on where it broke off, and not before.
  place = [at for _, at, _ in got if at][-1]
  row = {"time": "2024-01-02T15:01:00Z", "sym": "IBM", "price": 1, "size": 777}
  publish(port, [row])
  later = events(port, "/stream?table=trade&from=begin",
                 {"Last-Event-ID": place},
                 until=lambda all: 777 in sizes(all))
  mill.check(not set(sizes(later)) & {row["size"] for row in ROWS}, later)
  late = events(port, "/stream?table=trade&from_row_time=2024-01-02T15:00:30",
                until=lambda all: bool(sizes(all)))
  mill.check(sizes(late) == [777], late)
  for target, status in (("/stream", 400), ("/stream?table=none", 400),
                         ("/stream?stream=market&from=soon", 400)):
    mill.check(ask(port, "GET", target)[0] == status, target)
  websockets(port, place)


def websockets(port, place):
  """Debian's python3-websockets, with Debian's Python."""
  script = f"""
import asyncio, json, websockets
async def main():
  at = "ws://localhost:{port}/stream?table=trade&from={place}"
  async with websockets.connect(at) as made:
    while True:
      said = json.loads(await asyncio.wait_for(made.recv(), 20))
      if 777 in [row["size"] for row in said.get("rows", [])]:
        break
    await asyncio.wait_for(await made.ping(), 20)
  print(websockets.__version__)
asyncio.run(main())
"""
  python = "/usr/bin/python3"
  found = subprocess.run([python, "-c", "import websockets"],
                         capture_output=True, check=False)
  if found.returncode != 0:
    print("  skipped: there is no python3-websockets")
    return
  done = subprocess.run([python, "-c", script], text=True, capture_output=True,
                        timeout=60, check=False)
  mill.check(done.returncode == 0, done.stdout, done.stderr)


def hostile(made, port):
  for sent, wanted in (
      ("PUT /query HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
      ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
      ("GET /status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
       "400"),
      ("GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
      ("POST /query HTTP/1.1\r\nHost: localhost\r\n"
       "Content-Length: 99999999\r\n\r\n", "413"),
      ("GET / HTTP/1.1\r\nLong: " + "x" * 20_000, "431"),
      ("\x16\x03\x01 is no request\r\n\r\n", "400")):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as each:
      each.sendall(sent.encode())
      got = each.recv(1 << 16).decode()
    mill.check(got.startswith(f"HTTP/1.1 {wanted} "), sent[:60], got)
  # A request that never ends.
  slow = socket.create_connection(("127.0.0.1", port), timeout=30)
  slow.sendall(b"GET / HTTP/1.1\r\n")
  mill.check(slow.recv(10) == b"", "it has ten seconds")
  slow.close()
  mill.check(made.process("web")["refused"] >= 4, made.process("web"))


def without_a_gateway(made, port):
  made.kill("gate")
  mill.wait_until(lambda: ask(port, "GET", "/ready")[0] == 503, 10, "not ready")
  mill.check(ask(port, "GET", "/health")[0] == 200, "health")
  status, _, text = ask(port, "GET", "/metrics")
  mill.check('millrace_node_up{node="gate"} 0\n' in text, text)
  made.up("gate")
  mill.check(json.loads(ask(port, "POST", "/query", "count trade")[2])
             == [{"count": len(ROWS) + 6}], "again, with what was published")


def http_clients(binary):
  port = mill.free_ports(1)[0]
  roles = [*mill.ROLES, ("web", "http")]
  nodes = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "web"],
           "gate": ["gw1"]}
  keys = f"port = {port}\npublish = [\"market\"]\n"
  with mill.cluster(binary, nodes, keys, roles=roles) as made:
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text="".join(json.dumps(row) + "\n" for row in ROWS))
    for part in (queries, unusual, operators, publishing, streaming, hostile,
                 without_a_gateway):
      with mill.part(part.__name__):
        part(made, port)


if __name__ == "__main__":
  mill.main([http_clients])
