#!/usr/bin/env python3
"""Questions as of a place of the stream: as if they had come when it ended there."""

import json

import millrace_cluster as mill

JOIN = ("aj[`sym`time;select from trade;select sym,time,bid from quote]")


def rows(made, table, first, count):
  return "".join(json.dumps(
    {"sym": "A", "time": f"2024-01-02T15:{i // 60:02}:{i % 60:02}Z",
     **({"price": 1.0 + i, "size": 1} if table == "trade" else
        {"bid": 1.0 + i, "ask": 2.0 + i, "bsize": 1, "asize": 1})}) + "\n"
    for i in range(first, first + count))


def publish(made, table, first, count):
  done = made.run("pub", "--stream", "market", "--table", table, "--origin",
                  table, "-o", "json", text=rows(made, table, first, count))
  return json.loads(done.stdout)["end"]


def ask(made, text, *words, code=0):
  done = made.run("query", text, "-o", "json", *words, code=code)
  return json.loads(done.stdout) if code == 0 else done.stderr


def count(made, *words):
  return ask(made, "select n:count i from trade", *words)[0]["n"]


def questions_end_at_their_place(binary):
  with mill.cluster(binary) as made:
    made.up()
    publish(made, "quote", 0, 30)
    first = publish(made, "trade", 0, 20)
    second = publish(made, "trade", 20, 10)
    last = publish(made, "quote", 30, 5)
    # The begin of a stream is a place, too.
    for at, wanted in ((0, 0), (first, 20), (second, 30), (last, 30)):
      mill.check(count(made, "--as-of", at) == wanted, at, wanted)
    mill.check(count(made) == 30)
    # All tables of a question end there.
    mill.check(len(ask(made, JOIN, "--as-of", first)) == 20)
    mill.check(len(ask(made, JOIN)) == 30)
    mill.check(len(ask(made, JOIN, "--as-of", 0)) == 0)
    both = ask(made, JOIN, "--as-of", first, "--at-least", second, code=64)
    mill.check("is before at_least" in both, both)
    asked = {"language": "sql", "text": "select count(*) n from trade",
             "as_of": first}
    mill.check(ask(made, json.dumps(asked))[0]["n"] == 20)
    wrong = dict(asked, as_of="x")
    mill.check("as_of is a position" in ask(made, json.dumps(wrong), code=64))
    # Written down, what came before and after it cannot be told apart.
    made.end_period("2024-01-02")
    mill.wait_until(lambda: count(made) == 30, 20, "all rows")
    said = ask(made, "select n:count i from trade", "--as-of", first, code=65)
    mill.check("before_cutover" in said and "accounts for rows" in said, said)
    third = publish(made, "trade", 1800, 1)
    mill.check(count(made, "--as-of", third) == 31)


if __name__ == "__main__":
  mill.main([questions_end_at_their_place])
