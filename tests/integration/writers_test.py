#!/usr/bin/env python3
"""One writer per origin, on real processes: a later publisher fences the earlier,
which ends at once and says why, and so it stays when the node that leads dies."""

import json
import shutil

import millrace_cluster as mill

NODES = {"a": ["discovery1", "rt1"], "b": ["rt2"], "c": ["rt3"]}
ROLES = [("discovery1", "discovery"), ("rt1", "rt"), ("rt2", "rt"),
         ("rt3", "rt")]


def lines(*texts):
  return "".join(json.dumps({"data": each}) + "\n" for each in texts)


def elsewhere(made):
  """As on another host: the directories of its publishers are others."""
  return made.environment(RT_LOG_PATH=str(made.directory / "elsewhere"))


def pub(made, origin, *texts, env=None, code=0):
  return made.run("pub", "--stream", "market", "--origin", origin,
                  text=lines(*texts), env=env, code=code)


def begin(made, origin, *texts, env=None):
  """A publisher that goes on: its messages are merged, and it waits for more."""
  child = made.start("pub", "--stream", "market", "--origin", origin, env=env,
                     stdin=-1)
  child.stdin.write(lines(*texts))
  child.stdin.flush()
  return child


def merged(made):
  out = made.run("sub", "--stream", "market", "--from", "begin", "--until",
                  "end").stdout
  told = [json.loads(line) for line in out.splitlines()]
  return ([each["data"] for each in told if "data" in each],
          [each["event"] for each in told if "event" in each])


def leader(made):
  """The node whose rt leads."""
  told = json.loads(made.run("stream", "members", "market", "-o",
                             "json").stdout)
  return next(node for node, processes in NODES.items()
              if told["leader"] in processes)


def a_later_writer_fences_the_earlier(binary):
  with mill.cluster(binary, nodes=NODES, roles=ROLES) as made:
    made.up()
    first = begin(made, "same", "one", "two")
    mill.wait_until(lambda: len(merged(made)[0]) == 2, 20, "what came first")
    pub(made, "same", "three", env=elsewhere(made))
    # Its input is open, and it has nothing to send: it is told all the same.
    mill.check(first.wait(timeout=20) == 65, first.returncode)
    said = first.stderr.read()
    mill.check("fenced" in said and "'same.market'" in said, said)
    made.kill(leader(made))
    made.up()
    # Its directory has lost its place for good, and the other one goes on.
    refused = pub(made, "same", "lost", code=65).stderr
    mill.check("fenced" in refused, refused)
    pub(made, "same", "four", env=elsewhere(made))
    mill.check(merged(made) == (["one", "two", "three", "four"],
                                ["reset"]),
               merged(made))
    told = made.run("stream", "losses", "market", code=None).stdout
    mill.check("fenced" in told, told)


def two_writers_of_one_sequence(binary):
  """Hot-hot: as on two hosts, one is killed in the middle and begins again from
  its first line. Nothing is missing, nothing comes twice, none is fenced."""
  with mill.cluster(binary, nodes=NODES, roles=ROLES) as made:
    made.path.write_text(made.path.read_text().replace(
      'name = "market"', 'name = "market"\nreplicated_origins = ["hot"]', 1))
    made.up()
    words = ("pub", "--stream", "market", "--origin", "hot")
    sequence = [f"m{number}" for number in range(1, 3001)]
    there = elsewhere(made)
    # One is farther: what it has the other one finds merged.
    first = made.start(*words, env=there, stdin=-1)
    first.stdin.write(lines(*sequence[:1000]))
    first.stdin.flush()
    mill.wait_until(lambda: len(merged(made)[0]) >= 1000, 30, "the first one")
    second = made.start(*words, stdin=-1)
    second.stdin.write(lines(*sequence[:2000]))
    second.stdin.flush()
    mill.wait_until(lambda: len(merged(made)[0]) >= 2000, 30, "the second one")
    first.kill()
    first.wait(timeout=20)
    second.stdin.write(lines(*sequence[2000:2500]))
    second.stdin.flush()
    made.run(*words, env=there, text=lines(*sequence))
    mill.check(merged(made) == (sequence, []), len(merged(made)[0]),
               merged(made)[1])
    second.stdin.write(lines(*sequence[2500:]))
    second.stdin.close()
    mill.check(second.wait(timeout=60) == 0, second.stderr.read())
    mill.check(merged(made) == (sequence, []), "after both ended")
    # Each has a directory of its own, which stays.
    names = {path.parent.name for where in (made.directory / "elsewhere",
                                            made.directory / "data" / "pub")
             for path in where.glob("hot@*.market/.lineage")}
    mill.check(len(names) == 2, names)
    info = json.loads(made.run("status", "-o", "json", code=None).stdout)
    mill.check(all(name in json.dumps(info) for name in names), names)
    told = made.run("stream", "losses", "market", code=None).stdout
    mill.check("fenced" not in told and "reset" not in told, told)
    pieces_and_names(made, words, sequence)
    # A period ends with both of them, and none of the sequence's ids.
    both = [made.start(*words, env=env, stdin=-1) for env in (None, there)]
    for each in both:
      each.stdin.write(lines(*sequence, "m3001", "m3002"))
      each.stdin.flush()
    mill.wait_until(lambda: merged(made)[0][-1] == "m3002", 30, "both")
    ended = made.end_period("2024-01-02", code=1)  # No rdb writes it down.
    mill.check("2024-01-02 ended at" in ended.stdout
               and "absent" not in ended.stdout + ended.stderr, ended)
    for each in both:
      each.stdin.write(lines("m3003"))
      each.stdin.close()
      mill.check(each.wait(timeout=60) == 0, each.stderr.read())
    mill.check(merged(made)[0] == sequence + ["m3001", "m3002", "m3003"])
    said = json.loads(made.run("stream", "losses", "market", "-o", "json",
                               code=None).stdout)
    mill.check(said["losses"] == [], said)


def pieces_and_names(made, words, sequence):
  """A piece of it, a writer that is named, and what is refused."""
  made.run(*words, "--writer", "third", "--first-id", 2990,
           text=lines(*sequence[2989:], "m3001"))
  mill.check(merged(made)[0] == sequence + ["m3001"])
  refused = made.run("pub", "--stream", "market", "--origin", "cold",
                     "--writer", "a", text=lines("x"), code=64).stderr
  mill.check("replicated_origins" in refused, refused)
  refused = made.run("pub", "--stream", "market", "--origin", "cold",
                     "--first-id", 7, text=lines("x"), code=64).stderr
  mill.check("--first-id" in refused, refused)
  # What would leave others' lines out is refused, and so is what makes it
  # doubtful which number a line has.
  refused = made.run(*words, "--writer", "fourth", "--first-id", 3005,
                     text=lines("m3005"), code=65).stderr
  mill.check("no more than line 3001" in refused and "line 3002" in refused,
             refused)
  refused = made.run(*words, "--writer", "fourth", text=lines("m1") + "\n"
                     + lines("m2"), code=65).stderr
  mill.check("standard input:2: is empty" in refused, refused)
  mill.check(merged(made)[0] == sequence + ["m3001"])


def a_wiped_stream_is_told(binary):
  """Only what RT had is gone: who comes with a place of it is told, and so is
  those who look for losses."""
  with mill.cluster(binary, roles=[("discovery1", "discovery"),
                                   ("rt1", "rt")]) as made:
    made.up()
    pub(made, "a", *(f"old{i}" for i in range(10)))
    place = json.loads(made.run(
      "sub", "--stream", "market", "--from", "begin", "--count",
      5).stdout.splitlines()[-1])["position"]
    while made.begin is None or made.first()[0] == place >> 44:
      made.down()
      shutil.rmtree(made.directory / "data" / "rt")
      made.up()
      mill.wait_until(lambda: any(made.merged.glob("log.*.*")), 20, "a begin")
      made.begin = None
      made.first()  # In the session of the place one in 255 begins.
    pub(made, "b", *(f"new{i}" for i in range(20)))
    got = [json.loads(line) for line in made.run(
      "sub", "--stream", "market", "--from", place, "--until",
      "end").stdout.splitlines()]
    mill.check(got[0].get("event") == "reset" and got[0]["from"] == place, got[0])
    mill.check([each["data"] for each in got[1:]]
               == [f"new{i}" for i in range(20)], got)
    for words in (["stream", "prune", "market", "--to", place, "--yes"],):
      said = made.run(*words, code=65).stderr
      mill.check("no place of this life" in said, said)
    said = made.run("stream", "explain-pos", "market", place, code=1).stderr
    mill.check("no place of this life" in said, said)
    # Its publisher comes back, and knows what an earlier life had of it.
    made.run("pub", "--flush", "--stream", "market", "--origin", "a")
    for _ in range(2):
      said = json.loads(made.run("stream", "losses", "market", "-o",
                                 "json").stdout)["losses"]
      mill.check([(each["kind"], each["input"].split("/")[0]) for each in said]
                 == [("life_lost", "a.market")], said)
      made.kill("n-rt1")
      made.up()
      made.run("pub", "--flush", "--stream", "market", "--origin", "a")


if __name__ == "__main__":
  mill.main([a_later_writer_fences_the_earlier, two_writers_of_one_sequence,
             a_wiped_stream_is_told])
