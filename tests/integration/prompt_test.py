#!/usr/bin/env python3
"""`millrace query` on a terminal: queries of three languages, commands,
completion, history, ctrl-C. Needs no data of others."""

import os
import pty
import select
import stat
import time

import millrace_cluster as mill


class terminal:
  """A program on a terminal of its own."""

  def __init__(self, words, environment):
    self.pid, self.io = pty.fork()
    if self.pid == 0:
      os.execve(words[0], words, environment)

  def until(self, wanted, seconds=30):
    out, end = b"", time.monotonic() + seconds
    while wanted not in out:
      mill.check(time.monotonic() < end, "no", wanted, "in", out)
      if select.select([self.io], [], [], 0.2)[0]:
        out += os.read(self.io, 1 << 16)
    return out.decode(errors="replace").replace("\r", "")

  def say(self, text, wanted):
    os.write(self.io, text)
    return self.until(wanted)

  def ended(self):
    return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def asked_on_a_terminal(binary):
  with mill.cluster(binary, {"node": [name for name, _ in mill.ROLES]}) as made:
    made.up()
    made.run("pub", "--stream", "market", "--table", "trade", text="".join(
      '{"time":"2024-01-02T14:30:00Z","sym":"A","price":%d}\n' % i
      for i in range(3)))
    environment = made.environment(HOME=str(made.directory), TERM="vt100",
                                   PAGER="cat")
    at = terminal([made.binary, "query"], environment)
    at.until(b"qsql> ")
    got = at.say(b"select n:count i from trade\n", b"qsql> ")
    mill.check("\nn\n-\n3\n" in got, got)
    mill.check("market" in at.say(b"\\d\n", b"qsql> "), "tables")
    mill.check("price" in at.say(b"\\d trade\n", b"qsql> "), "columns")
    # Tab ends the name, and a blank follows.
    got = at.say(b"select max price from tra\t\n", b"qsql> ")
    mill.check("    2\n" in got, got)
    mill.check("on" in at.say(b"\\timing\n", b"qsql> "), "timing")
    at.say(b"\\l sql\n", b"sql> ")
    at.say(b"select count(*)\n", b"...> ")
    got = at.say(b"from trade;\n", b"sql> ")
    mill.check("3\n" in got and "rows in" in got, got)
    mill.check("did you mean 'price'" in at.say(
      b"select prise from trade;\n", b"sql> "), "a fault has its words")
    mill.check("did you mean 'sql'" in at.say(b"\\l sqk\n", b"sql> "), "\\l")
    # What is begun is forgotten, however soon ctrl-C comes after the sign.
    for _ in range(10):
      at.say(b"select 1\n", b"...> ")
      at.say(b"\x03", b"sql> ")
    # As is what is being answered: its rdb does not answer.
    made.run("stop", "rdb1")
    os.write(at.io, b"select count(*) from trade;\n")
    at.until(b" s for rdb1")
    mill.check("interrupted" in at.say(b"\x03", b"sql> "), "ctrl-C")
    made.run("spawn", "rdb1", "--on", "node")
    at.say(b"\\o csv\n", b"sql> ")
    at.say(b"\\l getdata\n", b"getdata> ")
    at.say(b'{"tablename":"trade","starttime":"2024-01-02",\n', b"...> ")
    got = at.say(b'"endtime":"2024-01-03","aggregations":{"sum":["price"]}}\n',
                 b"getdata> ")
    mill.check("sumPrice\n3" in got, got)
    mill.check("there is no \\x" in at.say(b"\\x\n", b"getdata> "), "\\x")
    os.write(at.io, b"\\q\n")
    mill.check(at.ended() == 0, "\\q")
    kept = made.directory / ".millrace_history"
    mill.check("max" in kept.read_text()
               and stat.S_IMODE(kept.stat().st_mode) == 0o600, kept)


if __name__ == "__main__":
  mill.main([asked_on_a_terminal])
