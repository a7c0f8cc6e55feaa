"""Rdbs and hdbs that have the same rows: replicas, and copies in a directory of
their own. Who has all answers, and what only some have is told."""

import millrace_cluster as mill
from hdb_damage_test import DAYS, NODES, ROWS, column, flip, publish


def second_rdb(more):
  """An rdb of the same table, on a node of its own."""
  return f"""
[[node]]
name = "more"
port = {mill.free_ports(1)[0]}
[[process]]
name = "rdb2"
type = "rdb"
node = "more"
tables = ["trade"]
{more}
"""


def second_place():
  """Such an rdb with a directory of its own, and an hdb that serves it."""
  return second_rdb('hdb = "data/second"') + """
[[process]]
name = "hdb2"
type = "hdb"
node = "more"
hdb = "data/second"
"""


def second_copy(binary):
  """Where files of a table's own directory are damaged, a copy with files of
  its own answers; and it says so when it may hold other rows."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    made.path.write_text(whole + second_place())
    made.up()
    publish(made, DAYS[0], ROWS, "A")
    made.run("eop", "--period", DAYS[0])
    expected = sum(i % 9 for i in range(ROWS))
    broken = column(made, DAYS[0], "size") # Nobody has read of it.
    flip(broken, 1001)
    asked = {"tablename": "trade", "starttime": DAYS[0], "endtime": DAYS[0],
             "aggregations": {"sum": "size"}}
    for _ in range(3):
      said = made.query(asked, "--strict")
      mill.check(list(said[0].values())[0] == expected, said)
    # Rows flow as well.
    rows = made.query({"tablename": "trade", "starttime": DAYS[0],
                       "endtime": DAYS[0], "columns": "size"}, "--strict")
    mill.check(sum(each["size"] for each in rows) == expected, len(rows))
    # What is loaded is in the table's own directory alone.
    file = made.directory / "l.csv"
    file.write_text("time,sym,size\n2024-01-01T10:00:00Z,L,7\n")
    layout = made.directory / "h.toml"
    layout.write_text(made.run("layout", file).stdout.replace("long", "int"))
    made.run("load", "--layout", layout, "--table", "trade", file)
    done = made.query(asked, "--strict", code=65)
    mill.check("hdb2" in done.stderr and "may not hold all" in done.stderr
               and str(broken) in done.stderr, done.stderr)
    # One that comes back is waited for.
    for _ in range(2):
      made.run("restart", "more")
      done = made.query(asked, "--strict", code=65)
      mill.check("may not hold all" in done.stderr, done.stderr)
    # Where both are damaged each of them is named.
    other = next(made.directory.glob(f"data/second/{DAYS[0].replace('-', '.')}"
                                     "/trade/*/size"))
    made.run("restart", "more")
    flip(other, 1001)
    done = made.query(asked, code=65)
    mill.check(str(broken) in done.stderr and str(other) in done.stderr
               and done.stderr.index(str(broken))
               < done.stderr.index(str(other)), done.stderr)
    flip(other, 1001)
    flip(broken, 1001)
    said = made.query(asked, "--strict")
    mill.check(list(said[0].values())[0] == expected, said)


def another_home(binary):
  """A copy that becomes the home of a table, as the first rdb leaves the file,
  does not have what was done by hand, and says so."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    first = ('[[process]]\nname = "rdb1"\ntype = "rdb"\nnode = "back"\n',
             '[[process]]\nname = "hdb1"\ntype = "hdb"\nnode = "back"\n')
    more = second_place()
    made.path.write_text(whole + more)
    made.up()
    publish(made, DAYS[0], ROWS, "A")
    publish(made, DAYS[0], 10, "B")
    made.run("eop", "--period", DAYS[0])
    made.run("hdb", "amend", made.directory / "data/hdb", "--table", "trade",
             "--symbol", "B", "--remove", "--why", "bust")
    made.down()
    for part in first:
      mill.check(part in whole, whole)
      whole = whole.replace(part, "")
    made.path.write_text(whole + more)
    made.up(code=1)
    asked = {"tablename": "trade", "starttime": DAYS[0], "endtime": DAYS[0],
             "aggregations": {"count": "size"}}
    done = made.query(asked, "--strict", code=65)
    mill.check("has its home" in done.stderr and "bust" in done.stderr,
               done.stderr)
    made.run("status", code=1)
    done = made.run("eop", "--period", DAYS[1], code=1)
    mill.check("bust" in done.stdout + done.stderr, done.stdout, done.stderr)
    # The marks of the old home say so; without them it is settled.
    told = (made.directory / "data/nodes/more/node.log").read_text()
    marks = [each for each in (made.directory / "data/hdb-served").iterdir()
             if str(each) in told]
    mill.check(marks, told)
    for each in marks:
      each.unlink()
    made.run("restart", "more")
    said = made.query(asked, "--strict", at_least=made.merged_end())
    mill.check(list(said[0].values())[0] == ROWS + 10, said)


def fresh_home(binary):
  """A table goes to an rdb of a directory that never was: it is no place that
  was lost, and what is loaded there is all there is; what was amended in the
  old one is told until that one's marks are removed, though its hdb goes on."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    made.up()
    file = made.directory / "l.csv"
    file.write_text("time,sym,size\n2024-01-01T10:00:00Z,L,7\n")
    layout = made.directory / "h.toml"
    layout.write_text(made.run("layout", file).stdout.replace("long", "int"))
    load = ["load", "--layout", layout, "--table", "trade", file]
    made.run(*load)
    made.down()
    made.path.write_text(
      whole.replace('name = "rdb1"\ntype = "rdb"\n',
                    'name = "rdb1"\ntype = "rdb"\ntables = ["quote"]\n')
      + second_place())
    made.up(code=1)
    asked = {"tablename": "trade", "starttime": "2024-01-01",
             "endtime": "2024-01-09", "aggregations": {"sum": "size"}}
    done = made.query(asked, "--strict", code=65)
    mill.check("has its home" in done.stderr, done.stderr)
    made.run(*load)
    for again in (False, True):
      said = made.query(asked, "--strict")
      mill.check(list(said[0].values())[0] == 7, said)
      made.run("eop", "--period", DAYS[1] if again else DAYS[0])
      made.down()
      made.up()


def nobody_writes(binary):
  """The end of a period that no rdb writes down is one, and exit code 1."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text()
    made.path.write_text(whole.replace(
      'type = "rdb"\n', 'type = "rdb"\nwrite_down = false\n'))
    made.up()
    publish(made, DAYS[0], 10, "A")
    for words in ("ended at", "had ended before at"):
      done = made.run("eop", "--period", DAYS[0], code=1)
      mill.check(words in done.stdout
                 and "no rdb writes its tables down" in done.stderr,
                 done.stdout, done.stderr)


def lacking_replica(binary):
  """Of two rdbs the one that lost rows gives way, and eop says what is lost."""
  with mill.cluster(binary, NODES) as made:
    whole = made.path.read_text().replace(
      'mode = "cached"', 'mode = "cached"\nroll_size = "64KiB"').replace(
        'type = "gateway"\n', 'type = "gateway"\nquery_timeout = "3s"\n')
    made.path.write_text(whole + second_rdb("write_down = false"))
    made.up()
    publish(made, DAYS[0], 3000, "A")
    made.down("back")
    publish(made, DAYS[0], 6000, "A")
    made.run("stream", "prune", "market", "--to", made.place(2), "--force",
             "--yes")
    made.up()
    question = {"tablename": "trade", "starttime": DAYS[0], "endtime": DAYS[0],
                "aggregations": {"count": "size"}}
    for _ in range(4):
      said = made.query(question, "--strict", at_least=made.merged_end())
      mill.check(list(said[0].values())[0] == 9000, said)
    done = made.run("eop", "--period", DAYS[0], code=1)
    mill.check("rdb1: 1 loss of the stream while the period went on: "
               in done.stdout, done.stdout)
    mill.check("rdb2: does not write down, and may have what was lost"
               in done.stdout, done.stdout)
    # What it alone has goes all the same, and is told before.
    log = made.directory / "data/nodes/more/node.log"
    mill.wait_until(lambda: "let_go" in log.read_text(), 10, "a warning")
    mill.check(made.process("rdb2")["begin"] == 0, made.process("rdb2"))
    done = made.run("hdb", "ledger", made.directory / "data/hdb")
    mill.check("lost of stream market" in done.stdout, done.stdout)


if __name__ == "__main__":
  mill.main([second_copy, another_home, fresh_home, nobody_writes,
             lacking_replica])
