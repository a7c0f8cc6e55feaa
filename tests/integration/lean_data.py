"""An independent reading of the Lean tick files, and what they answer."""

import csv
import datetime
import functools
import io
import itertools
import math
import zipfile
import zoneinfo

from millrace_cluster import check

ZONE = zoneinfo.ZoneInfo("America/New_York")
BAR_MS = 300_000


def midnight_ms(date):
  """Of the day in New York, in milliseconds since 1970."""
  day = datetime.datetime.fromisoformat(date).replace(tzinfo=ZONE)
  return int(day.timestamp()) * 1000


def rows(path):
  """The fields of each line, as texts."""
  with zipfile.ZipFile(path) as archive:
    (name,) = archive.namelist()
    yield from csv.reader(io.TextIOWrapper(archive.open(name), "ascii"))


def iso(ms):
  at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
  return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}000000Z"


def groups_of(ticks, symbol, date):
  """The ticks of the day and of each bar, by (symbol, bar's start or None).
  The first field of a tick is its time since midnight."""
  base = midnight_ms(date)
  ticks.sort(key=lambda tick: tick[0])  # Stable: equal times as they came.
  yield (symbol, None), ticks
  # Midnight is a whole number of bars since 1970.
  for bar, part in itertools.groupby(ticks, lambda tick: tick[0] // BAR_MS):
    yield (symbol, iso(base + bar * BAR_MS)), list(part)


@functools.cache
def trade_facts(path, symbol, date):
  every = [(int(at), int(price), int(size))
           for at, price, size, *_ in rows(path)]
  out = {}
  for key, ticks in groups_of(every, symbol, date):
    volume = sum(size for _, _, size in ticks)
    prices = [price for _, price, _ in ticks]
    out[key] = {
      "countPrice": len(ticks),
      "sumSize": volume,
      "firstPrice": prices[0] / 10_000,
      "lastPrice": prices[-1] / 10_000,
      "minPrice": min(prices) / 10_000,
      "maxPrice": max(prices) / 10_000,
      # Exact: whole numbers up to the one division.
      "wavgSizePrice":
        sum(price * size for _, price, size in ticks) / (volume * 10_000)
        if volume else None,
    }
  return out


@functools.cache
def quote_facts(path, symbol, date):
  every = [tuple(map(int, row[:5])) for row in rows(path)]
  out = {}
  for key, ticks in groups_of(every, symbol, date):
    bids = [tick[1] for tick in ticks if tick[1]]
    asks = [tick[3] for tick in ticks if tick[3]]
    out[key] = {
      "countBid": len(ticks),
      "maxBid": max(bids) / 10_000 if bids else None,
      "minBid": min(bids) / 10_000 if bids else None,
      "minAsk": min(asks) / 10_000 if asks else None,
      "maxAsk": max(asks) / 10_000 if asks else None,
      "sumBsize": sum(tick[2] for tick in ticks if tick[1]),
      "sumAsize": sum(tick[4] for tick in ticks if tick[3]),
    }
  return out


def null_counts(path):
  """Rows without a bid, and without an ask."""
  bids = asks = 0
  for row in rows(path):
    bids += row[1] == "0"
    asks += row[3] == "0"
  return bids, asks


def trade_query(first, last, bars=False):
  out = {
    "tablename": "trade", "starttime": first, "endtime": last,
    "grouping": ["sym"],
    "aggregations": {"count": ["price"], "sum": ["size"], "first": ["price"],
                     "last": ["price"], "min": ["price"], "max": ["price"],
                     "wavg": [["size", "price"]]}}
  if bars:
    out["timebar"] = [5, "minute", "time"]
  return out


def quote_query(first, last, bars=False):
  out = {
    "tablename": "quote", "starttime": first, "endtime": last,
    "grouping": ["sym"],
    "aggregations": {"count": ["bid"], "max": ["bid", "ask"],
                     "min": ["bid", "ask"], "sum": ["bsize", "asize"]}}
  if bars:
    out["timebar"] = [5, "minute", "time"]
  return out


def equal(got, want):
  if isinstance(want, float) and isinstance(got, (int, float)):
    return math.isclose(got, want, rel_tol=1e-12)
  return got == want


def compare(what, answer, want):
  """`answer`: rows of a query; `want`: facts by (symbol, bar or None)."""
  got = {(row["sym"], row.get("time")): row for row in answer}
  check(len(got) == len(answer), what, ": a group comes twice")
  check(got.keys() == want.keys(), what, ": groups",
        sorted(map(str, got.keys() ^ want.keys()))[:6], "of", len(got), "and",
        len(want))
  for key, facts in want.items():
    for name, value in facts.items():
      check(name in got[key], what, ": no column", name, "in", got[key])
      same = (equal(got[key][name], value) if name.startswith("wavg")
              else got[key][name] == value)
      check(same, what, key, name, ": is", got[key][name], "not", value)
