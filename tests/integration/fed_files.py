"""Files that are fed: what cannot be read, lines without a row, layouts, and
what was published before; parts of bad_input_test.py."""

import gzip
import io
import os
import shutil
import signal
import subprocess
import zipfile

import millrace_cluster as mill

DATE = "2013-10-08"
USAGE, DATA, UNAVAILABLE, LOCKED, IO = 64, 65, 69, 73, 74
PERMISSION, CONFIG = 77, 78
GOOD = "34200000,481800,100,P,2000,0\n34200001,481900,200,P,2000,0\n"

# As root, who may read everything, only without these.
UNPRIVILEGED = ["setpriv", "--bounding-set",
                "-dac_override,-dac_read_search"]


def refused(done, code, *needles):
  """A failed command must say why in words, and nothing of a crash."""
  text = done.stderr
  mill.check(done.returncode == code, "exit code", done.returncode, "not",
             code, ":", text)
  for needle in needles:
    mill.check(str(needle) in text, "no", repr(needle), "in:", text)
  mill.check("terminate called" not in text and "Sanitizer" not in text, text)


def trades(made):
  answer = made.query({"tablename": "trade", "starttime": DATE,
                       "endtime": DATE, "aggregations": {"count": "price"}},
                      at_least=made.merged_end())
  return answer[0]["countPrice"] if answer else 0


def zipped(**members):
  out = io.BytesIO()
  with zipfile.ZipFile(out, "w") as archive:
    for name, text in members.items():
      archive.writestr(f"{name}.csv", text)
  return out.getvalue()


class feeder:
  """Writes files and feeds them; says what it takes to feed one."""

  def __init__(self, made):
    self.made = made
    self.rows = 0

  def put(self, name, content):
    at = self.made.directory / name
    at.write_bytes(content if isinstance(content, bytes)
                   else content.encode())
    return at

  def words(self, at, *more, table="trade", layout="lean-equity-trade"):
    return ["feed", "--layout", layout, "--date", DATE, "--symbol",
            at.name.split(".")[0], "--table", table, *more, at]

  def refused(self, at, code, *needles, **how):
    refused(self.made.run(*self.words(at, **how), code=None), code, *needles)

  def taken(self, at, rows, rejected, *more, code=None):
    if code is None:
      code = DATA if rejected else 0
    done = self.made.run(*self.words(at, *more), code=code)
    said = f"{rows} {'row' if rows == 1 else 'rows'} published"
    mill.check(f"{said}, {rejected} rejected" in done.stdout, done.stdout)
    self.rows += rows
    return done

  def finish(self):
    mill.check(trades(self.made) == self.rows, trades(self.made), "rows, not",
               self.rows)
    mill.check(self.made.log("verify", self.made.merged)["ok"],
               "the log is damaged")


def unreadable_files(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    missing = made.directory / "missing.csv"
    feed.refused(missing, USAGE, missing, "No such file")
    folder = made.directory / "folder.csv"
    folder.mkdir()
    feed.refused(folder, USAGE, folder, "is a directory")
    for words in (["load", "--layout", "csv-trade", "--table", "trade"],
                  ["layout"]):
      refused(made.run(*words, folder, code=None), USAGE, folder,
              "is a directory")
    for name, content in (("empty.csv", ""), ("mark.csv", "\ufeff"),
                          ("empty.csv.gz", gzip.compress(b"")),
                          ("empty.zip", zipped(a="", b=""))):
      feed.refused(feed.put(name, content), DATA, name, "empty")
    feed.refused(feed.put("none.zip", zipped()), DATA, "none.zip",
                 "has no file")
    # What is hidden is told, and a way to a file hides nothing.
    hidden = zipped(**{"../a": GOOD, ".b": GOOD, "__MACOSX/._c": "no"})
    done = feed.taken(feed.put("hidden.zip", hidden), 2, 0)
    mill.check("hidden.zip: not read" in done.stderr
               and done.stderr.count(".b.csv") == 1
               and "MACOSX" not in done.stderr, done.stderr)
    feed.refused(feed.put("all.zip", zipped(**{".b": GOOD})), DATA, "all.zip",
                 "no file that is read", ".b.csv")
    # Beside others an empty one is none.
    feed.taken(feed.put("some.zip", zipped(a=GOOD, b="")), 2, 0)
    for name, content in (("cut.zip", b"PK\x03\x04 and no more"),
                          ("cut.gz", b"\x1f\x8b\x08\x00 and no more")):
      feed.refused(feed.put(name, content), DATA, name)
    closed = feed.put("closed.csv", GOOD)
    closed.chmod(0)
    drop = [] if os.geteuid() else UNPRIVILEGED
    if not shutil.which("setpriv") and drop:
      print("  closed.csv skipped: no setpriv to drop root's privileges with")
    else:
      done = subprocess.run(
        [*drop, made.binary, *map(str, feed.words(closed))],
        env=made.environment(), capture_output=True, text=True, timeout=60,
        check=False)
      if done.returncode == 1 and "setpriv" in done.stderr:
        print("  closed.csv skipped:", done.stderr.strip())
      else:
        refused(done, PERMISSION, closed, "Permission denied")
    feed.finish()


def lines(binary):
  """Lines that cannot be read are counted, and kept with number and reason."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    feed.taken(feed.put("good.csv", GOOD), 2, 0)
    rejects = made.directory / "rejects.txt"
    rejected_lines(made, feed, rejects)
    mended_lines(made, feed, rejects)
    # The order of a file is kept; that time went back is counted.
    done = feed.taken(
      feed.put("back.csv", "".join(reversed(GOOD.splitlines(True)))), 2, 0)
    mill.check("1 out of order" in done.stdout, done.stdout)
    files_of_such_lines(made, feed)
    feed.finish()


def rejected_lines(made, feed, rejects):
  feed.taken(feed.put("mixed.csv", GOOD + "not a time,1,2,P,2000,0\n"
                      "34200002,x,1,P,2000,0\n" + GOOD), 4, 2,
             "--reject", rejects)
  # Of a table alone, nothing of others is told.
  made.run("pub", "--stream", "market", "--table", "quote",
           text=f'{{"time": "{DATE}T15:00:00Z", "sym": "Q", "bid": 1}}\n')
  done = made.run("sub", "--stream", "market", "--table", "trade", "--from",
                  "begin", "--until", "end")
  mill.check(done.stderr.count("table 'trade' is declared at log.") == 1
             and len(done.stdout.splitlines()) == 6, done.stdout, done.stderr)
  # Again: what was published is not published anew, and a rejected line
  # stands there once. Such a file is not a success before it is mended.
  done = feed.taken(made.directory / "mixed.csv", 0, 0, "--reject", rejects,
                    code=DATA)
  mill.check("2 lines gave no row, 2 of them in an earlier run"
             in done.stderr, done.stderr)
  feed.taken(made.directory / "mixed.csv", 4, 2, "--reject", rejects,
             "--again", "--max-rejects", "2", code=0)
  told = [line.split("\t") for line in rejects.read_text().splitlines()]
  mill.check([(line[0].rsplit("/")[-1], line[1]) for line in told]
             == [("mixed.csv", "3"), ("mixed.csv", "4")]
             and "'time'" in told[0][3] and "'price'" in told[1][3], told)
  # What keeps no line is told before a row is published.
  for nothing in ("/dev/null", made.directory):
    refused(made.run(*feed.words(feed.put("bad.csv", GOOD + "x\n"),
                                 "--reject", nothing), code=None), USAGE,
            f"--reject {nothing}: is no file", "--max-rejects")


def mended_lines(made, feed, rejects):
  """Mended, they are rows of the day and symbol that were said of their file."""
  told = [line.split("\t") for line in rejects.read_text().splitlines()]
  mill.check(f"table=trade date={DATE} symbol=mixed" in told[0][2], told)
  mended = rejects.read_text().replace("not a time", "34200003")
  rejects.write_text(mended.replace("34200002,x", "34200002,2"))
  words = ["feed", "--layout", "lean-equity-trade", "--table", "trade",
           "--only-rejects", rejects]
  refused(made.run(*words, code=None), USAGE, "rejects.txt:1",
          "--symbol mixed: give it")
  words += ["--symbol", "mixed"]
  refused(made.run(*words, "--date", "2013-10-09", code=None), USAGE,
          f"--date {DATE}", "leave it out")
  mill.check("2 rows published" in made.run(*words).stdout
             and not rejects.read_text(), rejects.read_text())
  feed.rows += 2
  # A date that says nothing rejects nothing.
  dated = feed.put("dated.csv", "time,sym,price,size,ex,cond\n"
                   "2013-10-08T15:00:00Z,D,1,1,N,\n")
  words = ["feed", "--layout", "csv-trade", "--table", "trade", dated]
  made.run(*words)
  feed.rows += 1
  refused(made.run(*words, "--date", DATE, code=None), DATA, "dated.csv:2",
          "leave out --date")
  mill.check(not list(made.directory.rglob("feed-trade.rejects.txt")),
             "a published line was rejected")


def files_of_such_lines(made, feed):
  # A file of which no line fits is refused as a whole.
  feed.refused(feed.put("types.csv", "34200000,dear,1,P,2000,0\n"), DATA,
               "types.csv:1", "'price'", "lean-equity-trade")
  feed.refused(
    feed.put("garbage.csv", bytes((i * 7919 + i // 251) % 256
                                  for i in range(200_000))),
    DATA, "garbage.csv:1")
  # Each file is judged by itself.
  both = feed.words(feed.put("good2.csv", GOOD))
  both += [made.directory / "types.csv"]
  done = made.run(*both, code=DATA)
  feed.rows += 2
  mill.check("types.csv:1" in done.stderr, done.stderr)
  done = made.run(*feed.words(made.directory / "mixed.csv", "--dry-run"),
                  code=DATA)
  mill.check("4 rows would be published, 2 lines rejected" in done.stdout
             and "mixed.csv: 2 lines gave no row" in done.stderr,
             done.stdout, done.stderr)
  long_line = made.directory / "long.csv"
  with long_line.open("wb") as out:
    out.write(GOOD.encode())
    for _ in range(100):
      out.write(b"x" * (1 << 20))
    out.write(b"\n" + GOOD.encode())
  feed.taken(long_line, 4, 1, "--reject", made.directory / "long.txt")
  (told,) = (made.directory / "long.txt").read_text().splitlines()
  mill.check(told.split("\t")[1] == "3" and "1048576" in told,
             told[:300])


def layouts(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    good = feed.put("good.csv", GOOD)
    feed.refused(good, USAGE, "no-such-layout", "lean-equity-trade",
                 layout="no-such-layout")
    feed.refused(good, USAGE, made.path, "'nothing'", table="nothing")
    # Of another table: its columns are not there.
    feed.refused(good, DATA, good, "'trade' has no column 'bid'",
                 layout="lean-equity-quote")
    refused(made.run("feed", "--layout", "csv-trade", "--table", "trade", good,
                     code=None), DATA, good, "the header has no field 'time'")
    # It would be another source of the same rows.
    feed.refused(good, USAGE, "csv-trade has no {symbol}", "leave it out",
                 layout="csv-trade")
    # Two names of one file.
    (made.directory / "soft.csv").symlink_to(good)
    (made.directory / "hard.csv").hardlink_to(good)
    for link in "soft.csv", "hard.csv":
      refused(made.run(*feed.words(good), made.directory / link, code=None),
              USAGE, good, "would come twice")
    start = """table = "trade"
[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ms_of_day"
[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}"
[[column]]
"""
    for rest, code, needles in (
        ('name = "weight"\ntype = "float"\nfield = 2\n', DATA,
         (":11: ", "'trade' has no column 'weight'")),
        ('name = "price"\ntype = "symbol"\nfield = 2\n', DATA,
         (":11: ", "'price' is float", "symbol in the layout")),
        ('name = "price"\ntype = "fruit"\nfield = 2\n', CONFIG,
         (":13:column.type: ", "'fruit'")),
        ('name = "price"\ntype = "float"\nfield = 2\nsurprise = 1\n',
         CONFIG, (":15:column.surprise: ",)),
        ('name = "price\n', CONFIG, (":12:",))):
      layout = feed.put("mine.toml", start + rest)
      feed.refused(good, code, layout, *needles, layout=str(layout))
    refused(made.run("feed", "--layout", "lean-equity-trade", "--table",
                     "trade", "--symbol", "A", good, code=None), USAGE, good,
            "'time'", "--date")
    refused(made.run("feed", "--layout", "lean-equity-trade", "--table",
                     "trade", "--symbol", "A", "--date", "2013-13-01", good,
                     code=None), USAGE, "--date", "2013-13-01")
    feed.finish()


def first_of_a_cluster(binary):
  """--again before anything was published; RT that stands still."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    good = feed.put("good.csv", GOOD)
    feed.taken(good, 2, 0, "--again")
    os.kill(made.node("all")["pid"], signal.SIGSTOP)
    try:
      running = made.start(*feed.words(feed.put("later.csv", GOOD)))
      line = running.stderr.readline()
      mill.check("its rt does not go on" in line
                 and "nothing is recorded yet" in line, line)
      words = feed.words(made.directory / "later.csv")
      refused(made.run(*words, code=None), LOCKED, "feed-trade-later",
              "--name")
      told = made.run("status", code=1)
      mill.check(told.stdout.count("down=its node does not answer") == 5,
                 told.stdout)
      publishing = made.start("pub", "--stream", "market", "--table", "trade",
                              "--format", "csv", stdin=subprocess.PIPE)
      line = publishing.stderr.readline()
      mill.check("its rt does not go on" in line
                 and "nothing is recorded yet" in line, line)
    finally:
      os.kill(made.node("all")["pid"], signal.SIGCONT)
    mill.check(running.wait(60) == 0, "the feed went on:",
               *running.communicate())
    told = publishing.communicate(
      f"time,sym,price,size\n{DATE}T15:00:00Z,Z,1,1\n", timeout=60)
    mill.check(publishing.returncode == 0, "the publisher went on:", *told)
    feed.rows += 3
    growing_texts(made, feed)
    feed.finish()


def growing_texts(made, feed):
  """Standard input, and a file that is followed until ctrl-C."""
  for _ in range(2): # What comes through a pipe is another text each time.
    words = feed.words(made.directory / "STDIN.csv")[:-1]
    mill.check("2 rows published" in made.run(*words, "-", text=GOOD).stdout,
               "rows of standard input")
    feed.rows += 2
  live = feed.put("live.csv", GOOD + "3420")
  running = made.start(*feed.words(live, "--follow"))
  mill.wait_until(lambda: trades(made) == feed.rows + 2, 30, "rows that stood")
  with live.open("a") as out:
    out.write("0002,481900,7,P,2000,0\n")
  mill.wait_until(lambda: trades(made) == feed.rows + 3, 30, "a row that came")
  running.send_signal(signal.SIGINT)
  mill.check(running.wait(30) == 130, "ctrl-C ends it:", *running.communicate())
  feed.rows += 3


def published_elsewhere(made, feed, good):
  """A text goes on under one name, and no line of it comes twice by another."""
  copy = made.directory / "good.copy"
  copy.write_text(GOOD + "34200003,1,1,P,2000,0\n")
  feed.refused(copy, DATA, good, "--go-on")
  feed.taken(copy, 1, 0, "--go-on")
  good.write_text(copy.read_text())
  feed.refused(good, DATA, "(3 lines)", copy, "--go-on", "--again")
  feed.taken(good, 0, 0, "--go-on")
  shorter = made.directory / "good.shorter"
  shorter.write_text(GOOD)
  feed.refused(shorter, DATA, "begins with", "leave it out", "--again")
  good.write_text(GOOD)
  copy.unlink()
  feed.refused(shorter, DATA, copy, "not there any more", "--again")
  feed.taken(good, 2, 0, "--again")


def again_file_by_file(binary):
  """How an interrupted --again is gone on with: of a file that it did not come
  to the earlier rows would else be all there are."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    # An hour lies between the two.
    first = feed.put("first.csv", "34200000,481800,100,P,2000,0\n"
                                  "34200001,481900,200,P,2000,0\n")
    second = feed.put("second.csv", "37800000,481800,100,P,2000,0\n")
    words = [*feed.words(first, "--name", "pair"), second]
    made.run(*words)
    running = made.start(*words, "--again", "--speed", "original")
    mill.wait_until(lambda: trades(made) > 3 or running.poll() is not None,
                    30, "the first one again")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    mill.check(running.returncode == 130, running.returncode, err)
    mill.check(f"without --again for {first.resolve()}, and with it for "
               f"{second.resolve()}, of which nothing is recorded" in err, err)
    one = feed.words(first, "--name", "pair")
    made.run(*one)
    made.run(*one[:-1], "--again", second)
    mill.check(trades(made) == 6, trades(made), "rows")


def published_before(binary):
  """What changes the rows makes another source; the same one says so."""
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    feed = feeder(made)
    good = feed.put("good.csv", GOOD)
    done = feed.taken(good, 2, 0)
    mill.check(done.stderr == "", done.stderr)
    done = feed.taken(good, 0, 0)
    for needle in ("already published", str(good), "--again"):
      mill.check(needle in done.stderr, needle, done.stderr)
    mill.check(feed.taken(good, 2, 0, "--again").stderr == "", "--again")
    # The file grows: only what is new is published.
    good.write_text(GOOD + "34200003,1,1,P,2000,0\n34200004,2,2,P,2000,0")
    done = feed.taken(good, 2, 0)
    mill.check("no newline" in done.stderr and "34200004,2,2" in done.stderr,
               done.stderr)
    # It becomes another one of the same size.
    good.write_text(GOOD + "34200003,1,1,P,2000,0\n34200004,2,3,P,2000,0")
    feed.refused(good, DATA, good, "not the same any more", "--again")
    good.write_text(GOOD)
    feed.refused(good, DATA, good, "not the same any more", "--again")
    feed.taken(good, 2, 0, "--again")
    published_elsewhere(made, feed, good)
    refused(made.run(*feed.words(good), good, code=None), USAGE, good,
            "is named twice")
    words = feed.words(good)
    words[words.index(DATE)] = "2013-10-09"
    done = made.run(*words)
    mill.check(done.stdout.startswith("2 rows published")
               and done.stderr == "", done.stdout, done.stderr)
    feed.finish()
    answer = made.query({"tablename": "trade", "starttime": "2013-10-09",
                         "endtime": "2013-10-09",
                         "aggregations": {"count": "price"}})
    mill.check(answer == [{"countPrice": 2}], answer)


def one_sided_quotes(binary):
  with mill.cluster(binary, {"all": [n for n, _ in mill.ROLES]}) as made:
    made.up()
    at = made.directory / "quotes.csv"
    at.write_text("34200000,481800,100,0,0,P,1,0\n"
                  "34200001,0,0,481900,300,P,1,0\n")
    made.feed("quote", at, "ONE", DATE)
    answer = made.query(
      {"tablename": "quote", "starttime": DATE, "endtime": DATE,
       "columns": ["bid", "bsize", "ask", "asize"]},
      at_least=made.merged_end())
    mill.check(answer == [
      {"bid": 48.18, "bsize": 100, "ask": None, "asize": None},
      {"bid": None, "bsize": None, "ask": 48.19, "asize": 300}], answer)
