#!/usr/bin/env python3
"""Releases are exchanged as docs/operations.md says, with all that was published
before and meanwhile; and a node of another release is refused by its greeting.
Needs no data of others."""

import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import textwrap
import threading

import millrace_cluster as mill

PERMISSION = 77
SOURCES = pathlib.Path(__file__).resolve().parents[2]
ROW = ('{{"time": "2024-01-0{day}T14:30:00Z", "sym": "SPY", "price": 1, '
       '"size": {size}}}')
COUNT = "millrace query -o csv 'select count i, sum size from trade'\n"


def steps():
  """The blocks of the page: to end it, to start it, and the way back."""
  text = (SOURCES / "docs" / "operations.md").read_text()
  upgrade = re.search(r"^## Upgrade\n(.*?)(?=^## )", text, re.M | re.S)[1]
  found = [textwrap.dedent(part).strip() for part in re.split(r"\n\s*\n", upgrade)
           if part.startswith("    ")]
  mill.check(len(found) == 3, "the page has other steps:", found)
  return found


def publish(day, first, count):
  """Rows whose sizes say which they are."""
  rows = "\n".join(ROW.format(day=day, size=1 << i)
                   for i in range(first, first + count))
  return (f"cat <<'END' | millrace pub --stream market --table trade\n{rows}\n"
          "END\n")


def run(where, binary, script):
  environment = {key: value for key, value in os.environ.items()
                 if not key.startswith("MILLRACE_")}
  environment["MILLRACE_CONFIG"] = str(where / "examples/local.toml")
  environment["PATH"] = (f"{pathlib.Path(binary).resolve().parent}:"
                         + environment["PATH"])
  done = subprocess.run(["bash", "-c", "set -eo pipefail\n" + script], cwd=where,
                        env=environment, capture_output=True, text=True,
                        timeout=300, check=False)
  mill.check(done.returncode == 0, script, done.stdout, done.stderr)
  return done.stdout


def as_the_page_says(binary):
  end, begin, back = steps()
  where = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
  shutil.copytree(SOURCES / "examples", where / "examples")
  config = where / "examples/local.toml"
  text = config.read_text()
  ports = iter(mill.free_ports(16))
  config.write_text(re.sub(r"^port = \d+", lambda _: f"port = {next(ports)}",
                           text, flags=re.M))

  def bash(script):
    return run(where, binary, script)
  try:
    bash("millrace up\n" + publish(2, 0, 3) + "millrace eop --period 2024-01-02\n"
         + publish(3, 3, 2))
    bash(end)
    # Rows of a program that goes on meanwhile: its log takes them.
    bash(publish(3, 5, 2).replace("pub --stream", "pub --level recorded "
                                  "--timeout 1 --stream") + "true")
    bash(begin)
    bash("millrace pub --stream market --flush --timeout 30")
    said = bash(COUNT)
    mill.check(said.endswith("7,127\n"), said)
    bash(publish(3, 7, 1))
    mill.check(bash(COUNT).endswith("8,255\n"), "a row is missing")
    # What the new release took is not in the copy of before.
    bash(back)
    mill.check(bash(COUNT).endswith("5,31\n"), bash(COUNT))
  finally:
    subprocess.run([binary, "down", "--force", "--config", config],
                   capture_output=True, check=False)
    shutil.rmtree(where)


# -- a node of another release -------------------------------------------------


def version_here():
  text = (SOURCES / "nodes/node/connection_guard.hpp").read_text()
  return int(re.search(r"protocol_version = (\d+)", text)[1])


def greeting_of(version):
  return b"MILLRACE" + struct.pack(">I", version) + bytes(20)


def heard(connection):
  out = b""
  try:
    while more := connection.recv(65536):
      out += more
  except OSError:
    pass
  return out


def another_release(binary):
  """Refused by what it greets with, at both ends, each of which says why."""
  with mill.cluster(binary) as made:
    made.up()
    here = version_here()
    for other in (here - 1, here + 1):
      before = made.node("n-rt1").get("refused_connections", 0)
      with socket.create_connection(("127.0.0.1", made.ports["n-rt1"]),
                                    30) as plain:
        plain.sendall(greeting_of(other))
        words = heard(plain).decode(errors="replace")
      mill.check(f"version {other}" in words and str(here) in words, words)
      node = made.node("n-rt1")
      mill.check(node["refused_connections"] == before + 1
                 and f"version {other}" in node["last_refused"], node)
    # A node of another release in the place of the gateway's.
    made.down("n-gw1")
    with socket.create_server(("127.0.0.1", made.ports["n-gw1"])) as server:
      server.settimeout(30)
      asking = made.start("query", "select from trade")
      talk = threading.Thread(target=answer, args=(server, here + 1))
      talk.start()
      _, err = asking.communicate(timeout=60)
      talk.join(30)
    mill.check(asking.returncode == PERMISSION
               and f"and this one {here + 1}" in err, asking.returncode, err)
    made.up("n-gw1")
    made.run("pub", "--stream", "market", "--table", "trade", text=ROW.format(
      day=2, size=1) + "\n")
    said = made.run("query", "-l", "sql", "-o", "json",
                    "select count(*) as n from trade").stdout
    mill.check(json.loads(said) == [{"n": 1}], said)


def answer(server, version):
  """As a node of another release does: it refuses who greets with this one's."""
  connection, _ = server.accept()
  with connection:
    greeted = b""
    while len(greeted) < len(greeting_of(0)):
      more = connection.recv(64)
      if not more:
        return
      greeted += more
    its, = struct.unpack(">I", greeted[8:12])
    why = f"it speaks version {its} of the protocol, and this one {version}"
    connection.sendall(b"MILLRACE" + struct.pack(">II", 0xffffffff, len(why))
                       + bytes(16) + why.encode())
    connection.shutdown(socket.SHUT_WR)
    heard(connection)


if __name__ == "__main__":
  mill.main([as_the_page_says, another_release])
