#!/usr/bin/env python3
"""What the gateway answers stays what the files say when processes die."""

import signal
import threading
import time

import lean_data
import millrace_cluster as mill

TRY_LATER = 75
DAY = "2013-10-08"
NEXT = "2013-10-09"
# Passed by the RDB while it ends a period and when it lets go of the rows, and
# by the HDB when it opens what was written. With each, the partition is the old
# or the new one.
PERIOD_POINTS = [("n-rdb1", "rdb.before_eod_mark"),
                 ("n-rdb1", "rdb.after_flush"),
                 ("n-rdb1", "rdb.before_manifest"),
                 ("n-rdb1", "rdb.after_manifest"),
                 ("n-rdb1", "rdb.before_notify"),
                 ("n-rdb1", "rdb.before_purge"),
                 ("n-rdb1", "rdb.after_purge"),
                 ("n-hdb1", "hdb.before_open"),
                 ("n-hdb1", "hdb.after_open")]


# Of the gateway, the last process: rows of an ended period are kept as long as
# its queries may run.
SHORT_QUERIES = 'query_timeout = "2s"\n'


def path(symbol, table="trade", date=DAY):
  name = f"{symbol.lower()}_{date.replace('-', '')}_{table}.zip"
  return mill.shared_data("lean") / name


def days_facts(symbol, date=DAY):
  facts = lean_data.trade_facts(path(symbol, date=date), symbol, date)
  return {key: value for key, value in facts.items() if key[1] is None}


def verify(made, symbols, date=DAY):
  want = {}
  for symbol in symbols:
    want.update(days_facts(symbol, date))
  lean_data.compare(
    f"trades of {date}",
    made.query(lean_data.trade_query(date, date), at_least=made.merged_end()),
    want)




def ids_of(made, directory):
  """(kind, id) of all messages of a log, in its order."""
  return [(item["kind"], item["id"])
          for item in made.log("dump", directory, "--bytes", "0")
          if item["type"] == "message"]


def rdb_killed(binary):
  """kill -9 of the RDB half way through a feed."""
  with mill.cluster(binary) as made:
    made.up()
    made.feed("trade", path("AIG"), "AIG", DAY)
    feed = made.start(*made.feed_words("trade", path("SPY"), "SPY", DAY))
    mill.wait_until(lambda: made.log("info", made.merged)["messages"] > 100,
                    60, "a part of the feed in the stream")
    made.kill("n-rdb1")
    mill.check(feed.wait(60) == 0, "the feed needs no rdb:",
               *feed.communicate())
    made.up("n-rdb1")
    # Without a word of where the stream ends: all of it is in each answer.
    want = {**days_facts("AIG"), **days_facts("SPY")}
    lean_data.compare("right after the start",
                      made.query(lean_data.trade_query(DAY, DAY)), want)
    for _ in range(3):
      made.kill("n-rdb1")
      node = made.start("up", "n-rdb1")
      lean_data.compare("while the rdb starts",
                        made.query(lean_data.trade_query(DAY, DAY)), want)
      mill.check(node.wait(60) == 0, *node.communicate())
    verify(made, ["AIG", "SPY"])


def feed_killed(binary):
  """kill -9 of the feed at several places, and the same command again."""
  with mill.cluster(binary) as made:
    made.up()
    words = made.feed_words("trade", path("SPY"), "SPY", DAY)
    points = ["pub.after_write:3", "pub.before_write:40", "pub.before_send:5",
              "pub.after_send:9"]
    for point in points:
      done = made.run(*words, env=made.environment(CRASH_AT=point), code=None)
      mill.check(done.returncode == -signal.SIGKILL, point, "was not passed:",
                 done.returncode, done.stdout, done.stderr)
    made.run(*words)
    verify(made, ["SPY"])
    mill.check(made.run(*words).stdout.startswith("0 rows"),
               "the whole file is published, and yet something is again")
    verify(made, ["SPY"])
    # Ids go on over all sessions. Each declares its table, which the merged
    # stream repeats only when it is new.
    own = ids_of(made, made.directory / "data/pub/feed-trade-SPY.market")
    every = [number for _, number in own]
    mill.check(every == list(range(1, len(every) + 1)),
               "ids have a hole, or come twice:", every)
    mill.check(
      [pair for pair in ids_of(made, made.merged) if pair[0] == "table_batch"]
      == [pair for pair in own if pair[0] == "table_batch"],
      "the merged stream is not what was published")
    mill.check(made.log("verify", made.merged)["ok"], "the log is damaged")


def killed_in_period_end(binary):
  """kill -9 at each point of a period's end: the old or the new partition."""
  for node, point in PERIOD_POINTS:
    with mill.part(f"  {point}"), mill.cluster(
        binary, extra=SHORT_QUERIES) as made:
      others = [name for name in made.nodes if name != node]
      made.up(*others)
      made.up(node, env=made.environment(CRASH_AT=point))
      made.feed("trade", path("AIG"), "AIG", DAY)
      verify(made, ["AIG"])
      end = made.start("eop", "--period", DAY, "--timeout", "60")
      made.wait_death(node)
      made.up(node)
      mill.check(end.wait(60) == 0, point, *end.communicate())
      verify(made, ["AIG"])
      # A repeated marker changes nothing.
      partitions = sorted((made.directory / "data/hdb").rglob("*"))
      made.end_period(DAY)
      mill.check(
        sorted((made.directory / "data/hdb").rglob("*")) == partitions,
        "the period ended twice")
      made.feed("trade", path("SPY", date="2013-10-07"), "SPY", NEXT)
      verify(made, ["AIG"])
      made.down()
      made.up()
      verify(made, ["AIG"])


def discovery_killed(binary):
  """Streams and queries do not notice; a new one is refilled in 2 s."""
  with mill.cluster(binary) as made:
    made.up()
    made.feed("trade", path("AIG"), "AIG", DAY)
    verify(made, ["AIG"])
    faults = []
    answers = []
    done = threading.Event()
    want = days_facts("AIG")

    def ask():
      question = dict(lean_data.trade_query(DAY, DAY), instruments=["AIG"])
      while not done.is_set():
        try:
          lean_data.compare("beside the death of discovery",
                            made.query(question), want)
          answers.append(time.monotonic())
        except Exception as why:  # pylint: disable=broad-except
          faults.append(why)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
      feed = made.start(*made.feed_words("trade", path("SPY"), "SPY", DAY))
      made.kill("n-discovery1")
      before = len(answers)
      mill.wait_until(lambda: faults or len(answers) > before + 3, 30,
                      "answers without discovery")
      begin = time.monotonic()
      made.up("n-discovery1")
      begin = time.monotonic()

      def refilled():
        rows = made.status().get("nodes", [])
        for node in rows:
          for process in node["processes"]:
            if process["name"] == "discovery1":
              return process.get("available", 0) >= len(mill.ROLES)
        return False

      mill.wait_until(refilled, 2 * mill.patience(), "a refilled discovery")
      print(f"  refilled after {time.monotonic() - begin:.2f} s")
      mill.check(feed.wait(60) == 0, "the feed noticed:", *feed.communicate())
    finally:
      done.set()
      asker.join()
    mill.check(not faults, "a query noticed:", *faults[:1])
    verify(made, ["AIG", "SPY"])


def apart(binary):
  """RDB and HDB on different nodes, everything else on one."""
  with mill.cluster(binary, {"rest": ["discovery1", "rt1", "gw1"],
                             "rdb": ["rdb1"], "hdb": ["hdb1"]}) as made:
    made.up()
    made.feed("trade", path("AIG"), "AIG", DAY)
    made.end_period(DAY)
    made.feed("trade", path("SPY", date=NEXT), "SPY", NEXT)
    verify(made, ["AIG"])
    verify(made, ["SPY"], NEXT)


def period_ended_again(binary):
  """A repeated eop, too, succeeds only when the hdb serves the partition."""
  with mill.cluster(binary) as made:
    made.up(*[name for name in made.nodes if name != "n-hdb1"])
    made.feed("trade", path("AIG"), "AIG", DAY)

    def ends(code, seconds, *needles):
      begin = time.monotonic()
      done = made.run("eop", "--period", DAY, "--timeout", seconds, code=code)
      text = done.stdout + done.stderr
      for needle in needles:
        mill.check(needle in text, "no", repr(needle), "in:", text)
      return time.monotonic() - begin

    waits = [ends(TRY_LATER, 3, "rdb1", "no hdb serves")]
    waits.append(ends(TRY_LATER, 3, "rdb1", "no hdb serves"))
    # The partition is written; a new life of the rdb knows it from there.
    made.kill("n-rdb1")
    made.up("n-rdb1")
    waits.append(ends(TRY_LATER, 3, "rdb1", "no hdb serves"))
    mill.check(min(waits) >= 3, "an eop gave up early:", waits)
    again = made.start("eop", "--period", DAY, "--timeout", "60")
    made.up("n-hdb1")
    mill.check(again.wait(60) == 0, *again.communicate())
    served = made.process("hdb1").get("partitions")
    mill.check(served == ["2013.10.08"], "the hdb serves", served)
    ends(0, 60, "had ended before")
    verify(made, ["AIG"])


if __name__ == "__main__":
  mill.shared_data("lean")
  mill.main([rdb_killed, feed_killed, killed_in_period_end, discovery_killed,
             apart, period_ended_again])
