#!/usr/bin/env python3
"""Certificates are exchanged while everything runs: at ports, and between nodes,
their authority too. Connections that are open go on, those that begin get the new
one, and one that is of no use is told and not taken. Needs no data of others."""

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import kdb_client as kdb
import millrace_cluster as mill
from certificates import make_authority, make_certificate

ROW = {"time": "2024-01-02T14:30:00Z", "sym": "IBM", "price": 170.5, "size": 3}
COUNT = "select count(*) as n from trade"
# A file is read once it is two seconds old, and looked at once per second.
SOON = 20
KEYS = """tls_certificate = "tls/node.pem"
tls_key = "tls/node.key"
tls_authority = "tls/ca.pem"
"""


def put(where, source, target):
  """As who renews a certificate does: one file after the other, each whole."""
  for kind in (".pem", ".key"):
    shutil.copy(where / (source + kind), where / "next")
    os.chmod(where / "next", 0o600)
    os.replace(where / "next", where / (target + kind))


def log_lines(made, node, *words):
  text = (made.directory / f"data/nodes/{node}/node.log").read_text()
  return [line for line in text.splitlines()
          if all(word in line for word in words)]


# -- ports ---------------------------------------------------------------------


def port_configuration(ports):
  common = ('login = "password"\ntls_certificate = "port.pem"\n'
            'tls_key = "port.key"\n')
  return f"""port = {ports['kdb']}
{common}[[process]]
name = "web1"
type = "http"
node = "node"
port = {ports['http']}
{common}[[process]]
name = "sql1"
type = "postgres"
node = "node"
port = {ports['postgres']}
{common}[[user]]
name = "ada"
query = ["*"]
admin = true
"""


class port_clients:
  """Of each protocol, trusting one authority."""

  def __init__(self, made, ports, authority):
    self.ports = ports
    self.file = made.directory / f"{authority}.pem"
    self.trust = ssl.create_default_context(cafile=self.file)

  def by_kdb(self):
    return kdb.client(self.ports["kdb"], "ada", password="right",
                      tls=self.trust)

  def by_http(self):
    request = urllib.request.Request(
      f"https://127.0.0.1:{self.ports['http']}/health",
      headers={"Authorization": "Basic YWRhOnJpZ2h0"})  # ada:right
    with urllib.request.urlopen(request, timeout=30, context=self.trust) as got:
      return got.read() == b"ok\n"

  def by_psql(self):
    """Its login is bound to the certificate that it was shown."""
    if shutil.which("psql") is None:
      print("  psql is not there: its port is not tried")
      return True
    done = subprocess.run(
      ["psql", "-XAt", f"host=127.0.0.1 port={self.ports['postgres']} user=ada "
       f"dbname=test sslmode=verify-full sslrootcert={self.file} "
       "channel_binding=require", "-c", "select sym from trade limit 1"],
      env=dict(os.environ, PGPASSWORD="right"), capture_output=True, text=True,
      timeout=60, check=False)
    if done.returncode != 0:
      return False
    mill.check(done.stdout == "IBM\n", done.stdout, done.stderr)
    return True

  def all_see_it(self):
    try:
      with self.by_kdb() as client:
        mill.check(client.ask("exec size from trade") == [3], "kdb+ rows")
      return self.by_http() and self.by_psql()
    except (ssl.SSLCertVerificationError, urllib.error.URLError) as why:
      mill.check("CERTIFICATE_VERIFY_FAILED" in str(why), why)
      return False


def at_ports(binary):
  ports = dict(zip(("kdb", "http", "postgres"), mill.free_ports(3)))
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"node": [name for name, _ in roles]}
  with mill.cluster(binary, nodes, port_configuration(ports),
                    roles=roles) as made:
    where = made.directory
    for name in ("ca", "other"):
      make_authority(where, name)
    make_certificate(where, "first")
    make_certificate(where, "second", authority="other", days="50")
    put(where, "first", "port")
    made.run("user", "add", "ada", text="right\n")
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text=json.dumps(ROW) + "\n")
    before = port_clients(made, ports, "ca")
    after = port_clients(made, ports, "other")
    mill.check(before.all_see_it() and not after.all_see_it(), "the first one")
    with before.by_kdb() as old:
      put(where, "second", "port")
      mill.wait_until(after.all_see_it, SOON, "the new certificate is shown")
      mill.check(not before.all_see_it(), "the old one is shown yet")
      mill.check(old.ask("1+1") == 2, "a connection of before ended")
      for name in ("kdb1", "web1", "sql1"):
        mill.check(made.process(name)["certificate_days"] in (49, 50),
                   made.process(name))
        mill.check(log_lines(made, "node", f"|{name}|INF|certificate|read anew"),
                   name, "does not say so")
      # One that is of no use.
      (where / "port.pem").write_text("no certificate\n")
      names = ("kdb1", "web1", "sql1")
      mill.wait_until(lambda: all("certificate_fault" in made.process(name)
                                  for name in names), SOON, "it is told")
      for _ in range(3):
        mill.check(after.all_see_it(), "the one from before does not stay")
      for name in names:
        told = log_lines(made, "node", f"|{name}|ERR|certificate|")
        mill.check(len(told) == 1 and "holds no certificate" in told[0]
                   and "the one from before stays" in told[0], told)
      put(where, "first", "port")
      mill.wait_until(before.all_see_it, SOON, "what is of use is taken again")
      mill.check("certificate_fault" not in made.process("kdb1"),
                 made.process("kdb1"))
      mill.check(old.ask("1+1") == 2, "a connection of before ended")


# -- between nodes -------------------------------------------------------------


def shown_by(made, node):
  """The certificate that a node shows now, as a client of TLS sees it."""
  return ssl.get_server_certificate(("127.0.0.1", made.ports[node]))


def pem_of(made, name):
  return (made.directory / f"tls/{name}.pem").read_text()


def shows(made, name):
  wanted = ssl.PEM_cert_to_DER_cert(pem_of(made, name))
  return all(ssl.PEM_cert_to_DER_cert(shown_by(made, node)) == wanted
             for node in made.nodes)


def count_of(made):
  return json.loads(made.run("query", "-l", "sql", "-o", "json",
                             COUNT).stdout)[0]["n"]


class publishing:
  """Rows one after the other by one connection, until the end."""

  def __init__(self, made):
    self.rows = 0
    self.process = made.start("pub", "--stream", "market", "--table", "trade",
                              stdin=subprocess.PIPE)
    self.ends = threading.Event()
    self.thread = threading.Thread(target=self.run)
    self.thread.start()

  def run(self):
    while not self.ends.wait(0.01):
      self.process.stdin.write(json.dumps(ROW) + "\n")
      self.process.stdin.flush()
      self.rows += 1

  def end(self):
    self.ends.set()
    self.thread.join()
    _, err = self.process.communicate(timeout=60)
    mill.check(self.process.returncode == 0, "pub:", err)


def between_nodes(binary):
  with mill.cluster(binary) as made, contextlib.ExitStack() as later:
    where = made.directory / "tls"
    where.mkdir()
    for name in ("old", "new"):
      make_authority(where, name)
    make_certificate(where, "first", authority="old")
    make_certificate(where, "second", authority="old")
    make_certificate(where, "third", authority="new", days="60")
    put(where, "first", "node")
    shutil.copy(where / "old.pem", where / "ca.pem")
    text = made.path.read_text()
    made.path.write_text(text.replace('data = "data"\n',
                                      'data = "data"\n' + KEYS, 1))
    made.up()
    pids = {name: made.node(name)["pid"] for name in made.nodes}
    rows = publishing(made)
    later.callback(rows.ends.set)
    mill.wait_until(lambda: shows(made, "first"), SOON, "the first one")
    put(where, "second", "node")
    mill.wait_until(lambda: shows(made, "second"), SOON, "the second one")
    count_of(made)
    # One of another authority is of no use, until that is taken too.
    put(where, "third", "node")
    for node in made.nodes:
      def told(node=node):
        shown_by(made, node)  # Who connects makes it look.
        return log_lines(made, node, "|ERR|certificate|",
                         "would be refused by the others of the cluster")
      mill.wait_until(told, SOON, f"{node} tells of it")
    mill.check(shows(made, "second"), "the one from before does not stay")
    put(where, "second", "node")
    # As docs/security.md has it: both, the new ones, the old one goes.
    (where / "both").write_text(pem_of(made, "old") + pem_of(made, "new"))
    os.replace(where / "both", where / "ca.pem")
    for node in made.nodes:
      def both(node=node):
        shown_by(made, node)
        return len(log_lines(made, node, "|INF|certificate|read anew")) >= 2
      mill.wait_until(both, SOON, f"{node} takes both authorities")
    put(where, "third", "node")
    mill.wait_until(lambda: shows(made, "third"), SOON, "the third one")
    shutil.copy(where / "new.pem", where / "only")
    os.replace(where / "only", where / "ca.pem")
    # What the old authority signed is refused from now on.
    old = made.directory / "old.toml"
    old.write_text(made.path.read_text().replace("tls/node.", "tls/first.")
                   .replace("tls/ca.pem", "tls/both"))
    (where / "both").write_text(pem_of(made, "old") + pem_of(made, "new"))
    def refused():
      done = made.run("query", "-l", "sql", COUNT, "--config", old, code=None)
      return done.returncode == 77
    mill.wait_until(refused, SOON, "the old authority counts for nothing")
    rows.end()
    mill.check(count_of(made) == rows.rows, count_of(made), "of", rows.rows)
    # Nobody began anew, and neither did what was connected.
    for name, pid in pids.items():
      mill.check(made.node(name)["pid"] == pid, name, "began anew")
    mill.check(made.node("n-rt1")["certificate_days"] in (59, 60),
               made.node("n-rt1"))
    began = log_lines(made, "n-rt1", "publisher_began")
    mill.check(len(began) == 1, began)
    lost = log_lines(made, "n-gw1", "backend_lost")
    mill.check(not lost, lost)


if __name__ == "__main__":
  mill.main([at_ports, between_nodes])
