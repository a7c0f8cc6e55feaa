"""Rows that DuckDB is asked of as well, and texts of a question for both."""

import random
import re

TRADE = ["time:timestamp", "id:long", "sym:symbol", "ex:symbol", "price:float",
         "size:int", "lot:short", "odd:float", "note:string", "due:date"]
QUOTE = ["time:timestamp", "id:long", "sym:symbol", "ex:symbol", "bid:float",
         "ask:float", "bsize:int"]
ROWS = 40  # Of a table and day.
# The last one stays in the rdb. The 4th and the 6th have no rows.
DAYS = ["2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08"]
SYMBOLS = ["AAPL", "IBM", "SPY", "Spx", "Zoë", "x,y", "it's", "a b", "5%", ""]
SOME_SYMBOLS = ["IBM", "it''s", "Zoë", "x,y"]
NOTES = ["", "", "plain", 'a "b" c', "it's", "a,b;c|d", "50% é", "  ", "Plain"]


def rows_of(table, day):
  """Rows as lists, nulls as None; NaN stands in `odd`, and is null there."""
  draw = random.Random(f"{table} {day}")
  out, second = [], 0
  for place in range(ROWS):
    second += draw.choice([0, 0, 1, 7, 40, 300])
    minutes, seconds = divmod(52_200 + second, 60)
    time = (f"{day}T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}."
            f"{draw.choice([0, 0, 250_000, 999_999]):06}Z")
    number = DAYS.index(day) * 100 + place
    sym = draw.choice(SYMBOLS)
    if sym == "Spx" and day == DAYS[1]:
      sym = "IBM"  # A symbol that has no rows of a day.
    ex = draw.choice(["Q", "N", "Z", ""])

    def maybe(value, most=0.85):
      return value if draw.random() < most else None

    if table == "quote":
      bid = draw.randrange(380, 460) / 4
      out.append([time, number, sym, ex, maybe(bid),
                  maybe(bid + draw.randrange(-1, 5) / 8),
                  maybe(draw.randrange(1, 9) * 100)])
    else:
      odd = draw.choice([0.1, -2.5, 1e300, 5e-324, 3.0, float("inf"),
                         float("-inf"), float("nan"), None, 1 / 3])
      out.append([time, number, sym, ex, maybe(draw.randrange(380, 460) / 4),
                  maybe(draw.choice([-40, 0, 100, 200, draw.randrange(300)])),
                  maybe(draw.randrange(-9, 10)), odd, draw.choice(NOTES),
                  maybe(f"20{draw.randrange(20, 30)}-0{draw.randrange(1, 9)}-28",
                        0.7)])
  return out


def text_of(question, there):
  """The text for DuckDB, or for here. Parts may stand within parts."""
  part = re.compile(r"\[\[((?:(?!\[\[|\]\]|\|).)*)\|((?:(?!\[\[|\]\]).)*)\]\]")
  while part.search(question):
    question = part.sub(lambda each: each.group(2 if there else 1), question)
  return question


# What a join of DuckDB has at the right: of equal times the row that came last.
LAST = ("(select * from quote qualify row_number() over (partition by {} "
        "order by id desc) = 1)")
