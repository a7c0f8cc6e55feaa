#!/usr/bin/env python3
"""One writer per origin, on real processes: a later publisher fences the earlier,
which ends at once and says why, and so it stays when the node that leads dies."""

import json

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


if __name__ == "__main__":
  mill.main([a_later_writer_fences_the_earlier])
