#!/usr/bin/env python3
"""A cluster whose processes talk by TLS alone, each with a certificate: what it
does then, and whom it refuses, by name and at both ends. Needs no data of
others."""

import json
import os
import random
import shutil
import socket
import ssl
import time

import millrace_cluster as mill
from certificates import make_authority, make_certificate, openssl

ROW = {"time": "2024-01-02T14:30:00Z", "sym": "IBM", "price": 170.5, "size": 3}
KEYS = """tls_certificate = "node.pem"
tls_key = "node.key"
tls_authority = "ca.pem"
"""
GREETING = b"MILLRACE" + (2).to_bytes(4, "big") + bytes(20)


def make_files(directory):
  """Of an authority, and what others would show."""
  for name in ("ca", "other"):
    make_authority(directory, name)
  make_certificate(directory, "node")
  make_certificate(directory, "foreign", authority="other")
  make_certificate(directory, "expired", days="-1")
  make_certificate(directory, "elsewhere", names="IP:127.0.0.9, DNS:n-rt1")
  make_certificate(directory, "server", usage="serverAuth")


def with_keys(made, keys=KEYS):
  text = made.path.read_text()
  made.path.write_text(text.replace('data = "data"\n', 'data = "data"\n' + keys,
                                    1))


def as_another(made, name, keys):
  """The same cluster by a configuration of others: what they would be told."""
  text = made.path.read_text()
  path = made.directory / f"{name}.toml"
  path.write_text(text.replace(KEYS, keys))
  return str(path)


def node_facts(made, name="n-rt1"):
  said = json.loads(made.run("status", "-o", "json", code=None).stdout)
  return next(node for node in said["nodes"] if node["name"] == name)


def refused(made):
  return node_facts(made).get("refused_connections", 0)


def feed_and_ask(made):
  made.run("pub", "--stream", "market", "--table", "trade",
           text=json.dumps(ROW) + "\n")
  # Chunks of many records of TLS.
  rows = "".join(json.dumps({**ROW, "sym": f"S{i % 100}", "size": i}) + "\n"
                 for i in range(20000))
  made.run("pub", "--stream", "market", "--table", "trade", text=rows)
  def there():
    said = made.run("query", "-l", "sql", "-o", "json",
                    "select count(*) as n from trade", code=None)
    return said.returncode == 0 and json.loads(said.stdout) == [{"n": 20001}]
  mill.wait_until(there, 60, "all rows")
  made.end_period("2024-01-02")
  mill.wait_until(there, 60, "all rows, of the partition")


# -- whom it refuses -----------------------------------------------------------


def hear(connection):
  """All until the other end closes."""
  out = b""
  try:
    while more := connection.recv(65536):
      out += more
  except (ssl.SSLError, OSError) as why:
    return out, str(why)
  return out, ""


def shake(made, port, certificate=None, then=GREETING):
  """A client of TLS of somebody else's. @returns what it heard at last."""
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  context.check_hostname = False
  context.verify_mode = ssl.CERT_NONE
  if certificate:
    context.load_cert_chain(made.directory / f"{certificate}.pem",
                            made.directory / f"{certificate}.key")
  try:
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
      with context.wrap_socket(plain) as secret:
        secret.sendall(then)
        return hear(secret)
  except (ssl.SSLError, OSError) as why:
    return b"", str(why)


def say(port, text):
  with socket.create_connection(("127.0.0.1", port), 30) as plain:
    plain.sendall(text)
    plain.shutdown(socket.SHUT_WR)
    return hear(plain)[0]


def expect_refusal(made, what, words):
  """`what` is refused, counted and told by the node."""
  before = refused(made)
  out = what()
  facts = {}
  def counted():
    facts.update(node_facts(made))
    return facts.get("refused_connections", 0) > before
  mill.wait_until(counted, 20, f"a refusal that says: {words}")
  mill.check(words in facts["last_refused"], words, "is not in",
             facts["last_refused"])
  return out


def strangers(made):
  port = made.ports["n-rt1"]
  _, why = expect_refusal(made, lambda: shake(made, port),
                          "it shows no certificate")
  mill.check("certificate required" in why.lower().replace("_", " "), why)
  _, why = expect_refusal(made, lambda: shake(made, port, "foreign"),
                          "its certificate is not of this cluster")
  mill.check("unknown ca" in why.lower().replace("_", " "), why)
  _, why = expect_refusal(made, lambda: shake(made, port, "expired"),
                          "its certificate is not valid now")
  mill.check("expired" in why, why)
  _, why = expect_refusal(made, lambda: shake(made, port, "server"),
                          "its certificate is not of this cluster")
  mill.check("certificate" in why, why)
  said = expect_refusal(made, lambda: say(port, GREETING),
                        "it speaks without TLS")
  mill.check(b"needs the tls_certificate" in said, said)
  expect_refusal(made, lambda: say(port, b"GET / HTTP/1.1\r\n\r\n"),
                 "what it sent is not TLS")
  expect_refusal(made, lambda: say(port, bytes(4096)), "TLS")
  # Inside of TLS the guard stands as it does without.
  expect_refusal(made, lambda: shake(made, port, "node", b"x" * 64),
                 "bytes that are not of Millrace")
  expect_refusal(
    made, lambda: shake(made, port, "node", b"MILLRACE" + bytes(24)),
    "run the same release on both")
  # That somebody looks whether the port is open is nobody's mistake.
  before = refused(made)
  with socket.create_connection(("127.0.0.1", port), 30):
    pass
  mill.check(refused(made) == before, "a probe was counted")


def many_mutated(made):
  """Beginnings of handshakes with bytes changed, and connections that stay."""
  port, draw = made.ports["n-rt1"], random.Random(5)
  incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
  try:
    context.wrap_bio(incoming, outgoing).do_handshake()
  except ssl.SSLWantReadError:
    pass
  hello = outgoing.read()
  before = memory_of(made)
  for _ in range(500):
    bad = bytearray(hello)
    for _ in range(draw.randrange(1, 5)):
      bad[draw.randrange(len(bad))] = draw.randrange(256)
    say(port, bytes(bad[:draw.randrange(1, len(bad) + 1)]))
  silent = []
  for i in range(200):
    silent.append(socket.create_connection(("127.0.0.1", port), 30))
    if i % 2:
      silent[-1].sendall(hello)
  feed_more(made)
  grown = memory_of(made) - before
  mill.check(grown < 64 << 20, "grew by", grown)
  for each in silent:
    each.close()


def memory_of(made):
  return node_facts(made)["memory_bytes"]


def feed_more(made):
  made.run("pub", "--stream", "market", "--table", "trade",
           text=json.dumps({**ROW, "time": "2024-01-03T14:30:00Z"}) + "\n")


def commands_of_others(made):
  """What a command says when both ends do not go together; 77, or 78 when its
  own files are at fault."""
  words = ("query", "select from trade")
  clear = as_another(made, "clear", "")
  done = made.run(*words, "--config", clear, code=77)
  mill.check("speaks without TLS" in done.stderr, done.stderr)
  done = made.run("status", "--config", clear, code=77)
  mill.check(done.stdout.count("could not be asked") == 1
             and "without TLS" in done.stdout, done.stdout)
  other = as_another(made, "other", KEYS.replace("node.", "foreign.").replace(
    "ca.pem", "other.pem"))
  done = made.run(*words, "--config", other, code=77)
  mill.check("its certificate is not of this cluster" in done.stderr,
             done.stderr)
  # The two lines of the configuration, whichever is wrong.
  for name, key, line, why in (
      ("foreign", "certificate", 4, "would be refused by the others"),
      ("expired", "certificate", 4, "expired on"),
      ("server", "certificate", 4, "is not for clients"),
      ("nowhere", "certificate", 4, "cannot be read")):
    bad = as_another(made, "bad", KEYS.replace("node.", f"{name}."))
    done = made.run(*words, "--config", bad, code=78)
    told = made.run("status", "--config", bad, code=78)
    mill.check(told.stderr == done.stderr and "its node does not" not in
               told.stdout, told.stdout, told.stderr)
    mill.check(f"bad.toml:{line}:cluster.tls_{key}: " in done.stderr
               and why in done.stderr, why, done.stderr)


def answer(port, talk, asks):
  """Talks to all who connect, until the command has ended.
  @returns its exit code and what it said."""
  with socket.create_server(("127.0.0.1", port)) as listener:
    listener.settimeout(0.2)
    while asks.poll() is None:
      try:
        plain = listener.accept()[0]
      except OSError:
        continue
      with plain:
        try:
          plain.settimeout(30)
          talk(plain)
        except (ssl.SSLError, OSError):
          pass
  return asks.returncode, asks.stderr.read()


def false_nodes(made):
  """Those that answer at the port of a node and are not it."""
  port = made.ports["n-gw1"]
  made.down("n-gw1")
  words = ("query", "select from trade")

  def as_server(name, says=b""):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.directory / f"{name}.pem",
                            made.directory / f"{name}.key")
    def talk(plain):
      with context.wrap_socket(plain, server_side=True) as secret:
        secret.sendall(says)
        hear(secret)
    return talk

  def as_mail(plain):
    plain.recv(4096)
    plain.sendall(b"220 mail.example ready, and waits for you\r\n" * 3)
    hear(plain)

  for talk, code, why in (
      (as_server("elsewhere"), 77, "is for 127.0.0.9, n-rt1, and not for "
       "127.0.0.1"),
      (as_server("foreign"), 77, "is not of this cluster"),
      (as_server("expired"), 77, "is not valid now"),
      # It may serve, but is no node; it says nothing, or what no node says.
      (as_server("server"), 69, "gw1 at"),
      (as_server("server", b"y" * 64), 77, "what listens there is no node"),
      (as_mail, 77, "what it sent is not TLS"),
      (lambda plain: None, 69, "gw1 at")):
    begun = time.monotonic()
    got, said = answer(port, talk, made.start(*words))
    mill.check(got == code and why in said, why, ": exit code", got, said)
    mill.check(time.monotonic() - begun < 20, "waited for", why)
  made.up("n-gw1")


# -- parts ---------------------------------------------------------------------


def many_at_once(made):
  """What a node still says to those that went comes to nobody who connects
  after them."""
  for _ in range(25):
    asking = [made.start("status") for _ in range(8)]
    for each in asking:
      out, err = each.communicate(timeout=90)
      mill.check(each.returncode == 0, each.returncode, out, err)


def talks_by_tls_alone(binary):
  with mill.cluster(binary) as made:
    make_files(made.directory)
    with_keys(made)
    made.up()
    feed_and_ask(made)
    for node in made.status()["nodes"]:
      mill.check(node["certificate_days"] in (89, 90), node)
    many_at_once(made)
    # The peers of a node are found again after its end.
    made.kill("n-rt1")
    made.up("n-rt1")
    feed_more(made)
    strangers(made)
    many_mutated(made)
    commands_of_others(made)
    false_nodes(made)
    mill.check(json.loads(made.run(
      "query", "-o", "json", "select count i from trade", "--timeout",
      "60").stdout), "asked at the end")


def clear_nodes_refuse_tls(binary):
  with mill.cluster(binary) as made:
    make_files(made.directory)
    made.up()
    clear = made.path.read_text()
    with_keys(made)
    done = made.run("query", "select from trade", code=77)
    mill.check("it speaks TLS, and this node does without" in done.stderr,
               done.stderr)
    made.path.write_text(clear)
    facts = node_facts(made, "n-gw1")
    mill.check("it speaks TLS" in facts["last_refused"], facts)


def nothing_starts_with_wrong_files(binary):
  with mill.cluster(binary) as made:
    where = made.directory
    make_files(where)
    make_certificate(where, "soon", days="7")
    with_keys(made)
    (where / "junk.pem").write_text("no certificate\n")
    shutil.copy(where / "node.key", where / "open.key")
    os.chmod(where / "open.key", 0o644)
    openssl(where, "pkey", "-in", "node.key", "-aes256", "-passout", "pass:x",
            "-out", "secret.key")
    os.chmod(where / "secret.key", 0o600)
    good = made.path.read_text()
    for keys, line, key, why in (
        ({"certificate": "expired.pem", "key": "expired.key"}, 4,
         "tls_certificate", "expired on"),
        ({"certificate": "foreign.pem", "key": "foreign.key"}, 4,
         "tls_certificate", "would be refused by the others"),
        ({"certificate": "elsewhere.pem", "key": "elsewhere.key"}, 4,
         "tls_certificate", "is not for 127.0.0.1, the address of node"),
        ({"certificate": "server.pem", "key": "server.key"}, 4,
         "tls_certificate", "is not for clients"),
        ({"certificate": "junk.pem"}, 4, "tls_certificate",
         "holds no certificate"),
        ({"key": "foreign.key"}, 5, "tls_key", "is not of the certificate"),
        ({"key": "secret.key"}, 5, "tls_key", "is encrypted"),
        ({"key": "open.key"}, 5, "tls_key", "could be read or changed"),
        ({"key": "none.key"}, 5, "tls_key", "cannot be read"),
        ({"authority": "junk.pem"}, 6, "tls_authority",
         "holds no certificate"),
        ({"authority": "node.pem"}, 6, "tls_authority", "is of no authority")):
      text = good
      for each, path in keys.items():
        before = {"certificate": "node.pem", "key": "node.key",
                  "authority": "ca.pem"}[each]
        text = text.replace(f'tls_{each} = "{before}"',
                            f'tls_{each} = "{path}"')
      made.path.write_text(text)
      for words in (("up",), ("restart",), ("node", "--name", "n-rt1")):
        done = made.run(*words, code=78)
        mill.check(f"cluster.toml:{line}:cluster.{key}: " in done.stderr
                   and why in done.stderr, words, why, done.stderr)
      mill.check(not list((where / "data").glob("nodes/*/node.log")),
                 "something started")
    made.path.write_text(good.replace('"node.', '"soon.'))
    mill.check("expires on" in made.run("up").stderr, "no warning")
    said = made.run("status").stdout
    mill.check("n-rt1: its certificate for the cluster lasts" in said, said)


if __name__ == "__main__":
  mill.main([talks_by_tls_alone, clear_nodes_refuse_tls,
             nothing_starts_with_wrong_files])
