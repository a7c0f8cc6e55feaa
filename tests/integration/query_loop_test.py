#!/usr/bin/env python3
"""Questions across ends of periods, each recounted from the stream at the
answer's cut. MILLRACE_QUERY_LOOP=10000 asks for longer
(give ctest a longer --timeout, or run the script). And questions whose asker
goes away: all work ends with it. Needs no data of others."""

import bisect
import collections
import datetime
import itertools
import json
import os
import re
import signal
import threading
import time

import millrace_cluster as mill

QUERIES = int(os.environ.get("MILLRACE_QUERY_LOOP", "500"))
ROWS = 20_000
FIRST = datetime.date(2013, 10, 7)
QUESTION = {"tablename": "trade", "starttime": "2013-10-01",
            "endtime": "2063-01-01", "grouping": ["sym"],
            "aggregations": {"count": ["price"], "sum": ["size"]}}
CUT = re.compile(r"cut: manifest (\d+) cutover (\d+) upper (\d+)")


def size_of(day, row):
  return (row * 7919 + day * 104729) % 997 + 1


def write_day(made, day):
  at = made.directory / f"day{day}.csv"
  with at.open("w") as out:
    for row in range(ROWS):
      out.write(f"{34_200_000 + row},481800,{size_of(day, row)},P,2000,0\n")
  return at


class recount:
  """What the stream holds up to a position: rows and sizes by symbol."""

  def __init__(self, made):
    self.ends = collections.defaultdict(list)
    self.rows = collections.defaultdict(lambda: [0])
    for item in made.log("dump", made.merged, "--bytes", "0"):
      if item.get("kind") != "table_batch":
        continue
      found = re.fullmatch(r"(\d+) rows? of (\w+)", item["payload"])
      mill.check(found, "not rows:", item)
      number, table = found.groups()
      mill.check(table == "trade", item)
      symbol = re.fullmatch(r"feed-trade-(\w+)\.market", item["on"])[1]
      self.ends[symbol].append(item["end"])
      self.rows[symbol].append(self.rows[symbol][-1] + int(number))
    self.sizes = {
      symbol: [0, *itertools.accumulate(
        size_of(int(symbol[3:]), row) for row in range(ROWS))]
      for symbol in self.ends}

  def at(self, upper):
    out = {}
    for symbol, ends in self.ends.items():
      count = self.rows[symbol][bisect.bisect_right(ends, upper)]
      if count:
        out[symbol] = (count, self.sizes[symbol][count])
    return out


def across_periods(binary):
  with mill.cluster(binary) as made:
    made.up()
    answers = []
    faults = []
    turns = iter(range(QUERIES))
    lock = threading.Lock()

    def ask():
      while not faults:
        with lock:
          if next(turns, None) is None:
            return
        try:
          done = made.run("query", "--cut", "-o", "json",
                          json.dumps(QUESTION))
          cut = tuple(map(int, CUT.search(done.stderr).groups()))
          answers.append((cut, json.loads(done.stdout)))
        except Exception as why:  # pylint: disable=broad-except
          faults.append(why)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for each in askers:
      each.start()
    day = 0
    while any(each.is_alive() for each in askers) and not faults:
      date = str(FIRST + datetime.timedelta(days=day))
      made.feed("trade", write_day(made, day), f"DAY{day}", date)
      made.end_period(date)
      day += 1
    for each in askers:
      each.join()
    mill.check(not faults, "a query failed:", *faults[:1])
    mill.check(len(answers) == QUERIES, len(answers), "answers")
    truth = recount(made)
    for (manifest, cutover, upper), rows in answers:
      got = {row["sym"]: (row["countPrice"], row["sumSize"]) for row in rows}
      want = truth.at(upper)
      mill.check(len(got) == len(rows) and got == want, "at manifest",
                 manifest, "cutover", cutover, "upper", upper, ": is",
                 {k: v for k, v in got.items() if want.get(k) != v},
                 "not", {k: v for k, v in want.items() if got.get(k) != v})
    cuts = {cut for cut, _ in answers}
    manifests = {cut[0] for cut in cuts}
    print(f"  {len(answers)} answers at {len(cuts)} cuts over {day} periods")
    mill.check(day >= 3 and len(manifests) >= 3,
               "too little happened beside the questions:", day, manifests)
    final = made.query(QUESTION, at_least=made.merged_end())
    mill.check(sum(row["countPrice"] for row in final) == day * ROWS,
               "rows in the end")


def used_s(pid):
  """Processor time of a process until now."""
  with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
    fields = stat.read().rpartition(")")[2].split()
  return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_asker(binary):
  """Ctrl-C, a kill and a timeout end the work of a long question: in the rdb,
  in the hdb, and in the gateway."""
  # The stores have a node of their own: what it uses is theirs, and not that of
  # the gateway, which has a lot to plan here.
  nodes = {"front": ["discovery1", "rt1", "gw1"], "back": ["rdb1", "hdb1"]}
  with mill.cluster(binary, nodes) as made:
    made.up()
    symbols = [f"DAY{i}" for i in range(5)]
    for day, symbol in enumerate(symbols):
      made.feed("trade", write_day(made, day), symbol, str(FIRST))
    # Many comparisons of each row, which leave all of them: five seconds of work.
    filters = {"size": [["<>", -1 - i] for i in range(60_000)]}
    asked = made.directory / "asked.json"
    asked.write_text(json.dumps(dict(QUESTION, filters=filters)))
    stores = made.node("back")["pid"]

    def are_quiet():
      """Whether half a second passes without work."""
      before = used_s(stores)
      time.sleep(0.5)
      return used_s(stores) - before < 0.1

    def leave(what, *more, end):
      before = used_s(stores)
      with asked.open() as text:
        client = made.start("query", *more, stdin=text)
      mill.wait_until(lambda: used_s(stores) > before + 0.3, 30,
                      f"{what}: the work begins")
      end(client)
      client.wait(30)
      mill.wait_until(are_quiet, 2, f"{what}: the work ends")
      mill.check(client.returncode != 0, what, "has an answer")
      mill.check(made.process("gw1")["running"] == 0, made.process("gw1"))

    for where in ("rdb", "hdb"):
      leave(f"ctrl-C, {where}", end=lambda c: c.send_signal(signal.SIGINT))
      leave(f"kill, {where}", end=lambda c: c.kill())
      leave(f"a timeout, {where}", "--timeout", "1", end=lambda c: None)
      if where == "rdb":
        made.end_period(str(FIRST))
    total = made.query(QUESTION)
    mill.check(sum(row["countPrice"] for row in total)
               == ROWS * len(symbols), total)
    memory_returns(made)


def memory_returns(made):
  """What a question took in the gateway is the system's again soon after."""
  gateway = made.node("front")["pid"]
  few = "(select sym, price from trade limit 4000)"
  done = made.start("query", "--language", "sql", "-o", "json",
                    f"select count(*) as n from {few} a cross join {few} b")
  most = before = mill.resident_mib(gateway)
  while done.poll() is None:
    most = max(most, mill.resident_mib(gateway))
    time.sleep(0.02)
  out, fault = done.communicate()
  mill.check(done.returncode == 0 and "16000000" in out, out, fault)
  mill.check(most > before + 100, "it took", most - before, "MiB")
  mill.wait_until(lambda: mill.resident_mib(gateway) < before + (most - before) / 4,
                  20, "memory returns")


def waited_for(binary):
  """A question waits for the gateway and for back ends that come back within
  its time, and says whom it waits for."""
  asked = ["query", "--timeout", "40", "select n:count i from trade", "-o",
           "json"]
  nodes = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1"],
           "gate": ["gw1"]}
  with mill.cluster(binary, nodes) as made:
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade",
             text='{"time":"2024-01-02T14:30:00Z","sym":"A","price":1}\n')
    for away, told in (("gate", " s for a gateway"), ("back", " s for ")):
      made.kill(away)
      asks = made.start(*asked)
      said = asks.stderr.readline()
      mill.check(said.startswith("millrace: waits up to ") and told in said,
                 said)
      made.up(away)
      out, rest = asks.communicate(timeout=60)
      mill.check(asks.returncode == 0 and '"n":1' in out.replace(" ", ""), out,
                 said, rest)
    # As long as it was given, and no longer, when none comes.
    made.kill("gate")
    for words, least in ((["--timeout", "6"], 6), ([], 3)):
      begin = time.monotonic()
      done = made.run("query", *words, "count trade", code=69)
      took = time.monotonic() - begin
      mill.check(" s for a gateway" in done.stderr, done.stderr)
      mill.check(least <= took < least + 10 * mill.patience(), words, "took",
                 took, "s")


if __name__ == "__main__":
  mill.main([across_periods, without_asker, waited_for])
