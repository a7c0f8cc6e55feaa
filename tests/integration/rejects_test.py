#!/usr/bin/env python3
"""Lines of a reject file that are fed by themselves: beside a feed that writes
to it, and after a feed that was killed; rows without a time. Needs no data of
others."""

import datetime
import signal

import millrace_cluster as mill

DATE = "2013-10-08"
LOCKED = 73
GOOD = "34200000,481800,100,P,2000,0\n"


def words(*more):
  return ["feed", "--layout", "lean-equity-trade", "--date", DATE, "--symbol",
          "A", "--table", "trade", *more]


def trades(made):
  answer = made.query({"tablename": "trade", "starttime": DATE,
                       "endtime": DATE, "aggregations": {"count": "price"}},
                      at_least=made.merged_end())
  return answer[0]["countPrice"] if answer else 0


def beside_a_feed(binary):
  """Lines that a feed rejects while others of its file are fed are not lost:
  nobody feeds them before it is over, and is told why."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    log = made.directory / "log.csv"
    log.write_text(GOOD + GOOD.replace("481800", "x"))
    rejects = made.directory / "rejects.txt"
    live = made.start(*words("--name", "live", "--reject", rejects, "--follow",
                             log))
    mill.wait_until(lambda: rejects.exists() and rejects.read_text(), 20,
                    "a rejected line")
    only = words("--name", "other", "--only-rejects", rejects)
    done = made.run(*only, code=None)
    mill.check(done.returncode == LOCKED and "held by feed 'live'"
               in done.stderr, done.returncode, done.stderr)
    with log.open("a") as more:
      more.write(GOOD.replace("481800", "y"))
    mill.wait_until(lambda: len(rejects.read_text().splitlines()) == 2, 20,
                    "another one")
    live.send_signal(signal.SIGINT)
    live.wait(30)
    rejects.write_text(rejects.read_text().replace(",x,", ",1,")
                       .replace(",y,", ",2,"))
    done = made.run(*only)
    mill.check("2 rows published" in done.stdout and not rejects.read_text(),
               done.stdout, rejects.read_text())
    mill.check(trades(made) == 3, trades(made))
    mill.check(not list(made.directory.glob("rejects.txt.*")),
               "locks are left")


def after_a_kill(binary):
  """What a killed feed published of a reject file is not published again, also
  when another line is mended before the same command goes on."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    late = GOOD.replace("34200000", "37800000")
    bad = [line.replace("481800", "x") for line in (GOOD, late)]
    at = made.directory / "many.csv"
    at.write_text(GOOD + bad[0] * 4000 + bad[1] * 4000)
    rejects = made.directory / "rejects.txt"
    made.run(*words("--reject", rejects, "--max-rejects", "10000", at))
    mended = rejects.read_text().replace(",x,", ",481800,").splitlines(True)
    rejects.write_text("".join(mended[:-1])
                       + mended[-1].replace(",481800,", ",x,"))
    # An hour lies between the halves.
    only = words("--only-rejects", rejects)
    first = made.start(*only, "--speed", "original")
    mill.wait_until(lambda: trades(made) > 1, 20, "the first half")
    first.kill()
    first.wait(30)
    mill.check("reading=" in rejects.read_text(), "no line is marked")
    rejects.write_text(rejects.read_text().replace(",x,", ",481800,"))
    done = made.run(*only)
    mill.check("of its lines were published by an earlier run" in done.stderr
               and not rejects.read_text(), done.stderr)
    mill.check(trades(made) == 8001, trades(made))


def stamped(binary):
  """Rows without a time are rejected, or get that of their publishing, where
  the table says so; what is loaded has none."""
  layout = "".join(f'[[column]]\nname = "{name}"\ntype = "{kind}"\n'
                   f'header = "{name}"\n'
                   for name, kind in (("sym", "symbol"), ("size", "int")))
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    whole = made.path.read_text()
    timeless = made.directory / "timeless.toml"
    timeless.write_text('table = "trade"\nheader = true\n' + layout)
    timed = made.directory / "timed.toml"
    timed.write_text(timeless.read_text() + '[[column]]\nname = "time"\n'
                     'type = "timestamp"\nheader = "time"\n')
    none = made.directory / "none.csv"
    none.write_text("sym,size\nA,1\n")
    empty = made.directory / "empty.csv"
    empty.write_text("time,sym,size\n,B,2\n")
    feed = ["feed", "--table", "trade", "--layout"]
    made.up()
    done = made.run(*feed, timeless, none, code=78)
    mill.check("time column 'time'" in done.stderr
               and "stamp = true" in done.stderr, done.stderr)
    made.run(*feed, timed, empty, code=65)
    made.down()
    made.path.write_text(whole.replace('name = "trade"\n',
                                       'name = "trade"\nstamp = true\n'))
    made.up()
    made.run(*feed, timeless, none)
    made.run(*feed, timed, empty, "--reject", made.directory / "r.txt",
             "--again")
    begin, end = [(datetime.datetime.utcnow()
                   + datetime.timedelta(minutes=each)).isoformat()
                  for each in (-10, 10)]
    answer = made.query({"tablename": "trade", "starttime": begin,
                         "endtime": end, "aggregations": {"sum": "size"}},
                        at_least=made.merged_end())
    mill.check(answer == [{"sumSize": 3}], answer)
    done = made.run("load", "--table", "trade", "--layout", timeless, none,
                    code=78)
    mill.check("time column 'time'" in done.stderr, done.stderr)


if __name__ == "__main__":
  mill.main([beside_a_feed, after_a_kill, stamped])
