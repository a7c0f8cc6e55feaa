"""Questions in q of the forms that KX publishes of NYSE's TAQ data, with the same
in DuckDB's SQL. The numbers are those of `artifacts/queries/inmemory/kdb.psv` of
https://github.com/KxSystems/NYSETAQBenchmarks at 8122836, and the texts are of
our own, over tables of our own: where a form has a symbol that is rare or
frequent, or fifty or a thousand of them, these have ZOE or IBM, or three or
four."""

import random

TRADE = ["time:timestamp", "sym:symbol", "ex:symbol", "price:float", "size:int",
         "stop:char", "cond:symbol", "corr:short", "seq:int", "source:char"]
QUOTE = ["time:timestamp", "sym:symbol", "ex:symbol", "bid:float", "ask:float",
         "bsize:int", "asize:int", "cond:symbol", "seq:int", "ssr:char"]
DAYS = ["2024-01-02", "2024-01-03"]
ROWS = 60  # Of a table and day.


def rows_of(table, day):
  """In the order in which they come, which `seq` counts."""
  draw = random.Random(f"taq {table} {day}")
  out, second = [], 0
  for place in range(ROWS):
    second += draw.choice([0, 1, 5, 20, 45])
    time = f"{day}T14:{30 + second // 60:02}:{second % 60:02}Z"
    row = [time, draw.choice(["IBM", "IBM", "IBM", "SPY", "ZOE", "ABC"]),
           draw.choice(["Q", "N", "Z"])]
    seq = DAYS.index(day) * 1000 + place + 1
    if table == "trade":
      row += [draw.randrange(400, 412) / 4, draw.randrange(1, 300),
              draw.choice(["A", ""]), draw.choice(["R", "T"]),
              draw.choice([0, 0, 1]), seq, draw.choice("NC")]
    else:
      row += [draw.randrange(400, 408) / 4, draw.randrange(409, 420) / 4,
              draw.randrange(1, 3000), draw.randrange(1, 3000),
              draw.choice(["R", "T"]), seq, draw.choice("01")]
    out.append(row)
  return out


ONE = [("rare:`ZOE; ", "rare", "= 'ZOE'"), ("often:`IBM; ", "often", "= 'IBM'")]
SOME = [("some:`IBM`SPY`ZOE; ", "some", "in ('IBM', 'SPY', 'ZOE')"),
        ("many:`ZOE`ABC`NONE`XYZ; ", "many", "in ('ZOE', 'ABC')")]
# What the questions have in common, in q and in DuckDB's SQL.
MID = ("mid:avg ((bsize*bid)+asize*ask)%bsize+asize",
       "avg((bsize * bid + asize * ask) / (bsize + asize)) as mid")
TEN = ("10 xbar time.minute",
       "strftime(time_bucket(interval '10 minutes', time), '%H:%M') as minute")
FIVE = ("5 xbar time.minute",
        "strftime(time_bucket(interval '5 minutes', time), '%H:%M') as minute")
SPREAD = ("w:(asize+bsize) wavg ask-bid, d:dev ask-bid, h:max ask-bid, "
          "l:min ask-bid",
          "sum((asize + bsize) * (ask - bid)) / sum(asize + bsize) as w, "
          "stddev_pop(ask - bid) as d, max(ask - bid) as h, min(ask - bid) as l")
NAMES = ("names:`Q`N`Z!`Nasdaq`NYSE`Other; ",
         "case ex when 'Q' then 'Nasdaq' when 'N' then 'NYSE' else 'Other' end "
         "as ex")
BUCKETS = "case when time::time >= '14:40' then 'late' else 'early' end as bucket"
BARS = ("o:first price, h:max price, l:min price, c:last price, s:sum size",
        "first(price order by time, seq) as o, max(price) as h, min(price) as l, "
        "last(price order by time, seq) as c, sum(size) as s")
SIDES = ("a:asize wsum ask, b:bsize wsum bid, s:sdev asize, d:sdev bid, "
         "p:ask cor bid, z:asize cor bsize",
         "sum(asize * ask) as a, sum(bsize * bid) as b, stddev(asize) as s, "
         "stddev(bid) as d, corr(ask, bid) as p, corr(asize, bsize) as z")
RUNS = ("first price, f:first time, l:last time, n:count size, sum size",
        "first(price order by time, seq) as price, min(time) as f, max(time) as l, "
        "count(*) as n, sum(size) as size")
TRADED = "sym, time, price, size, stop, cond, ex"
QUOTED = ("sym, time, bid, ask, bsize, asize, qcond:cond, qex:ex",
          "q.bid, q.ask, q.bsize, q.asize, q.cond as qcond, q.ex as qex")
WITHIN = ("time within 2024.01.02D14:{0} 2024.01.02D14:{1}",
          "time between '2024-01-02 14:{0}' and '2024-01-02 14:{1}'")

# By the number of a form: q, and SQL or, in a tuple, what the refusal says.
FORMS = {}
ORDERED = {14, 15}


def of_pair(number, symbols, in_q, in_sql):
  """A form and the next one, of other symbols: `@` is these, `=@` a condition."""
  for place, (begin, name, condition) in enumerate(symbols):
    if isinstance(in_sql, str):
      there = in_sql.replace("=@", condition)
    else:
      there = in_sql
    FORMS[number + place] = (begin + in_q.replace("=@", name), there)


def one(number, in_q, in_sql):
  of_pair(number, ONE, in_q.replace("=@", "sym==@"),
          in_sql if isinstance(in_sql, tuple) else in_sql.replace("=@", "sym =@"))


def some(number, in_q, in_sql):
  of_pair(number, SOME, in_q.replace("=@", "sym in =@"),
          in_sql if isinstance(in_sql, tuple) else in_sql.replace("=@", "sym =@"))


def runs(by, where):
  """Rows of one price after another."""
  over = f"over ({by}order by time, seq)"
  return ("(select *, sum(change) " + over + " as g from (select *, case when "
          f"price is distinct from lag(price) {over} then 1 else 0 end as change "
          f"from trade where {where}) x) y")


def latest_quotes(keys, where="true"):
  return (f"(select * from quote where {where} qualify row_number() over (partition "
          f"by {keys} order by seq desc) = 1) q")


def asked_of_rows():
  during = WITHIN[0].format(30, 45), WITHIN[1].format(30, 45)
  begin = WITHIN[0].format(30, 35), WITHIN[1].format(30, 35)
  FORMS[1] = ("select from quote where time<2024.01.02D14:31",
              "select * from quote where time < '2024-01-02 14:31'")
  FORMS[2] = ("select from trade where seq=0i",
              "select * from trade where seq = 0")
  FORMS[3] = ("select from trade where 0i<seq, 0e<price, time within 2024.01.02D "
              "2024.01.03D, size<2147483647e",
              "select * from trade where time between '2024-01-02' and '2024-01-03'")
  FORMS[4] = ("select from trade where time within 2024.01.02D14:31:00 "
              "2024.01.02D14:31:10",
              "select * from trade where time between '2024-01-02 14:31:00' and "
              "'2024-01-02 14:31:10'")
  one(5, f"select from quote where =@, {during[0]}",
      f"select * from quote where =@ and {during[1]}")
  some(7, f"select from quote where {begin[0]}, =@",
       f"select * from quote where =@ and {begin[1]}")
  FORMS[9] = (f'select {TRADED} from trade where source="N"',
              f"select {TRADED} from trade where source = 'N'")
  mid = "select time, (bid + ask) / 2 as mid from quote where =@"
  one(10, "select time, mid:(bid+ask)%2 from quote where =@", mid)
  one(12, "select time, mid:(bid+ask)%2 from select from quote where =@", mid)
  one(14, "`mid xdesc select time, mid:(bid+ask)%2 from quote where =@",
      mid + " order by mid desc, time, seq")
  columns = "sym, time, bid, ask, bsize, asize, cond, ex"
  one(16, f"select {columns} from quote where =@",
      f"select {columns} from quote where =@")
  some(18, f"select {columns} from quote where =@, 2000i<bsize+asize",
       f"select {columns} from quote where =@ and bsize + asize > 2000")
  FORMS[44] = ("select distinct sym, ex from trade where size>200e",
               "select distinct sym, ex from trade where size > 200")


def asked_of_groups():
  one(20, f"select {MID[0]} from quote where =@",
      f"select {MID[1]} from quote where =@")
  one(22, f"select {MID[0]} by {TEN[0]}, ex from quote where =@",
      f"select {TEN[1]}, ex, {MID[1]} from quote where =@ group by all")
  no_pivot = ("there is no function of tables '.pvt.pivot'",)
  one(24, f".pvt.pivot select {MID[0]} by {TEN[0]}, ex from quote where =@",
      no_pivot)
  some(26, f".pvt.pivot select {MID[0]} by {TEN[0]}, sym from quote where =@",
       no_pivot)
  some(28, f"fills .pvt.pivot select {MID[0]} by {TEN[0]}, sym from quote where "
       "=@", ("there is no function of tables 'fills'",))
  one(30, f"select s:avg ask-bid by {TEN[0]} from quote where =@",
      f"select {TEN[1]}, avg(ask - bid) as s from quote where =@ group by all")
  some(32, f"select s:avg ask-bid by sym, {TEN[0]} from quote where =@",
       f"select sym, {TEN[1]}, avg(ask - bid) as s from quote where =@ group by all")
  one(34, "select w:(asize+bsize) wavg ask-bid from quote where =@",
      "select sum((asize + bsize) * (ask - bid)) / sum(asize + bsize) as w from "
      "quote where =@")
  begin = WITHIN[0].format(30, 35), WITHIN[1].format(30, 35)
  FORMS[36] = (f"select {SPREAD[0]} from quote where {begin[0]}",
               f"select {SPREAD[1]} from quote where {begin[1]}")
  by_name = f"select {NAMES[1]}, {SPREAD[1]} from quote where =@ group by 1"
  one(37, NAMES[0] + f"select {SPREAD[0]} by names ex from quote where =@", by_name)
  one(39, NAMES[0] + "select w:sizes wavg spread, d:dev spread, h:max spread, l:min "
      "spread by names ex from (select ex, sizes:asize+bsize, spread:ask-bid from "
      "quote where =@)", by_name)
  some(41, NAMES[0] + f"select {SPREAD[0]} by sym, names ex from quote where =@",
       f"select sym, {NAMES[1]}, {SPREAD[1]} from quote where =@ group by 1, 2")
  FORMS[43] = (NAMES[0] + f'select {SPREAD[0]} by names ex from quote where ssr="0"',
               by_name.replace("=@", "ssr = '0'"))
  some(45, "select b:bsize wavg bid, o:asize wavg ask by sym from quote where =@",
       "select sym, sum(bsize * bid) / sum(bsize) as b, sum(asize * ask) / "
       "sum(asize) as o from quote where =@ group by sym")
  FORMS[62] = ("b:`early`late!0D00:00 0D14:40; update key[b] bucket from select "
               "n:count i, sum size by ex, bucket:value[b] bin time.timespan from "
               "trade", f"select ex, {BUCKETS}, count(*) as n, sum(size) as size "
               "from trade group by all")
  FORMS[63] = ("b:`s#0D00:00 0D14:40!`early`late; select n:count i, sum size by "
               "sym, bucket:b time.timespan from trade where not corr=0h",
               f"select sym, {BUCKETS}, count(*) as n, sum(size) as size from trade "
               "where corr <> 0 group by all")
  some(64, f"select {BARS[0]} by sym, {FIVE[0]} from trade where =@, not null stop",
       f"select sym, {FIVE[1]}, {BARS[1]} from trade where =@ and stop is not null "
       "group by all")
  one(66, "update r:(bsize-asize)%bsize+asize from select first asize, first bsize "
      "by time.minute from quote where =@",
      "select *, (bsize - asize) / (bsize + asize)::double as r from (select "
      "strftime(time, '%H:%M') as minute, first(asize order by time, seq) as asize, "
      "first(bsize order by time, seq) as bsize from quote where =@ group by 1) x")
  some(68, f"select {SIDES[0]} by sym from quote where =@",
       f"select sym, {SIDES[1]} from quote where =@ group by sym")
  one(76, "select m:med (bsize+asize) from quote where =@",
      "select median(bsize + asize) as m from quote where =@")
  FORMS[78] = ("select m:med size by ex from trade",
               "select ex, median(size) as m from trade group by ex")


def asked_of_neighbours():
  order = "order by time, seq"
  one(47, "select time, 20 mavg price from trade where =@",
      f"select time, avg(price) over ({order} rows 19 preceding) as price from trade "
      "where =@")
  of_group = f"over (partition by sym {order} rows 4 preceding)"
  some(49, "ungroup select time, m:5 mavg ((bsize*bid)+asize*ask)%bsize+asize, "
       "s:5 mavg asize+bsize by sym from quote where =@",
       f"select sym, time, avg((bsize * bid + asize * ask) / (bsize + asize)) "
       f"{of_group} as m, avg(asize + bsize) {of_group} as s from quote where =@")
  sums = f"select time, sum(size) over ({order}, seq) as size from trade where "
  one(51, "select time, sums size from trade where =@", sums + "=@")
  FORMS[53] = ("select time, sums size from trade where ex=`Z", sums + "ex = 'Z'")
  FORMS[55] = ("select time, sums size from trade where ex=`Q", sums + "ex = 'Q'")
  during = WITHIN[0].format(30, 45), WITHIN[1].format(30, 45)
  FORMS[54] = ("update v:(sums price*size)%sums size by sym from select sym, time, "
               f"price, size from trade where {during[0]}",
               "select sym, time, price, size, sum(price * size) over w / sum(size) "
               f"over w as v from trade where {during[1]} window w as (partition by "
               f"sym {order})")
  FORMS[56] = ("select from trade where size=(max;size) fby ex",
               "select * from trade qualify size = max(size) over (partition by ex)")

  def extreme(tag, fold, column):
    return (f"select *, '{tag}' as tag from (select * from quote where =@ qualify "
            f"{column} = {fold}({column}) over (partition by ex)) x qualify time = "
            "min(time) over (partition by ex)")

  def extreme_q(tag, fold, column):
    return (f"update tag:`{tag} from select from quote where =@, {column}=({fold};"
            f"{column}) fby ex, time=(min;time) fby ex")

  one(57, f"({extreme_q('maxbid', 'max', 'bid')}), "
      f"{extreme_q('minask', 'min', 'ask')}",
      f"{extreme('maxbid', 'max', 'bid')} union all "
      f"{extreme('minask', 'min', 'ask')}")
  FORMS[59] = ("select from trade where size=(min;size) fby ([]ex;sym)",
               "select * from trade qualify size = min(size) over (partition by ex, "
               "sym)")
  FORMS[60] = ("raze {select from trade where sym=x, size=(min;size) fby ex} peach "
               "exec asc distinct sym from trade", ("lambdas are not there",))
  FORMS[61] = ("ungroup select from (select d:seq where (<) prior seq by sym from "
               "trade) where 0<count each d",
               ("'ungroup' stands before a select of columns with 'by'",))
  FORMS[70] = ("select from trade where price=(min;price) fby sym",
               "select * from trade qualify price = min(price) over (partition by "
               "sym)")
  one(71, f"select {RUNS[0]} by g:sums differ price from trade where =@",
      f"select g, {RUNS[1]} from {runs('', '=@')} group by g")
  of_sym = "select sym, g, " + RUNS[1] + " from {} group by sym, g"
  some(73, f"select {RUNS[0]} by sym, g:(sums differ@;price) fby sym from trade "
       "where =@", of_sym.format(runs("partition by sym ", "=@")))
  FORMS[75] = (f"select {RUNS[0]} by sym, g:(sums differ@;price) fby sym from trade "
               "where ex in `N`Z",
               of_sym.format(runs("partition by sym ", "ex in ('N', 'Z')")))


def asked_of_joins():
  left = "select t.sym, t.time, t.price, t.size, t.stop, t.cond, t.ex, "
  some(79, f"aj[`sym`time; select {TRADED} from trade where =@; select {QUOTED[0]} "
       "from quote]",
       f"{left}{QUOTED[1]} from (select * from trade where =@) t asof left join "
       + latest_quotes("sym, time") + " on t.sym = q.sym and t.time >= q.time")
  one(81, f"aj[`time; select {TRADED[5:]} from trade where =@; select "
      f"{QUOTED[0][5:]} from quote where =@]",
      f"{left.replace('t.sym, ', '')}{QUOTED[1]} from (select * from trade where =@) "
      "t asof left join " + latest_quotes("time", "=@") + " on t.time >= q.time")
  FORMS[83] = (f"aj[`sym`ex`time; select {TRADED} from trade where size>200i; "
               "select sym, time, bid, ask, bsize, asize, qcond:cond, ex from quote]",
               f"{left}{QUOTED[1][:-13]} from (select * from trade where size > 200) "
               "t asof left join " + latest_quotes("sym, ex, time")
               + " on t.sym = q.sym and t.ex = q.ex and t.time >= q.time")
  during = WITHIN[0].format(40, 50), WITHIN[1].format(40, 50)
  FORMS[84] = (f"aj[`sym`time; select {TRADED} from trade where {during[0]}; select "
               "sym, time, bid, ask, bsize, asize, qcond:cond from quote]",
               f"{left}{QUOTED[1][:-13]} from (select * from trade where {during[1]}) "
               "t asof left join " + latest_quotes("sym, time")
               + " on t.sym = q.sym and t.time >= q.time")


asked_of_rows()
asked_of_groups()
asked_of_neighbours()
asked_of_joins()
