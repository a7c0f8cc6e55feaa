#!/usr/bin/env python3
"""More rows than a gateway may hold pass it, a client that stops reading stops
the work, and one that goes takes it along. Needs no data of others.

MILLRACE_FLOW_ROWS=50000000 asks for more (give ctest a longer --timeout, or run
the script)."""

import os
import signal
import subprocess

import millrace_cluster as mill

ROWS = int(os.environ.get("MILLRACE_FLOW_ROWS", "1500000"))
# The gateway holds windows of some MiB, whatever comes.
GROWTH_MAX = 64 << 20


def write(made):
  at = made.directory / "rows.csv"
  with at.open("w") as out:
    out.write("time,sym,size\n")
    for i in range(ROWS):
      second = i * 20_000 // ROWS
      out.write(f"2024-01-03T{12 + second // 3600}:{second // 60 % 60:02}:"
                f"{second % 60:02}Z,S{i % 50:02},{i}\n")
  return at


def memory_peak(pid):
  with open(f"/proc/{pid}/status", encoding="ascii") as lines:
    for line in lines:
      if line.startswith("VmHWM:"):
        return int(line.split()[1]) << 10
  raise mill.failure("no VmHWM")


def flows(binary):
  with mill.cluster(binary, extra='rows_max = 0\nmemory_max = "8MiB"\n') as made:
    made.up()
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    made.run("load", "--layout", layout, "--table", "trade", write(made),
             seconds=600)
    gateway = made.node("n-gw1")["pid"]
    made.run("query", "count select from trade", "-o", "csv")
    before = memory_peak(gateway)

    def ask(**how):
      return subprocess.Popen(
        [made.binary, "query", "select time,sym,size from trade", "-o", "csv"],
        env=made.environment(), stdout=subprocess.PIPE, text=True, **how)

    def running():
      return made.process("gw1")["running"]

    # All of it, once each.
    asked = ask()
    mill.check(asked.stdout.readline() == "time,sym,size\n")
    total = count = 0
    for line in asked.stdout:
      total += int(line[line.rindex(",") + 1:])
      count += 1
    mill.check(asked.wait() == 0, "exit code", asked.returncode)
    mill.check(count == ROWS, count, "rows instead of", ROWS)
    mill.check(total == ROWS * (ROWS - 1) // 2, "other rows:", total)
    growth = memory_peak(gateway) - before
    print(f"the gateway grew by {growth / 2**20:.1f} MiB", flush=True)
    mill.check(growth < GROWTH_MAX, "the gateway grew by", growth)

    # What must be merged is held, and so has a limit.
    done = made.run("query", "`size xasc select from trade", code=None)
    mill.check(done.returncode != 0 and "limit_exceeded" in done.stderr,
               done.returncode, done.stderr)

    # One that does not read holds the work back; its end ends it.
    asked = ask()
    asked.stdout.readline()
    mill.wait_until(lambda: running() == 1, 10, "a query that runs")
    asked.send_signal(signal.SIGKILL)
    asked.wait()
    mill.wait_until(lambda: running() == 0, 10, "the end of its work")

    # What is lost in the middle is told, and is no whole answer.
    asked = ask(stderr=subprocess.PIPE)
    asked.stdout.readline()
    made.kill("n-hdb1")
    _, told = asked.communicate()
    mill.check(asked.returncode != 0 and "backend_lost" in told,
               asked.returncode, told)


def more_rows_than_may_be_give_none(binary):
  """Nothing is printed of an answer of which it is known before its first row
  that it has too many; with a condition that is seen only on the way."""
  with mill.cluster(binary, extra="rows_max = 1000000\n") as made:
    made.up()
    layout = made.directory / "plain.toml"
    layout.write_text(mill.LAYOUT)
    made.run("load", "--layout", layout, "--table", "trade", write(made),
             seconds=600)
    for text in ("select from trade", "select size from trade"):
      done = made.run("query", text, "-o", "csv", code=None)
      mill.check(done.returncode == 65 and done.stdout == "", text,
                 done.returncode, done.stdout[:100])
      mill.check("limit_exceeded" in done.stderr
                 and "has more than 1000000 rows" in done.stderr, done.stderr)
    done = made.run("query", "select[5] from trade", "-o", "csv")
    mill.check(done.stdout.count("\n") == 6, done.stdout)
    done = made.run("query", "select size from trade where size < 700000",
                    "-o", "csv")
    mill.check(done.stdout.count("\n") == 700_001, done.stdout[-100:])


if __name__ == "__main__":
  mill.main([flows, more_rows_than_may_be_give_none])
