"""A kdb+ client in a few lines: what of the protocol the tests need, written
from its public description alone."""

import datetime
import socket
import struct

WIDTHS = {1: "?", 4: "B", 5: "h", 6: "i", 7: "q", 8: "f", 9: "d", 12: "q",
          13: "i", 14: "i", 15: "d", 16: "q", 17: "i", 18: "i", 19: "i"}
EPOCH = datetime.datetime(2000, 1, 1)


class kdb_error(Exception):
  """What a server answered by an error."""


class symbol(str):
  """Travels as a symbol; other texts as lists of char."""


class date(int):
  """Days since 2000.01.01."""


class timestamp(int):
  """Nanoseconds since 2000.01.01."""


class timespan(int):
  """Nanoseconds."""


class column:
  """A list of one type, by its number."""

  def __init__(self, kind, items):
    self.kind = kind
    self.items = items


class table(dict):
  """Columns by name."""


class keyed(dict):
  """Keys and values, which may be tables."""

  def __init__(self, keys, values):
    super().__init__()
    self.keys_part = keys
    self.values_part = values


def encode(value):
  if value is None:
    return b"\x65\x00"
  if isinstance(value, symbol):
    return b"\xf5" + value.encode() + b"\0"
  if isinstance(value, str):
    raw = value.encode()
    return b"\x0a\x00" + struct.pack("<i", len(raw)) + raw
  if isinstance(value, bool):
    return b"\xff" + struct.pack("<?", value)
  for kind, known in ((14, date), (12, timestamp), (16, timespan), (7, int),
                      (9, float)):
    if isinstance(value, known):
      return struct.pack("<b" + WIDTHS[kind], -kind, value)
  if isinstance(value, column):
    head = bytes([value.kind, 0]) + struct.pack("<i", len(value.items))
    if value.kind == 11:
      return head + b"".join(x.encode() + b"\0" for x in value.items)
    return head + struct.pack(f"<{len(value.items)}{WIDTHS[value.kind]}",
                              *value.items)
  if isinstance(value, table):
    return b"\x62\x00\x63" + encode(column(11, list(value))) \
        + encode(list(value.values()))
  if isinstance(value, dict):
    return b"\x63" + encode(column(11, list(value))) \
        + encode(list(value.values()))
  return b"\x00\x00" + struct.pack("<i", len(value)) \
      + b"".join(map(encode, value))


class reader:
  def __init__(self, raw):
    self.raw = raw
    self.at = 0

  def take(self, count):
    self.at += count
    return self.raw[self.at - count:self.at]

  def symbol(self):
    end = self.raw.index(b"\0", self.at)
    out = symbol(self.raw[self.at:end].decode())
    self.at = end + 1
    return out

  def value(self):
    kind = struct.unpack("<b", self.take(1))[0]
    if kind == -128:
      raise kdb_error(self.symbol())
    if kind == -11:
      return self.symbol()
    if kind == -10:
      return self.take(1).decode()
    if kind < 0:
      form = "<" + WIDTHS[-kind]
      return struct.unpack(form, self.take(struct.calcsize(form)))[0]
    if kind == 101:
      self.take(1)
      return None
    if kind == 98:
      self.take(1)
      both = self.value()
      return table(zip(both.keys_part, both.values_part))
    if kind == 99:
      keys = self.value()
      return keyed(keys, self.value())
    self.take(1)
    count = struct.unpack("<i", self.take(4))[0]
    if kind == 0:
      return [self.value() for _ in range(count)]
    if kind == 10:
      return self.take(count).decode()
    if kind == 11:
      return [self.symbol() for _ in range(count)]
    form = f"<{count}{WIDTHS[kind]}"
    return list(struct.unpack(form, self.take(struct.calcsize(form))))


def expanded(message):
  """A whole message that was compressed, as it was."""
  size = struct.unpack("<i", message[8:12])[0]
  out, seen = bytearray(message[:8]), [0] * 256
  at, hashed = 12, 8
  while len(out) < size:
    flags = message[at]
    at += 1
    for bit in range(8):
      if len(out) >= size:
        break
      repeats = flags >> bit & 1
      if repeats:
        begin, more = seen[message[at]], message[at + 1]
        at += 2
        for place in range(begin, begin + 2):
          out.append(out[place])
      else:
        out.append(message[at])
        at += 1
      while hashed < len(out) - 1:
        seen[out[hashed] ^ out[hashed + 1]] = hashed
        hashed += 1
      if repeats:
        for place in range(begin + 2, begin + 2 + more):
          out.append(out[place])
        hashed = len(out)
  return bytes(out)


class client:
  def __init__(self, port, user="me", capability=3, password="secret",
               tls=None, host="127.0.0.1"):
    """`tls`: an ssl.SSLContext."""
    self.compressed = 0  # Messages that came so.
    self.socket = socket.create_connection((host, port), timeout=30)
    if tls:
      self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
    self.socket.sendall(f"{user}:{password}".encode() + bytes([capability, 0]))
    answer = self.socket.recv(10)
    if len(answer) != 1:
      raise kdb_error(f"refused: {answer!r}")

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.socket.close()

  def send(self, kind, value):
    body = encode(value)
    self.socket.sendall(struct.pack("<bbbbi", 1, kind, 0, 0, 8 + len(body))
                        + body)

  def exactly(self, count):
    out = b""
    while len(out) < count:
      more = self.socket.recv(min(count - len(out), 1 << 20))
      if not more:
        raise kdb_error("closed")
      out += more
    return out

  def message(self):
    """(kind, value): 0 a message that was pushed, 2 an answer."""
    head = self.exactly(8)
    body = self.exactly(struct.unpack("<i", head[4:])[0] - 8)
    if head[2] == 1:
      self.compressed += 1
      body = expanded(head + body)[8:]
    return head[1], reader(body).value()

  def ask(self, value):
    self.send(1, value)
    kind, out = self.message()
    assert kind == 2, kind
    return out

  def tell(self, value):
    self.send(0, value)
