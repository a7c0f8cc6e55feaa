"""The end of a period says what became of its rows, and only what is true.

Rows of several dates, periods out of turn, batches that no table fits, tables
that change between two lives.
"""

import json
import select
import shutil
import socket
import threading

import millrace_cluster as mill
from past_days import history, real_history, texts
from period_steps import NODES, ends, publish, total

NEGATIVE, USAGE, UNAVAILABLE, RETRY, CONFIG = 1, 64, 69, 75, 78


def periods(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1), ("2024-01-03", "B", 2),
            ("2024-01-04", "A", 4), ("2024-01-02", "C", 8))
    mill.check(total(made) == [4, 15], total(made))
    # Rows of several dates: each in the partition of its own.
    ends(made, "2024-01-02", tells=[
      "2024-01-02 ended at log.", "served by the hdb",
      "trade: 4 rows; early: 2024-01-03 1 2024-01-04 1", "quote: 0 rows"])
    hdb = made.process("hdb1")
    mill.check(hdb["partitions"] == ["2024.01.02", "2024.01.03", "2024.01.04"],
               hdb)
    mill.check(total(made) == [4, 15], total(made))
    # What the marker is says which period it ends.
    place = next(item["begin"] for item in made.log(
      "dump", made.directory / "data/rt/rt1/market/out")
      if item.get("kind") == "period_end")
    told = made.run("stream", "explain-pos", "market", str(place)).stdout
    mill.check("what       the end of period 2024-01-02: written by the merge "
               "itself" in told, told)
    day = made.query({"tablename": "trade", "starttime": "2024-01-03",
                      "endtime": "2024-01-03", "columns": ["sym", "size"]})
    mill.check([row["sym"] for row in day] == ["B"], day)
    publish(made, ("2024-01-02", "D", 16), ("2024-01-03", "E", 32))
    total(made)
    ends(made, "2024-01-02", tells=["trade: 1 rows of this date came later"])
    ends(made, "2024-01-03",
         tells=["ended at", "trade: 2 rows; late: 2024-01-02 1"])
    mill.check(total(made) == [6, 63], total(made))
    # Again: what is there, and no more.
    ends(made, "2024-01-03", tells=["had ended before", "trade: 2 rows"])
    ends(made, "2024-01-02", tells=["had ended before", "trade: 4 rows"])
    # Out of turn.
    ends(made, "2023-12-29", code=NEGATIVE,
         tells=["2023-12-29 is not ended: 2024-01-03 ended already"])
    ends(made, "2042-01-02", code=USAGE,
         tells=["2042-01-02 is not ended", "--force"])
    publish(made, ("2024-01-04", "F", 64))
    ends(made, "2042-01-02", "--force", tells=["2042-01-02 ended at"])
    ends(made, "2042-01-02", tells=["had ended before"])
    ends(made, "2024-01-04", code=NEGATIVE,
         tells=["2024-01-04 is not ended: 2042-01-02 ended already"])
    mill.check(total(made) == [7, 127], total(made))


def rejects(binary):
  with mill.cluster(binary, NODES) as made:
    made.up()
    other = made.directory / "other.toml"
    other.write_text(made.path.read_text().replace(
      '"size:int"', '"size:int", "venue:symbol"', 1))
    publish(made, ("2024-01-02", "A", 1))
    # An rdb that lives is asked, and nothing is published that it cannot take.
    refused = publish(made, ("2024-01-02", "B", 2), config=other, code=CONFIG)
    mill.check("rdb1 on node back" in refused.stderr
               and "column 'venue' is not in it there" in refused.stderr,
               refused.stderr)
    mill.check(total(made) == [1, 1], total(made))
    made.run("stop", "rdb1")
    publish(made, ("2024-01-02", "B", 2), config=other)
    made.run("spawn", "rdb1", "--on", "back")
    mill.wait_until(lambda: made.process("rdb1")["rejected_batches"] == 1, 30,
                    "a rejected batch")
    ends(made, "2024-01-02", code=NEGATIVE,
         tells=["2024-01-02 ended at", "rdb1: not written down",
                "--accept-rejects"])
    listed = json.loads(made.run("rejects", "-o", "json").stdout)
    mill.check([(row["rdb"], row["table"], row["rows"]) for row in listed]
               == [("rdb1", "trade", 1)] and "venue" in listed[0]["reason"],
               listed)
    log = (made.directory / "data/nodes/back/node.log").read_text()
    mill.check("fits no table" in log and "venue" in log, log)
    mill.check("held" in made.process("rdb1"), made.process("rdb1"))
    # A new life meets it again, and keeps it once.
    made.kill("back")
    made.up("back")
    ends(made, "2024-01-02", code=NEGATIVE, tells=["had ended before"])
    mill.check(total(made) == [1, 1], total(made))
    ends(made, "2024-01-02", "--accept-rejects",
         tells=["trade: 1 rows", "1 batches are set aside"])
    mill.check(len(json.loads(made.run("rejects", "-o", "json").stdout)) == 1,
               "kept once")
    mill.check(total(made) == [1, 1], total(made))


def tables(binary):
  """Columns may come and grow between two lives, and nothing else."""
  with mill.cluster(binary, NODES) as made:
    good = made.path.read_text()
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    ends(made, "2024-01-02")
    publish(made, ("2024-01-03", "B", 2))
    made.down()
    line = next(i for i, text in enumerate(good.splitlines(), 1)
                if "columns" in text)
    for old, new in (("size:int", "size:short"), ("size:int", "size:symbol"),
                     ("sym:symbol", "sym:string")):
      made.path.write_text(good.replace(old, new, 1))
      done = made.run("up", code=CONFIG)
      text = done.stdout + done.stderr
      mill.check(f"{made.path}:{line}:" in text, text)
    made.path.write_text(good.replace(
      '"size:int"', '"size:long", "venue:symbol"', 1))
    made.up()
    publish(made, ("2024-01-04", "C", 4))
    mill.check(total(made) == [3, 7], total(made))

    def venues():
      rows = made.query({"tablename": "trade", "starttime": "2020-01-01",
                         "endtime": "2050-01-01", "columns": ["sym", "venue"]},
                        at_least=made.merged_end())
      return sorted((row["sym"], row["venue"]) for row in rows)

    # Before and after the first partition with the new columns.
    for _ in range(2):
      got = venues()
      mill.check([sym for sym, _ in got] == ["A", "B", "C"]
                 and not any(venue for _, venue in got), got)
      ends(made, "2024-01-03", tells=["trade: 2 rows"])
    mill.check(total(made) == [3, 7], total(made))
    # A table that has another name now is another one, and that is told.
    made.down()
    made.path.write_text(
      made.path.read_text().replace('name = "trade"', 'name = "ticks"', 1))
    made.up()
    mill.check(made.process("hdb1")["undeclared"] == ["trade"],
               made.process("hdb1"))
    log = (made.directory / "data/nodes/back/node.log").read_text()
    mill.check("|WARN|undeclared|" in log
               and "holds 3 rows of table 'trade'" in log, log)


def spawned(binary):
  """One that only `spawn` starts is missed while it is away, and seen."""
  nodes = {"front": ["discovery1", "rt1"], "back": ["hdb1", "gw1"]}
  with mill.cluster(binary, nodes) as made:
    made.up()
    everything = {"tablename": "trade", "starttime": "2020-01-01",
                  "endtime": "2050-01-01", "timeout": "0D00:00:01"}

    def unanswered():
      done = made.run("query", json.dumps(everything), code=UNAVAILABLE)
      mill.check("only 'millrace spawn' starts rdb1" in done.stderr,
                 done.stderr)

    publish(made, ("2024-01-02", "A", 1))
    unanswered()
    mill.check(made.status()["not_started"] == ["rdb1"], made.status())
    ends(made, "2024-01-02", code=UNAVAILABLE,
         tells=["2024-01-02 ended at", "rdb1 was not started",
                "not written down there"])
    made.run("spawn", "rdb1", "--on", "back")
    ends(made, "2024-01-02", tells=["had ended before", "trade: 1 rows",
                                    "served by the hdb"])
    mill.check(made.process("rdb1")["role"] == "rdb", made.status())
    publish(made, ("2024-01-03", "B", 2))
    mill.check(total(made) == [2, 3], total(made))
    # A new life of its node does not start it, and nothing is answered short.
    made.kill("back")
    made.up("back")
    unanswered()
    made.run("spawn", "rdb1", "--on", "front")
    mill.check(total(made) == [2, 3], total(made))
    ends(made, "2024-01-03", tells=["trade: 1 rows", "served by the hdb"])


COPY = """
[[process]]
name = "hdbq"
type = "hdb"
node = "back"
hdb = "data/hdbq"
[[process]]
name = "rdbq"
type = "rdb"
node = "back"
tables = ["quote"]
hdb = "data/hdbq"
[[process]]
name = "rdb2"
type = "rdb"
node = "back"
tables = ["trade"]
hdb = "data/copy"
[[process]]
name = "hdb2"
type = "hdb"
node = "back"
hdb = "data/copy"
"""


def directories(binary):
  """Questions, ends and drops go by what an hdb serves."""
  with mill.cluster(binary, NODES, extra=COPY) as made:
    made.path.write_text(made.path.read_text().replace(
      'name = "rdb1"\ntype = "rdb"\n',
      'name = "rdb1"\ntype = "rdb"\ntables = ["trade"]\n', 1))
    made.up()
    log = (made.directory / "data/nodes/back/node.log").read_text()
    for process in ("rdb2", "hdb2"):
      mill.check("|WARN|not_asked|" in log and process in log, log)
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    old = made.directory / "a.csv"
    old.write_text("time,sym,size\n2023-12-28T12:00:00Z,A,1\n")
    made.run("load", "--layout", layout, "--table", "trade", old)
    publish(made, ("2024-01-02", "A", 2))
    text = ('{"time": "2024-01-02T12:00:00Z", "sym": "Q", "bid": 1}\n')
    made.run("pub", "--stream", "market", "--table", "quote", text=text)

    def alike(trades):
      for _ in range(2):
        mill.check(total(made) == trades, total(made))
        got = made.query({"tablename": "quote", "starttime": "2020-01-01",
                          "endtime": "2050-01-01", "columns": ["sym"]},
                         at_least=made.merged_end())
        mill.check([row["sym"] for row in got] == ["Q"], got)

    alike([2, 3])
    # Nobody serves what rdbq writes, whatever others serve.
    made.run("stop", "hdbq")
    done = made.run("eop", "--period", "2024-01-02", "--timeout", "3",
                    code=RETRY)
    text = done.stdout + done.stderr
    mill.check("rdbq: after 3 s no hdb serves" in text, text)
    mill.check("rdb1: written" in text and "served by the hdb" in text, text)
    made.run("spawn", "hdbq", "--on", "back")
    ends(made, "2024-01-02", tells=["quote: 1 rows"])
    alike([2, 3])
    made.kill("back")
    made.up("back")
    alike([2, 3])


def log_is_gone(binary):
  """Partitions that go on from a log that is not there are told, not used."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    ends(made, "2024-01-02")
    open_to_all = [path for path in (made.directory / "data").rglob("*")
                   if path.stat().st_mode & 0o007 and not path.is_socket()]
    mill.check(not open_to_all, "others may read", *open_to_all[:5])
    made.run("down")
    for name in ("rt", "pub"):
      shutil.rmtree(made.directory / "data" / name, ignore_errors=True)
    made.run("up", code=None)
    told = made.run("status", code=NEGATIVE).stderr
    mill.check("rdb1: the hdb in" in told and "another life" in told, told)


def atom(word):
  """As CAF writes it: six bits a letter, after a mark."""
  letters = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
  value = 0xF
  for letter in word:
    value = value << 6 | letters.index(letter)
  return value.to_bytes(8, "big")


def vanishing(port, after, before):
  """A port that hands on to `port`, until a client that said `after` says
  `before`: then nobody is there any more."""
  listener = socket.create_server(("127.0.0.1", 0))
  said = threading.Event()
  gone = threading.Event()

  def hand_on(client):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
      while not gone.is_set():
        for end in select.select([client, server], [], [], 0.05)[0]:
          piece = end.recv(1 << 16)
          if end is client and said.is_set() and before in piece:
            listener.shutdown(socket.SHUT_RDWR)
            gone.set()
          if not piece or gone.is_set():
            return
          if end is client and after in piece:
            said.set()
          (server if end is client else client).sendall(piece)

  def accept():
    while not gone.is_set():
      try:
        client, _ = listener.accept()
      except OSError:
        break
      threading.Thread(target=hand_on, args=(client,), daemon=True).start()
    listener.close()

  threading.Thread(target=accept, daemon=True).start()
  return listener.getsockname()[1], gone


def rt_goes(binary):
  """An end that was reached is told as one, whatever its rt does then; and
  what is waited for is told while it is."""
  with mill.cluster(binary, NODES) as made:
    made.up()
    publish(made, ("2024-01-02", "A", 1))
    port, gone = vanishing(made.ports["front"], atom("endperiod"),
                           atom("facts"))
    other = made.directory / "other.toml"
    other.write_text(made.path.read_text().replace(
      f"port = {made.ports['front']}", f"port = {port}"))
    done = made.run("eop", "--period", "2024-01-02", "--timeout", "30", "-o",
                    "json", "--config", other, code=RETRY)
    mill.check(gone.is_set(), "the rt was there all the time")
    (told,) = json.loads(done.stdout)
    mill.check("failure" not in told and told["end"] > 0
               and told["absent"] is None and "absent_unknown" in told
               and told["written"][0]["served"], told)
    mill.check("ask again which publishers" in done.stderr, done.stderr)
    # Asked again, it is known.
    (told,) = json.loads(made.run("eop", "--period", "2024-01-02", "-o",
                                  "json").stdout)
    mill.check(told["absent"] == [] and told["ended_before"], told)
    made.down("back")
    done = made.run("eop", "--period", "2024-01-03", "--timeout", "6",
                    code=RETRY)
    mill.check("2024-01-03 ended; rdb1 does not answer" in done.stderr,
               done.stderr)


if __name__ == "__main__":
  mill.main([periods, rejects, tables, spawned, directories, history, texts,
             real_history, log_is_gone, rt_goes])
