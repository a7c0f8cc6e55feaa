"""What tests of a damaged or absent database do: two days of rows, questions,
and bytes that are flipped."""

import json

import millrace_cluster as mill

NODES = {"front": ["discovery1", "rt1"], "back": ["rdb1", "hdb1", "gw1"]}
DAYS = ["2024-01-02", "2024-01-03"]


def publish(made, date, count, symbol):
  rows = "".join(f"{date}T12:{i // 60000:02d}:{i // 1000 % 60:02d}"
                 f".{i % 1000:03d}Z,{symbol},{i % 9}\n" for i in range(count))
  made.run("pub", "--stream", "market", "--table", "trade", "--format", "csv",
           text="time,sym,size\n" + rows)


def ask(made, *dates, code=0, **more):
  begin, end = dates[0], dates[-1]
  return made.query({"tablename": "trade", "starttime": begin, "endtime": end,
                     **more}, "--timeout", "20",
                    at_least=None if code else made.merged_end(), code=code)


def total(made, *dates, what="sum", column="size"):
  answer = ask(made, *dates, aggregations={what: column})
  return list(answer[0].values())[0] if answer else 0


def fails(made, needle, *dates, **more):
  done = ask(made, *dates, code=65, **more)
  mill.check(str(needle) in done.stderr, "no", needle, "in:", done.stderr)


def column(made, date, name):
  found = list(made.directory.glob(
    f"data/hdb/{date.replace('-', '.')}/trade/*/{name}"))
  mill.check(len(found) == 1, found)
  return found[0]


def flip(path, offset, bits=0x40):
  content = bytearray(path.read_bytes())
  content[offset] ^= bits
  path.write_bytes(content)


def check(made, code, *names):
  done = made.run("hdb", "check", "-o", "json", made.directory / "data/hdb",
                  code=code)
  found = sorted(each["file"] for each in json.loads(done.stdout)["damages"])
  mill.check(found == sorted(map(str, names)), found)
