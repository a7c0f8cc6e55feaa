#!/usr/bin/env python3
"""Questions in SQL that a seed makes, over rows of the hdb and the rdb, beside
the answers of SQLite to the same. MILLRACE_SQL_QUESTIONS says how many,
MILLRACE_SQL_SEED from which seed. Needs no data of others."""

import json
import os
import random
import re
import sqlite3

import millrace_cluster as mill

DAYS = ["2024-01-02", "2024-01-03"]
COUNT = int(os.environ.get("MILLRACE_SQL_QUESTIONS", "50"))
SEED = int(os.environ.get("MILLRACE_SQL_SEED", "1"))


def rows_of(day, chance):
  out = []
  for row in range(90):
    made = {"time": f"{day}T14:{30 + row // 60:02}:{row % 60:02}Z",
            "sym": chance.choice(["AAPL", "IBM", "SPY", "Spx"]),
            "ex": chance.choice("QNZ")}
    if chance.random() < 0.85:
      made["price"] = chance.randrange(380, 460) / 4
    if chance.random() < 0.85:
      made["size"] = chance.randrange(-40, 300)
    out.append(made)
  return out


class Maker:
  """A question of a seed; what it orders by is unique, or it is of all rows."""

  def __init__(self, seed):
    self.pick = random.Random(seed).choice
    self.number = random.Random(seed + 1).randrange

  def whole(self, depth=2):
    if depth == 0 or self.number(3) == 0:
      return self.pick(["size", "size", str(self.number(-9, 200))])
    a, b = self.whole(depth - 1), self.whole(depth - 1)
    return self.pick([
      f"({a} + {b})", f"({a} - {b})", f"({a} * {self.number(-3, 4)})",
      f"({a} / {self.number(1, 9)})", f"({a} % {self.number(1, 9)})",
      f"abs({a})", f"coalesce({a}, {self.number(5)})",
      f"nullif({a}, {self.number(100)})",
      f"(case when {self.condition(depth - 1)} then {a} else {b} end)"])

  def value(self):
    return self.pick([self.whole(), "price", f"(price * {self.number(1, 4)})",
                      f"(price - {self.number(200) / 2})"])

  def condition(self, depth=2):
    if depth > 0 and self.number(2):
      a, b = self.condition(depth - 1), self.condition(depth - 1)
      return self.pick([f"({a} and {b})", f"({a} or {b})", f"(not {a})"])
    sign = self.pick(["<", "<=", ">", ">=", "=", "<>"])
    return self.pick([
      f"size {sign} {self.number(-40, 300)}",
      f"price {sign} {95 + self.number(20)}",
      f"size {'not ' * self.number(2)}in (3, {self.number(99)}, 100, 120)",
      f"price {'not ' * self.number(2)}between 98 and {100 + self.number(14)}",
      f"sym {self.pick(['=', '<>', '<', '>='])} '{self.pick(['IBM', 'SPY'])}'",
      f"sym {'not ' * self.number(2)}like '{self.pick(['S%', '%B%', '_PY'])}'",
      f"{self.pick(['size', 'price'])} is {'not ' * self.number(2)}null",
      f"size {sign} price", f"ex in ('Q', '{self.pick('NZ')}')"])

  def aggregate(self):
    value = self.value()
    out = self.pick(["count(*)", f"count({value})", f"sum({value})",
                     f"avg({value})", f"min({value})", f"max({value})",
                     f"count(distinct {self.pick([value, 'sym', 'ex'])})"])
    if self.number(4) == 0:
      out += f" filter (where {self.condition(1)})"
    return out

  def folded(self):
    """An aggregate that may stand beside each row: none of DISTINCT values, and
    no min and max with FILTER, which SQLite leaves out in frames."""
    while "distinct" in (out := self.aggregate()) or (
        out[0] == "m" and "filter" in out):
      pass
    return out

  def text(self):
    """A text that is computed."""
    return self.pick([
      "coalesce(nullif(ex, 'Q'), 'none')", "'x'",
      f"(case when {self.condition(1)} then sym else ex end)",
      f"(case when {self.condition(1)} then 'big' else 'small' end)"])

  def where(self):
    return f" where {self.condition()}" if self.number(3) else ""

  def keys(self):
    return self.pick([["sym"], ["ex"], ["sym", "ex"],
                      ["coalesce(size, 0) / 100"]])

  def groups(self):
    keys = self.keys()
    columns = [f"{key} as k{i}" for i, key in enumerate(keys)]
    columns += [f"{self.aggregate()} as a{i}"
                for i in range(1 + self.number(3))]
    out = (f"select {', '.join(columns)} from trade{self.where()} group by "
           + ", ".join(keys))
    if self.number(3) == 0:
      out += f" having {self.pick(['count(*)', 'max(size)'])} > "
      out += str(self.number(60))
    return out

  def ordered(self, text, columns, total):
    where = self.pick(["nulls first", "nulls last"])
    by = [f"{column} {self.pick(['', 'desc '])}{where}" for column in columns]
    out = f"{text} order by {', '.join(by + total)} limit {1 + self.number(20)}"
    return out + self.pick(["", f" offset {self.number(9)}"]), True

  def over(self):
    """A window function, of rows in an order that tells them apart or, where
    that does not matter, in one that need not."""
    by = self.pick(["", "", "partition by sym ", "partition by sym, ex ",
                    "partition by size / 100 "])
    order = (f"order by {self.pick(['price', 'size', 'ex'])} "
             f"{self.pick(['', 'desc '])}"
             f"{self.pick(['nulls first', 'nulls last'])}")
    kind = self.number(4)
    if kind == 0:
      call = self.pick(["rank()", "dense_rank()", "percent_rank()",
                        "cume_dist()"])
      return f"{call} over ({by}{order})"
    if kind == 1 and self.number(2):
      # Distances of values: one column, which may be null.
      column = self.pick(["size nulls last", "size nulls first",
                          "size desc nulls last", "size % 9 nulls first"])
      frame = self.pick(["between 3 preceding and 5 following",
                         "40 preceding", "between 9 preceding and 2 preceding",
                         "between 0 following and 100 following",
                         "between unbounded preceding and 7 following",
                         "between 1 following and unbounded following"])
      return f"{self.folded()} over ({by}order by {column} range {frame})"
    if kind == 1:
      frame = self.pick(["", " range between current row and unbounded "
                             "following", " range unbounded preceding"])
      order = self.pick(["", order + frame])
      return f"{self.folded()} over ({by}{order})"
    value = self.pick(["size", "price", "sym", self.whole(1)])
    frame = self.pick([
      "", " rows unbounded preceding", " rows 3 preceding",
      " rows between 2 preceding and 1 following",
      " rows between 4 preceding and 2 preceding",
      " rows between 1 following and 3 following",
      " rows between current row and unbounded following",
      " rows between unbounded preceding and unbounded following"])
    if kind == 2:
      call = self.folded()
    else:
      call = self.pick([
        "row_number()", f"ntile({self.number(1, 9)})", f"lag({value})",
        f"lag({value}, {self.number(5)})", "lead(size, 2, -5)",
        f"lead({value})", f"first_value({value})", f"last_value({value})",
        f"nth_value({value}, {self.number(1, 5)})"])
    return f"{call} over ({by}{order}, time{frame})"

  def windows(self):
    if self.number(4) == 0:
      return (f"select sym, ex, {self.aggregate()} as a, rank() over (order by "
              "max(size) nulls last, ex, sym) as r, sum(count(*)) over (partition by sym) "
              f"as n from trade{self.where()} group by sym, ex")
    columns = [f"{self.over()} as w{i}" for i in range(1 + self.number(3))]
    return f"select sym, size, {', '.join(columns)} from trade{self.where()}"

  def query_in(self):
    """A condition with a query within it."""
    column, other = self.pick([("size", "size"), ("sym", "sym"),
                               ("size", "size - 3"), ("size % 7", "size"),
                               ("price", "size")])
    values = f"(select {other} from trade{self.where()})"
    one = f"(select {self.aggregate()} from trade{self.where()})"
    return self.pick([
      f"{column} {'not ' * self.number(2)}in {values}",
      f"not {column} in {values}", f"{'not ' * self.number(2)}exists {values}",
      f"{column} in {values} is null",
      f"{self.pick(['size', 'price'])} {self.pick(['<', '>=', '<>'])} {one}"])

  def queries(self):
    condition = self.query_in()
    if self.number(2):
      condition = self.pick([f"{condition} and {self.condition(1)}",
                             f"({condition} or {self.condition(1)})",
                             f"{condition} and {self.query_in()}"])
    one = f"(select {self.aggregate()} from trade{self.where()})"
    return self.pick([
      f"select sym, size, price from trade where {condition}",
      f"select sym, {self.aggregate()} as a from trade where {condition} "
      "group by sym",
      f"select sym, size, {one} as o from trade{self.where()}",
      f"select ex, {self.aggregate()} as a, {one} as o from trade group by ex",
      f"select ex, count(*) as n from trade group by ex having max(size) > {one}"
    ])

  @staticmethod
  def of(alias, text):
    return re.sub(r"\b(size|price|sym|ex)\b", rf"{alias}.\1", text)

  def joined(self):
    """Rows of a join that may have several of a key, or groups of them."""
    join = self.pick(["join", "inner join", ", ", "left join", "right join",
                      "full join"])
    on = self.pick(["a.size = b.size", "a.sym = b.sym and a.size = b.size",
                    "a.ex = b.ex and a.price = b.price", "a.size = b.price",
                    "a.size % 9 = b.size"])
    if self.number(2):
      on = self.pick([
        "a.sym = b.sym and a.size < b.size", "a.price < b.size - 250",
        f"a.ex = b.ex and {self.of('a', self.condition(1))}",
        f"{on} and {self.of('b', self.condition(1))}",
        f"{on} and a.time > b.time", f"{on} and not (a.sym = b.sym)"])
    if join == ", ":
      where = [on]
      rows = "from trade a, trade b"
    else:
      where = []
      rows = f"from trade a {join} trade b on {on}"
    if self.number(2):
      where.append(self.of(self.pick("ab"), self.condition(1)))
    if where:
      rows += " where " + " and ".join(f"({each})" for each in where)
    if self.number(2):
      return (f"select a.sym, b.ex, {self.of('b', self.aggregate())} as v, "
              f"count(*) as n {rows} group by a.sym, b.ex")
    return (f"select a.sym, a.size, b.price, "
            f"{self.of(self.pick('ab'), self.whole(1))} as v {rows}")

  def question(self):
    """The text, and whether its rows have an order."""
    kind = self.number(18)
    if kind > 15:
      return self.ordered(f"select sym, {self.value()} as v, {self.text()} as "
                          f"u from trade{self.where()}", ["u"], ["time"])
    if kind > 13:
      return self.joined(), False
    if kind > 10:
      return self.queries(), False
    if kind > 7:
      return self.windows(), False
    if kind == 0:
      return f"select {self.aggregate()} as a from trade{self.where()}", False
    if kind == 1:
      return self.groups(), False
    if kind == 2:
      return self.ordered(f"select sym, {self.value()} as v from trade"
                          f"{self.where()}", ["v"], ["time"])
    if kind == 3:
      return (f"select distinct {self.pick(['sym', 'ex'])}, {self.whole()} "
              f"as v from trade{self.where()}"), False
    if kind == 4:
      return (f"select t.sym, t.size, d.n from trade t "
              f"{self.pick(['', 'left '])}join (select sym, "
              f"{self.aggregate()} as n from trade"
              f"{self.where()} group by sym) d on t.sym = d.sym"), False
    if kind == 5:
      return (f"select sym, {self.whole()} as v from trade{self.where()} "
              f"{self.pick(['union', 'union all', 'intersect', 'except'])} select ex, {self.whole()} from trade"
              f"{self.where()}"), False
    if kind == 6:
      return (f"with g as ({self.groups()}) select count(*) as n, "
              "min(a0) as a, count(a0) as c from g"), False
    return self.ordered(self.groups(), ["a0"], ["1", "2"])


def plain(value):
  return int(value) if isinstance(value, bool) else value


def key(row):
  return [(value is not None, isinstance(value, str),
           round(value, 6) if isinstance(value, float) else value)
          if value is not None else (False, False, 0) for value in row]


def same(got, wanted):
  return len(got) == len(wanted) and all(
    len(a) == len(b) and all(
      x == y or (isinstance(x, (int, float)) and isinstance(y, (int, float))
                 and abs(x - y) <= 1e-9 * max(1, abs(x), abs(y)))
      for x, y in zip(a, b)) for a, b in zip(got, wanted))


def sql_answers(binary):
  rows = {day: rows_of(day, random.Random(day)) for day in DAYS}
  lite = sqlite3.connect(":memory:")
  lite.execute("pragma case_sensitive_like = on")
  lite.execute("create table trade (time text, sym text, price real, "
               "size integer, ex text)")
  names = ["time", "sym", "price", "size", "ex"]
  for of in rows.values():
    lite.executemany("insert into trade values (?, ?, ?, ?, ?)",
                     [[row.get(name) for name in names] for row in of])
  with mill.cluster(binary, {"node": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    for day in DAYS:
      made.run("pub", "--stream", "market", "--table", "trade",
               text="".join(json.dumps(row) + "\n" for row in rows[day]))
      if day != DAYS[-1]:
        made.end_period(day)
    faults = []
    for seed in range(SEED, SEED + COUNT):
      text, is_ordered = Maker(seed).question()
      wanted = [list(row) for row in lite.execute(text)]
      done = made.run("query", "-l", "sql", text, "-o", "json", code=None)
      if done.returncode != 0:
        faults.append(f"seed {seed}: {text}\n  {done.stderr}")
        continue
      got = [[plain(x) for x in row.values()]
             for row in json.loads(done.stdout)]
      if not is_ordered:
        got.sort(key=key)
        wanted.sort(key=key)
      if not same(got, wanted):
        faults.append(f"seed {seed}: {text}\n  got {got[:6]} {len(got)}\n  "
                      f"wanted {wanted[:6]} {len(wanted)}")
    mill.check(not faults, f"{len(faults)} of {COUNT}\n" + "\n".join(faults))


if __name__ == "__main__":
  mill.main([sql_answers])
