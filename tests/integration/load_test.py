#!/usr/bin/env python3
"""What processes name in `load`: an hdb its directory, a type of one's own the
shared library that registers it. What cannot be used is refused before
anything starts.

load_test.py PROGRAM LIBRARY LIBRARY_OF_ANOTHER_RELEASE"""

import json
import os
import pathlib
import shutil
import sys

import millrace_cluster as mill

LIBRARY, OTHER = (pathlib.Path(each).resolve() for each in sys.argv[2:4])
del sys.argv[2:4]
ROLES = [("discovery1", "discovery"), ("rt1", "rt")]
NODES = {"all": ["discovery1", "rt1"]}


def with_types(made, *processes):
  text = made.path.read_text().replace(
    'name = "test"\n', 'name = "test"\nprocess_types = ["volume", "own"]\n')
  made.path.write_text(text + "".join(processes))


def process(kind, load, name="mine"):
  return (f'[[process]]\nname = "{name}"\ntype = "{kind}"\nnode = "all"\n'
          f'load = {json.dumps([str(each) for each in load])}\n')


def line_of_load(made):
  lines = made.path.read_text().splitlines()
  return max(i for i, line in enumerate(lines) if line.startswith("load")) + 1


def a_library_registers_its_types(binary):
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    mine = made.directory / "volume.so"
    shutil.copy(LIBRARY, mine)
    mine.chmod(0o755)
    with_types(made, process("volume", ["volume.so"]),
               '[process.settings]\nstream = "market"\n')
    made.up()
    rows = "".join(json.dumps({"time": "2024-01-02T14:30:00Z", "sym": sym,
                               "price": 1, "size": size}) + "\n"
                   for sym, size in [("A", 3), ("B", 4), ("A", 5)])
    made.run("pub", "--stream", "market", "--table", "trade", text=rows)
    mill.wait_until(lambda: made.process("mine").get("total")
                    == {"A": 8, "B": 4}, 20, "what the library sums")
    made.run("restart")
    mill.wait_until(lambda: made.process("mine").get("total")
                    == {"A": 8, "B": 4}, 20, "the same in its next life")


def refused(binary, load, *words, kind="volume", prepare=lambda made: None):
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    with_types(made, process(kind, load))
    prepare(made)
    place = f"{made.path}:{line_of_load(made)}:process.load: "
    for command in (["node", "--name", "all"], ["up"]):
      done = made.run(*command, code=78)
      for word in [place, *words]:
        mill.check(word in done.stderr, word, "is not in", done.stderr)
      mill.check("|started|" not in done.stderr
                 and "ended before it was ready" not in done.stderr,
                 command, "started something")


def what_cannot_be_used_is_refused(binary):
  refused(binary, ["gone.so"], "gone.so: No such file")
  refused(binary, ["volume.txt"], "is not a shared library")
  refused(binary, ["folder.so"], "is not a file",
          prepare=lambda made: (made.directory / "folder.so").mkdir())
  refused(binary, ["text.so"], "cannot be loaded",
          prepare=lambda made: (made.directory / "text.so").write_text("x"))
  refused(binary, [OTHER], "is made for release 0.0.0 of Millrace")
  refused(binary, [LIBRARY], "none of these libraries has a type 'own'",
          kind="own")
  refused(binary, ["gone"], "gone: No such file", kind="hdb")
  refused(binary, ["a", "b"], "serves one directory", kind="hdb")
  refused(binary, ["a.so"], "others load nothing", kind="rdb")

  def open_to_all(made):
    path = made.directory / "open.so"
    shutil.copy(LIBRARY, path)
    path.chmod(0o777)

  refused(binary, ["open.so"], "others than its owner may write there",
          prepare=open_to_all)

  def anothers(made):
    path = made.directory / "anothers.so"
    shutil.copy(LIBRARY, path)
    path.chmod(0o755)
    os.chown(path, 12345, -1)

  if os.geteuid() == 0:
    refused(binary, ["anothers.so"], "is owned by user 12345",
            prepare=anothers)


def an_hdb_serves_the_directory_that_it_loads(binary):
  with mill.cluster(binary, NODES, roles=ROLES) as made:
    database = made.directory / "elsewhere"
    database.mkdir()
    with_types(made, process("hdb", ["elsewhere"]))
    made.up()
    mill.check(made.process("mine")["directory"] == str(database),
               made.process("mine"))


if __name__ == "__main__":
  mill.main([a_library_registers_its_types, what_cannot_be_used_is_refused,
             an_hdb_serves_the_directory_that_it_loads])
