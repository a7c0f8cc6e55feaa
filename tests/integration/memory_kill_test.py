#!/usr/bin/env python3
"""The system ends a node for want of memory: nothing is lost, it is told, and
the limit that is advised keeps the node alive. Needs no data of others."""

import contextlib
import json
import os
import pathlib
import signal

import millrace_cluster as mill

MIB = 1 << 20
# What the group of the rdb's node may use, and how much its rows are.
GROUP_MAX, ROWS, ROW_BYTES = 96 * MIB, 15_000, 16_000
COLUMNS = ["time:timestamp", "sym:symbol", "id:int", "note:string"]
TABLE = f"""[[table]]
name = "note"
stream = "market"
columns = {json.dumps(COLUMNS)}
"""
DAY = "2024-01-03"
V1, V2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")


class memory_group:
  """A control group for memory, if this system lets one be made."""

  def __init__(self, limit):
    name = f"millrace-test-{os.getpid()}"
    if (V1 / "memory.limit_in_bytes").exists():
      self.path, self.limit_file = V1 / name, "memory.limit_in_bytes"
    else:
      self.path, self.limit_file = V2 / name, "memory.max"
    self.path.mkdir()
    try:
      self.limit(limit)
    except OSError:
      self.path.rmdir()
      raise

  def limit(self, count):
    (self.path / self.limit_file).write_text(str(count))

  def enter(self):
    (self.path / "cgroup.procs").write_text(str(os.getpid()))

  def remove(self):
    # The kernel lets go of those that ended a moment after.
    mill.wait_until(self.is_removed, 10, f"{self.path} can be removed")

  def is_removed(self):
    with contextlib.suppress(OSError):
      self.path.rmdir()
    return not self.path.exists()


def rows():
  for i in range(ROWS):
    yield json.dumps({"time": f"{DAY}T14:30:00.{i:09}Z", "sym": f"S{i % 7}",
                      "id": i, "note": f"{i:08}" + chr(97 + i % 26) * ROW_BYTES})


def counted(made, code=0):
  """What a question says: [rows, distinct rows], or the command's end."""
  done = made.run("query", "-l", "sql", "-o", "json", "--timeout", "30",
                  "select count(*) as n, count(distinct id) as d from note",
                  code=code, seconds=120)
  if code is None and done.returncode != 0:
    return done
  row, = json.loads(done.stdout)
  return [row["n"], row["d"]]


def node_words(made):
  return [made.binary, "node", "--config", str(made.path), "--name", "n-rdb1"]


def told(made):
  return next(each for each in made.status()["nodes"]
              if each["name"] == "n-rdb1")


def ends_for_memory(made, group):
  """One life of the node, ended by the system or, where no group can be made,
  by the same signal once it holds as much."""
  life = made.start(*node_words(made)[1:], preexec_fn=group and group.enter)
  if group is None:
    mill.wait_until(lambda: life.poll() is not None
                    or mill.resident_mib(life.pid) > GROUP_MAX / MIB, 120,
                    "the node takes the memory that it may not have")
    life.kill()
  _, err = life.communicate(timeout=120)
  mill.check(life.returncode == -signal.SIGKILL, "ended with",
             life.returncode, err)
  state = told(made)
  mill.check(state["state"] == "died"
             and state["died"].startswith("ended without a word: ")
             and "memory_max" in state["died"], state)
  return err


def killed_for_memory(binary):
  with mill.cluster(binary, extra=TABLE) as made, \
      contextlib.ExitStack() as later:
    group = None
    try:
      group = memory_group(GROUP_MAX)
    except OSError as why:
      print(f"  no control group ({why}): ended by kill -9 at as much memory")
    made.up(*[name for name in made.nodes if name != "n-rdb1"])
    if group:
      later.callback(group.remove)
      later.callback(lambda: made.run("down", "--force", code=None))
    made.run("pub", "--stream", "market", "--table", "note",
             text="".join(line + "\n" for line in rows()), seconds=120)
    # Each life reads the stream again until the system ends it, and each next
    # one tells of the life before.
    for life in range(3):
      said = ends_for_memory(made, group)
      mill.check(life == 0 or "the life before" in said
                 and "ended without a word: " in said, said)
      mill.check(made.run("status", code=1).stdout.count(
        "'millrace up n-rdb1' starts it again") == 1, "no word of the remedy")
    # As advised: it stands still below what the system lets it have.
    made.path.write_text(made.path.read_text().replace(
      'type = "rdb"\n', 'type = "rdb"\nmemory_max = "24MiB"\n'))
    life = made.start(*node_words(made)[1:], preexec_fn=group and group.enter)
    mill.wait_until(lambda: "memory_max" in str(
      made.process("rdb1").get("stalled", "")), 60, "the rdb stands still")
    refused = counted(made, code=None)
    mill.check(not isinstance(refused, list) and "memory_max" in
               refused.stderr, refused)
    mill.check(life.poll() is None, "ended at its own limit")
    # With the memory for what there is, all of it is there, once.
    life.send_signal(signal.SIGTERM)
    mill.check(life.wait(30) == 0, *life.communicate())
    made.path.write_text(made.path.read_text().replace(
      'memory_max = "24MiB"\n', ""))
    if group:
      group.limit(2048 * MIB)
    made.up("n-rdb1")
    mill.check(counted(made) == [ROWS, ROWS], counted(made))
    made.end_period(DAY)
    mill.check(counted(made) == [ROWS, ROWS], counted(made))


if __name__ == "__main__":
  mill.main([killed_for_memory])
