#!/usr/bin/env python3
"""Databases of kdb+ and files of Parquet: loaded, exported, and the same again.

The database that kdb+ wrote is data of others, without which its part says so;
DuckDB comes from npm, where there is one."""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import millrace_cluster as mill

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
  {"time": "2013-10-08T09:30:01Z", "sym": "IBM"},
  {"time": "2013-10-08T09:30:02Z", "sym": "AIG", "words": "later", "f": -1.5,
   "s": "n2"},
  {"time": "2013-10-09T09:30:02Z", "sym": "AIG", "j": 7, "words": "next"}]
ALL = {"tablename": "kind", "starttime": "2013-10-08T00:00:00",
       "endtime": "2013-10-10T00:00:00", "ordering": [["asc", "time"]]}
NODES = {"node": ["discovery1", "rt1", "rdb1", "hdb1", "gw1"]}


def kind_table(columns=COLUMNS):
  return (f'[[table]]\nname = "kind"\nstream = "market"\n'
          f'columns = {json.dumps(columns)}\n')


def hdb_of(made):
  return made.directory / "data" / "hdb"


def one_line(done):
  return json.loads(done.stdout)


def made_cluster(binary, extra):
  return mill.cluster(binary, NODES, extra)


def write_down(made, rows):
  made.run("pub", "--stream", "market", "--table", "kind",
           text="".join(json.dumps(row) + "\n" for row in rows))
  made.end_period("2013-10-09")


class duckdb:
  """DuckDB of npm, in a folder of its own."""
  SCRIPT = """
import { DuckDBInstance } from "@duckdb/node-api";
const made = await (await DuckDBInstance.create(":memory:")).connect();
const out = [];
for (const each of process.argv.slice(2))
  out.push((await made.runAndReadAll(each)).getRowObjectsJson());
console.log(JSON.stringify(out));
"""

  def __init__(self, folder):
    self._folder = folder
    (pathlib.Path(folder) / "ask.mjs").write_text(self.SCRIPT)

  def ask(self, *questions):
    done = subprocess.run(["node", "ask.mjs", *questions], cwd=self._folder,
                          capture_output=True, text=True, timeout=120,
                          check=False)
    mill.check(done.returncode == 0, done.stderr[-2000:])
    return json.loads(done.stdout)


def installed_duckdb(folder):
  if not shutil.which("npm") or not shutil.which("node"):
    print("  not read by DuckDB: there is no npm")
    return None
  done = subprocess.run(
    ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund",
     "--loglevel=error", "@duckdb/node-api@1.5.6-r.1"], cwd=folder, text=True,
    capture_output=True, timeout=240, check=False)
  if done.returncode != 0:
    print("  not read by DuckDB: npm has none:", done.stderr[-200:])
    return None
  return duckdb(folder)


def kdb_directory():
  base = os.environ.get("MILLRACE_SHARED_DATA")
  path = (pathlib.Path(base) if base
          else mill.REPOSITORY.parent / "shared" / "data") / "kdb_hdb" / "hdb"
  if not path.is_dir():
    print(f"  skipped: no database of kdb+ in {path}; set MILLRACE_SHARED_DATA")
    return None
  return path


def a_database_that_kdb_wrote_is_served(binary):
  source = kdb_directory()
  if source is None:
    return
  with made_cluster(binary, "") as made:
    text = made.path.read_text()
    # The tables that it proposes take the place of those of the test.
    begin = text.index("[[table]]")
    hint = made.run("layout", source, code=64)
    mill.check(f"load --kdb {source} --print-table" in hint.stderr, hint.stderr)
    tables = made.run("load", "--kdb", source, "--print-table", "trade",
                      "quote").stdout
    made.path.write_text(text[:begin] + tables
                         + text[text.index("[[node]]"):])
    dry = made.run("load", "--kdb", source, "--dry-run", "trade", "-o", "json")
    mill.check(one_line(dry)["rows"] == 196_519, dry.stdout)
    mill.check(not hdb_of(made).exists(), "a dry run wrote")
    made.up()
    done = made.run("load", "--kdb", source, "trade", "quote", "-o", "json")
    loaded = [json.loads(each) for each in done.stdout.splitlines()]
    mill.check([each["rows"] for each in loaded] == [196_519, 344_455], loaded)
    mill.check(loaded[0]["served_by"] == ["hdb1"], loaded)
    rows = made.query({
      "tablename": "trade", "starttime": "2015-01-07T00:00:00",
      "endtime": "2015-01-08T00:00:00", "grouping": ["sym"],
      "aggregations": {"sum": ["price", "size"], "count": "sym",
                       "first": "time", "last": "price"}})
    mill.check(len(rows) == 10, rows)
    mill.check(sum(row["sumSize"] for row in rows) == 9_639_450, rows)
    mill.check(sum(row["countSym"] for row in rows) == 196_519, rows)
    again = made.run("load", "--kdb", source, "trade", "quote")
    mill.check("already loaded" in again.stderr, again.stderr)
    again = one_line(made.run("load", "--kdb", source, "--dry-run", "trade",
                              "-o", "json"))
    mill.check(again["rows"] == 0 and all(
      part["rows"] == part["already_loaded"] for part in again["parts"]), again)
    missing = made.run("load", "--kdb", source, "trade_iex", code=78)
    mill.check("--print-table trade_iex" in missing.stderr, missing.stderr)


def all_types_come_back_to_the_last_bit(binary):
  with made_cluster(binary, kind_table()) as made, \
       tempfile.TemporaryDirectory(prefix="millrace-") as folder:
    made.up()
    write_down(made, KINDS)
    before = made.query(ALL)
    mill.check(len(before) == len(KINDS), before)
    target = pathlib.Path(folder) / "kdb"
    done = one_line(made.run("hdb", "export", hdb_of(made), "--table", "kind",
                             "--kdb", target, "-o", "json"))
    mill.check(done["tables"] == {"kind": {"rows": 4, "partitions": 2}}, done)
    mill.check(sorted(each.name for each in target.iterdir())
               == ["2013.10.08", "2013.10.09", "sym"], list(target.iterdir()))
    refused = made.run("hdb", "export", hdb_of(made), "--kdb", target, code=73)
    mill.check("is there" in refused.stderr, refused.stderr)
    one_day = made.run("hdb", "export", hdb_of(made), "--from", "2013-10-09",
                       "--kdb", pathlib.Path(folder) / "day", "-o", "json")
    mill.check(one_line(one_day)["rows"] == 1, one_day.stdout)
    with made_cluster(binary, kind_table()) as other:
      other.up()
      other.run("load", "--kdb", target)
      mill.check(other.query(ALL) == before, other.query(ALL), before)
      second = pathlib.Path(folder) / "again"
      other.run("hdb", "export", hdb_of(other), "--kdb", second)
      mill.check(subprocess.run(["diff", "-r", target, second], check=False)
                 .returncode == 0, "it is not the same again")
      a_table_is_named_from_within(other, target)
      a_damaged_part_is_not_loaded(other, target, before)


def a_table_is_named_from_within(made, source):
  """Its date and symbols lie above it, whatever the path says."""
  part = source / "2013.10.08" / "kind"
  whole = made.run("load", "--kdb", part, "--dry-run", "-o", "json").stdout
  mill.check(json.loads(whole.splitlines()[-1]), whole)
  for name, place in (("kind", part.parent), (".", part), ("../kind/", part)):
    done = made.run("load", "--kdb", name, "--dry-run", "-o", "json", cwd=place)
    mill.check(done.stdout == whole, name, done.stdout, whole)


def a_damaged_part_is_not_loaded(made, source, before):
  column = source / "2013.10.09" / "kind" / "j"
  column.write_bytes(column.read_bytes()[:-1])
  done = made.run("load", "--kdb", source, "--replace", code=65)
  mill.check(f"{column}: byte 8: it has room for 0 of 1 values" in done.stderr,
             done.stderr)
  # The codes of the second row are beyond the symbols: seen after the first
  # date was read.
  column.write_bytes(column.read_bytes() + b"\0")
  codes = source / "2013.10.09" / "kind" / "s"
  codes.write_bytes(codes.read_bytes()[:-4] + struct.pack("<i", 9999))
  done = made.run("load", "--kdb", source, "--replace", code=65)
  mill.check(f"{codes}: byte 24: symbol 9999" in done.stderr, done.stderr)
  mill.check(made.query(ALL) == before, "rows of a damaged database came")


def parquet_is_read_by_duckdb(binary):
  with made_cluster(binary, kind_table()) as made, \
       tempfile.TemporaryDirectory(prefix="millrace-") as folder:
    made.up()
    write_down(made, KINDS)
    target = pathlib.Path(folder) / "parquet"
    done = one_line(made.run("hdb", "export", hdb_of(made), "--table", "kind",
                             "--parquet", target, "-o", "json"))
    mill.check(done["rows"] == 4 and done["files"] == 2, done)
    mill.check((target / "kind" / "date=2013-10-08"
                / "part-00000.parquet").is_file(), list(target.rglob("*")))
    reader = installed_duckdb(folder)
    if reader is None:
      return
    files = f"read_parquet('{target}/kind/*/*.parquet', hive_partitioning = 1)"
    types, rows = reader.ask(
      f"describe select * from {files}",
      f"select *, epoch_ns(time) as ns from {files} order by time")
    mill.check({each["column_name"]: each["column_type"] for each in types}
               == {"time": "TIMESTAMP_NS", "sym": "VARCHAR", "b": "BOOLEAN",
                   "x": "UTINYINT", "h": "SMALLINT", "i": "INTEGER",
                   "j": "BIGINT", "e": "FLOAT", "f": "DOUBLE", "c": "VARCHAR",
                   "s": "VARCHAR", "m": "DATE", "d": "DATE", "n": "BIGINT",
                   "u": "INTEGER", "v": "INTEGER", "t": "INTEGER",
                   "words": "VARCHAR", "g": "UUID", "date": "DATE"}, types)
    first, second = rows[0], rows[1]
    wanted = {
      "sym": "AIG", "b": True, "x": 255, "h": -5, "i": 42,
      "j": "9007199254740993", "e": 0.5, "f": 0.1, "c": "q", "s": "Zoë",
      "m": "2013-10-01", "d": "2013-10-08",
      "n": str((33 * 3600 + 1800) * 10**9 + 1), "u": 570, "v": 34_201,
      "t": 34_200_123, "words": "two words, ä", "g": GUID,
      "date": "2013-10-08", "ns": "1381224600123456789"}
    for name, value in wanted.items():
      mill.check(first[name] == value, name, first[name], value)
    for name in "h i j e f c s m d n u v t g".split():
      mill.check(second[name] is None, name, second[name])
    mill.check((second["b"], second["x"], second["words"])
               == (False, 0, ""), second)
    answers_are_the_same_rows(made, reader, folder, rows)


def answers_are_the_same_rows(made, reader, folder, rows):
  """As those that the export has, but for the partition's date."""
  for name, question in [("all", "`time xasc select from kind"),
                         ("none", "select from kind where sym=`NONE")]:
    with open(f"{folder}/{name}.parquet", "wb") as answer:
      done = subprocess.run(
        [made.binary, "query", question, "-o", "parquet"],
        env=made.environment(), stdout=answer, stderr=subprocess.PIPE,
        timeout=90, check=False)
    mill.check(done.returncode == 0, done.stderr)
  found, none = reader.ask(
    f"select *, epoch_ns(time) as ns from '{folder}/all.parquet'",
    f"select * from '{folder}/none.parquet'")
  for row in rows:
    del row["date"]
  mill.check(found == rows, found, rows)
  mill.check(none == [], none)


def an_interrupted_export_leaves_nothing(binary):
  with made_cluster(binary, kind_table()) as made, \
       tempfile.TemporaryDirectory(prefix="millrace-") as folder:
    target = pathlib.Path(folder) / "out"
    unfinished = pathlib.Path(folder) / "out.unfinished"
    made.up()
    write_down(made, KINDS)
    unfinished.mkdir()
    (unfinished / "mine").mkdir()
    done = made.run("hdb", "export", hdb_of(made), "--kdb", target, code=73)
    mill.check("cannot be told to be what an export left" in done.stderr,
               done.stderr)
    # What an export left that was killed has its lock, which nobody holds.
    (unfinished / "mine").rmdir()
    (unfinished / ".lock").write_text("process 1\n")
    (unfinished / "content" / "2024.01.02").mkdir(parents=True)
    done = made.run("hdb", "export", hdb_of(made), "--parquet", target)
    mill.check("had left, was removed" in done.stderr, done.stderr)
    mill.check(not unfinished.exists() and not (target / ".lock").exists(),
               list(target.iterdir()))
    mill.check(not (target / "2024.01.02").exists(), list(target.iterdir()))
    shutil.rmtree(target)
    # A pending signal is seen at the first step.
    child = made.start("hdb", "export", hdb_of(made), "--kdb", target)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    mill.check(child.returncode in (0, 130, -signal.SIGINT), child.returncode)
    mill.check(not unfinished.exists() or child.returncode == -signal.SIGINT,
               "it left something")
    mill.check(target.exists() == (child.returncode == 0), "it is half there")
    none = made.run("hdb", "export", hdb_of(made), "--parquet",
                    pathlib.Path(folder) / "none", "--table", "nobody", code=None)
    mill.check("no table 'nobody'" in none.stderr and none.returncode != 0,
               none.stderr)


if __name__ == "__main__":
  mill.main([a_database_that_kdb_wrote_is_served,
             all_types_come_back_to_the_last_bit, parquet_is_read_by_duckdb,
             an_interrupted_export_leaves_nothing])
