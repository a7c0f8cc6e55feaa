#!/usr/bin/env python3
"""Old files go: what lies on the disk is bounded, and what consumers need
stays."""

import json
import os
import pathlib
import time

import millrace_cluster as mill

ROLES = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb")]
SMALL = 'cached"\nroll_size = "64KiB'


def publish(made, first, count):
  lines = "".join(json.dumps({"data": f"{first + i:08} " + "x" * 1000}) + "\n"
                  for i in range(count))
  made.run("pub", "--stream", "market", "--origin", "a", text=lines)


def size_of(path):
  try:
    return path.stat().st_size
  except FileNotFoundError:  # Collected since it was listed.
    return 0


def log_bytes(directory):
  return sum(size_of(path) for path in directory.rglob("log.*.*")
             if not path.name.startswith("."))


def what_is_old_goes(binary):
  with mill.cluster(binary, mode=SMALL + '"\nretention_size = "256KiB',
                    roles=ROLES[:2]) as made:
    made.up()
    data = made.directory / "data"
    for i in range(10):
      publish(made, i * 400, 400)
    rt = data / "rt" / "rt1" / "market"
    # A copy of each session's last file, and what was not yet kept.
    for directory, most in ((rt / "out", 400), (rt / "in", 1024),
                            (data / "pub", 1024)):
      mill.wait_until(lambda d=directory, m=most: log_bytes(d) <= m * 1024, 60,
                      f"{directory} of at most {most} KiB")
    # Files that went are not held open: their space is free.
    pid = made.node("n-rt1")["pid"]
    held = [link for link in map(os.readlink, pathlib.Path(
      f"/proc/{pid}/fd").iterdir()) if link.endswith("(deleted)")]
    mill.check(len(held) <= 32, "held open:", len(held), held[:3])
    begin = made.process("rt1")["collection"]["begin"]
    mill.check(begin > 0, "the stream was not cut")
    # What is left can be read, and what is gone is told.
    got = made.run("sub", "--stream", "market", "--from", "begin", "--count",
                   20).stdout.splitlines()
    mill.check(len(got) == 20, got)
    got = made.run("sub", "--stream", "market", "--from", "0", "--count",
                   20, code=None)
    mill.check("pruned" in got.stdout + got.stderr, got.stdout, got.stderr)
    made.kill("n-rt1")
    made.up()
    publish(made, 4000, 10)
    mill.check(made.process("rt1")["collection"]["begin"] >= begin)


def a_consumer_holds_what_it_needs(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES) as made:
    made.up()
    publish(made, 0, 400)
    words = ["stream", "prune", "market", "--to", made.place(3)]
    made.run(*words, code=64)
    # A place that is none: beyond the end, inside a message, beyond a file.
    for place, why in ((made.place(999), "beyond its end"),
                       (made.place(1, 100), "boundary"),
                       (made.place(1, 900000000), "boundary"),
                       ("log.0.3@0", "no place of this life"),
                       ("log.300.0@64", "no place of this life")):
      said = made.run("stream", "prune", "market", "--to", place, "--yes",
                      code=65).stderr
      mill.check(why in said, place, said)
    dry = json.loads(made.run(*words, "--dry-run", "-o", "json").stdout)
    mill.check(len(dry["files"]) == 3, dry)
    mill.check([each["consumer"] for each in dry["losers"]] == ["rdb1"], dry)
    refused = made.run(*words, "--yes", code=1)
    mill.check("rdb1" in refused.stderr, refused.stderr)
    out = made.merged
    mill.check((out / made.file(0)).stat().st_size > 0)
    info = made.run("stream", "info", "market").stdout
    mill.check("rdb1" in info, info)
    done = json.loads(made.run(*words, "--yes", "--force", "-o",
                               "json").stdout)
    mill.check(done["files"] == dry["files"], done, dry)
    mill.wait_until(lambda: not (out / made.file(0)).exists()
                    and (out / made.file(2)).stat().st_size == 0, 30,
                    "files that go")
    listed = json.loads(made.run("stream", "ls", "-o", "json").stdout)
    mill.check(listed[0]["begin"] == made.position(3), listed)
    # What went, and over whom, is written down, also after a restart.
    for _ in range(2):
      said = json.loads(made.run("stream", "losses", "market", "-o",
                                 "json").stdout)
      kinds = {each["kind"]: each for each in said["losses"]}
      mill.check(kinds.keys() == {"pruned", "overruled"}, said)
      mill.check(kinds["pruned"]["to"] == made.position(3), said)
      mill.check("rdb1" in kinds["overruled"]["cause"], said)
      mill.check(kinds["pruned"]["nodes"] == ["rt1"], said)
      lines = made.run("stream", "losses", "market").stdout.splitlines()
      mill.check(len(lines) == 2 and f"{made.file(3)} @ 0" in lines[1], lines)
      mill.check((made.process("rt1")["losses"], made.process("rt1")["let_go"]) == (1, 1))
      made.kill("n-rt1")
      made.up()
    log = (made.directory / "data" / "nodes" / "n-rt1" / "node.log").read_text()
    mill.check("pruned_below_floor" in log and "rdb1" in log, log[-2000:])


def lags_and_rates_are_told(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES) as made:
    made.up()
    publish(made, 0, 100)

    def of_rdb():
      told = made.process("rt1")["collection"]["consumers"]
      return next(each["lag"] for each in told if each["consumer"] == "rdb1")

    # It may have been told before there was anything.
    mill.wait_until(lambda: (of_rdb() or {}).get("messages") == 100, 20,
                    "what the rdb needs")
    lag = of_rdb()
    mill.check(lag["bytes"] >= 100_000 and lag["messages"] == 100, lag)
    mill.wait_until(lambda: of_rdb()["ms"] > lag["ms"] + 1000, 20,
                    "a lag that grows while nothing comes")
    # The rdb has it all, and a copy of a group that is whole lags behind nobody.
    row = made.process("rdb1")
    mill.wait_until(lambda: made.process("rdb1")["lag"]["bytes"] == 0, 20, row)
    mill.check("progress" not in made.process("rt1"), "the trace itself is shown")
    mill.wait_until(
      lambda: made.process("rt1")["rate"]["messages_per_s"] == 0, 20,
      "a rate of nothing")
    # Seconds after the first ones: one who starts at a time gets the others.
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    publish(made, 100, 400)
    got = made.run("sub", "--stream", "market", "--from", now, "--until",
                   "end").stdout.splitlines()
    mill.check(len(got) == 400 and "00000100" in got[0], len(got), got[:1])
    mill.wait_until(
      lambda: made.process("rt1")["rate"]["messages_per_s"] > 0, 20, "a rate")


def files_go_on_demand(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES) as made:
    made.up()
    publish(made, 0, 400)
    words = ["stream", "archive", "market", "--to", made.place(3)]
    made.run(*words, code=64)
    for how in ("--dry-run", "--yes"):
      held = json.loads(made.run(*words, how, "-o", "json", code=1).stdout)
      mill.check(held["files"] == [] and held["held_files"] == 3, held)
      mill.check([each["consumer"] for each in held["holders"]] == ["rdb1"],
                 held)
    mill.check("rdb1" in made.run(*words, "--yes", code=1).stdout)
    mill.check((made.merged / made.file(0)).stat().st_size > 0)
  with mill.cluster(binary, mode=SMALL, roles=ROLES[:2]) as made:
    made.up()
    publish(made, 0, 400)
    made.run("stream", "archive", "market", "--to", made.place(3), "--yes")
    mill.wait_until(lambda: made.process("rt1")["collection"]["collected"]
                    == made.position(3), 30, "files that go")


def a_stream_is_reset(binary):
  words = ["stream", "reset", "market"]
  with mill.cluster(binary, mode=SMALL, roles=ROLES) as made:
    made.up()
    publish(made, 0, 400)
    for wrong in ([], ["--hard"], ["--soft", "--hard"], ["--soft", "--force"]):
      made.run(*words, *wrong, code=64)
    soft = json.loads(made.run(*words, "--soft", "-o", "json").stdout)
    mill.check([each["process"] for each in soft] == ["rt1"], soft)
    mill.check(soft[0]["checkpoint"] > 0, soft)
    dry = json.loads(made.run(*words, "--hard", "--dry-run", "-o",
                              "json").stdout)
    mill.check(dry["session"] == made.first()[0] + 1 and len(dry["files"]) > 5, dry)
    refused = made.run(*words, "--hard", "--yes", code=1)
    mill.check("rdb1" in refused.stderr, refused.stderr)
    mill.check((made.merged / made.file(0)).stat().st_size > 0)
    made.run(*words, "--hard", "--yes", "--force")
    publish(made, 400, 10)
    for _ in range(2):
      said = made.run("sub", "--stream", "market", "--from", "begin", "--count",
                      10)
      mill.check("reset" in said.stdout + said.stderr, said)
      got = [json.loads(line)["id"] for line in said.stdout.splitlines()
             if "payload" in line or '"data"' in line]
      mill.check(got == list(range(401, 411)), got, said.stdout)
      mill.check(made.process("rt1")["end"] >> 44 == made.first()[0] + 1)
      made.kill("n-rt1")
      made.up()
    kinds = {each["kind"] for each in json.loads(
      made.run("stream", "losses", "market", "-o", "json").stdout)["losses"]}
    mill.check(kinds == {"reset", "pruned", "overruled"}, kinds)


def a_stream_is_created(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES[:2]) as made:
    made.up()
    publish(made, 0, 10)
    words = ["stream", "create", "orders", "--mode", "cached"]
    before = made.path.read_text()
    pid = made.node("n-rt1")["pid"]
    dry = json.loads(made.run(*words, "--dry-run", "-o", "json").stdout)
    mill.check(dry["restarted"] == ["n-rt1"], dry)
    mill.check(made.path.read_text() == before)
    wrong = made.run("stream", "create", "orders", "--mode", "fast", code=78)
    mill.check("mode" in wrong.stderr, wrong.stderr)
    mill.check(made.path.read_text() == before)
    mill.check("as it was" in wrong.stderr, wrong.stderr)
    made.run(*words)
    mill.check(made.path.read_text().startswith(before))
    mill.check(made.node("n-rt1")["pid"] != pid)
    made.run("pub", "--stream", "orders", text='{"data":"x"}\n')
    made.run("sub", "--stream", "orders", "--from", "begin", "--count", 1)
    made.run("sub", "--stream", "market", "--from", "begin", "--count", 10)
    again = made.run(*words, code=None)
    mill.check(again.returncode not in (0, 1), again)
    mill.check("already" in again.stderr, again.stderr)


def publishers_that_left_hold_nothing_open(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES[:2]) as made:
    made.up()

    def held():
      pid = made.node("n-rt1")["pid"]
      return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))

    before = held()
    for i in range(16):
      made.run("pub", "--stream", "market", "--origin", f"p{i}",
               text='{"data":"x"}\n')
    mill.wait_until(lambda: held() <= before + 8, 10,
                    "descriptors that are closed")
    made.kill("n-rt1")
    made.up()
    mill.wait_until(lambda: held() <= before + 8, 10, "as many when it starts")
    # Each goes on all the same.
    made.run("pub", "--stream", "market", "--origin", "p3",
             text='{"data":"y"}\n')
    got = made.run("sub", "--stream", "market", "--from", "begin", "--count",
                   17).stdout.splitlines()
    mill.check(json.loads(got[-1])["id"] == 2, got)


def runs_that_end_cleanly_share_a_file(binary):
  with mill.cluster(binary, roles=ROLES[:2]) as made:
    made.up()
    data = made.directory / "data"

    def files():
      return [len([path for path in below.rglob("log.*.*")])
              for below in (data / "pub", data / "rt" / "rt1" / "market/in")]

    for i in range(30):
      publish(made, i, 1)
    mill.check(files() == [1, 1], files())
    # Who takes the file away begins another session, and ids go on.
    for path in (data / "pub").rglob("log.*.*"):
      path.unlink()
    publish(made, 30, 1)
    left = [path.name for path in (data / "pub").rglob("log.*.*")]
    mill.check(left == ["log.1.0"], left)
    got = made.run("sub", "--stream", "market", "--from", "begin", "--count",
                   31)
    ids = [json.loads(line)["id"] for line in got.stdout.splitlines()
           if "id" in json.loads(line)]
    mill.check(ids == list(range(1, 32)), ids)
    mill.check("reset" in got.stdout + got.stderr, got.stdout, got.stderr)


if __name__ == "__main__":
  mill.main([what_is_old_goes, a_consumer_holds_what_it_needs,
             lags_and_rates_are_told, files_go_on_demand, a_stream_is_reset, a_stream_is_created,
             publishers_that_left_hold_nothing_open,
             runs_that_end_cleanly_share_a_file])
