#!/usr/bin/env python3
"""TLS at the ports of a real node: clients of each protocol that check whom they
reach, some that do not speak it, and certificates that nobody may start with.
Needs no data of others."""

import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

import kdb_client as kdb
import millrace_cluster as mill
from certificates import make_authority, make_certificate, openssl

ROW = {"time": "2024-01-02T14:30:00Z", "sym": "IBM", "price": 170.5, "size": 3}
SELECT = "select sym, size from trade"


class certificates:
  """Of an authority that clients trust, and of another one."""

  def __init__(self, directory):
    self.directory = directory
    for name in ("ca", "other"):
      make_authority(directory, name)
    make_certificate(directory, "port")

  def path(self, name):
    return str(self.directory / name)

  def trusting(self, authority):
    return ssl.create_default_context(cafile=self.path(f"{authority}.pem"))


def configuration(ports, address=""):
  out = f"""port = {ports['kdb']}
login = "password"
publish = ["market"]
tls_certificate = "port.pem"
tls_key = "port.key"
{address}[[process]]
name = "web1"
type = "http"
node = "node"
port = {ports['http']}
login = "password"
publish = ["market"]
tls_certificate = "port.pem"
tls_key = "port.key"
[[process]]
name = "sql1"
type = "postgres"
node = "node"
port = {ports['postgres']}
login = "password"
tls_certificate = "port.pem"
tls_key = "port.key"
[[process]]
name = "own1"
type = "http"
node = "node"
port = {ports['own']}
tls_certificate = "port.pem"
tls_key = "port.key"
[[user]]
name = "ada"
query = ["*"]
publish = ["*"]
subscribe = ["*"]
admin = true
"""
  return out


# -- clients -------------------------------------------------------------------


def by_kdb(made, ports, pem):
  with kdb.client(ports["kdb"], "ada", password="right",
                  tls=pem.trusting("ca")) as client:
    mill.check(client.ask("1+1") == 2, "kdb+")
    mill.check(client.ask("exec size from trade") == [3], "kdb+ rows")
    client.ask(".u.sub[`trade;`]")
    made.run("pub", "--stream", "market", "--table", "trade", text=json.dumps(
      {**ROW, "sym": "PUSH"}) + "\n")
    kind, pushed = client.message()
    mill.check(kind == 0 and pushed[1] == "trade", pushed)
  try:
    kdb.client(ports["kdb"], "ada", password="wrong", tls=pem.trusting("ca"))
    mill.check(False, "a wrong password was taken")
  except (kdb.kdb_error, OSError):
    pass
  try:
    kdb.client(ports["kdb"], tls=pem.trusting("other"))
    mill.check(False, "another authority was trusted")
  except ssl.SSLCertVerificationError:
    pass


def get(port, path, context, body=None):
  request = urllib.request.Request(
    f"https://127.0.0.1:{port}{path}", data=body,
    headers={"Authorization": "Basic YWRhOnJpZ2h0"})  # ada:right
  with urllib.request.urlopen(request, timeout=60, context=context) as got:
    return got.read().decode()


def by_http(made, ports, pem):
  right = pem.trusting("ca")
  mill.check(get(ports["http"], "/health", right) == "ok\n", "https")
  rows = json.loads(get(ports["http"], "/query", right,
                        b"select sym, size from trade where sym=`IBM"))
  mill.check(rows == [{"sym": "IBM", "size": 3}], rows)
  try:
    get(ports["http"], "/health", pem.trusting("other"))
    mill.check(False, "another authority was trusted")
  except urllib.error.URLError as why:
    mill.check("CERTIFICATE_VERIFY_FAILED" in str(why), why)
  # An answer of many records.
  lines = "".join(json.dumps({**ROW, "sym": f"S{i}"}) + "\n"
                  for i in range(5000))
  get(ports["http"], "/publish?table=trade", right, lines.encode())
  many = json.loads(get(ports["http"], "/query", right,
                        b"select from trade where sym like \"S*\""))
  mill.check(len(many) == 5000, len(many))
  metrics = get(ports["http"], "/metrics", right)
  for name in ("tls_connections_total", "tls_failed_total", "certificate_days"):
    mill.check(f'millrace_http_{name}{{node="node",process="web1"}}' in metrics,
               name, "is not there:", metrics[:500])
  # Whose process it is counts here too, for the client is on this host.
  mill.check(json.loads(get(ports["own"], "/query", right, b"tables[]")),
             "a process of the cluster's own user")
  address = made.run("console").stdout
  mill.check(f"https://127.0.0.1:{ports['http']}/\n" in address, address)


def by_web_socket(_made, ports, pem):
  with socket.create_connection(("127.0.0.1", ports["http"]), 30) as plain:
    with pem.trusting("ca").wrap_socket(
        plain, server_hostname="db.example") as made:
      made.sendall(b"GET /stream?table=trade&from=begin HTTP/1.1\r\n"
                   b"Host: db.example\r\nAuthorization: Basic YWRhOnJpZ2h0\r\n"
                   b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
                   b"Sec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      got = b""
      while b'"rows"' not in got:
        more = made.recv(65536)
        mill.check(more, "ended:", got)
        got += more
      mill.check(b"101 Switching" in got and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
                 in got, got[:300])


def by_python(_made, ports, pem):
  sys.path.insert(0, str(mill.REPOSITORY / "nodes" / "python"))
  try:
    import millrace  # pylint: disable=import-outside-toplevel
  except ImportError as why:
    print("  skipped:", why)
    return
  address = f"https://localhost:{ports['http']}"
  login = {"user": "ada", "password": "right"}
  for verify in (pem.path("ca.pem"), False):
    with millrace.connect(address, verify=verify, **login) as client:
      rows = client.ask("select from trade where sym=`IBM").to_numpy()
      mill.check(len(rows["sym"]) == 1, rows)
      with client.subscribe("trade", start="begin") as flow:
        mill.check(next(flow)["type"] in ("begin", "schema", "rows"), "flow")
  for verify in (True, pem.path("other.pem")):
    with millrace.connect(address, verify=verify, **login) as client:
      try:
        client.ask(SELECT)
        mill.check(False, verify, "trusts it")
      except ssl.SSLCertVerificationError:
        pass
  for wrong in ("ftp://localhost", "localhost:8080"):
    try:
      millrace.connect(wrong)
      mill.check(False, wrong, "was taken")
    except ValueError:
      pass
  try:
    millrace.connect("http://localhost", verify=False)
    mill.check(False, "verify of http")
  except ValueError:
    pass


def psql(port, settings, password="right", text=SELECT + " limit 1;"):
  return subprocess.run(
    ["psql", "-X", "-A", "-t", f"host=127.0.0.1 port={port} user=ada "
     f"dbname=any connect_timeout=30 {settings}"], input=text, text=True,
    capture_output=True, timeout=60, check=False,
    env=dict(os.environ, PGPASSWORD=password))


def by_psql(_made, ports, pem):
  if not shutil.which("psql"):
    print("  skipped: there is no psql")
    return
  trusted = f"sslrootcert={pem.path('ca.pem')}"
  for settings in (f"sslmode=verify-full {trusted}",
                   f"sslmode=verify-full channel_binding=require {trusted}",
                   f"sslmode=verify-full channel_binding=disable {trusted}",
                   f"sslmode=require ssl_min_protocol_version=TLSv1.2 "
                   f"ssl_max_protocol_version=TLSv1.2 {trusted}"):
    done = psql(ports["postgres"], settings)
    mill.check(done.returncode == 0 and "|" in done.stdout, settings,
               done.stdout, done.stderr)
  done = psql(ports["postgres"], f"sslmode=verify-full {trusted}",
              text="\\conninfo\n")
  mill.check("SSL" in done.stdout, done.stdout)
  for settings, password, says in (
      ("sslmode=disable", "right", "this port wants TLS"),
      (f"sslmode=verify-full sslrootcert={pem.path('other.pem')}", "right",
       "certificate verify failed"),
      (f"sslmode=verify-full {trusted}", "wrong", "authentication failed")):
    done = psql(ports["postgres"], settings, password)
    mill.check(done.returncode != 0 and says in done.stderr, settings,
               done.stderr)


# -- what is no client ---------------------------------------------------------


def log_of(made):
  return next(made.directory.glob("data/nodes/node/node.log")).read_text()


def ended(made):
  """What came until the other end closed, or reset."""
  out = b""
  made.settimeout(60)
  try:
    while more := made.recv(65536):
      out += more
  except ConnectionResetError:
    pass
  return out


def strangers(made, ports, _pem):
  before = made.process("web1")["tls_failed"]
  with socket.create_connection(("127.0.0.1", ports["http"]), 30) as plain:
    plain.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    mill.check(b"ok" not in ended(plain), "answered in the clear")
  mill.wait_until(lambda: made.process("web1")["tls_failed"] > before, 30,
                  "the failure in the status")
  mill.wait_until(
    lambda: "TLS with 127.0.0.1 failed: it speaks HTTP without TLS" in
            log_of(made), 30, "the failure in the log")
  mill.check("TLS with 127.0.0.1 failed" in
             made.process("web1")["last_refusal"], made.process("web1"))
  with socket.create_connection(("127.0.0.1", ports["kdb"]), 30) as plain:
    plain.sendall(b"ada:right\x03\0")
    mill.check(len(ended(plain)) != 1, "kdb+ in the clear")
  mill.wait_until(lambda: "what it sent is not TLS" in log_of(made), 30,
                  "kdb+ in the log")
  # What was put after the request for TLS in the clear.
  with socket.create_connection(("127.0.0.1", ports["postgres"]), 30) as plain:
    hello = b"\0\3\0\0user\0ada\0\0"
    plain.sendall(struct.pack(">II", 8, 80877103)
                  + struct.pack(">I", len(hello) + 4) + hello)
    got = ended(plain)
    mill.check(got[:1] == b"E" and b"between the request for TLS" in got, got)


def silent_ones(made, ports, pem):
  """Those that begin a handshake and say no more are let go, and cost nobody
  else a place for long."""
  crowd = []
  for _ in range(256):
    each = socket.create_connection(("127.0.0.1", ports["http"]), 30)
    each.sendall(b"\x16\x03\x01\x02\x00\x01")
    crowd.append(each)
  begin = time.monotonic()
  for each in crowd:
    ended(each)
    each.close()
  took = time.monotonic() - begin
  mill.check(took < 30 * mill.patience(), "let go after", took)
  mill.check(get(ports["http"], "/health", pem.trusting("ca")) == "ok\n",
             "served afterwards")
  mill.wait_until(lambda: "the handshake is not done in time" in log_of(made),
                  30, "the log")
  print(f"  256 silent handshakes were let go in {took:.1f} s")


def tls(binary):
  names = ("kdb", "http", "postgres", "own")
  ports = dict(zip(names, mill.free_ports(len(names))))
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": [name for name, _ in roles]}
  with mill.cluster(binary, nodes, configuration(ports), roles=roles) as made:
    pem = certificates(made.directory)
    made.run("user", "add", "ada", text="right\n")
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text=json.dumps(ROW) + "\n")
    for part in (by_kdb, by_http, by_web_socket, by_python, by_psql, strangers,
                 silent_ones):
      with mill.part(part.__name__):
        part(made, ports, pem)


# -- what nothing starts with --------------------------------------------------


def bad_certificates(binary):
  ports = dict(zip(("kdb", "http", "postgres", "own"), mill.free_ports(4)))
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": [name for name, _ in roles]}
  with mill.cluster(binary, nodes, configuration(ports), roles=roles) as made:
    where = made.directory
    certificates(where)
    good = {name: (where / name).read_bytes()
            for name in ("port.pem", "port.key")}
    lines = made.path.read_text().splitlines()
    line_of = {key: 1 + next(i for i, line in enumerate(lines)
                             if line.startswith(key))
               for key in ("tls_certificate", "tls_key")}

    def refused(key, says):
      done = made.run("up", code=78)
      wanted = f"{made.path}:{line_of[key]}:process.{key}: "
      mill.check(wanted in done.stderr and says in done.stderr, done.stderr)
      mill.check(made.node("node")["state"] != "running", "it runs")
      for name, text in good.items():
        (where / name).write_bytes(text)
      (where / "port.key").chmod(0o600)

    (where / "port.pem").write_bytes(good["port.key"])
    refused("tls_certificate", "holds no certificate in PEM")
    (where / "port.pem").unlink()
    refused("tls_certificate", "cannot be read")
    shutil.copy(where / "other.key", where / "port.key")
    refused("tls_key", "is not of the certificate")
    (where / "port.key").chmod(0o644)
    refused("tls_key", "could be read or changed by others")
    openssl(where, "pkey", "-in", "port.key", "-aes256", "-passout", "pass:x",
            "-out", "locked.key")
    (where / "locked.key").rename(where / "port.key")
    refused("tls_key", "is encrypted")
    make_certificate(where, "old", days="-1")
    shutil.copy(where / "old.pem", where / "port.pem")
    shutil.copy(where / "old.key", where / "port.key")
    refused("tls_certificate", "expired on ")
    # One that ends soon is told of, and serves.
    make_certificate(where, "soon", days="7")
    shutil.copy(where / "soon.pem", where / "port.pem")
    shutil.copy(where / "soon.key", where / "port.key")
    done = made.run("up")
    mill.check(f":{line_of['tls_certificate']}:process.tls_certificate: " in
               done.stderr and "expires on" in done.stderr, done.stderr)
    mill.check(made.process("web1")["certificate_days"] in (6, 7),
               made.process("web1"))
    mill.wait_until(lambda: "expires on" in log_of(made), 30, "the log")
    # What could not start again goes on, and a process reads the files anew.
    (where / "port.pem").write_bytes(b"nothing")
    done = made.run("restart", code=78)
    mill.check("holds no certificate in PEM" in done.stderr, done.stderr)
    mill.check(made.process("web1")["certificate_days"] in (6, 7), "it ended")
    made.run("stop", "web1")
    done = made.run("spawn", "web1", "--on", "node", code=78)
    mill.check("process.tls_certificate: " in done.stderr, done.stderr)
    for name, text in good.items():
      (where / name).write_bytes(text)
    made.run("spawn", "web1", "--on", "node")
    mill.check(made.process("web1")["certificate_days"] in (89, 90),
               made.process("web1"))


def addresses(binary):
  """Off loopback a port listens with a login and TLS alone."""
  ports = dict(zip(("kdb", "http", "postgres", "own"), mill.free_ports(4)))
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": [name for name, _ in roles]}
  with mill.cluster(binary, nodes, configuration(
      ports, 'address = "127.0.0.2"\n'), roles=roles) as made:
    certificates(made.directory)
    made.run("user", "add", "ada", text="right\n")
    made.up()
    mill.check(made.process("kdb1")["listens"] == f"127.0.0.2:{ports['kdb']}",
               made.process("kdb1"))
    with socket.create_connection(("127.0.0.2", ports["kdb"]), 30) as plain:
      plain.sendall(b"in the clear")
      ended(plain)
    made.down()
    # Nothing listens there.
    text = made.path.read_text().replace("127.0.0.2", "0.0.0.0")
    line = text.splitlines().index('address = "0.0.0.0"') + 1
    for key in ('login = "password"\n', 'tls_certificate = "port.pem"\n'
                'tls_key = "port.key"\n'):
      made.path.write_text(text.replace(key, key.count("\n") * "\n", 1))
      done = made.run("up", code=78)
      wanted = f"{made.path}:{line}:process.address: '0.0.0.0' is not a loopback"
      mill.check(wanted in done.stderr and key.split("\n")[0].split(" = ")[0]
                 in done.stderr, done.stderr)
    made.path.write_text(text)
    with mill.part("answers_to_other_hosts"):
      answers_to_other_hosts(made, ports)


def own_address():
  """One that is not of loopback; none: there is no other one."""
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
    try:
      made.connect(("192.0.2.1", 9))  # Sends nothing.
    except OSError:
      return None
    out = made.getsockname()[0]
  return None if out.startswith("127.") else out


def answers_to_other_hosts(made, ports):
  """What kdb+ clients off loopback are sent is compressed when it is long."""
  sizes = [number % 7 for number in range(2000)]
  made.up()
  made.run("pub", "--stream", "market", "--table", "trade", text="".join(
    json.dumps({**ROW, "size": size}) + "\n" for size in sizes))
  trusting = ssl.create_default_context(cafile=made.directory / "ca.pem")
  hosts = {"127.0.0.1": 0, own_address(): 1}
  for host, wanted in hosts.items():
    if host is None:
      print("  left out: this host has no address but that of loopback")
      continue
    with kdb.client(ports["kdb"], "ada", password="right", tls=trusting,
                    host=host) as client:
      mill.check(client.ask("1+1") == 2 and client.compressed == 0, host)
      mill.check(client.ask("exec size from trade") == sizes, host)
      mill.check(client.compressed == wanted, host, client.compressed)


if __name__ == "__main__":
  if not shutil.which("openssl"):
    print("skipped: there is no openssl to make certificates")
    sys.exit(mill.SKIP)
  mill.main([tls, bad_certificates, addresses])
