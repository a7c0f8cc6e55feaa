#!/usr/bin/env python3
"""Durable consumers, on real processes: a run goes on where the last one of its
name ended, what it needs stays, and an operator sees and forgets it."""

import json
import signal

import millrace_cluster as mill

ROLES = [("discovery1", "discovery"), ("rt1", "rt"), ("rdb1", "rdb")]
SMALL = 'cached"\nroll_size = "64KiB"\nretention_size = "64KiB'


def publish(made, first, count):
  lines = "".join(json.dumps({"data": f"{first + i:08} " + "x" * 1000}) + "\n"
                  for i in range(count))
  made.run("pub", "--stream", "market", "--origin", "a", text=lines)


def read(made, *words, code=0):
  """What a run of the consumer prints, as numbers."""
  out = made.run("sub", "--stream", "market", "--consumer", "risk", *words,
                 code=code).stdout
  return [json.loads(line)["id"] for line in out.splitlines()]


def consumers(made):
  return {each["consumer"]: each for each in json.loads(
    made.run("consumer", "ls", "-o", "json").stdout)}


def a_run_goes_on_where_the_last_one_ended(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES[:2]) as made:
    made.up()
    publish(made, 0, 400)
    # Nobody had said that it needs them: what is kept begins later.
    first = read(made, "--count", 20)
    mill.check(len(first) == 20 and first == list(range(first[0], first[0] + 20)),
               first)
    told = consumers(made)["risk"]
    mill.check(not told["connected"] and told["heard_ms"] is not None, told)
    mill.check(told["messages"] == 400 - first[-1] and told["bytes"] > 0, told)
    # By then all but the newest file would be gone.
    publish(made, 400, 400)
    made.kill("n-rt1")
    made.up()
    publish(made, 800, 10)
    second = read(made, "--until", "end")
    mill.check(second == list(range(first[-1] + 1, 811)), first[-1],
               second[:3], second[-3:])
    mill.check(read(made, "--until", "end") == [])
    info = made.run("consumer", "info", "risk").stdout
    mill.check("messages    0" in info and "took this name" in info, info)
    # Where somebody says so it begins there, and goes on from there later.
    again = read(made, "--from", "begin", "--count", 5)
    mill.check(len(again) == 5 and again[0] < 800, again)
    rest = read(made, "--until", "end")
    mill.check(rest == list(range(again[-1] + 1, 811)), again, rest[:3])
    mill.check(read(made, "--until", "end") == [])
    # Killed before it could say how far it came: some come again, none lacks.
    publish(made, 810, 100)
    child = made.start("sub", "--stream", "market", "--consumer", "risk")
    got = [json.loads(child.stdout.readline())["id"] for _ in range(100)]
    child.send_signal(signal.SIGKILL)
    child.wait()
    mill.check(got == list(range(811, 911)), got[:3], got[-3:])
    rest = read(made, "--until", "end")
    mill.check(rest == list(range(911 - len(rest), 911)), rest)


def a_short_run_has_its_name(binary):
  """One that ends at once is known before it does, wherever it began."""
  with mill.cluster(binary, roles=ROLES[:2]) as made:
    made.up()
    publish(made, 0, 100)
    def runs(name, *words):
      made.run("sub", "--stream", "market", "--consumer", name, *words)
      return name

    names = {runs("a", "--from", "begin", "--count", 10),
             runs("b", "--from", "begin", "--until", "end"),
             runs("c", "--from", "end", "--for", "100ms"), runs("d", "--count", 3)}
    told = consumers(made)
    mill.check(set(told) == names, set(told))
    mill.check(told["a"]["messages"] == 90 and told["b"]["messages"] == 0, told)
    # Nobody is there to agree: that is no success.
    made.kill("n-rt1")
    done = made.run("sub", "--stream", "market", "--consumer", "e", "--from",
                    "begin", "--count", 1, code=None)
    mill.check(done.returncode != 0, done)


def the_last_run_of_a_name_has_it(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES[:2]) as made:
    made.up()
    publish(made, 0, 20)
    one = made.start("sub", "--stream", "market", "--consumer", "risk")
    for _ in range(20):
      one.stdout.readline()
    live = consumers(made)["risk"]
    mill.check(live["connected"] and live["process"], live)
    refused = made.run("consumer", "rm", "risk", code=1).stderr
    mill.check("connected" in refused, refused)
    # The first one ends by that, whatever the other one prints.
    two = made.start("sub", "--stream", "market", "--consumer", "risk")
    mill.check(one.wait(timeout=20) == 65, one.returncode)
    said = one.stderr.read()
    mill.check("fenced" in said and "'risk'" in said, said)
    two.send_signal(signal.SIGINT)
    mill.check(two.wait(timeout=20) == 130, two.returncode)
    log = (made.directory / "data" / "nodes" / "n-rt1" / "node.log").read_text()
    mill.check("consumer_taken_over" in log, log[-2000:])


def an_operator_sees_and_forgets_it(binary):
  with mill.cluster(binary, mode=SMALL, roles=ROLES) as made:
    made.up()
    publish(made, 0, 10)
    read(made, "--until", "end")
    publish(made, 10, 400)
    mill.wait_until(lambda: consumers(made)["rdb1"]["connected"], 20,
                    "an rdb that is connected")
    told = consumers(made)
    mill.check(told["rdb1"]["configured"] and not told["risk"]["configured"],
               told)
    lines = made.run("consumer", "ls").stdout
    mill.check("connected" in lines and " ago" in lines, lines)
    refused = made.run("consumer", "rm", "rdb1", code=1).stderr
    mill.check("rdb of the configuration" in refused, refused)
    made.run("consumer", "rm", "risky", code=64)
    dry = json.loads(made.run("consumer", "rm", "risk", "--dry-run", "-o",
                              "json").stdout)
    mill.check(dry["needs_from"] > 0 and consumers(made)["risk"], dry)
    mill.check("is forgotten" in made.run("consumer", "rm", "risk").stdout)
    mill.check("risk" not in consumers(made))
    # What a restart of the node leaves: who was there, and who was forgotten.
    made.kill("n-rt1")
    made.up()
    mill.check(consumers(made).keys() == {"rdb1"}, consumers(made))
    for wrong in (["--consumer", "-x"], ["--consumer", "a", "--last", "3"]):
      made.run("sub", "--stream", "market", *wrong, code=64)


if __name__ == "__main__":
  mill.main([a_run_goes_on_where_the_last_one_ended, a_short_run_has_its_name,
             the_last_run_of_a_name_has_it, an_operator_sees_and_forgets_it])
