#!/usr/bin/env python3
"""Questions whose answers DuckDB gave (tests/data/query/duckdb, written by
scripts/duckdb-answers), over the same rows: three days in the hdb and one in the
rdb, then all in the hdb. In SQL, and in q and as a call of getdata where they are
questions there too. Values are equal, numbers with a point to 1e-9. Needs no data
of others, and no DuckDB. So are the forms of taq_forms.py, in q."""

import contextlib
import csv
import http.client
import json
import os
import pathlib
import re
import urllib.parse

import duckdb_questions as asked
import millrace_cluster as mill
import taq_forms

STORED = mill.REPOSITORY / "tests" / "data" / "query" / "duckdb"
DATA = pathlib.Path(os.environ.get("MILLRACE_DUCKDB_ANSWERS", STORED))
# Of /exec, whose times, spans and the like are texts.
KINDS = {"BOOLEAN": "boolean", "SHORT": "whole", "INT": "whole", "LONG": "whole",
         "FLOAT": "float", "DOUBLE": "float", "SYMBOL": "text", "DATE": "date",
         "TIMESTAMP_NS": "time", "VARCHAR": "text"}


def nanoseconds(text):
  """A timespan, as 0D00:00:00.000000000."""
  sign, days, hours, minutes, seconds, rest = re.fullmatch(
    r"(-?)(\d+)D(\d+):(\d+):(\d+)\.(\d{9})", text).groups()
  out = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
  return (-1 if sign else 1) * (out * 1_000_000_000 + int(rest))


def plain(value, kind):
  """A value of ours as DuckDB's stands in the file."""
  if value is None or value == "":
    return None
  if kind == "date":
    return value[:10]
  if kind == "time":
    mill.check(value.endswith("000Z"), "not in microseconds:", value)
    return re.sub(r"\.?0*$", "", value[:-1])
  if kind == "span":
    return nanoseconds(value) // 1000
  if kind == "whole":
    mill.check(isinstance(value, int), "not a whole number:", value)
  if kind == "float" and isinstance(value, int):
    return float(value)
  return value


def wanted_value(value, kind):
  return re.sub(r"\.0+$|(?<=\.\d{3})000$", "", value) if (
    kind == "time" and value is not None) else value


def key(row):
  """An order of rows that near numbers do not change."""
  return [(0, "") if value is None else
          (1, f"{value:.6g}") if isinstance(value, float) else (2, str(value))
          for value in row]


def equal(got, wanted):
  if isinstance(got, bool) or isinstance(wanted, bool):
    return got is wanted
  if isinstance(got, (int, float)) and isinstance(wanted, (int, float)):
    if isinstance(got, int) and isinstance(wanted, int):
      return got == wanted
    # Beside 0 DuckDB's own roundings show.
    return abs(got - wanted) <= max(1e-9 * max(abs(got), abs(wanted)), 1e-12)
  return got == wanted


def first_difference(got, wanted, is_ordered):
  """None, or two rows that are not alike."""
  if len(got) != len(wanted):
    return f"{len(got)} rows", f"{len(wanted)} rows"
  if not is_ordered:
    got, wanted = sorted(got, key=key), sorted(wanted, key=key)
  for mine, theirs in zip(got, wanted):
    if len(mine) != len(theirs) or not all(map(equal, mine, theirs)):
      return mine, theirs
  return None


class answers:
  """A cluster's port for HTTP, over one connection."""

  def __init__(self, port):
    self.made = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

  def ask(self, path, body=None):
    self.made.request("POST" if body else "GET", path, body)
    done = self.made.getresponse()
    text = done.read().decode()
    mill.check(done.status == 200, text)
    return json.loads(text)

  def sql(self, text, kinds):
    got = self.ask("/exec?query=" + urllib.parse.quote(text))
    mine = [KINDS[column["type"]] for column in got["columns"]]
    for place, (here, there) in enumerate(zip(mine, kinds)):
      # An interval is a text in this form of an answer.
      mill.check(here == there or (here, there) == ("text", "span"), "column",
                 place, "is of type", here, "and not", there)
    return got["dataset"]

  def rows(self, language, text):
    return [list(row.values())
            for row in self.ask("/query?language=" + language, text.encode())]


def check_rows(source, prefix, table):
  """That the file has the rows that the questions are made for."""
  columns = getattr(source, table.upper())
  with (DATA / f"{prefix}{table}.csv").open(newline="") as lines:
    stored = list(csv.reader(lines))
  made = [[column.split(":")[0] for column in columns]]
  made += [["" if value is None else str(value) for value in row]
           for day in source.DAYS for row in source.rows_of(table, day)]
  mill.check(stored == made, table, "is not as made; scripts/duckdb-answers")


def publish(made, prefix, table, day):
  lines = (DATA / f"{prefix}{table}.csv").read_text().splitlines()
  made.run("pub", "--stream", "market", "--table", table, "--format", "csv",
           text="\n".join([lines[0], *(line for line in lines[1:]
                                      if line.startswith(day))]) + "\n")


@contextlib.contextmanager
def rows_in_place(binary, source, prefix):
  """A cluster whose hdb has all days of a source but the last one, which is in
  the rdb, and its port."""
  mill.TRADE[:], mill.QUOTE[:] = source.TRADE, source.QUOTE
  for table in ("trade", "quote"):
    check_rows(source, prefix, table)
  port = mill.free_ports(1)[0]
  roles = [*mill.ROLES, ("web", "http")]
  with mill.cluster(binary, {"node": [name for name, _ in roles]},
                    roles=roles) as made:
    made.path.write_text(made.path.read_text().replace(
      'type = "http"\n', f'type = "http"\nport = {port}\n'))
    made.up()
    for day in source.DAYS:
      publish(made, prefix, "trade", day)
      publish(made, prefix, "quote", day)
      if day != source.DAYS[-1]:
        made.end_period(day)
    of = answers(port)
    counts = of.rows("sql", "select count(*) from trade")
    mill.check(counts == [[source.ROWS * len(source.DAYS)]], "rows:", counts)
    yield made, of


def questions_of(name):
  lines = (DATA / name).read_text().splitlines()
  return [json.loads(line) for line in lines]


def difference(of, question):
  """None, or what is not as DuckDB says, in one of the languages."""
  kinds = question["types"]
  wanted = [list(map(wanted_value, row, kinds)) for row in question["rows"]]
  for language in ("sql", "q", "getdata"):
    if language not in question:
      continue
    text = question[language]
    try:
      if language == "sql":
        got = of.sql(text, kinds)
      elif language == "q":
        got = of.rows("qsql", text)
      else:
        got = of.rows("getdata", json.dumps(text))
      got = [list(map(plain, row, kinds)) for row in got]
    except mill.failure as why:
      return f"{language}: {text}\n  {why}"
    found = first_difference(got, wanted, question.get("is_ordered", False))
    if found:
      return (f"{language}: {text}\n  here  {found[0]}\n  there {found[1]}")
  return None


def check_answers(of, questions, where):
  faults = []
  for question in questions:
    fault = difference(of, question)
    if fault:
      faults.append(f"{question['kind']}: {fault}")
  mill.check(not faults, f"{where}: {len(faults)} of {len(questions)}\n"
             + "\n".join(faults))


def duckdb_answers(binary):
  questions = questions_of("answers.jsonl")
  made_now = {asked.text_of(each["sql"], False) for each in asked.questions()}
  mill.check(DATA != STORED or {each["sql"] for each in questions} <= made_now,
             "questions are not as made; scripts/duckdb-answers")
  mill.check(len(questions) >= 450, len(questions), "questions only")
  with rows_in_place(binary, asked, "") as (made, of):
    check_answers(of, questions, "in hdb and rdb")
    made.end_period(asked.DAYS[-1])
    check_answers(of, questions, "in the hdb")


def forms_of_taq(binary):
  """Those that run, as DuckDB answers them; the others, as they are refused."""
  questions = questions_of("taq.jsonl")
  mill.check({each["form"]: each["q"] for each in questions}
             == {number: form[0] for number, form in taq_forms.FORMS.items()
                 if isinstance(form[1], str)},
             "forms are not as made; scripts/duckdb-answers")
  refused = {number: form for number, form in taq_forms.FORMS.items()
             if isinstance(form[1], tuple)}
  mill.check(len(questions) + len(refused) == 84 and len(questions) >= 74,
             len(questions), "forms run")
  with rows_in_place(binary, taq_forms, "taq_") as (made, of):
    check_answers(of, questions, "in hdb and rdb")
    for number, (text, (why,)) in refused.items():
      done = made.run("query", text, code=64)
      mill.check(why in done.stderr, number, text, done.stderr)
    made.end_period(taq_forms.DAYS[-1])
    check_answers(of, questions, "in the hdb")


if __name__ == "__main__":
  mill.main([duckdb_answers, forms_of_taq])
