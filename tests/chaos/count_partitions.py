"""Partitions of a cluster of real nodes, by proxies on their links, counted.
`scripts/chaos-counts` runs them."""
import contextlib
import time

from count_kills import NODES, ROLES, day_of, share
from ledger import MEMBERS, ledger, mill

APART_S = 4
WHOLE_S = 8
KINDS = ("full", "partial", "one way", "a reader")


def cuts(kind, choice):
  """What is cut, as a script has it. A majority of RT nodes can always talk."""
  one, other, _ = choice.sample(MEMBERS, 3)
  rest = [name for name in NODES if name != one]
  if kind == "full":
    return [f"cut {one} <-> {name}" for name in rest]
  if kind == "partial":
    return [f"cut {one} <-> {other}"]
  if kind == "one way":
    return choice.choice(([f"cut {one} -> {other}"],
                          [f"cut {one} -> {name}" for name in rest],
                          [f"cut {name} -> {one}" for name in rest]))
  return [f"cut rdb1 <-> {name}" for name in MEMBERS]


def script_of(count, choice):
  lines = []
  for number in range(count):
    begin = 1 + number * (APART_S + WHOLE_S)
    kind = KINDS[number % len(KINDS)]
    lines += [f"at {begin}s: {' | '.join(cuts(kind, choice))}",
              f"at {begin + APART_S}s: heal"]
  # Time to come together after the last one.
  return "\n".join([*lines, f"at {1 + count * (APART_S + WHOLE_S)}s: heal\n"])


class player:
  """`millrace chaos` beside the test, fault by fault."""

  def __init__(self, made, text):
    at = made.directory / "links.faults"
    at.write_text(text)
    self.running = made.start("chaos", at)
    self.told = [self.running.stdout.readline()]
    self.begin = time.monotonic()

  def until(self, begins):
    """Waits for the next such fault; gives when it came."""
    for line in self.running.stdout:
      self.told.append(line)
      at, _, what = line.partition("s  ")
      if what.startswith(begins):
        return self.begin + float(at)
    raise mill.failure("chaos ended early: " + "".join(self.told[-3:])
                       + self.running.stderr.read())

  def finish(self):
    out, told = self.running.communicate(timeout=300)
    mill.check(self.running.returncode == 0, "chaos:", self.running.returncode,
               *self.told[-3:], out, told)


def ends(made):
  """The end of each RT node's merged log, as the nodes tell."""
  out = {}
  for node in made.status()["nodes"]:
    for each in node["processes"]:
      if each["name"] in MEMBERS and "end" in each:
        out[each["name"]] = each["end"]
  return out


def partitions(binary, count, choice):
  """Nodes are cut from one another while rows are published: one RT node from all,
  two RT nodes from each other, one direction of links, the rdb from the stream. A
  majority goes on meanwhile; after each all nodes have all, and an answer each
  acknowledged row once."""
  apart_s, whole_s, went_on = [], [], 0
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, day_of(0))
    faults = player(made, script_of(count, choice))
    with contextlib.ExitStack() as last, book.writing() as acknowledged:
      last.callback(faults.running.terminate)
      for number in range(count):
        begin = faults.until("cut ")
        acknowledged(90, "a commit after the cut")
        apart_s.append(time.monotonic() - begin)
        went_on += apart_s[-1] < APART_S
        healed = faults.until("heal")
        # Rows go on: each node passes the end that any of them had.
        goal = max(ends(made).values())
        mill.wait_until(lambda: min(ends(made).values(), default=0) >= goal
                        and len(ends(made)) == len(MEMBERS), 60,
                        "all RT nodes where one of them was")
        whole_s.append(time.monotonic() - healed)
        book.check_answer(f"after partition {number + 1}, the gateway")
      faults.finish()
    made.run("up")
    book.flush()
    made.end_period(book.day)
    rows = book.check_all()
  return {"rows there": rows,
          "partitions with a commit before they were healed": went_on,
          "first commit after a cut, median ms": share(apart_s, 0.5),
          "longest ms": share(apart_s, 1),
          "all nodes have all after healing, median ms": share(whole_s, 0.5),
          "longest of these ms": share(whole_s, 1)}
