#!/usr/bin/env python3
"""A hundred clients, of each port, lose what they are connected to at one moment,
and come back at one moment: all are served soon. Needs no data of others."""

import http.client
import json
import socket
import struct
import threading
import time

import kdb_client as kdb
import millrace_cluster as mill

ROW = {"time": "2024-01-02T14:30:00Z", "sym": "IBM", "price": 170.5, "size": 3}
ROWS = 7
# All of them; of kdb+ half ask, and half subscribe.
KINDS = {"asks": 25, "subscribes": 25, "http": 25, "postgres": 25}
SERVED_WITHIN_S = 10
LOST = (OSError, EOFError, kdb.kdb_error, http.client.HTTPException)


class postgres_client:
  """As much of the protocol as a question of one column needs."""

  def __init__(self, port):
    self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
    body = struct.pack(">I", 3 << 16) + b"user\0me\0database\0test\0\0"
    self.socket.sendall(struct.pack(">I", len(body) + 4) + body)
    self.until_ready()

  def exactly(self, count):
    out = b""
    while len(out) < count:
      more = self.socket.recv(count - len(out))
      if not more:
        raise EOFError("closed")
      out += more
    return out

  def until_ready(self):
    """Values of the rows, as text."""
    out = []
    while True:
      kind = self.exactly(1)
      body = self.exactly(struct.unpack(">I", self.exactly(4))[0] - 4)
      if kind == b"E":
        raise mill.failure(f"PostgreSQL: {body!r}")
      if kind == b"D":
        out.append(body[6:].decode())
      if kind == b"Z":
        return out

  def ask(self, text):
    body = text.encode() + b"\0"
    self.socket.sendall(b"Q" + struct.pack(">I", len(body) + 4) + body)
    return self.until_ready()

  def close(self):
    self.socket.close()


class one:
  """A client of one kind, on a thread of its own: asks as soon as it is let,
  loses its connection, connects again at once, and asks."""

  def __init__(self, kind, ports):
    self.kind = kind
    self.ports = ports
    self.connection = None
    self.served_s = None
    self.faults = []

  def connect(self):
    if self.kind == "http":
      self.connection = http.client.HTTPConnection(
        "127.0.0.1", self.ports["http"], timeout=30)
      self.connection.connect()
    elif self.kind == "postgres":
      self.connection = postgres_client(self.ports["postgres"])
    else:
      self.connection = kdb.client(self.ports["kdb"])
      if self.kind == "subscribes":
        table, _ = self.connection.ask(".u.sub[`trade;`]")
        mill.check(table == "trade", table)

  def close(self):
    if self.kind in ("http", "postgres"):
      self.connection.close()
    else:
      self.connection.socket.close()

  def ask(self):
    """One question; true when its answer is whole."""
    if self.kind == "http":
      self.connection.request("POST", "/query", b"select count i from trade")
      got = self.connection.getresponse()
      text = got.read().decode()
      mill.check(got.status == 200, "HTTP:", got.status, text)
      count, = json.loads(text)[0].values()
      return count >= ROWS
    if self.kind == "postgres":
      return int(self.connection.ask("select count(*) from trade")[0]) >= ROWS
    if self.kind == "asks":
      return self.connection.ask("exec count i from trade") >= ROWS
    kind, pushed = self.connection.message()
    return kind == 0 and pushed[1] == "trade"

  def wait_loss(self):
    """Its end of a connection whose port is gone."""
    try:
      while self.connection.sock.recv(1024) if self.kind == "http" else (
          self.connection.socket.recv(1024)):
        pass
    except OSError:
      pass

  def come_back(self, begin, deadline):
    """A client that tries until it is served, without a pause."""
    while True:
      try:
        self.connect()
        mill.check(self.ask(), self.kind, "is not served all")
        self.served_s = time.monotonic() - begin
        return
      except LOST as why:
        if time.monotonic() > deadline:
          self.faults.append(why)
          return
        time.sleep(0.01)  # As a program does that has nothing else to do.


def at_once(clients, what):
  """Of all clients, each on its own thread; their faults are the test's."""
  faults = []

  def guarded(client):
    try:
      what(client)
    except Exception as why:  # pylint: disable=broad-except
      faults.append(f"{client.kind}: {type(why).__name__}: {why}")
  threads = [threading.Thread(target=guarded, args=(client,))
             for client in clients]
  for each in threads:
    each.start()
  return threads, faults


def joined(threads, faults):
  for each in threads:
    each.join(60)
  mill.check(not any(each.is_alive() for each in threads), "clients hang")
  mill.check(not faults, len(faults), "clients failed:", faults[:3])


def publish(made, count=1):
  made.run("pub", "--stream", "market", "--table", "trade",
           text=(json.dumps(ROW) + "\n") * count)


def cluster_of(binary, ports):
  extra = "".join(
    ["port = ", str(ports["kdb"]), "\n"]
    + [f'[[process]]\nname = "{name}"\ntype = "{kind}"\nnode = "doors"\n'
       f"port = {ports[kind]}\n" for name, kind in (("web1", "http"),
                                                    ("sql1", "postgres"))])
  roles = [*mill.ROLES, ("kdb1", "kdb")]
  nodes = {"rest": ["discovery1", "rt1", "rdb1", "hdb1"], "gate": ["gw1"],
           "doors": ["kdb1"]}
  return mill.cluster(binary, nodes, extra=extra, roles=roles)


def a_hundred(ports):
  return [one(kind, ports) for kind, count in KINDS.items()
          for _ in range(count)]


def told(name, clients):
  times = sorted(each.served_s for each in clients)
  print(f"  {name}: half of {len(times)} within "
        f"{times[len(times) // 2]:.2f} s, all within {times[-1]:.2f} s")
  mill.check(times[-1] < SERVED_WITHIN_S * mill.patience(), "served after",
             times[-1], "s")


def their_ports_die(binary):
  """The node of all ports is killed under them, and started again."""
  ports = dict(zip(("kdb", "http", "postgres"), mill.free_ports(3)))
  with cluster_of(binary, ports) as made:
    made.up()
    publish(made, ROWS)
    clients = a_hundred(ports)
    joined(*at_once(clients, lambda client: client.connect()))
    publish(made)
    joined(*at_once(clients, lambda client: mill.check(client.ask(),
                                                       client.kind)))
    made.kill("doors")
    joined(*at_once(clients, lambda client: client.wait_loss()))
    starting = made.start("up", "doors")
    # From the first moment somebody listens there.
    mill.wait_until(lambda: listens(ports["kdb"]), 30, "the ports are back")
    begin = time.monotonic()
    threads, faults = at_once(
      clients, lambda client: client.come_back(begin, begin + 30))
    # A subscriber is served by a row that comes after it subscribed.
    while any(each.is_alive() for each in threads):
      publish(made)
    joined(threads, faults)
    mill.check(starting.wait(30) == 0, *starting.communicate())
    late = [why for each in clients for why in each.faults]
    mill.check(not late, len(late), "were not served:", late[:3])
    told("their ports died", clients)
    facts = [made.process(name) for name in ("kdb1", "web1", "sql1")]
    mill.check(all(each["refused"] == 0 for each in facts),
               "a port refused some:", facts)
    for each in clients:
      each.close()


def listens(port):
  try:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return True
  except OSError:
    return False


def the_gateway_dies(binary):
  """All ask while the gateway is away: each gets its answer, no error, and the
  connection that it has is the one it had."""
  ports = dict(zip(("kdb", "http", "postgres"), mill.free_ports(3)))
  with cluster_of(binary, ports) as made:
    made.up()
    publish(made, ROWS)
    clients = [each for each in a_hundred(ports) if each.kind != "subscribes"]
    joined(*at_once(clients, lambda client: client.connect()))
    joined(*at_once(clients, lambda client: mill.check(client.ask(),
                                                       client.kind)))
    made.kill("gate")
    begin = time.monotonic()

    def ask(client):
      mill.check(client.ask(), client.kind, "has not all rows")
      client.served_s = time.monotonic() - begin
    threads, faults = at_once(clients, ask)
    made.up("gate")
    begin_again = time.monotonic() - begin
    joined(threads, faults)
    told(f"the gateway was away for {begin_again:.2f} s", clients)
    for each in clients:
      each.close()


if __name__ == "__main__":
  mill.main([their_ports_die, the_gateway_dies])
