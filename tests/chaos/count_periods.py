"""Ends of periods of a cluster of real nodes, each under a fault, counted.
`scripts/chaos-counts` runs them."""
import time

from count_kills import NODES, ROLES, day_of, share
from ledger import NOT_NOW, QUESTION, compare, ledger, mill, sizes

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
  "crash hdb1 hdb.before_open 1",
  "cut rdb1 <-> rt1 | cut rdb1 <-> rt2 | cut rdb1 <-> rt3",
  "cut rdb1 <-> hdb1 | cut rdb1 <-> all | cut hdb1 <-> all",
]
LASTS_S = 3


def ask(made, book, what):
  """Whether there was an answer; one that is there is whole."""
  committed, _ = book.facts()
  done = made.run(*QUESTION, "--timeout", "10", code=None)
  if done.returncode in NOT_NOW:
    return False
  mill.check(done.returncode == 0, what, "a question ended with",
             done.returncode, done.stderr)
  compare(f"{what}: an answer", sizes(done.stdout), committed,
          book.facts()[1])
  return True


def end_one(made, book, fault, choice):
  """One end of a period; gives (answers, questions without one, seconds)."""
  at = made.directory / "period.faults"
  at.write_text(f"at {choice.randrange(400)}ms: {fault}\nat {LASTS_S}s: heal\n")
  begin = time.monotonic()
  playing = made.start("chaos", at)
  try:
    if fault.startswith(("crash", "cut")):
      playing.stdout.readline()  # From then on it can befall them.
      begin = time.monotonic()
    ending = made.start("eop", "--period", book.day, "--timeout", "90")
    answers = refused = 0
    while ending.poll() is None:
      if ask(made, book, fault):
        answers += 1
      else:
        refused += 1
    told = " ".join(ending.communicate())
    mill.check(ending.returncode in (0, *NOT_NOW), fault, "eop:",
               ending.returncode, told)
    if ending.returncode != 0:
      made.end_period(book.day)
    took_s = time.monotonic() - begin
    said, why = playing.communicate(timeout=120)
    mill.check(playing.returncode == 0, fault, "chaos:", playing.returncode,
               said, why)
  finally:
    playing.terminate()  # It starts nodes.
    playing.wait()
  return answers, refused, took_s


def periods(binary, count, choice):
  """Each period ends, whatever befalls it, and each answer meanwhile and
  afterwards has each acknowledged row once."""
  answers, refused, took_s, met = 0, 0, [], set()
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, day_of(0))
    for number in range(count):
      book.day = day_of(number)
      mill.check(book.publish(), "rows were not committed")
      fault = FAULTS[number % len(FAULTS)]
      met.add(fault)
      got = end_one(made, book, fault, choice)
      answers, refused = answers + got[0], refused + got[1]
      took_s.append(got[2])
      made.run("up")
      book.check_answer(f"after the end of a period under '{fault}', a gateway")
    made.run("hdb", "check", made.directory / "data" / "hdb")
    rows = book.check_all()
  return {"faults": len(met), "rows there": rows, "whole answers meanwhile": answers,
          "questions to be asked again": refused,
          "an end, median ms": share(took_s, 0.5),
          "the longest ms": share(took_s, 1)}
