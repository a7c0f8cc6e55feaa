#!/usr/bin/env python3
"""`sub` and `pub` of a stream whose places are named, without a configuration:
what goes in by one place comes out by the others. And a stream that no rt
orders. Needs no data of others."""

import json

import millrace_cluster as mill

ROLES = [("rt1", "rt"), ("rt2", "rt"), ("rt3", "rt")]
ROW = {"time": "2024-01-02T14:30:00Z", "sym": "IBM", "price": 170.5, "size": 3,
       "ex": "N", "cond": None, "suspicious": False}


def nobody(cluster, **more):
  """The environment of one who knows no configuration."""
  out = cluster.environment(RT_LOG_PATH=str(cluster.directory / "far"), **more)
  del out["MILLRACE_CONFIG"]
  for name in ("MILLRACE_CLUSTER", "RT_TOPIC_PREFIX", "RT_REPLICAS"):
    if name not in more:
      out.pop(name, None)
  return out


def places(cluster):
  return ",".join(f"127.0.0.1:{port}" for port in cluster.ports.values())


def what_is_published_comes_out(cluster):
  env = nobody(cluster, MILLRACE_CLUSTER="test")
  at = ["--stream", "market", "--rt", places(cluster)]
  done = cluster.run("pub", *at, env=env, text='{"data": "one"}\n')
  mill.check("1 messages published" in done.stderr, done.stderr)
  mill.check((cluster.directory / "far" / "pub.market").is_dir(),
             "the log of the publisher lies elsewhere")
  done = cluster.run("sub", *at, "--from", "begin", "--until", "end", env=env)
  seen = [json.loads(line) for line in done.stdout.splitlines()]
  mill.check([each["data"] for each in seen] == ["one"], done.stdout)
  # With one of the nodes away the others have it.
  cluster.kill("n-rt1")
  done = cluster.run("sub", *at, "--last", "1", env=env)
  mill.check(json.loads(done.stdout)["data"] == "one", done.stdout)
  cluster.up()


def the_stream_tells_of_its_tables(cluster):
  env = nobody(cluster, MILLRACE_CLUSTER="test")
  at = ["--stream", "market", "--table", "trade", "--rt", places(cluster)]
  line = json.dumps(ROW) + "\n"
  done = cluster.run("pub", *at, env=env, text=line, code=None)
  mill.check(done.returncode != 0 and "tells nothing of a table" in done.stderr,
             done.stderr)
  # Who declares it tells.
  cluster.run("pub", "--stream", "market", "--table", "trade", "--origin", "own",
              text=line)
  cluster.run("pub", *at, env=env, text=line)
  done = cluster.run("sub", *at, "--from-row-time", "2024-01-02", "--until",
                     "end", env=env)
  rows = [json.loads(each) for each in done.stdout.splitlines()]
  mill.check([each["sym"] for each in rows] == ["IBM", "IBM"], done.stdout)
  done = cluster.run("sub", *at, "--from-row-time", "2024-01-03", "--until",
                     "end", env=env)
  mill.check(done.stdout == "", done.stdout)
  done = cluster.run("pub", *at, env=env, text='{"nosuch": 1}\n', code=None)
  mill.check(done.returncode != 0 and "nosuch" in done.stderr, done.stderr)


def what_is_missing_is_told(cluster):
  at = ["--stream", "market", "--rt", places(cluster)]
  for words, env, said in (
      (["sub", *at], nobody(cluster), "$MILLRACE_CLUSTER"),
      (["sub", *at, "--cluster", "other"], nobody(cluster),
       "is of cluster 'test'"),
      (["pub", *at, "--cluster", "other"], nobody(cluster),
       "is of cluster 'test'"),
      (["sub", "--stream", "market"], nobody(cluster), "--rt"),
      (["sub", "--stream", "nosuch", "--rt", places(cluster), "--cluster",
        "test"], nobody(cluster), "hosts no 'rt/nosuch'"),
      (["sub", "--stream", "market", "--rt", "here"], nobody(cluster),
       "'here' is not a place"),
      (["sub", "--stream", "market", "--cluster", "test"],
       nobody(cluster, RT_TOPIC_PREFIX="no.such.host-", RT_REPLICAS="1"),
       "no.such.host-market-0"),
      (["pub", *at, "--cluster", "test"],
       {name: value for name, value in nobody(cluster).items()
        if name != "RT_LOG_PATH"}, "RT_LOG_PATH is not set")):
    done = cluster.run(*words, env=env, text="", code=None)
    mill.check(done.returncode not in (0, None) and said in done.stderr, *words,
               ":", done.returncode, done.stderr)


def places_are_named(binary):
  nodes = {f"n-{name}": [name] for name, _ in ROLES}
  with mill.cluster(binary, nodes, roles=ROLES) as cluster:
    cluster.up()
    what_is_published_comes_out(cluster)
    the_stream_tells_of_its_tables(cluster)
    what_is_missing_is_told(cluster)


DIRECT = """
[[stream]]
name = "ticks"
publisher = "feed1"
[[table]]
name = "tick"
stream = "ticks"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "ex:symbol", "cond:symbol"]
[[process]]
name = "feed1"
type = "feed"
node = "n-rt1"
[process.generator]
trades = 2000
trade_table = "tick"
"""


def rows_of(cluster, *more, env=None):
  done = cluster.run("sub", "--stream", "ticks", "--table", "tick", "--from",
                     "begin", "--until", "end", *more, env=env)
  return len(done.stdout.splitlines())


def no_rt_orders_it(binary):
  with mill.cluster(binary, {"n-rt1": ["rt1"]}, roles=[("rt1", "rt")],
                    extra=DIRECT) as cluster:
    cluster.up()
    mill.wait_until(lambda: rows_of(cluster) == 2000, 30, "all rows")
    at = ["--rt", places(cluster), "--cluster", "test"]
    mill.check(rows_of(cluster, *at, env=nobody(cluster)) == 2000,
               "not all rows without a configuration")
    done = cluster.run("stream", "info", "ticks")
    mill.check("published by feed1, no rt orders it" in done.stdout,
               done.stdout)
    done = cluster.run("stream", "ls")
    mill.check("published by feed1" in done.stdout, done.stdout)
    done = cluster.run("status")
    mill.check("publisher, no rt orders it" in done.stdout, done.stdout)
    for words, said in ((["pub", "--stream", "ticks"], "'feed1' alone"),
                        (["stream", "members", "ticks"], "no rt orders it"),
                        (["stream", "losses", "ticks"], "no rt orders it"),
                        (["stream", "archive", "ticks", "--to", "0", "--yes"],
                         "no rt orders it")):
      done = cluster.run(*words, text="", code=None)
      mill.check(done.returncode not in (0, None) and said in done.stderr,
                 *words, ":", done.returncode, done.stderr)
    # It comes back as it was.
    cluster.kill("n-rt1")
    cluster.up()
    mill.wait_until(lambda: rows_of(cluster) == 2000, 30, "all rows again")


if __name__ == "__main__":
  mill.main([places_are_named, no_rt_orders_it])
