#!/usr/bin/env python3
"""Answers as Arrow, from the command line and the HTTP port of real nodes, read
by the module for Python, with pandas where Debian's is installed, and by
apache-arrow where npm has it. Needs no data of others."""

import datetime
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import uuid
import warnings

import millrace_cluster as mill

try:
  import numpy
except ImportError:
  print("skipped: there is no numpy (python3-numpy)")
  sys.exit(mill.SKIP)
try:
  import pandas
except ImportError:
  pandas = None

sys.path.insert(0, str(mill.REPOSITORY / "nodes" / "python"))
import millrace  # pylint: disable=wrong-import-position

COLUMNS = [
  "time:timestamp", "sym:symbol", "b:boolean", "x:byte", "h:short", "i:int",
  "j:long", "e:real", "f:float", "c:char", "s:symbol", "m:month", "d:date",
  "n:timespan", "u:minute", "v:second", "t:time", "words:string", "g:guid"]
GUID = "00112233-4455-6677-8899-aabbccddeeff"
KINDS = [
  {"time": "2013-10-08T09:30:00.123456789Z", "sym": "AIG", "b": True, "x": 255,
   "h": -5, "i": 42, "j": "9007199254740993", "e": 0.5, "f": 0.1, "c": "q",
   "s": "Zoë", "m": "2013-10", "d": "2013-10-08",
   "n": "1D09:30:00.000000001", "u": "09:30", "v": "09:30:01",
   "t": "09:30:00.123", "words": "two words, ä", "g": GUID},
  {"time": "2013-10-08T09:30:01Z", "sym": "IBM"}]
CLOCK = 9 * 3600 + 30 * 60
# As Arrow holds them; nulls in the second row but for what has none.
HELD = {
  "time": [1_381_224_600_123_456_789, 1_381_224_601_000_000_000],
  "sym": ["AIG", "IBM"], "b": [True, False], "x": [255, 0], "h": [-5, None],
  "i": [42, None], "j": [9007199254740993, None], "e": [0.5, None],
  "f": [0.1, None], "c": ["q", None], "s": ["Zoë", None],
  "m": [15_979, None], "d": [15_986, None],
  "n": [86_400_000_000_000 + CLOCK * 10**9 + 1, None], "u": [CLOCK, None],
  "v": [CLOCK + 1, None], "t": [CLOCK * 1000 + 123, None],
  "words": ["two words, ä", ""], "g": [GUID, None]}
ROWS = 200_000
DISTINCT = 90_000  # Symbols: more than a dictionary is carried along with.
EVERY_ROW = {"tablename": "trade", "starttime": "2024-01-01",
             "endtime": "2024-01-03", "columns": ["time", "sym", "size"]}

# Prints the columns of a stream: numbers and times as they are in its buffers.
READER = """
const { RecordBatchReader } = require("apache-arrow");
const fs = require("fs");
const raw = (data, i) => {
  const v = data.values[i];
  return typeof v === "bigint" ? Number.isSafeInteger(Number(v)) ? Number(v)
                                                                 : `${v}` : v;
};
const hex = bytes => Buffer.from(bytes).toString("hex");
const reader = RecordBatchReader.from(fs.readFileSync(0)).open();
const out = {batches: [], columns: {},
             names: reader.schema.fields.map(f => `${f.name}: ${f.type}`)};
for (const batch of reader) {
  out.batches.push(batch.numRows);
  for (const [c, field] of batch.schema.fields.entries()) {
    const column = batch.getChildAt(c);
    const plain = /^(Int|Float|Date|Timestamp|Duration)/.test(`${field.type}`);
    const to = out.columns[field.name] ??= [];
    for (let i = 0; i < batch.numRows; ++i)
      to.push(!column.isValid(i) ? null : plain ? raw(column.data[0], i)
              : /^Fixed/.test(`${field.type}`) ? hex(column.get(i))
              : column.get(i));
  }
}
console.log(JSON.stringify(out));
"""


def own_rows():
  for i in range(ROWS):
    yield {"time": f"2024-01-02T{i // 36_000:02}:{i // 600 % 60:02}:"
                   f"{i // 10 % 60:02}.{i % 10}Z",
           "sym": f"S{i % DISTINCT}", "size": i}


class apache_arrow:
  """The reader of Arrow's own project, in JavaScript."""

  def __init__(self, folder):
    self._folder = folder
    (pathlib.Path(folder) / "read.js").write_text(READER)

  def fails(self, stream):
    return self._run(stream).returncode != 0

  def read(self, stream):
    done = self._run(stream)
    mill.check(done.returncode == 0, done.stderr[-2000:])
    return json.loads(done.stdout)

  def _run(self, stream):
    return subprocess.run(["node", "read.js"], cwd=self._folder, input=stream,
                          capture_output=True, timeout=120, check=False)


def installed_reader(folder):
  """None, and a word on why, where npm has none."""
  if not shutil.which("npm") or not shutil.which("node"):
    print("  not read by apache-arrow: there is no npm")
    return None
  done = subprocess.run(
    ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund",
     "--loglevel=error", "apache-arrow@21.2.0"], cwd=folder, text=True,
    capture_output=True, timeout=120, check=False)
  if done.returncode != 0:
    print("  not read by apache-arrow: npm has none:", done.stderr[-200:])
    return None
  return apache_arrow(folder)


def from_command(made, *words):
  done = subprocess.run([made.binary, "query", *words, "-o", "arrow"],
                        env=made.environment(), capture_output=True,
                        timeout=120, check=False)
  mill.check(done.returncode == 0, done.stderr)
  return done.stdout


def plain(values):
  """What `Answer` gives, as HELD has it."""
  if values.dtype.kind in "mM":
    absent = numpy.isnat(values)
    values = numpy.ma.MaskedArray(values.astype("<i8"), absent)
  return [None if each is None or each != each
          else str(each) if isinstance(each, uuid.UUID) else each
          for each in values.tolist()]


def every_type(made, client, reader):
  made.run("pub", "--stream", "market", "--table", "kinds",
           text="".join(json.dumps(row) + "\n" for row in KINDS))
  mill.wait_until(lambda: len(client.ask("select from kinds")) == 2, 30,
                  "two rows")
  answer = client.ask("select from kinds")
  stream = from_command(made, "select from kinds")
  mill.check(stream == answer.arrow, "command line and HTTP differ")
  got = {name: plain(each) for name, each in answer.to_numpy().items()}
  got = {name: got[name] for name in HELD}
  mill.check(got == HELD, got)
  mill.check("upper=" in answer.cut and not answer.warnings, answer.cut)
  if not reader:
    return
  read = reader.read(stream)
  # It has numbers as doubles, and bytes as they are.
  wanted = dict(HELD, g=[GUID.replace("-", ""), None],
                j=["9007199254740993", None],
                time=[str(each) for each in HELD["time"]])
  columns = {name: read["columns"][name] for name in wanted}
  mill.check(columns == wanted, columns)
  for name in ("time: Timestamp<NANOSECOND, UTC>", "i: Int32", "x: Uint8",
               "sym: Dictionary<Int32, Utf8>", "d: Date32<DAY>", "e: Float32",
               "n: Duration<NANOSECOND>", "t: Duration<MILLISECOND>"):
    mill.check(name in read["names"], name, read["names"])


def no_rows(made, client, reader):
  text = "select from kinds where i > 1000"
  answer = client.ask(text)
  mill.check(len(answer) == 0 and set(answer.names) == set(HELD), answer.names)
  mill.check(answer.to_numpy()["time"].dtype == "<M8[ns]", answer.to_numpy())
  if pandas:
    mill.check(client.query(text).shape == (0, len(HELD)), client.query(text))
  if reader:
    read = reader.read(from_command(made, text))
    mill.check(sum(read["batches"]) == 0 and len(read["names"]) == len(HELD), read)


def many_rows(made, client, reader):
  made.run("pub", "--stream", "market", "--table", "trade", seconds=300,
           text="".join(json.dumps(row) + "\n" for row in own_rows()))
  mill.wait_until(
    lambda: client.ask("select n:count i from trade").to_numpy()["n"][0] == ROWS,
    120, "all rows")
  wanted = {"time": [], "sym": [], "size": []}
  for i in range(ROWS):  # Ten a second.
    wanted["time"].append(1_704_153_600_000_000_000 + i * 100_000_000)
    wanted["sym"].append(f"S{i % DISTINCT}")
    wanted["size"].append(i)
  answer = client.ask(json.dumps(EVERY_ROW))
  columns = answer.to_numpy()
  order = numpy.argsort(columns["size"], kind="stable")
  for name, values in wanted.items():
    mill.check(plain(columns[name][order]) == values, name)
  if reader:
    read = reader.read(from_command(made, json.dumps(EVERY_ROW)))
    mill.check(max(read["batches"]) == 65_536, read["batches"])
    got = read["columns"]
    order = sorted(range(ROWS), key=got["size"].__getitem__)
    for name, values in wanted.items():
      mill.check([int(got[name][i]) if name == "time" else got[name][i]
                  for i in order] == values, "apache-arrow:", name)
  if pandas:
    frame = client.query(json.dumps(EVERY_ROW)).sort_values("size")
    mill.check(str(frame.dtypes["time"]) == "datetime64[ns, UTC]"
               and str(frame.dtypes["sym"]) == "category"
               and frame["sym"].tolist() == wanted["sym"], frame.dtypes)


def frames(_, client, __):
  """Every type in pandas."""
  if not pandas:
    print("  skipped: there is no pandas (python3-pandas)")
    return
  frame = client.query("select from kinds")
  mill.check(frame["time"][0]
             == pandas.Timestamp("2013-10-08T09:30:00.123456789Z"), frame.time)
  mill.check(frame["d"][0] == pandas.Timestamp("2013-10-08")
             and frame["t"][0] == pandas.Timedelta(CLOCK * 1000 + 123, "ms")
             and frame["j"][0] == 9007199254740993
             and str(frame.dtypes["j"]) == "Int64", frame.dtypes)
  nulls = frame.loc[1].isna()
  # Of the types that have none, and a text that is empty.
  mill.check(set(nulls.index[~nulls]) == {"time", "sym", "b", "x", "words"},
             nulls)
  extreme = millrace.Answer(
    (mill.REPOSITORY / "tests/data/query/every_type.arrow").read_bytes())
  mill.check(extreme.to_numpy()["s"].tolist()
             == ["AIG", 'ä"\\,\n\x01\ufffd', None], extreme.to_numpy()["s"])
  try:
    extreme.to_pandas()
  except OverflowError as why:
    mill.check("column 'm'" in str(why), why)
  else:
    raise mill.failure("pandas holds no infinite month")
  sums = client.query("select sum x by sym from kinds", language="qsql")
  mill.check(dict(zip(sums["sym"], sums["x"])) == {"AIG": 255, "IBM": 0}, sums)


def refused(what, code):
  try:
    what()
  except millrace.MillraceError as why:
    mill.check(why.code == code, why)
    return why
  raise mill.failure(f"it should be refused: {code}")


def next_rows(flow):
  while (message := next(flow))["type"] != "rows":
    pass
  return message["rows"]


def streams(_, client, __):
  """What Python publishes comes to those who follow, and to queries."""
  row = dict(KINDS[0], time=numpy.datetime64("2013-10-08T09:30:00.123456789"),
             d=datetime.date(2013, 10, 8), g=uuid.UUID(GUID), h=numpy.int16(-5),
             n=numpy.timedelta64(86_400_000_000_000 + CLOCK * 10**9 + 1, "ns"),
             j=9007199254740993)
  later = {"time": datetime.datetime(2013, 10, 8, 9, 30, 1), "sym": "IBM",
           "f": float("nan"), "i": None}
  with client.subscribe("echo") as flow:
    said = client.publish("echo", [row, later], origin="py", id=1)
    got = next_rows(flow)
    mill.check([each["sym"] for each in got] == ["AIG", "IBM"]
               and got[0]["g"] == GUID, got)
    again = client.publish("echo", [row, later], origin="py", id=1)
    mill.check(again.get("duplicate") and said["rows"] == 2, said, again)
    answer = client.ask("select from echo", at_least=said["end"])
    held = {name: plain(each) for name, each in answer.to_numpy().items()}
    mill.check({name: held[name] for name in HELD} == HELD, held)
    place = flow.position
    if pandas:
      frame = pandas.DataFrame([
        {"time": pandas.Timestamp(KINDS[0]["time"]), "sym": "AIG", "f": 0.1,
         "i": 42, "n": pandas.Timedelta(KINDS[0]["n"].replace("D", "D "))},
        {"time": pandas.Timestamp(KINDS[1]["time"]), "sym": "IBM"}])
      client.publish("echo", frame)
      wanted = [{name: row[name] for name in frame} for row in got]
      with client.subscribe("echo", start=place) as more:
        for each in (flow, more):
          mill.check([{name: row[name] for name in frame}
                      for row in next_rows(each)] == wanted, wanted)
  rows = [dict(later, i=i) for i in range(12_000)]
  said = client.publish("echo", rows)
  got = client.ask("select n:sum i from echo", at_least=said["end"]).to_numpy()
  mill.check(said["rows"] == len(rows)
             and got["n"][0] == sum(range(12_000)) + 42 * (2 if pandas else 1),
             said, got)
  why = refused(lambda: client.publish("echo", [{"sym": "A", "size": 1}]),
                "bad_data")
  mill.check(why.published == 0, why)
  refused(lambda: client.subscribe("nothing"), "not_found")


def any_damage(stream):
  """A damaged stream is read or refused, nothing else."""
  draw = random.Random(1)
  for _ in range(600):
    bad = bytearray(stream)
    for _ in range(draw.choice([1, 1, 2, 4])):
      at = draw.randrange(len(bad))
      bad[at] = draw.choice([0, 255, bad[at] ^ 1 << draw.randrange(8)])
    try:
      millrace.Answer(bytes(bad)).to_numpy()
    except millrace.MillraceError as why:
      mill.check(why.code == "malformed_message", why)


def faults(made, client, reader):
  why = refused(lambda: client.query("select prise from trade"),
                "not_found")
  mill.check(why.status == 400 and "prise" in why.text, why)
  refused(lambda: client.query("select 1", language="french"),
          "invalid_argument")
  stream = client.ask("select from kinds").arrow
  # Wherever it is cut, it is not taken for whole.
  for size in range(0, len(stream), 5):
    refused(lambda cut=size: millrace.Answer(stream[:cut]),
            "malformed_message")
  cut_off = stream[:-8] + b"\xff\xff\xff\xff\x10" + bytes(11)
  refused(lambda: millrace.Answer(cut_off), "malformed_message")
  mill.check(not reader or reader.fails(cut_off), "it was taken for whole")
  any_damage(stream)
  try:
    millrace.connect("localhost:8080")
  except ValueError as why:
    mill.check("http://HOST:PORT" in str(why), why)
  else:
    raise mill.failure("an address without a scheme")
  # The server ends its connection, and the question comes again on another.
  made.kill("web")
  made.up("web")
  mill.wait_until(lambda: client.status()["nodes"], 10, "status")
  mill.check(len(client.query("select from kinds")) in (2, len(HELD)), "again")


def answers(binary):
  warnings.simplefilter("error")
  port = mill.free_ports(1)[0]
  extra = f"port = {port}\npublish = [\"market\"]\n"
  for table in ("kinds", "echo"):
    extra += f"[[table]]\nname = \"{table}\"\nstream = \"market\"\n" \
             f"columns = {json.dumps(COLUMNS)}\n"
  nodes = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "gw1"],
           "web": ["web"]}
  with tempfile.TemporaryDirectory(prefix="millrace-arrow-") as folder, \
       mill.cluster(binary, nodes, extra, roles=[*mill.ROLES, ("web", "http")]
                    ) as made:
    reader = installed_reader(folder)
    made.up()
    with millrace.connect(f"http://127.0.0.1:{port}") as client:
      for each in (every_type, no_rows, frames, streams, many_rows, faults):
        with mill.part(each.__name__):
          each(made, client, reader)


if __name__ == "__main__":
  mill.main([answers])
