"""Rows and questions whose answers DuckDB knows, in tests/data/query/duckdb.

A question is written once; where DuckDB spells a part of it in another way that
part is `[[here|there]]`. Some have a text in q and a call of getdata as well,
which ask the same. All of it comes of seeds, so that it is the same each time."""

import random
import re

# Those who take the questions find here whatever they are asked of.
from duckdb_rows import (DAYS, LAST, QUOTE, ROWS, SOME_SYMBOLS,  # noqa: F401
                         TRADE, rows_of, text_of)
from duckdb_spoken import JOINS_IN_Q, spoken


class maker:
  """Questions of a seed. What has an order is ordered by what tells rows apart."""

  def __init__(self, seed):
    draw = random.Random(seed)
    self.pick = draw.choice
    self.sample = draw.sample
    self.number = draw.randrange

  def some(self, *texts):
    return self.pick(texts)

  # Parts.

  def whole(self, depth=2):
    if depth == 0 or self.number(3) == 0:
      return self.some("size", "size", "lot", str(self.number(-9, 200)))
    a, b = self.whole(depth - 1), self.whole(depth - 1)
    return self.some(
      f"({a} + {b})", f"({a} - {b})", f"({a} * {self.number(-3, 4)})",
      f"({a} [[/|//]] {self.number(1, 9)})", f"({a} % {self.number(1, 9)})",
      f"({a} [[/|//]] {self.number(-1, 2)})", f"mod({a}, {self.number(3)})",
      f"abs({a})", f"[[sign({a})|sign({a})::double]]", f"coalesce({a}, {self.number(5)})",
      f"nullif({a}, {self.number(100)})", f"greatest({a}, {b}, 3)",
      f"least({a}, {b})",
      f"(case when {self.condition(depth - 1)} then {a} else {b} end)")

  def value(self):
    return self.some(
      self.whole(), "price", f"(price * {self.number(1, 4)})", "odd",
      f"(price - {self.number(200) / 2})", "floor(price)", "ceil(price / 3)",
      "trunc(price)", "sqrt(abs(price))", "ln(price)", "exp(price / 100)",
      "abs(price - 100)", "(price / size)", "(price * lot)", "round(price, 1)",
      "greatest(price, size)", "least(price, odd)", "price::real::double precision",
      "coalesce(price, size, 0)")

  def text(self):
    return self.some(
      "sym", "ex", "coalesce(nullif(ex, 'Q'), 'none')", "'x'", "note",
      f"(case when {self.condition(1)} then sym else ex end)",
      f"(case when {self.condition(1)} then 'big' else 'small' end)")

  def day(self):
    return self.pick(DAYS)

  def condition(self, depth=2):
    if depth > 0 and self.number(2):
      a, b = self.condition(depth - 1), self.condition(depth - 1)
      return self.some(f"({a} and {b})", f"({a} or {b})", f"(not {a})")
    sign = self.some("<", "<=", ">", ">=", "=", "<>")
    never = self.some("", "not ")
    return self.some(
      f"size {sign} {self.number(-40, 300)}",
      f"price {sign} {95 + self.number(20)}", f"odd {sign} {self.number(-2, 4)}",
      "odd = [['inf'|'inf'::double]]", f"lot {sign} {self.number(-9, 9)}",
      f"size {never}in (3, {self.number(99)}, 100, 120)",
      f"price {never}between 98 and {100 + self.number(14)}",
      f"sym {self.some('=', '<>', '<', '>=')} "
      f"'{self.pick(SOME_SYMBOLS)}'",
      f"sym {never}like '{self.some('S%', '%B%', '%o%', '_PY', '5%')}'",
      f"note {never}ilike '{self.some('PLAIN', '%B%', '%,%')}'",
      f"sym {never}in ('IBM', 'a b', 'none')",
      f"{self.some('size', 'price', 'ex', 'due', 'sym', 'odd')} is {never}null",
      f"size {sign} price", f"ex in ('Q', '{self.pick('NZ')}')",
      f"ex is {never}distinct from 'Q'", f"size is {never}distinct from lot * 100",
      f"due {sign} '2025-0{self.number(1, 9)}-28'",
      f"time {sign} '{self.day()} 14:4{self.number(9)}:00'",
      f"[[date|time::date]] {sign} '{self.day()}'",
      f"time {never}between '{self.day()}' and '2024-01-06 00:00'",
      f"size = any([[array|]][100, 200, {self.number(300)}])")

  def where(self):
    return f" where {self.condition()}" if self.number(3) else ""

  def aggregate(self, plain=False):
    value = self.value()
    out = self.some(
      "count(*)", f"count({value})", f"sum({self.whole()})",
      f"avg({self.whole()})", "sum(price)", "avg(price)", f"min({value})",
      f"max({value})", "min(time)", "max(due)")
    if not plain and self.number(2):
      out = self.some(
        f"count(distinct {self.some('size', 'sym', 'ex', 'odd', self.whole())})",
        "stddev(price)", "stddev_pop(size)", "variance(price)", "var_pop(lot)",
        "covar_pop(price, lot)", "covar_samp(size, lot)",
        "median(price)", "median(size)", "median(lot * 3)",
        f"percentile_cont(0.{self.number(100):02}) within group (order by price)",
        f"percentile_disc(0.{self.number(100):02}) within group (order by size)",
        "percentile_cont(0.5) within group (order by size)")
      kind = self.number(5)
      if kind == 0:
        return ("[[vwap(price, size)|(sum(price * size) filter (where price * size "
                "is not null) / nullif(sum(size) filter (where price * size is not "
                "null), 0))]]")
      if kind == 1:
        return "[[corr(price, size)|nullif(corr(price, size), 'nan')]]"
      if kind < 4:
        kind, column = self.some("first", "last"), self.some("price", "size", "ex")
        return f"{kind}({column}[[| order by time, id]])"
    if self.number(4) == 0:
      out += f" filter (where {self.condition(1)})"
    return out

  def aggregates(self, most=3):
    return ", ".join(f"{self.aggregate()} as a{place}"
                     for place in range(1 + self.number(most)))

  def bar(self):
    width = self.some("1 minute", "7 minutes", "1 hour", "90 seconds", "1 day",
                      "1 week", "250 milliseconds", "1 month", "3 days")
    return self.some(
      f"time_bucket([[|interval ]]'{width}', time)",
      f"date_trunc('{self.some('hour', 'minute', 'day', 'month', 'week', 'year')}',"
      " time)",
      "[[date_bin('5 minutes', time, '2000-01-03')|time_bucket(interval "
      "'5 minutes', time)]]")

  def part_of_time(self):
    part = self.some("hour", "minute", "year", "month", "day", "dow", "doy",
                     "quarter", "isodow")
    return self.some(f"extract({part} from time)", f"date_part('{part}', time)")

  def keys(self):
    return self.pick([
      ["sym"], ["ex"], ["sym", "ex"], ["coalesce(size, 0) [[/|//]] 100"],
      ["[[date|time::date]]"], ["[[date|time::date]]", "sym"], ["due"], ["note"],
      [self.bar()], [self.bar(), "sym"], [self.bar(), "ex"],
      [self.part_of_time()], [self.part_of_time(), "ex"], [self.text()],
      [self.text(), "lot"], ["odd"], ["lot % 3"]])

  # Questions: the text, and whether its rows have an order.

  def total(self):
    where = self.some(self.where(), " where size > 100000", " where sym = 'none'")
    return f"select {self.aggregates(5)} from trade{where}", False

  def groups(self):
    keys = self.keys()
    columns = [f"{key} as k{place}" for place, key in enumerate(keys)]
    out = (f"select {', '.join(columns)}, {self.aggregates()} from trade"
           f"{self.where()} group by "
           + ", ".join(str(1 + place) for place in range(len(keys))))
    if self.number(4) == 0:
      out += f" having {self.some('count(*)', 'max(size)', 'avg(price)')} > "
      out += str(self.number(100))
    return out, False

  def bars(self):
    """SAMPLE BY, and the bars of open, high, low, close."""
    short, long = self.pick([("1m", "1 minute"), ("15m", "15 minutes"),
                             ("1h", "1 hour"), ("90s", "90 seconds"),
                             ("1d", "1 day"), ("1w", "1 week"), ("1M", "1 month")])
    made = self.some(
      "first(price[[| order by time, id]]) as o, max(price) as h, min(price) as l, "
      "last(price[[| order by time, id]]) as c, sum(size) as v", self.aggregates())
    keys = self.some("sym, ", "ex, ", "")
    by = ", ".join(["1", *(["2"] if keys else [])])
    where = self.where()
    return (f"select [[time|time_bucket(interval '{long}', time) as t]], {keys}"
            f"{made} from trade{where} [[sample by {short}|group by {by}]]"), False

  def ordered(self, text, columns, total):
    by = [f"{column} {self.some('', 'desc')} "
          f"{self.some('', '', 'nulls first', 'nulls last')}" for column in columns]
    out = f"{text} order by {', '.join(by + total)}"
    out += f" limit {self.number(25)}"
    return out + self.some("", f" offset {self.number(9)}"), True

  def sorted_rows(self):
    return self.ordered(
      f"select id, sym, {self.value()} as v, {self.text()} as u from trade"
      f"{self.where()}", self.sample(["u", "v", "sym", "due", "odd", "time"], 2),
      ["id"])

  def sorted_groups(self):
    keys = self.pick([["sym"], ["sym", "ex"], ["due"]])
    columns = ", ".join(keys)
    return self.ordered(
      f"select {columns}, {self.aggregate(True)} as a, count(*) as n from trade"
      f"{self.where()} group by {columns}", ["a"], keys)

  def distinct(self):
    if self.number(2):
      return (f"select distinct {self.text()} as t, {self.whole()} as v from trade"
              f"{self.where()}"), False
    keys = self.some("sym", "ex", "sym, ex", "lot")
    column, way = self.some("price", "size", "time", "due", "odd"), self.some(
      "", " desc", " nulls first", " desc nulls last")
    return (f"select distinct on ({keys}) id, sym, ex, {column} as v from trade"
            f"{self.where()} order by {keys}, {column}{way}, id"), False

  def latest(self):
    keys = self.some("sym", "ex", "sym, ex")
    where = self.where()
    return (f"select id, sym, ex, price from trade{where} "
            f"[[latest on time partition by {keys}|qualify row_number() over "
            f"(partition by {keys} order by time desc, id desc) = 1]]"), False

  @staticmethod
  def of(alias, text):
    return re.sub(r"(?<!')\b(size|price|sym|ex|lot|odd|note|due|time|date)\b"
                  r"(?![:(a-z ]*')", rf"{alias}.\1", text)

  def side(self):
    """A condition of one table of a join."""
    return self.some("{0}.size > 50", "{0}.price is not null", "{0}.ex = 'Q'",
                     "{0}.sym in ('IBM', 'Zoë')", "not {0}.size in (0, 100)",
                     "{0}.lot < 3", "coalesce({0}.ex, 'N') <> 'Z'")

  def joined(self):
    join = self.some("join", "inner join", "left join", "right join", "full join",
                     ",")
    on = self.some("a.size = b.size", "a.sym = b.sym and a.size = b.size",
                   "a.ex = b.ex and a.price = b.price", "a.size = b.price",
                   "a.size % 9 = b.lot and a.sym = b.sym",
                   "a.sym = b.sym and a.lot < b.lot", "a.price < b.size - 180",
                   "a.due = b.due and a.ex = b.ex", "a.id = b.id - 100")
    if self.number(3) == 0:
      on += " and " + self.side().format(self.pick("ab"))
    where = [self.side().format(self.pick("ab"))] if self.number(3) == 0 else []
    if join == ",":
      where.append(on)
      rows = "from trade a, trade b"
    else:
      rows = f"from trade a {join} trade b on {on}"
    if where:
      rows += " where " + " and ".join(f"({each})" for each in where)
    return self.some(
      f"select a.sym, b.ex, sum(b.size) as v, count(*) as n, max(a.price) as p "
      f"{rows} group by a.sym, b.ex",
      f"select a.id, b.id as other, a.price + b.size as v {rows}",
      f"select count(*) as n, min(a.time) as t, count(distinct b.sym) as s {rows}"
    ), False

  def with_groups(self):
    keys = self.some("sym", "ex")
    join = self.some("join", "left join", "right join", "full join")
    return self.some(
      f"select {keys}, t.id, d.n from trade t {join} (select {keys}, max(bid) as n "
      f"from quote where bsize > {self.number(800)} group by {keys}) d "
      f"using ({keys})",
      f"with d as (select {keys}, {self.aggregate()} as n from trade{self.where()} "
      f"group by {keys}), e as (select {keys}, avg(ask) as m from quote group by "
      f"{keys}) select d.{keys}, d.n, e.m from d {join} e on d.{keys} = e.{keys}",
      f"select a.{keys}, a.n, b.m from (select {keys}, count(*) as n from trade"
      f"{self.where()} group by {keys}) a cross join (select max(bid) as m from "
      "quote) b"), False

  def asof(self):
    sign = self.some(">=", ">", "<=", "<")
    keys = self.pick([["sym"], ["ex"], ["sym", "ex"], []])
    on = "".join(f"t.{key} = q.{key} and " for key in keys) + (
      f"t.time {sign} q.time")
    kind = self.pick([("", "left "), ("left ", "left "), ("inner ", "inner ")])
    there = LAST.format(", ".join([*keys, "time"]))
    rows = (f"from trade t asof [[{kind[0]}|{kind[1]}]]join "
            f"[[quote|{there}]] q on {on}{self.some('', ' where t.size > 90')}")
    return self.some(
      f"select t.id, t.sym, q.bid, q.ask, q.time as at {rows}",
      f"select t.id, t.price - q.bid as d {rows}",
      f"select t.ex, count(*) as n, avg(q.ask - q.bid) as s, max(q.id) as m {rows} "
      "group by t.ex"), False

  def asof_words(self):
    """USING, and a TOLERANCE, which DuckDB has not."""
    keys = self.pick([["sym"], ["sym", "ex"]])
    there = LAST.format(", ".join([*keys, "time"]))
    if self.number(2):
      using = ", ".join([*keys, "time"])
      return (f"select t.id, q.bid, q.bsize from trade t asof [[|left ]]join "
              f"[[quote|{there}]] q using ({using})"), False
    width = self.some("1s", "40s", "5m")
    long = {"1s": "1 second", "40s": "40 seconds", "5m": "5 minutes"}[width]
    near = f"q.time >= t.time - interval '{long}'"
    on = " and ".join(f"t.{key} = q.{key}" for key in keys)
    return (f"select t.id, [[q.bid|case when {near} then q.bid end]] as b, "
            f"[[q.id|case when {near} then q.id end]] as i from trade t "
            f"asof [[|left ]]join [[quote|{there}]] q on {on} and t.time >= q.time"
            f"[[ tolerance {width}|]]"), False

  def over(self):
    by = self.some("", "", "partition by sym ", "partition by sym, ex ",
                   "partition by lot % 3 ", "partition by [[date|time::date]] ")
    order = (f"order by {self.some('price', 'size', 'ex', 'odd', 'due')} "
             f"{self.some('', 'desc ')}"
             f"{self.some('', 'nulls first', 'nulls last')}")
    value = self.some("size", "price", "sym", "lot", "odd", self.whole(1))
    frame = self.some(
      "", " rows unbounded preceding", " rows 3 preceding",
      " rows between 2 preceding and 1 following",
      " rows between 4 preceding and 2 preceding",
      " rows between 1 following and 3 following",
      " rows between current row and unbounded following",
      " rows between unbounded preceding and unbounded following")
    folded = (self.some("count(*)", "sum(size)", "avg(price)", "min(lot)",
                        "max(odd)", "count(price)", "sum(lot * 2)", "avg(size)")
              + self.some("", "", f" filter (where {self.condition(1)})"))
    kind = self.number(5)
    if kind == 0:
      call = self.some("rank()", "dense_rank()", "percent_rank()", "cume_dist()")
      return f"{call} over ({by}{order})"
    if kind == 1:
      column = self.some("size nulls last", "size nulls first",
                         "size desc nulls last", "lot nulls first", "id")
      range_ = self.some("between 3 preceding and 5 following", "40 preceding",
                         "between 9 preceding and 2 preceding",
                         "between 0 following and 100 following",
                         "between unbounded preceding and 7 following",
                         "between 1 following and unbounded following")
      return f"{folded} over ({by}order by {column} range {range_})"
    if kind == 2:
      span = self.some("interval '1 minute' preceding",
                       "between interval '10 minutes' preceding and interval "
                       "'5 minutes' following",
                       "between interval '1 second' following and interval "
                       "'1 hour' following", "unbounded preceding")
      return f"{folded} over ({by}order by time range {span})"
    if kind == 3:
      return f"{folded} over ({by}{order}, id{frame})"
    call = self.some(
      "row_number()", f"ntile({self.number(1, 9)})", f"lag({value})",
      f"lag({value}, {self.number(5)})", "lead(size, 2, -5)", f"lead({value})",
      f"first_value({value})", f"last_value({value})",
      f"nth_value({value}, {self.number(1, 5)})")
    if "_value" not in call:
      frame = ""
    return f"{call} over ({by}{order}, id{frame})"

  def windows(self):
    if self.number(4) == 0:
      return self.some(
        f"select sym, ex, {self.aggregate(True)} as a, rank() over (order by "
        "max(size) nulls last, ex, sym) as r, sum(count(*)) over (partition by sym)"
        f" as n from trade{self.where()} group by sym, ex",
        "select * from (select id, sym, price, row_number() over (partition by sym "
        f"order by price desc, id) as n from trade{self.where()}) t where n <= "
        f"{self.number(1, 4)}",
        "select id, price - lag(price) over w as change, avg(price) over (partition "
        "by sym order by time, id rows 4 preceding) as mean from trade"
        f"{self.where()} window w as (partition by sym order by time, id)"), False
    columns = ", ".join(f"{self.over()} as w{place}"
                        for place in range(1 + self.number(3)))
    return f"select id, {columns} from trade{self.where()}", False

  def query_within(self):
    column, other = self.pick([("size", "size"), ("sym", "sym"), ("lot", "size"),
                               ("size % 7", "lot"), ("price", "size"),
                               ("due", "due"), ("ex", "sym")])
    values = f"(select {other} from trade{self.where()})"
    one = f"(select {self.aggregate(True)} from trade{self.where()})"
    number = (f"(select {self.some('avg(price)', 'max(size)', 'count(*)')} from "
              f"trade{self.where()})")
    never = self.some("", "not ")
    condition = self.some(
      f"{column} {never}in {values}", f"{never}exists {values}",
      f"({column} in {values}) is null",
      f"{self.some('size', 'price')} {self.some('<', '>=', '<>')} {number}",
      "sym in (select sym from quote where bid > ask)")
    return self.some(
      f"select id, sym, price from trade where {condition}",
      f"select id from trade where {condition} and {self.condition(1)}",
      f"select ex, {self.aggregate()} as a from trade where {condition} group by ex",
      f"select id, {one} as o from trade{self.where()}",
      f"select ex, count(*) as n from trade group by ex having max(size) >= "
      f"{number}"), False

  def sets(self):
    way = self.some("union", "union all", "intersect", "except")
    return self.some(
      f"select sym, {self.whole()} as v from trade{self.where()} {way} select ex, "
      f"{self.whole()} from trade{self.where()}",
      f"select sym from trade{self.where()} {way} select sym from quote",
      f"select id, due from trade{self.where()} {way} select id, due from trade"
      f"{self.where()}",
      f"select count(*) as n, sum(v) as s from (select price as v from trade "
      f"{way} select bid from quote) x"), False

  def nested(self):
    groups, _ = self.groups()
    rows, _ = self.sorted_rows()
    return self.some(
      f"with g as ({groups}) select count(*) as n, count(a0) as c from g",
      f"select count(*) as n, max(v) as m, min(id) as i from ({rows}) x",
      f"select u, count(*) as n from (select {self.text()} as u, {self.value()} as v "
      f"from trade{self.where()}) x where v is not null group by u"), False

  def casts(self):
    return (f"select id, " + ", ".join(self.sample([
      "price::int as a", "cast(price as bigint) as b", "size::double precision as c",
      "(lot / 2.0)::smallint as d", "time::date as e", "price::real as f",
      "round(price, 1) as g", "price::numeric(8,1)[[|::double]] as h",
      "(price / 3)::numeric(12,4)[[|::double]] as i", "due::timestamp as j",
      "cast('12' as int) + size as k", "date_trunc('second', time) as l",
      "size::bigint * 3000000000 as m", "lot::int * 100000 as n",
      "(price / 7)::int as o", "[[sign(price - 100)|sign(price - 100)::double]] as p", "lot::real as q",
      "round(price / 3 + 0.1) as r", "extract(epoch from time) as s",
      "due + 3 as t", "due - date '2024-01-01' as u",
      "time + interval '1 hour' as v", "time - interval '36 hours' as w",
      "extract([[second|microseconds]] from time)[[| / 1e6]] as x", "('2024-02-29'::date) as y",
      "to_timestamp(extract(epoch from date_trunc('second', time)))"
      "[[|::timestamp]] as z", "(time > due) is true as za", "(price > 100) is true as zb",
      "(ex = 'Q') is not true as zc", "coalesce(note, sym, ex) as zd",
      "time_bucket([[|interval ]]'1 hour', time) - interval '1 day' as ze"], 4))
      + f" from trade{self.where()}"), False

  def odds(self):
    """Infinities, and what is no number."""
    return self.some(
      f"select odd, count(*) as n from trade{self.where()} group by odd",
      f"select ex, max(odd) as a, min(odd) as b, count(odd) as c from trade"
      f"{self.where()} group by ex",
      f"select id, odd, -odd as m, odd / 2 as h, abs(odd) as a from trade"
      f"{self.where()}",
      "select id, greatest(odd, price) as g, least(odd, 0) as l, [[sign(odd)|sign(odd)::double]] as s "
      f"from trade{self.where()}",
      "select id, odd is null as n, odd = [['inf'|'inf'::double]] is true as e, "
      "coalesce(odd, -1) as c from trade",
      "select count(*) as n from trade where odd "
      f"{self.some('<', '>', '>=', '<>')} {self.some('0', 'price', '1e300')}",
      f"select ex, median(odd) as m from trade where abs(odd) < 9 group by ex",
      "select id, floor(odd) as f, odd * 0.5 as o from trade where odd <> 1e300 "
      f"and {self.condition(1)}"), False

  def times(self):
    month = self.some("2024-01", "2024-01-05", "2024", "2024-01-08T14")
    begin = {"2024-01": "2024-01-01", "2024": "2024-01-01"}.get(
      month, month.replace("T14", " 14:00"))
    end = {"2024-01": "2024-02-01", "2024": "2025-01-01", "2024-01-05": "2024-01-06"
           }.get(month, "2024-01-08 15:00")
    where = (f"[[time in '{month}'|time >= '{begin}' and time < '{end}']]")
    return self.some(
      f"select id from trade where {where} and {self.condition(1)}",
      f"select count(*) as n, min(time) as b, max(time) as e from quote where {where}",
      f"select {self.part_of_time()} as p, count(*) as n from trade where {where} "
      "group by 1", f"select max(time) - min(time) as d from trade where {where}",
      f"select {self.bar()} as b, count(*) as n, max(id) as m from quote where "
      f"{where} group by 1", f"select id, {self.bar()} as b, "
      f"{self.part_of_time()} as p from trade where {where}"), False


KINDS = [("total", 20), ("groups", 55), ("bars", 25), ("sorted_rows", 25),
         ("sorted_groups", 12), ("distinct", 16), ("latest", 8), ("joined", 40),
         ("with_groups", 15), ("asof", 30), ("asof_words", 10), ("windows", 55),
         ("query_within", 25), ("sets", 15), ("nested", 15), ("casts", 25),
         ("odds", 20), ("times", 20)]


def questions(times=1):
  """All of them, as dictionaries; `times` as many of each kind."""
  out = []
  for kind, count in KINDS:
    for seed in range(count * times):
      text, is_ordered = getattr(maker(f"{kind} {seed}"), kind)()
      out.append({"kind": kind, "sql": text, "is_ordered": is_ordered})
  for seed in range(60 * times):
    made = spoken(f"spoken {seed}")
    out.append({"kind": "spoken", "sql": made.text, "is_ordered": made.is_ordered,
                "q": made.q, "getdata": made.getdata})
  for text, in_q in JOINS_IN_Q:
    out.append({"kind": "joins in q", "sql": text, "is_ordered": False, "q": in_q})
  return out
