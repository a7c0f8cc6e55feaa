#!/usr/bin/env python3
"""What a configuration needs of the disk is looked at for the whole cluster
before anything starts: `up` and `status` name it by file, line and key.

start_check_test.py PROGRAM"""

import os
import pathlib
import random
import re
import signal
import socket
import subprocess

import millrace_cluster as mill

CONFIG = 78
CSV_TRADES = ("time,sym,price,size,ex,cond\n"
              "2026-03-02T14:30:00Z,A,1.5,1,N,\n")
ROLES = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb"),
         ("hdb1", "hdb"), ("gw1", "gateway")]


def put_key(made, process, line):
  """Adds a line to a process of the configuration. @returns its number"""
  lines = made.path.read_text().splitlines()
  at = lines.index(f'name = "{process}"') + 1
  while at < len(lines) and not lines[at].startswith("["):
    at += 1
  lines.insert(at, line)
  made.path.write_text("\n".join(lines) + "\n")
  return at + 1


def refused(made, *words):
  """Nothing starts, and both commands say why."""
  for command in (["up"], ["status"]):
    done = made.run(*command, code=CONFIG)
    for word in words:
      mill.check(word in done.stderr, command, word, "is not in", done.stderr)
    for bad in ("corrupt", "ended before it was ready"):
      mill.check(bad not in done.stderr + done.stdout, command, bad,
                 done.stderr, done.stdout)
  status = made.run("status", code=CONFIG).stdout
  mill.check("running" not in status and "died" not in status, status)


def a_port_that_connections_get_is_told(binary):
  first, last = map(int, pathlib.Path(
    "/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
  with mill.cluster(binary, roles=ROLES) as made:
    said = made.run("up").stderr
    mill.check("may be taken" not in said, said)
    made.down()
    # A connection has it, for as long as nobody listens there.
    with socket.socket() as other, socket.socket() as mine:
      other.bind(("127.0.0.1", 0))
      other.listen()
      while True:
        port = random.randrange(first, last)
        try:
          mine.bind(("127.0.0.1", port))
          break
        except OSError:
          continue
      mine.connect(other.getsockname())
      made.path.write_text(re.sub(r"(?m)^port = \d+", f"port = {port}",
                                  made.path.read_text(), count=1))
      done = made.run("up", code=73)
      for word in (f"port {port} may be taken", "net.ipv4.ip_local_port_range",
                   "is in use by a connection of process"):
        mill.check(word in done.stderr, word, "is not in", done.stderr)


def a_database_of_kdb_is_named_as_one(binary):
  shapes = {"sym": lambda at: (at / "sym").write_bytes(b""),
            "par.txt": lambda at: (at / "par.txt").write_text("/disk1\n"),
            "dates": lambda at: (
              (at / "2015.01.07" / "trade").mkdir(parents=True),
              (at / "2015.01.07" / "trade" / ".d").write_bytes(b""))}
  for name, make in shapes.items():
    for process, line, key in (("hdb1", 'load = ["kh"]', "load"),
                               ("hdb1", 'hdb = "kh"', "hdb"),
                               ("rdb1", 'hdb = "kh"', "hdb")):
      with mill.cluster(binary, roles=ROLES) as made:
        database = made.directory / "kh"
        database.mkdir()
        make(database)
        at = put_key(made, process, line)
        words = [f"{made.path}:{at}:process.{key}: '{database}' is a database "
                 "of kdb+", f"'millrace load --kdb {database}' takes its rows"]
        refused(made, *words)
        node = next(n for n, of in made.nodes.items() if process in of)
        done = made.run("node", "--name", node, code=CONFIG)
        mill.check(words[0] in done.stderr and "corrupt" not in done.stderr,
                   name, process, line, done.stderr)


def what_is_not_there_is_told_before_anything_starts(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    text = made.path.read_text()
    feed = ('[[process]]\nname = "feed1"\ntype = "feed"\nnode = "{node}"\n'
            'layout = "{layout}"\ntable = "trade"\nfiles = ["gone.csv"]\n')
    node = next(iter(made.nodes))
    at = put_key(made, "hdb1", 'load = ["nosuchdir"]')
    refused(made, f"{made.path}:{at}:process.load: {made.directory}/nosuchdir: "
                  "No such file")
    made.path.write_text(text)
    at = put_key(made, "gw1", 'load = ["nosuch.toml"]')
    refused(made, f"{made.path}:{at}:process.load: ", "nosuch.toml")
    made.path.write_text(text.replace(
      'name = "test"\n', 'name = "test"\nprocess_types = ["own"]\n')
      + f'[[process]]\nname = "mine"\ntype = "own"\nnode = "{node}"\n'
      + 'load = ["nosuch.so"]\n')
    refused(made, ":process.load: ", "nosuch.so: No such file")
    made.path.write_text(text + feed.format(node=node,
                                            layout="lean-equity-trade"))
    refused(made, f":process.files: {made.directory}/gone.csv: is not there")
    made.path.write_text(text + feed.format(node=node, layout="nosuch"))
    refused(made, ":process.layout: ", "nosuch", ":process.files: ")
    # Also beside what is wrong with the file itself, in one round.
    made.path.write_text(made.path.read_text().replace(
      'name = "test"\n', 'name = "test"\nnonsense = 1\n', 1))
    done = made.run("up", code=CONFIG)
    for word in (":cluster.nonsense: ", ":process.layout: ", "nosuch",
                 ":process.files: "):
      mill.check(word in done.stderr, word, "is not in", done.stderr)
    made.path.write_text(text + feed.format(node=node, layout="nosuch"))
    # What one node misses keeps no other back; the whole is not begun.
    at = put_key(made, "hdb1", 'load = ["nosuchdir"]')
    done = made.run("up", code=CONFIG)
    mill.check("nosuchdir" in done.stderr and "gone.csv" in done.stderr,
               done.stderr)
    made.path.write_text(text)
    put_key(made, "hdb1", 'load = ["nosuchdir"]')
    made.run("up", node)
    made.down()


def a_file_that_was_read_need_not_stay(binary):
  """The cluster starts without it, and says so; a new one must be there."""
  with mill.cluster(binary, roles=ROLES) as made:
    node = next(iter(made.nodes))
    (made.directory / "l.toml").write_text(mill.LAYOUT)
    day = made.directory / "day.csv"
    day.write_text("time,sym,size\n2024-01-02T14:30:00Z,A,1\n")
    made.path.write_text(made.path.read_text() + (
      '[[process]]\nname = "feed1"\ntype = "feed"\n'
      f'node = "{node}"\nlayout = "{made.directory}/l.toml"\n'
      'table = "trade"\nfiles = ["day.csv"]\n'
      '[[process]]\nname = "late"\ntype = "hdb"\nload = ["nosuchdir"]\n'))
    made.up()
    mill.wait_until(lambda: "1" in made.run(
      "query", "-o", "csv", "select count i from trade").stdout, 20, "a row")
    done = made.run("spawn", "late", "--on", node, code=CONFIG)
    mill.check("process.load" in done.stderr and "nosuchdir" in done.stderr,
               done.stderr)
    day.unlink()
    for words in (["restart", node], ["down"], ["up"]):
      done = made.run(*words)
      mill.check(words == ["down"] or "day.csv: is not there any more"
                 in done.stderr, words, done.stderr)
    mill.wait_until(lambda: "day.csv" in made.run("status").stdout, 20,
                    "the feed tells what it misses")
    made.down()


def what_is_made_later_need_not_be_there(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    put_key(made, "hdb1", 'hdb = "later"')
    made.run("status", code=1)
    made.up()


def data_that_others_may_write_to_is_refused(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    made.down()
    places = ["", "hdb", "nodes", "rt", "rt/rt1", "schemas", "streams",
              "hdb/2024.01.02"]
    commands = [["up"], ["status"], ["eop", "--period", "2024-01-02"],
                ["node", "--name", next(iter(made.nodes))],
                ["load", "--layout", "csv-trade", "--table", "trade",
                 "/dev/null"]]
    for place in places:
      at = made.directory / "data" / place
      at.mkdir(parents=True, exist_ok=True)
      mode = at.stat().st_mode & 0o7777
      at.chmod(mode | 0o002)
      for command in commands:
        done = made.run(*command, code=77)
        mill.check(f"{at}: all users may write there" in done.stderr, command,
                   place, done.stderr)
      if os.geteuid() == 0:
        at.chmod(mode)
        os.chown(at, 12345, -1)
        done = made.run("up", code=77)
        mill.check(f"{at}: is owned by user 12345" in done.stderr, place,
                   done.stderr)
        os.chown(at, os.geteuid(), -1)
      at.chmod(mode)
    (made.directory / "data" / "hdb" / "2024.01.02").rmdir()
    made.up()
    hdb = made.directory / "data" / "hdb"
    hdb.chmod(0o777)
    mill.check("hdb: all users may write there"
               in made.run("status", code=77).stderr, "status of what runs")
    hdb.chmod(0o755)


def a_mark_of_the_byte_order_is_no_text(binary):
  """As editors and programs for tables put one before what they save."""
  mark = b"\xef\xbb\xbf"

  def marked(path, text):
    path.write_bytes(mark + text.encode())
    return path

  with mill.cluster(binary, roles=ROLES) as made:
    at = made.directory
    put_key(made, "gw1", 'load = ["q.toml"]')
    marked(at / "q.toml", '[[query]]\nname = "n"\ntext = "count trade"\n')
    marked(made.path, made.path.read_text() + '[[user]]\nname = "u"\n')
    marked(at / "l.toml", (
      'table = "trade"\nheader = true\n'
      + "".join(f'[[column]]\nname = "{name}"\ntype = "{kind}"\n'
                f'header = "{name}"\n'
                for name, kind in (each.split(":") for each in mill.TRADE))))
    made.up()
    secret = marked(at / "secret", "word word word\n")
    secret.chmod(0o600)
    made.run("user", "add", "u", "--password-file", secret)
    for path in at.glob("*.passwords"):
      marked(path, path.read_text())
    names = [each.split(":")[0] for each in mill.TRADE]
    row = {"time": "2024-01-02T14:30:00Z", "sym": "A", "price": "1.5",
           "size": "1"}
    text = (",".join(names) + "\n"
            + ",".join(row.get(name, "") for name in names) + "\n")
    made.run("pub", "--stream", "market", "--table", "trade", "--format",
             "csv", text="\ufeff" + text)
    made.run("feed", "--layout", at / "l.toml", "--table", "trade",
             marked(at / "a.csv", text))
    marked(at / "t.toml", '[[table]]\nname = "third"\nstream = "market"\n'
                          'columns = ["time:timestamp", "sym:symbol"]\n')
    made.run("table", "add", at / "t.toml")


def a_pipe_that_nobody_writes_to_ends_by_a_signal(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    pipe = made.directory / "pipe"
    os.mkfifo(pipe)
    into = ["--layout", "csv-trade", "--table", "trade"]

    def waits(process):
      """It has the pipe open."""
      folder = pathlib.Path(f"/proc/{process.pid}/fd")
      return any(os.path.realpath(each) == str(pipe)
                 for each in folder.iterdir() if each.exists())

    for command in (["feed", *into], ["feed", "--dry-run", *into],
                    ["feed", "--follow", *into], ["load", *into], ["layout"]):
      for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([made.binary, *command, pipe],
                                   env=made.environment(),
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        try:
          mill.wait_until(lambda of=process: waits(of), 20, command)
          process.send_signal(number)
          told = process.communicate(timeout=20)[1]
        finally:
          process.kill()
        wanted = -number if command == ["layout"] else 128 + number
        mill.check(process.returncode == wanted, command, number,
                   process.returncode, told)
    # What comes later is read.
    with open(made.directory / "out", "w", encoding="ascii") as out:
      process = subprocess.Popen([made.binary, "feed", "--dry-run", *into, pipe],
                                 env=made.environment(), stdout=out)
      mill.wait_until(lambda: waits(process), 20, "the last one")
      pipe.write_text(CSV_TRADES)
      mill.check(process.wait(20) == 0, process.returncode)
    mill.check((made.directory / "out").read_text().startswith("1 rows"),
               (made.directory / "out").read_text())


def what_contradicts_itself_is_refused(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    words = ["feed", "--layout", "csv-trade", "--table", "trade"]
    for more, told in (
        (["--again", "--go-on", "a.csv"], "--again begins at the start"),
        (["--again", "--only-rejects", "r"], "--again publishes anew"),
        (["--follow", "--only-rejects", "r"], "--follow goes on with files"),
        (["--go-on", "--only-rejects", "r"], "--go-on is of files"),
        (["--member", "x", "--only-rejects", "r"], "--member is of archives")):
      done = made.run(*words, *more, code=64)
      mill.check(told in done.stderr, more, done.stderr)
    node = next(iter(made.nodes))
    for command in ("up", "restart", "down"):
      done = made.run(command, node, node, code=64)
      mill.check(f"node '{node}' is named twice" in done.stderr, done.stderr)
      mill.check(done.stdout == "", done.stdout)


def an_empty_file_among_others_is_told(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    good = made.directory / "good.csv"
    good.write_text("34200000,481800,100,P,2000,0\n")
    empty = [made.directory / name for name in ("one.csv", "two.csv")]
    for each in empty:
      each.write_text("")
    words = ["feed", "--layout", "lean-equity-trade", "--date", "2013-10-08",
             "--symbol", "A", "--table", "trade"]
    for dry in (["--dry-run"], []):
      done = made.run(*words, *dry, good, empty[0], code=65)
      mill.check(f"{empty[0]}: nothing to read, the file is empty"
                 in done.stderr and "1 rows" in done.stdout or not dry,
                 done.stderr, done.stdout)
      done = made.run(*words, *dry, good, *empty, code=65)
      mill.check(f"{empty[0]}, {empty[1]}: nothing to read, 2 files are empty"
                 in done.stderr, done.stderr)
      done = made.run(*words, *dry, empty[0], code=65)
      mill.check("nothing to read" in done.stderr, done.stderr)


def why_output_is_lost_is_told_as_it_was(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    for command in ("up", "restart", "status", "down"):
      with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([made.binary, command], stdout=full,
                              stderr=subprocess.PIPE, text=True,
                              env=made.environment(), timeout=90, check=False)
      mill.check(done.returncode == 74
                 and "standard output: No space left on device" in done.stderr,
                 command, done.returncode, done.stderr)


def a_query_that_waits_says_for_how_long(binary):
  with mill.cluster(binary, roles=ROLES) as made:
    made.up()
    made.down(next(n for n, of in made.nodes.items() if "rdb1" in of))
    for seconds in (1, 2, 3):
      done = made.run("query", "--timeout", seconds, "select from trade",
                      code=None)
      mill.check(done.returncode != 0 and "up to 0 s" not in done.stderr,
                 seconds, done.stderr)


def a_node_fits_a_limited_address_space_or_says_what_it_lacks(binary):
  """KiB, as `ulimit -v` has them, of one node with all roles."""
  def limited(made, kibibytes, *words):
    return subprocess.run(
      ["bash", "-c", f'ulimit -v {kibibytes}; exec "$0" "$@"', made.binary,
       *words], capture_output=True, text=True, env=made.environment(),
      timeout=90, check=False)

  with mill.cluster(binary, roles=ROLES) as made:
    for _ in range(3):
      done = limited(made, 1_000_000, "up")
      mill.check(done.returncode == 0, done.stdout, done.stderr)
      made.down()
    # Whatever the limit, nothing ends without a word.
    for kibibytes in range(300_000, 900_000, 50_000):
      node = next(iter(made.nodes))
      done = limited(made, kibibytes, "up", node)
      words = done.stdout + done.stderr
      mill.check(done.returncode == 0 or "ulimit -v" in words, kibibytes,
                 words)
      mill.check("Aborted" not in words, kibibytes, words)
      if done.returncode == 0:
        made.down(node)


if __name__ == "__main__":
  mill.main([a_database_of_kdb_is_named_as_one,
             what_is_not_there_is_told_before_anything_starts,
             a_file_that_was_read_need_not_stay,
             what_is_made_later_need_not_be_there,
             data_that_others_may_write_to_is_refused,
             a_mark_of_the_byte_order_is_no_text,
             a_pipe_that_nobody_writes_to_ends_by_a_signal,
             what_contradicts_itself_is_refused,
             an_empty_file_among_others_is_told,
             why_output_is_lost_is_told_as_it_was,
             a_query_that_waits_says_for_how_long,
             a_port_that_connections_get_is_told,
             a_node_fits_a_limited_address_space_or_says_what_it_lacks])
