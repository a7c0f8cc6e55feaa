#!/usr/bin/env python3
"""Three days of real ticks through the whole path: what the gateway answers
over the HDB and the RDB is what the files say."""

import dataclasses

import lean_data
import millrace_cluster as mill


@dataclasses.dataclass(frozen=True)
class source:
  table: str
  symbol: str
  date: str

  @property
  def path(self):
    day = self.date.replace("-", "")
    return (mill.shared_data("lean")
            / f"{self.symbol.lower()}_{day}_{self.table}.zip")

  @property
  def facts(self):
    kind = lean_data.trade_facts if self.table == "trade" else (
      lean_data.quote_facts)
    return kind(self.path, self.symbol, self.date)

  def words(self):
    return self.table, self.path, self.symbol, self.date


DAYS = ["2013-10-07", "2013-10-08", "2013-10-09"]
SOURCES = [source("trade", "SPY", "2013-10-07"),
           source("trade", "SPY", "2013-10-08"),
           source("trade", "AIG", "2013-10-08"),
           source("quote", "AIG", "2013-10-08"),
           source("trade", "SPY", "2013-10-09")]


def verify(made, sources=tuple(SOURCES)):
  """All that is asked, against all that the files say."""
  end = made.merged_end()
  for table, ask in (("trade", lean_data.trade_query),
                     ("quote", lean_data.quote_query)):
    bars = {}
    for day in DAYS:
      facts = {}
      for each in sources:
        if (each.table, each.date) == (table, day):
          facts.update(each.facts)
      answer = made.query(ask(day, day), at_least=end)
      lean_data.compare(f"{table} of {day}", answer,
                        {k: v for k, v in facts.items() if k[1] is None})
      bars.update({k: v for k, v in facts.items() if k[1] is not None})
    answer = made.query(ask(DAYS[0], DAYS[-1], bars=True), at_least=end)
    lean_data.compare(f"bars of {table}", answer, bars)


def fill(made, last_period=True):
  """Feeds the days; the last stays in the RDB."""
  for day in DAYS:
    for each in SOURCES:
      if each.date == day:
        made.feed(*each.words())
    if day != DAYS[-1]:
      made.end_period(day)


def check_sides(made):
  """A quote row carries one side; the other is null."""
  quotes = SOURCES[3]
  no_bid, no_ask = lean_data.null_counts(quotes.path)
  mill.check(no_bid > 0 and no_ask > 0, "the file has no one-sided quotes")
  for column, want in (("bid", no_bid), ("ask", no_ask)):
    answer = made.query({
      "tablename": "quote", "starttime": quotes.date, "endtime": quotes.date,
      "filters": {column: ["=", None]}, "aggregations": {"count": [column]}})
    mill.check(answer == [{f"count{column.capitalize()}": want}],
               "quotes without", column, ":", answer, "not", want)


def one_process(binary):
  with mill.cluster(binary, {"all": [name for name, _ in mill.ROLES]}) as made:
    made.up()
    fill(made)
    verify(made)
    check_sides(made)
    # Ended periods are on disk, the last one is replayed.
    made.down()
    made.up()
    verify(made)


def many_processes(binary):
  with mill.cluster(binary) as made:
    made.up()
    states = {each["name"]: each["state"] for each in made.status()["nodes"]}
    mill.check(set(states.values()) == {"running"} and len(states) == 5,
               "status:", states)
    fill(made)
    verify(made)
    made.down()
    states = {each["name"]: each["state"] for each in made.status()["nodes"]}
    mill.check(set(states.values()) == {"stopped"}, "status:", states)
    mill.check(made.run("status", code=1), "status of nothing")


if __name__ == "__main__":
  mill.main([one_process, many_processes])
