"""Deaths of real processes, counted: of whole clusters, and of back ends under
questions. `scripts/chaos-counts` runs them.

Each part takes the program, how often, and a source of choices; it gives what it
measured as {name: number}, and fails by `mill.failure`.
"""
import contextlib
import datetime
import http.client
import json
import os
import select
import signal
import threading
import time

from ledger import MEMBERS, ledger, mill

ROLES = [("discovery1", "discovery"), *((name, "rt") for name in MEMBERS),
         ("rdb1", "rdb"), ("hdb1", "hdb"), ("gw1", "gateway")]
NODES = {"all": ["discovery1", "gw1"], **{name: [name] for name in MEMBERS},
         "rdb1": ["rdb1"], "hdb1": ["hdb1"]}
FIRST = datetime.date(2024, 1, 2)
KILLS_PER_DAY = 25
QUESTION = "select n:count i, size:sum size by sym from trade"
SYMBOLS = [f"S{i}" for i in range(7)]


def day_of(number):
  return (FIRST + datetime.timedelta(number)).isoformat()


def share(numbers, part):
  """The number that this part of them does not pass, in milliseconds."""
  ordered = sorted(numbers)
  at = min(len(ordered) - 1, int(part * len(ordered)))
  return round(1000 * ordered[at]) if ordered else 0


def pid_of(made, node):
  note = made.directory / "data" / "nodes" / node / "node.pid"
  return json.loads(note.read_text())["pid"]


def kill_at_once(made, names):
  """kill -9 of nodes, one right after the other; returns when all are gone."""
  with contextlib.ExitStack() as ends:
    held = [os.pidfd_open(pid_of(made, name)) for name in names]
    for each in held:
      ends.callback(os.close, each)
    for each in held:
      signal.pidfd_send_signal(each, signal.SIGKILL)
    for name, each in zip(names, held):
      mill.check(select.select([each], [], [], 30)[0], name, "does not end")


def whole_clusters(binary, count, choice):
  """All nodes die at once, at any time, while rows are published, and every other
  time their publisher with them. After each start an answer has all rows that
  were acknowledged, each once; at the end a subscriber and the merged logs, too."""
  back_s = []
  with mill.cluster(binary, NODES, roles=ROLES, mode="synced") as made:
    made.up()
    book = ledger(made, day_of(0))
    day = 0
    with book.writing() as acknowledged:
      for number in range(count):
        if number % KILLS_PER_DAY == KILLS_PER_DAY - 1:
          made.end_period(day_of(day), code=None)
          day += 1
          book.day = day_of(day)
        acknowledged(90, "a commit before the nodes die")
        time.sleep(choice.uniform(0, 0.4))  # They die at any time.
        kill_at_once(made, list(NODES))
        if choice.random() < 0.5:
          book.kill_publisher()
        begin = time.monotonic()
        made.up()
        book.check_answer(f"after kill {number + 1}, the gateway")
        back_s.append(time.monotonic() - begin)
    book.flush()
    made.end_period(book.day)
    made.run("hdb", "check", made.directory / "data" / "hdb")
    rows = book.check_all()
    committed, published = book.facts()
  return {"rows acknowledged": len(committed), "rows published": len(published),
          "rows there": rows,
          "first true answer, median ms": share(back_s, 0.5),
          "first true answer, longest ms": share(back_s, 1)}


class asker:
  """One client of the HTTP port: the same question, again and again."""

  def __init__(self, port, wanted):
    self.port, self.wanted = port, wanted
    self.faults, self.took_s, self.asks = [], [], 0
    self.over = threading.Event()
    self.thread = threading.Thread(target=self.go_on)
    self.thread.start()

  def go_on(self):
    client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
    while not self.over.is_set():
      begin = time.monotonic()
      try:
        client.request("POST", "/query", QUESTION)
        got = client.getresponse()
        text = got.read().decode()
        if got.status != 200:
          self.faults.append(f"{got.status}: {text[:300]}")
        elif json.loads(text) != self.wanted:
          self.faults.append("another answer: " + text[:300])
      except Exception as why:  # pylint: disable=broad-except
        self.faults.append(repr(why))
        client.close()
      self.took_s.append(time.monotonic() - begin)
      self.asks += 1
    client.close()


def fill(made, day, rows):
  made.run("pub", "--stream", "market", "--table", "trade", "--format", "csv",
           text="time,sym,price,size\n" + "".join(
             f"{day}T10:00:00,{SYMBOLS[i % len(SYMBOLS)]},1,{i}\n"
             for i in range(rows)))


def back_ends(binary, count, choice, rows=60_000):
  """An rdb or an hdb of two dies while two clients ask; each of their questions
  has its one true answer."""
  port, = mill.free_ports(1)
  roles = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb"),
           ("hdb1", "hdb"), ("hdb2", "hdb"), ("gw1", "gateway"),
           ("rdb2", "rdb")]
  nodes = {"front": ["discovery1", "rt1", "gw1"],
           **{name: [name] for name in ("rdb1", "rdb2", "hdb1", "hdb2")}}
  extra = (f'write_down = false\n[[process]]\nname = "http1"\ntype = "http"\n'
           f'node = "front"\nport = {port}\n')
  with mill.cluster(binary, nodes, extra, roles=roles) as made:
    made.up()
    fill(made, day_of(0), rows)
    made.end_period(day_of(0))
    fill(made, day_of(1), rows)
    made.run("query", "--at-least", made.merged_end(), "count trade")
    wanted = [{"sym": symbol, "n": 2 * len(range(i, rows, len(SYMBOLS))),
               "size": 2 * sum(range(i, rows, len(SYMBOLS)))}
              for i, symbol in enumerate(SYMBOLS)]
    askers = [asker(port, wanted) for _ in range(2)]
    calm_s = []
    try:
      mill.wait_until(lambda: all(each.asks >= 10 for each in askers), 60,
                      "questions before the first death")
      for each in askers:
        calm_s += each.took_s[2:]
      for number in range(count):
        name = choice.choice(("rdb1", "rdb2", "hdb1", "hdb2"))
        before = [each.asks for each in askers]
        time.sleep(choice.uniform(0, 0.1))  # At any time of a question.
        kill_at_once(made, [name])
        mill.wait_until(lambda: all(each.asks > was for each, was in
                                    zip(askers, before)), 60,
                        f"answers after the death of {name}")
        made.up(name)
        faults = sum((each.faults for each in askers), [])
        mill.check(not faults, "after kill", number + 1, "of", name, ":",
                   *faults[:2])
    finally:
      for each in askers:
        each.over.set()
      for each in askers:
        each.thread.join()
    faults = sum((each.faults for each in askers), [])
    mill.check(not faults, *faults[:2])
    took_s = askers[0].took_s + askers[1].took_s
  return {"questions": len(took_s), "errors of clients": len(faults),
          "median ms": share(took_s, 0.5), "99 % ms": share(took_s, 0.99),
          "longest ms": share(took_s, 1),
          "99 % ms without deaths": share(calm_s, 0.99)}
