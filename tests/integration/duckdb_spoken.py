"""Questions that q, and getdata, ask as SQL does; part of duckdb_questions.py."""

import random

from duckdb_rows import DAYS, LAST


class spoken:
  """A question that q, SQL and getdata have alike: over one table, of values
  that nulls are left out of in all of them."""

  FOLDS = {
    "count": ("count(*)", "count i", ("count", "id")),
    "sum": ("coalesce(sum(size), 0)", "sum size",
            ("sum", "size")),
    "avg": ("avg(price)", "avg price", ("avg", "price")),
    "min": ("min(price)", "min price", ("min", "price")),
    "max": ("max(size)", "max size", ("max", "size")),
    "med": ("median(price)", "med price", ("med", "price")),
    "dev": ("stddev_pop(price)", "dev price", ("dev", "price")),
    "var": ("var_pop(size)", "var size", ("var", "size")),
    "sdev": ("stddev(price)", "sdev price", ("sdev", "price")),
    "first": ("first(id[[| order by time, id]])", "first id", ("first", "id")),
    "last": ("last(price[[| order by time, id]])", "last price",
             ("last", "price")),
    "wavg": ("[[weighted_avg(size, price)|sum(size * price) / nullif(sum(size) "
             "filter (where size * price is not null), 0)]]",
             "size wavg price", ("wavg", ["size", "price"])),
    "cor": ("[[corr(price, size)|nullif(corr(price, size), 'nan')]]", "price cor size", ("cor", ["price", "size"])),
    "cov": ("covar_pop(price, lot)", "price cov lot", ("cov", ["price", "lot"])),
  }
  FILTERS = [
    ("size > 90", "size>90", {"size": [">", 90]}),
    ("price >= 101.5", "price>=101.5", {"price": [">=", 101.5]}),
    ("ex = 'Q'", "ex=`Q", {"ex": ["=", "Q"]}),
    ("sym in ('IBM', 'Zoë')", "sym in `IBM`Zoë", {"sym": ["in", ["IBM", "Zoë"]]}),
    ("size between 50 and 200", "size within 50 200", {"size": ["within", [50, 200]]}),
    ("sym like 'S%'", 'sym like "S*"', {"sym": ["like", "S*"]}),
    ("(sym is null or sym not like 'S%')", 'not sym like "S*"',
     {"sym": ["not", "like", "S*"]}),
    ("odd > 0", "odd>0", {"odd": [">", 0]}),
    ("due >= '2025-01-01'", "due>=2025.01.01", {"due": [">=", "2025-01-01"]}),
    ("lot = 3", "lot=3", {"lot": ["=", 3]}),
  ]

  def __init__(self, seed):
    draw = random.Random(seed)
    first, last = sorted(draw.choices(DAYS, k=2))
    chosen = draw.sample(self.FILTERS, draw.randrange(3))
    where = [f"[[date|time::date]] between '{first}' and '{last}'",
             *(each[0] for each in chosen)]
    within = f"date within {first.replace('-', '.')} {last.replace('-', '.')}"
    in_q = ", ".join([within, *(each[1] for each in chosen)])
    call = {"tablename": "trade", "starttime": first, "endtime": last}
    if chosen:
      call["filters"] = {}
      for each in chosen:
        for column, filter_ in each[2].items():
          call["filters"].setdefault(column, []).append(filter_)
    if draw.randrange(4) == 0:
      columns = draw.sample(["sym", "price", "size", "due", "note", "odd"], 3)
      way = draw.choice(["asc", "desc"])
      count = draw.randrange(1, 30)
      self.text = (f"select id, {', '.join(columns)} from trade where "
                   f"{' and '.join(where)} order by id {way} limit {count}")
      arrow = {"asc": "<", "desc": ">"}[way]
      self.q = (f"select[{count};{arrow}id] id, {', '.join(columns)} from trade "
                f"where {in_q}")
      call.update(columns=["id", *columns], ordering=[way, "id"], sublist=count)
      self.is_ordered = True
    else:
      keys = draw.choice([[], ["sym"], ["ex"], ["sym", "ex"], ["lot"], ["date"]])
      folds = draw.sample(sorted(self.FOLDS), draw.randrange(1, 5))
      made = ", ".join(f"{self.FOLDS[fold][0]} as a{place}"
                       for place, fold in enumerate(folds))
      here = ["[[date|time::date]]" if key == "date" else key for key in keys]
      by = [f"{key}:{key}" for key in keys]
      if keys != ["date"] and draw.randrange(3) == 0:
        here.append("time_bucket([[|interval ]]'5 minutes', time)")
        by.append("bar:0D00:05 xbar time")
        call["timebar"] = [5, "minute", "time"]
      self.text = (f"select {', '.join([*here, made])} from trade where "
                   f"{' and '.join(where)}")
      self.q = "select " + ", ".join(
        f"a{place}:{self.FOLDS[fold][1]}" for place, fold in enumerate(folds))
      if here:
        places = ", ".join(str(1 + place) for place in range(len(here)))
        self.text += f" group by {places}"
        self.q += " by " + ", ".join(by)
      self.q += f" from trade where {in_q}"
      if keys:
        call["grouping"] = keys
      call["aggregations"] = {}
      for fold in folds:
        name, column = self.FOLDS[fold][2]
        call["aggregations"][name] = column
      self.is_ordered = False
    self.getdata = call


JOINS_IN_Q = [
  ("select t.id, t.price, q.bid, q.ask from (select * from trade where sym is not "
   "null) t asof [[|left ]]join [[quote|" + LAST.format("sym, time") + "]] q on "
   "t.sym = q.sym and t.time >= q.time",
   "select id, price, bid, ask from aj[`sym`time; select from trade where not null "
   "sym; select sym, time, bid, ask from quote]"),
  ("select t.id, q.bid from (select * from trade where sym is not null and ex is "
   "not null) t asof [[|left ]]join [[quote|" + LAST.format("sym, ex, time")
   + "]] q on t.sym = q.sym and t.ex = q.ex and t.time >= q.time",
   "select id, bid from aj[`sym`ex`time; select from trade where not null sym, not "
   "null ex; select sym, ex, time, bid from quote]"),
  ("select t.id, d.m from (select * from trade where sym is not null) t left join "
   "(select sym, max(bid) as m from quote group by sym) d using (sym)",
   "select id, m from (select from trade where not null sym) lj select m:max bid by "
   "sym from quote"),
  ("select t.id, t.ex, d.n from (select * from trade where sym is not null) t join "
   "(select sym, count(*) as n from quote where bid > 105 group by sym) d using "
   "(sym)",
   "select id, ex, n from (select from trade where not null sym) ij select n:count "
   "i by sym from quote where bid>105"),
  ("select a.id, b.id as other from (select * from trade where ex is not null) a "
   "join (select id, ex from quote where bsize = 100 and ex is not null) b using "
   "(ex)",
   "select id, other from ej[`ex; select from trade where not null ex; select "
   "other:id, ex from quote where bsize=100, not null ex]"),
  ("select id, sum(size) over (partition by sym order by time, id) as s, lag(price) "
   "over (partition by sym order by time, id) as p, avg(lot) over (partition by sym "
   "order by time, id rows 2 preceding) as m from trade where size is not null",
   "select id, s, p, m from update s:sums size, p:prev price, m:3 mavg lot by sym "
   "from select from trade where not null size"),
  ("select id, size from trade t join (select ex, max(size) as m from trade group "
   "by ex) d on t.size = d.m and t.ex is not distinct from d.ex",
   "select id, size from trade where not null size, size=(max;size) fby ex"),
  ("select distinct sym, ex from trade", "distinct select sym, ex from trade"),
  ("select id, price as v from trade where price > 112 union all select id, bid "
   "from quote where bid > 112",
   "(select id, v:price from trade where price>112), select id, v:bid from quote "
   "where bid>112"),
]
