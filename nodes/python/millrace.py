# lint: allow(length): one file, which programs may take without an installation.
"""Asks a Millrace cluster through its HTTP port, follows its streams, and
publishes to them.

    import millrace
    market = millrace.connect("http://localhost:8080")
    market.query("select vwap:size wavg price by sym from trade")
    for message in market.subscribe("trade"):
      print(message)

An answer is a DataFrame where pandas is installed, else a dict of numpy arrays.
Needs numpy alone. docs/python.md of the project tells more.
"""

import base64
import datetime
import http.client
import json
import math
import ssl
import struct
import threading
import urllib.parse
import uuid
import warnings

import numpy

__all__ = ["Answer", "Client", "MillraceError", "MillraceWarning",
           "Subscription", "connect"]

# Of one request; the server takes 1 MiB.
PUBLISHED_BYTES = 512 * 1024


class MillraceError(Exception):
  """What the cluster says is wrong, or what is wrong with its answer.

  `code` is the server's word for it ("invalid_argument", "timeout", ...),
  `status` that of HTTP; 0: the answer itself is damaged."""

  def __init__(self, code, text, status=0):
    super().__init__(f"{code}: {text}")
    self.code = code
    self.text = text
    self.status = status


class MillraceWarning(UserWarning):
  """Rows may be missing from an answer."""


def connect(url="http://localhost:8080", timeout=60.0, user=None,
            password=None, token=None, verify=True):
  """A client of the process of type `http` at `url`, which begins with http://
  or https://. Nothing is sent yet.

  `timeout`: seconds without a byte until the server is given up. `user` and
  `password`, or a `token`: of who logs in, where the port asks for it.
  `verify`: whom certificates of https are checked by: True, those that the
  system trusts; the path of a PEM file of others; False, nobody, so that
  one on the way can read and change all. A server that does not prove
  itself is an ssl.SSLCertVerificationError of the first question."""
  if token is not None and user is None and password is None:
    return Client(url, timeout, {"Authorization": f"Bearer {token}"}, verify)
  if (user is None) != (password is None) or token is not None:
    raise ValueError("who logs in has a user and a password, or a token")
  if user is None:
    return Client(url, timeout, verify=verify)
  both = base64.b64encode(f"{user}:{password}".encode()).decode()
  return Client(url, timeout, {"Authorization": f"Basic {both}"}, verify)


def _opener(url, timeout, verify):
  """What makes connections to `url`."""
  parts = urllib.parse.urlsplit(url)
  if parts.scheme not in ("http", "https") or not parts.hostname:
    raise ValueError("the address is http://HOST:PORT or https://HOST:PORT, "
                     f"not '{url}'")
  if parts.scheme == "http":
    if verify is not True:
      raise ValueError(f"verify is of https, and the address is '{url}'")
    return lambda: http.client.HTTPConnection(
      parts.hostname, parts.port or 80, timeout=timeout)
  context = ssl.create_default_context(
    cafile=None if isinstance(verify, bool) else verify)
  if verify is False:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
  return lambda: http.client.HTTPSConnection(
    parts.hostname, parts.port or 443, timeout=timeout, context=context)


class _Closing:
  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()


class Client(_Closing):
  """Asks over one connection, which is opened when it is needed. Threads may
  share it; one asks after the other."""

  def __init__(self, url, timeout, login=None, verify=True):
    self._opener = _opener(url, timeout, verify)
    self._login = login or {}
    self._open = None
    self._lock = threading.Lock()

  def close(self):
    """Ends the connection; the next question opens another one."""
    with self._lock:
      self._drop()

  def query(self, text, language=None, at_least=None):
    """The answer as a DataFrame of pandas where that is installed, else as a
    dict of numpy arrays.

    `text`: q, or getdata when it begins with {; `language` says it: "qsql",
    "sql" or "getdata". `at_least`: a position that the answer must cover."""
    answer = self.ask(text, language, at_least)
    try:
      import pandas  # pylint: disable=unused-import,import-outside-toplevel
    except ImportError:
      return answer.to_numpy()
    return answer.to_pandas()

  def ask(self, text, language=None, at_least=None):
    """The same as an `Answer`, for other forms of it, and for its cut."""
    wishes = {"format": "arrow"}
    if language is not None:
      wishes["language"] = language
    if at_least is not None:
      wishes["at_least"] = str(at_least)
    headers, body = self._request(
      "POST", "/query?" + urllib.parse.urlencode(wishes), text.encode(),
      {"Content-Type": "text/plain; charset=utf-8"})
    for each in (told := headers.get_all("Millrace-Warning", [])):
      warnings.warn(each, MillraceWarning, stacklevel=3)
    return Answer(body, headers.get("Millrace-Cut", ""), told)

  def publish(self, table, rows, level="committed", origin=None, id=None):
    """Publishes rows: a DataFrame, or dicts by the names of columns; times
    without a zone are UTC. Gives the server's last answer, with all `rows`.

    `level` is what is waited for: "recorded", "synced" or "committed". Many
    rows are several requests: `published` of what is raised says how many are
    published for sure. `origin` and `id`, the client's own name and a number
    that grows by one, make it one request, which may be sent again."""
    named = {} if origin is None else {"origin": origin, "id": str(id)}
    path = "/publish?" + urllib.parse.urlencode(
      {"table": table, "level": level, **named})
    published, said = 0, {"table": table, "rows": 0, "level": level}
    for count, body in _bodies(rows, math.inf if named else PUBLISHED_BYTES):
      try:
        said = json.loads(self._request("POST", path, body, {},
                                        is_safe=bool(named))[1])
      except Exception as why:
        why.published = published
        raise
      published += count
    return dict(said, rows=published)

  def subscribe(self, table=None, stream=None, start="end"):
    """A `Subscription` to the rows of a table, or to all of a stream.

    `start`: "begin", "end", a position, or a time of publication."""
    if (table is None) == (stream is None):
      raise ValueError("what is followed is a table or a stream")
    what = {"table": table} if stream is None else {"stream": stream}
    return Subscription(
      self._opener,
      "/stream?" + urllib.parse.urlencode({"from": start, **what}),
      self._login)

  def status(self):
    """What all processes of the cluster say of themselves, a dict."""
    return json.loads(self._request("GET", "/status", None, {})[1])

  def _drop(self):
    if self._open:
      self._open.close()
    self._open = None

  def _request(self, method, path, body, headers, is_safe=True):
    """`is_safe`: it may be sent twice."""
    with self._lock:
      if not is_safe:
        self._drop()
      try:
        status, told, content = self._exchange(method, path, body, headers)
      except BaseException:
        self._drop()
        raise
    if status == 200:
      return told, content
    raise _refusal(status, content)

  def _exchange(self, method, path, body, headers):
    """Asks again when the server had ended a connection that was idle."""
    for is_new in (self._open is None, True):
      if self._open is None:
        self._open = self._opener()
      try:
        self._open.request(method, path, body, {**headers, **self._login})
        got = self._open.getresponse()
        return got.status, got.headers, got.read()
      except (http.client.RemoteDisconnected, ConnectionResetError,
              BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        self._drop()
        if is_new:
          raise
    raise AssertionError("not reached")


def _refusal(status, content):
  text = content.decode(errors="replace").strip()
  try:
    said = json.loads(text)
    return MillraceError(said["error"], said["text"], status)
  except (ValueError, KeyError, TypeError):
    return MillraceError("http", text, status)


class Subscription(_Closing):
  """Messages of a stream as they come: iterate over it, from one thread. Each
  is a dict; docs/http.md of the project has their types. `position` is where
  another one goes on. An end without `close` is a MillraceError."""

  def __init__(self, opener, path, login):
    self.position = None
    self._open = opener()
    try:
      self._open.request("GET", path, headers={"Accept": "text/event-stream",
                                              **login})
      self._got = self._open.getresponse()
      if self._got.status != 200:
        raise _refusal(self._got.status, self._got.read())
    except BaseException:
      self._open.close()
      raise

  def close(self):
    """No more of it."""
    self._open.close()
    self._got.close()

  def __iter__(self):
    return self

  def __next__(self):
    while True:
      message = self._message()
      self.position = message.get("position", self.position)
      if message["type"] in ("cut_off", "over"):
        self.close()
        raise MillraceError(message["type"], message.get("cause", ""))
      if message["type"] != "alive":
        return message

  def _message(self):
    """The data of the next server-sent event."""
    data = []
    while line := self._got.readline():
      line = line.rstrip(b"\r\n")
      if line.startswith(b"data:"):
        data.append(line[5:])
      elif not line and data:
        return json.loads(b"\n".join(data))
    self.close()
    raise MillraceError("closed", "the server ended the flow; go on with "
                        f"start={self.position!r}")


def _span_text(span):
  """A timedelta64 as q writes it."""
  count = int(span.astype("<m8[ns]").astype("<i8"))
  seconds, rest = divmod(abs(count), 10**9)
  return (f"{'-' if count < 0 else ''}{seconds // 86_400}D"
          f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:"
          f"{seconds % 60:02}.{rest:09}")


def _published(value):
  """A value as JSON has it."""
  if value is None or value != value:  # NaN, NaT.
    return None
  if hasattr(value, "to_timedelta64"):  # pandas'
    value = value.to_timedelta64()
  elif isinstance(value, datetime.timedelta):
    value = numpy.timedelta64(value)
  if isinstance(value, numpy.timedelta64):
    return _span_text(value)
  if isinstance(value, numpy.datetime64):
    return f"{value}Z" if value.dtype != "<M8[D]" else str(value)
  if isinstance(value, numpy.generic):
    value = value.item()
  if isinstance(value, datetime.datetime):
    return value.isoformat() + ("" if value.tzinfo else "Z")
  if isinstance(value, (bool, str)):
    return value
  if isinstance(value, int):
    return value if abs(value) <= 1 << 53 else str(value)
  if isinstance(value, float):  # As pandas has whole numbers and nulls.
    return (("inf" if value > 0 else "-inf") if math.isinf(value)
            else int(value) if value.is_integer() and value else value)
  return str(value)  # Dates, times of day, UUIDs.


def _bodies(rows, bytes_max):
  """Lines of JSON, cut into (rows, bytes)."""
  if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
    # NA of pandas is neither equal to itself nor different.
    rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
  lines, size = [], 0
  for row in rows:
    line = json.dumps({name: _published(value) for name, value in row.items()},
                      allow_nan=False).encode() + b"\n"
    if lines and size + len(line) > bytes_max:
      yield len(lines), b"".join(lines)
      lines, size = [], 0
    lines.append(line)
    size += len(line)
  if lines:
    yield len(lines), b"".join(lines)


class Answer:
  """Rows, and what is known of them: `names` of columns, `row_count`, `cut`
  (what they are of), `warnings` (why rows may be missing), and `arrow`, the
  stream of Arrow's IPC format that came."""

  def __init__(self, arrow, cut="", told=()):
    self.arrow = arrow
    self.cut = cut
    self.warnings = list(told)
    self._columns = _read_stream(arrow)
    self.names = [column.name for column in self._columns]
    self.row_count = sum(rows for column in self._columns[:1]
                         for rows, _ in column.parts)

  def __len__(self):
    return self.row_count

  def to_numpy(self):
    """A dict of arrays, by column. Nulls: NaN, NaT, None; whole numbers are a
    masked array when there are some."""
    return {column.name: column.to_numpy() for column in self._columns}

  def to_pandas(self):
    """A DataFrame: symbols as categories, timestamps in UTC, whole numbers with
    nulls as pandas' nullable ones."""
    import pandas  # pylint: disable=import-outside-toplevel
    return pandas.DataFrame({column.name: column.to_pandas(pandas)
                             for column in self._columns})

  def to_polars(self):
    """A DataFrame of polars, by its own reader."""
    import polars  # pylint: disable=import-outside-toplevel
    return polars.read_ipc_stream(self.arrow)

  def to_pyarrow(self):
    """A Table of pyarrow, by its own reader."""
    import pyarrow.ipc  # pylint: disable=import-outside-toplevel
    return pyarrow.ipc.open_stream(self.arrow).read_all()


# Arrow's IPC stream, as far as Millrace writes it: messages, each a FlatBuffer
# and a body of buffers. Tables' fields are meant by their places in Arrow's
# schemas, Message.fbs and Schema.fbs.

_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_INTEGER, _FLOATING, _UTF8, _BOOLEAN, _DATE = 2, 3, 5, 6, 8
_TIMESTAMP, _FIXED_BYTES, _DURATION = 10, 15, 18
_UNITS = "s", "ms", "us", "ns"


def _damaged(what):
  return MillraceError("malformed_message", f"the answer is damaged: {what}")


class _Table:
  """A table of a FlatBuffer."""

  def __init__(self, data, at):
    self._data = data
    self._at = at
    self._fields = at - struct.unpack_from("<i", data, at)[0]
    self._end = struct.unpack_from("<H", data, self._fields)[0]

  def _place(self, field):
    slot = 4 + 2 * field
    if slot >= self._end:
      return 0
    offset = struct.unpack_from("<H", self._data, self._fields + slot)[0]
    return offset and self._at + offset

  def number(self, field, form, default=0):
    place = self._place(field)
    return struct.unpack_from("<" + form, self._data, place)[0] if place \
      else default

  def _target(self, field):
    place = self._place(field)
    return place and place + struct.unpack_from("<I", self._data, place)[0]

  def table(self, field):
    place = self._target(field)
    return _Table(self._data, place) if place else None

  def vector(self, field):
    """Where it begins, and how many it has."""
    place = self._target(field)
    if not place:
      return 0, 0
    return place + 4, struct.unpack_from("<I", self._data, place)[0]

  def text(self, field):
    begin, count = self.vector(field)
    return bytes(self._data[begin:begin + count]).decode()

  def tables(self, field):
    begin, count = self.vector(field)
    for at in range(begin, begin + 4 * count, 4):
      yield _Table(self._data, at + struct.unpack_from("<I", self._data, at)[0])

  def pairs(self, field):
    """A vector of structs of two 64-bit numbers."""
    begin, count = self.vector(field)
    return [struct.unpack_from("<qq", self._data, begin + 16 * i)
            for i in range(count)]


class _Batch:
  """The buffers of one batch, taken one after the other."""

  def __init__(self, table, data, body):
    self._data = data
    self._body = body
    self.rows = table.number(0, "q")
    self._nodes = iter(table.pairs(1))
    self._buffers = iter(table.pairs(2))

  def values(self, form, count):
    offset, length = next(self._buffers)
    form = numpy.dtype(form)
    if length < count * form.itemsize:
      raise _damaged("a column is shorter than its rows")
    return numpy.frombuffer(self._data, form, count, self._body + offset)

  def bits(self, count):
    packed = self.values("u1", (count + 7) // 8)
    return numpy.unpackbits(packed, count=count, bitorder="little").view(bool)

  def nulls(self):
    """A mask of the null rows of the next column; None: there are none."""
    rows, nulls = next(self._nodes)
    if rows != self.rows:
      raise _damaged("a column has other rows than its batch")
    if nulls == 0:
      next(self._buffers)
      return None
    return ~self.bits(rows)

  def texts(self, count):
    ends = self.values("<i4", count + 1).tolist()
    whole = bytes(self.values("u1", ends[-1]))
    return [whole[begin:end].decode() for begin, end in zip(ends, ends[1:])]


class _Column:
  """A column, and its values of each batch: (rows, what `take` made)."""

  def __init__(self, field):
    self.name = field.text(0)
    self.parts = []
    encoding = field.table(4)
    self.dictionary = encoding.number(0, "q") if encoding else None
    self._kind = field.number(2, "B")
    self._form = self._form_of(field.table(3))

  def _form_of(self, facts):
    kind = self._kind
    if self.dictionary is not None or kind == _UTF8:
      return "O"
    if kind == _INTEGER and facts.number(0, "i") in (8, 16, 32, 64):
      sign = "i" if facts.number(1, "B") else "u"
      return f"<{sign}{facts.number(0, 'i') // 8}"
    if kind == _FLOATING and facts.number(0, "h") in (1, 2):
      return f"<f{4 * facts.number(0, 'h')}"
    if kind == _BOOLEAN:
      return "?"
    if kind == _DATE and facts.number(0, "h", 1) == 0:
      return "<M8[D]"
    if kind == _TIMESTAMP:
      return f"<M8[{_UNITS[facts.number(0, 'h')]}]"
    if kind == _DURATION:
      return f"<m8[{_UNITS[facts.number(0, 'h', 1)]}]"
    if kind == _FIXED_BYTES and facts.number(0, "i") == 16:
      return "O"
    raise _damaged(f"column '{self.name}' has a type that is not known here")

  def take(self, batch, dictionaries):
    self.parts.append((batch.rows, self._values(batch, batch.rows,
                                                batch.nulls(), dictionaries)))

  def _values(self, batch, rows, nulls, dictionaries):
    if self.dictionary is not None:
      codes = batch.values("<i4", rows)
      entries = dictionaries.get(self.dictionary, [])
      if rows and not 0 <= codes.min() <= codes.max() < len(entries):
        raise _damaged(f"column '{self.name}' has a symbol that was not told")
      return (codes if nulls is None else numpy.where(nulls, -1, codes),
              entries)
    if self._kind == _UTF8:
      made = numpy.empty(rows, object)
      made[:] = batch.texts(rows)
    elif self._kind == _FIXED_BYTES:
      every = bytes(batch.values("u1", 16 * rows))
      made = numpy.empty(rows, object)
      made[:] = [uuid.UUID(bytes=every[16 * i:16 * i + 16])
                 for i in range(rows)]
    elif self._kind == _BOOLEAN:
      return batch.bits(rows)
    elif self._kind == _DATE:
      made = batch.values("<i4", rows).astype("<M8[D]")
    else:
      made = batch.values(self._form, rows)
    if nulls is None:
      return made
    if self._kind == _INTEGER:
      return numpy.ma.MaskedArray(made, nulls)
    absent = {"O": None, "f": "nan"}.get(made.dtype.kind, "NaT")
    return numpy.where(nulls, numpy.array(absent, made.dtype), made)

  def _joined(self):
    made = [values for _, values in self.parts]
    if not made:
      return numpy.empty(0, self._form)
    if len(made) == 1:
      return made[0]
    if any(isinstance(each, numpy.ma.MaskedArray) for each in made):
      return numpy.ma.concatenate(made)
    return numpy.concatenate(made)

  def _symbols(self):
    """Codes of all rows, -1 for null, and the texts that they stand for. Each
    batch may have had a dictionary of its own."""
    known = {}
    made = []
    last, new_codes = None, None
    for _, (codes, entries) in self.parts:
      if entries is not last:
        new_codes = numpy.array(
          [known.setdefault(each, len(known)) if each else -1
           for each in entries] + [-1], "<i4")
        last = entries
      made.append(new_codes[codes])
    whole = numpy.concatenate(made) if made else numpy.empty(0, "<i4")
    return whole, list(known)

  def to_numpy(self):
    if self.dictionary is None:
      return self._joined()
    codes, texts = self._symbols()
    return numpy.array([*texts, None], object)[codes]

  def to_pandas(self, pandas):
    if self.dictionary is not None:
      return pandas.Categorical.from_codes(*self._symbols())
    values = self._joined()
    if isinstance(values, numpy.ma.MaskedArray):
      return pandas.arrays.IntegerArray(
        values.data, numpy.ma.getmaskarray(values))
    if values.dtype.kind not in "mM":
      return values
    form = f"<{values.dtype.kind}8[ns]"
    exact = values.astype(form)
    if not ((exact.astype(values.dtype) == values)
            | numpy.isnat(values)).all():
      raise OverflowError(f"column '{self.name}' has times that pandas cannot "
                          "hold; ask for numpy's")
    if self._kind == _TIMESTAMP:
      return pandas.DatetimeIndex(exact).tz_localize("UTC")
    return exact


def _messages(data):
  """Each message: its kind, its table, and where its body begins."""
  at = 0
  while True:
    if at + 8 > len(data):
      raise _damaged("it does not end")
    mark, length = struct.unpack_from("<II", data, at)
    if mark != 0xFFFFFFFF:
      raise _damaged(f"no message begins at byte {at}")
    at += 8
    if length == 0:
      return
    if at + length > len(data):
      raise _damaged("the cluster could not send all of it")
    message = _Table(data, at + struct.unpack_from("<I", data, at)[0])
    at += length
    body, at = at, at + message.number(3, "q")
    if at > len(data):
      raise _damaged("it ends within a message")
    yield message.number(1, "B"), message.table(2), body


def _read_stream(data):
  """The columns of a stream."""
  columns = []
  dictionaries = {}
  try:
    for kind, table, body in _messages(data):
      if kind == _SCHEMA:
        columns = [_Column(field) for field in table.tables(1)]
      elif kind == _DICTIONARY:
        batch = _Batch(table.table(1), data, body)
        batch.nulls()
        # In the place of the one before it.
        dictionaries[table.number(0, "q")] = batch.texts(batch.rows)
      elif kind == _BATCH:
        batch = _Batch(table, data, body)
        for column in columns:
          column.take(batch, dictionaries)
  # What lacks a part, or points beyond its end.
  except (struct.error, StopIteration, ValueError, LookupError, TypeError,
          AttributeError) as why:
    raise _damaged(why) from why
  return columns
