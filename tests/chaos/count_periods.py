"""Ends of periods of a cluster of real nodes, each under a fault, counted.
`scripts/chaos-counts` runs them."""
import itertools
import threading
import time

from count_kills import NODES, ROLES, day_of, share
from ledger import NOT_NOW, ledger, mill

# What befalls the nodes while a period ends. All of it is over after some seconds.
FAULTS = [
  "kill rdb1 restart 300ms",
  "kill hdb1 restart 300ms",
  "kill all restart 300ms",
  "kill rt1 restart 300ms",
  "kill rt1 restart 500ms | kill rt2 restart 500ms | kill rt3 restart 500ms",
  "pause rdb1",
  "pause rt1 | pause rt2",
  "crash rdb1 rdb.after_flush 1",
  "crash rdb1 rdb.after_manifest 1",
  # It opens what there is while it starts, and the new one at the end.
  "crash hdb1 hdb.before_open 2",
  "cut rdb1 <-> rt1 | cut rdb1 <-> rt2 | cut rdb1 <-> rt3",
  "cut rdb1 <-> hdb1 | cut rdb1 <-> all | cut hdb1 <-> all",
]
LASTS_S = 3


def moment_of(what):
  """Where the time comes to stand at which `what`, which blocks, returned."""
  out = []
  waiting = threading.Thread(
    target=lambda: (what(), out.append(time.monotonic())), daemon=True)
  waiting.start()
  return waiting, out


def until_told(playing, fault):
  """Reads what chaos says until it has done the first part of a fault."""
  first = fault.split(" | ")[0] + ": "
  for line in iter(playing.stdout.readline, ""):
    if first in line:
      return


def end_one(made, book, fault, choice, is_before):
  """One end of a period; gives (answers, questions without one, seconds, whether
  the fault came before it was over).

  is_before: it is asked for when the fault is there, not at any time."""
  at = made.directory / "period.faults"
  at.write_text(f"at {choice.randrange(400)}ms: {fault}\nat {LASTS_S}s: heal\n")
  playing = made.start("chaos", at)
  try:
    if fault.startswith("cut"):
      playing.stdout.readline()  # From then on it can befall them.
    falling, fallen = moment_of(lambda: until_told(playing, fault))
    if is_before or fault.startswith("crash"):
      falling.join()
    begin = time.monotonic()
    ending = made.start("eop", "--period", book.day, "--timeout", "90")
    over, ended = moment_of(ending.wait)
    answers = refused = 0
    while not ended:
      if book.ask(fault):
        answers += 1
      else:
        refused += 1
    over.join()
    told = " ".join(ending.communicate())
    mill.check(ending.returncode in (0, *NOT_NOW), fault, "eop:",
               ending.returncode, told)
    if ending.returncode != 0:
      made.end_period(book.day)
      ended[:] = [time.monotonic()]
    falling.join()
    said, why = playing.communicate(timeout=120)
    mill.check(playing.returncode == 0, fault, "chaos:", playing.returncode,
               said, why)
  finally:
    playing.terminate()  # It starts nodes.
    playing.wait()
  return answers, refused, ended[0] - begin, fallen[0] < ended[0]


def periods(binary, count, choice):
  """Each period ends, whatever befalls it, and each answer meanwhile and
  afterwards has each acknowledged row once. An end that was over before its
  fault came is another one, which counts as none."""
  answers, refused, took_s, met = 0, 0, [], set()
  days = itertools.count()
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, day_of(0))
    for number in range(count):
      fault, befell = FAULTS[number % len(FAULTS)], False
      for is_before in (False, True):
        book.day = day_of(next(days))
        mill.check(book.publish(), "rows were not committed")
        *got, lasted_s, befell = end_one(made, book, fault, choice, is_before)
        answers, refused = answers + got[0], refused + got[1]
        made.run("up")
        book.check_answer(f"after the end of a period under '{fault}', a gateway")
        if befell:
          met.add(fault)
          took_s.append(lasted_s)
          break
      mill.check(befell, "the end was over before", fault)
    made.run("hdb", "check", made.directory / "data" / "hdb")
    rows = book.check_all()
  return {"faults": len(met), "ends under one": len(took_s), "rows there": rows,
          "whole answers meanwhile": answers,
          "questions to be asked again": refused,
          "an end under a fault, median ms": share(took_s, 0.5),
          "the longest ms": share(took_s, 1)}
