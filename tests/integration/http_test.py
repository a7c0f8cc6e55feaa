#!/usr/bin/env python3
"""The HTTP port of a real node: Python's client, promtool where Debian's
prometheus is installed, clients that do what they should not. Needs no data of
others."""

import http.client
import json
import shutil
import socket
import subprocess
import urllib.parse

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
  # In words of JSON, and of q to who asks for them.
  for words, tells in (({}, "tableexists: there is no table 'nothing'"),
                       ({"words": "torq"},
                        "tableexists: Table:`nothing doesn't exist; that is")):
    status, _, text = ask(port, "POST", "/query", json.dumps(
      {"tablename": "nothing", "starttime": "2024-01-02",
       "endtime": "2024-01-02", **words}))
    mill.check(status in (400, 404)
               and json.loads(text)["text"].startswith(tells), status, text)
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


def as_questdb(made, port):
  """The forms of QuestDB's REST interface."""
  def exec_(code=200, **parameters):
    status, _, text = ask(port, "GET", "/exec?" + urllib.parse.urlencode(
      parameters))
    mill.check(status == code, parameters, status, text)
    return json.loads(text)

  got = exec_(query="select time, sym, price, size from trade", limit=2)
  mill.check(got["columns"] == [
    {"name": "time", "type": "TIMESTAMP_NS"}, {"name": "sym", "type": "SYMBOL"},
    {"name": "price", "type": "DOUBLE"}, {"name": "size", "type": "INT"}]
    and got["timestamp"] == 0 and got["count"] == 2
    and got["dataset"] == [
      ["2024-01-02T14:30:00.000000000Z", "AAPL", 100, 10],
      ["2024-01-02T14:30:01.000000000Z", "IBM", 100.25, 11]], got)
  got = exec_(query="select size from trade order by size desc", limit="2,4",
              count="true", nm="true", timings="true")
  mill.check(got["dataset"] == [[27], [26]] and got["count"] == 20
             and "columns" not in got and got["timings"]["execute"] > 0, got)
  got = exec_(query="select count(*) from trade", quoteLargeNum="true")
  mill.check(got["dataset"] == [["20"]] and got["timestamp"] == -1, got)
  got = exec_(query="select size from trade where size < 0")
  mill.check(got["dataset"] == [] and got["count"] == 0
             and got["columns"] == [{"name": "size", "type": "INT"}], got)
  got = exec_(query="select size from trade", explain="true")
  mill.check("trade" in json.dumps(got["dataset"]), got)
  got = exec_(query="explain analyze select size from trade where size > 26")
  lines = [row[0] for row in got["dataset"]]
  mill.check(got["columns"] == [{"name": "QUERY PLAN", "type": "VARCHAR"}]
             and any(line.startswith("rows: 3 (") for line in lines)
             and any(line.startswith("read: 20 of ") for line in lines)
             and lines[-1].startswith("Execution Time: "), got)
  got = exec_(400, query="select prise from trade")
  mill.check(got["position"] == 7 and "prise" in got["error"]
             and got["query"] == "select prise from trade", got)
  mill.check(ask(port, "POST", "/exec", "x")[0] == 405, "POST")


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
  for tells in ('\nmillrace_rdb_lag_seconds{node="node",process="rdb1"} ',
                '\nmillrace_consumer_needs_bytes{node="node",stream="market",'
                'consumer="rdb1"} ',
                '\nmillrace_node_memory_bytes{node="node"} ',
                '\nmillrace_process_ended_total{node="node",process="rdb1"} '
                '0\n',
                '\nmillrace_process_ended_total{node="node",stream="market"} '
                '0\n',
                '\nmillrace_node_refused_connections_total{node="node"} 0\n',
                '\nmillrace_stream_commit_seconds_count{node="node",'
                'stream="market"} ',
                '\nmillrace_gateway_query_seconds_bucket{node="gate",'
                'process="gw1",language="sql",result="ok",le="+Inf"} ',
                'language="none",result="error",le="+Inf"} ',
                'language="qsql",result="ok",le="+Inf"} ',
                'language="getdata",result="ok",le="+Inf"} '):
    mill.check(tells in text, tells, text)
  scrape = made.run("generate", "scrape").stdout
  mill.check(f'targets: ["127.0.0.1:{port}"]' in scrape, scrape)
  panels = json.loads(made.run("generate", "grafana").stdout)["panels"]
  mill.check(len(panels) > 50, len(panels))
  if not shutil.which("promtool"):
    print("  skipped: there is no promtool")
    return
  rules = made.directory / "rules.yml"
  rules.write_text(made.run("generate", "alerts").stdout)
  whole = made.directory / "prometheus.yml"
  whole.write_text(f"rule_files: [{json.dumps(str(rules))}]\n" + scrape)
  for what, said in (("metrics", text), ("rules", None), ("config", None)):
    words = {"metrics": [], "rules": [rules], "config": [whole]}[what]
    done = subprocess.run(["promtool", "check", what, *words], input=said,
                          text=True, capture_output=True, timeout=60,
                          check=False)
    mill.check(done.returncode == 0, what, done.stdout, done.stderr)
  # The first end of a process is told of.
  said = made.directory / "rules_test.yml"
  said.write_text(json.dumps({
    "rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [{
      "interval": "1m",
      "input_series": [
        {"series": "millrace_node_up{node='n'}", "values": "1x30"},
        {"series": "millrace_process_ended_total{node='n',process='rdb1'}",
         "values": "0 0 0 0 0 1x20"}],
      "alert_rule_test": [{
        "eval_time": time, "alertname": "MillraceProcessEnds",
        "exp_alerts": alerts} for time, alerts in (("4m", []), ("8m", [{
          "exp_labels": {"severity": "warning", "node": "n",
                         "process": "rdb1"},
          "exp_annotations": {
            "summary": "Process rdb1 on n ended by itself",
            "description": "'millrace logs n' says why; it is started again "
                           "by itself"}}]))]}]}))
  done = subprocess.run(["promtool", "test", "rules", said], text=True,
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
    for part in (queries, as_questdb, unusual, operators, publishing, streaming, hostile,
                 without_a_gateway):
      with mill.part(part.__name__):
        part(made, port)


if __name__ == "__main__":
  mill.main([http_clients])
