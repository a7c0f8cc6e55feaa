"""`millrace spawn`, `stop`, `restart`, `status`, `logs`, and names that are not
there."""
import json
import os
import signal

from command_case import Cluster, MINE


class Processes(Cluster):
    def test_what_runs_can_be_asked_stopped_and_started_again(self):
        self.run_program("spawn", "gw1", "--on", "all", "--config",
                         self.config)
        asked = lambda *words: json.loads(self.run_program(
            *words, "--config", self.config, "-o", "json")[0])
        here = {row["name"]: (row["type"], row["node"], row["state"])
                for row in asked("processes")}
        self.assertEqual(here.pop("rdb1")[:2], ("rdb", "all"))
        self.assertEqual(here, {
            "discovery1": ("discovery", "all", "available"),
            "rt1": ("rt", "all", "available"),
            "hdb1": ("hdb", "all", "available"),
            "gw1": ("gateway", "all", "available")})
        # What was published a moment ago is in the answer.
        count = lambda: self.query(
            self.config, tablename="trade", starttime="2024-01-02",
            endtime="2024-01-02", aggregations={"count": "sym"})
        for rows in range(1, 6):
            out, _ = self.pub(
                "--stream", "market", "--table", "trade", "-o", "json",
                stdin=b'{"time": "2024-01-02T15:00:00Z", "sym": "A"}\n')
            self.assertEqual(json.loads(out), {
                "rows": 1, "stream": "market",
                "end": self.stream_end("market")})
            self.assertEqual(count(), [{"countSym": rows}])
        tables = asked("tables")
        self.assertEqual([(x["name"], x["stream"]) for x in tables],
                         [("trade", "market")])
        trade = asked("tables", "trade")
        self.assertEqual(trade, tables[0])
        self.assertEqual(trade["rows"], {"rdb1": 5})
        self.assertEqual(trade["columns"][1], {"name": "sym",
                                               "type": "symbol"})
        self.run_program("tables", "nowhere", "--config", self.config,
                         code=64)
        self.check_what_is_stopped_is_told()
        self.assertEqual([row["state"] for row in asked("processes", "rdb")],
                         ["gone"])
        self.run_program("spawn", "rdb1", "--config", self.config)
        # A row of the table has what is to be seen, and no counts of nothing.
        out, _ = self.run_program("status", "--config", self.config)
        for line in out.splitlines():
            self.assertLess(len(line), 300, line)
        for quiet in ("group.", "=0 ", "=false", "=null", "= "):
            self.assertNotIn(quiet, out)
        # It replays before it answers.
        self.assertEqual(count(), [{"countSym": 5}])
        self.check_a_feed_tells_its_rejects()

    def check_what_is_stopped_is_told(self):
        # A name is there once.
        _, err = self.run_program("spawn", "rdb1", "--on", "all", "--config",
                                  self.config, code=73)
        self.assertIn("'rdb1' runs on node 'all'", err)
        self.run_program("stop", "rdb1", "--config", self.config)
        # Its rows are not counted, and that is told.
        out, err = self.run_program("tables", "trade", "-o", "json",
                                    "--config", self.config, code=69)
        self.assertEqual(json.loads(out)["rows"], {})
        self.assertIn("do not run: rdb1", err)
        self.run_program("stop", "rdb1", "--config", self.config, code=69)
        self.run_program("stop", "rdb1", "--on", "al", "--config", self.config,
                         code=64)
        _, err = self.run_program("processes", "http", "--config", self.config,
                                  code=69)
        self.assertIn("no process of type 'http' is registered", err)
        _, err = self.run_program("node", "--name", "al", "--config",
                                  self.config, code=64)
        self.assertIn("did you mean 'all'?", err)
        out, _ = self.run_program("status", "--config", self.config, "-o",
                                  "json", code=1)
        self.assertEqual(
            {row["name"]: row.get("down")
             for row in json.loads(out)["nodes"][0]["processes"]}["rdb1"],
            "does not run: 'millrace spawn rdb1' starts it")

    def check_a_feed_tells_its_rejects(self):
        with open(os.path.join(self.dir, "mine.toml"), "w",
                  encoding="utf-8") as file:
            file.write(MINE)
        with open(os.path.join(self.dir, "ticks.csv"), "w",
                  encoding="utf-8") as file:
            file.write("time,size\n2024-01-03T10:00:00,1\n"
                       "2024-01-03T09:00:00,2\n2024-01-03T11:00:00,many\n")
        self.run_program("spawn", "feed1", "--on", "all", "--config",
                         self.config)
        fed = {}
        while not fed.get("finished"):
            out, _ = self.run_program("status", "--config", self.config, "-o",
                                      "json", code=None)
            fed = next(row for row in json.loads(out)["nodes"][0]["processes"]
                       if row["name"] == "feed1")
        self.assertEqual((fed["rows"], fed["rejected"], fed["backwards"]),
                         (2, 1, 1))
        out, _ = self.run_program("status", "--config", self.config, code=None)
        self.assertIn("feed1: 1 line: gave no row since it began", out)

    def test_a_node_is_started_again_and_its_log_is_printed(self):
        self.pub("--stream", "notes", stdin=b'{"data": "x"}\n')
        self.end_node(self.node)
        run = lambda *words, **how: self.run_program(
            *words, "--config", self.config, **how)[0]
        run("logs", "all", code=64)  # Nothing started it by `up`.
        self.addCleanup(self.run_program, "down", "--config", self.config)
        first = json.loads(run("up", "-o", "json"))["nodes"][0]["pid"]
        second = json.loads(run("restart", "-o", "json"))["nodes"][0]["pid"]
        self.assertNotEqual(first, second)
        run("spawn", "gw1", "--on", "all")
        run("eop", "--period", "2024-01-02")
        run("stop", "rdb1")
        told = run("logs", "all", "-n", "1000")
        for word in ("|INF|backend_found|rdb1", "|INF|period_ended|period 2024",
                     "|INF|written|", "|INF|stopped|"):
            self.assertIn(word, told)
        last = json.loads(run("restart", "-o", "json"))["nodes"][0]["pid"]
        self.assertEqual(len(run("logs", "all", "-n", "2").splitlines()), 2)
        # A node that runs may write at any time: what was told stands in what
        # is told later, not at its end.
        told = [json.loads(line) for line in run(
            "logs", "all", "-n", "20", "-o", "json").splitlines()]
        self.assertIn(["node", "all", "INF", "ready", "node all serves"], [
            [line[key] for key in ("proctype", "procname", "level", "id",
                                   "message")] for line in told])
        self.assertGreater(len(run("logs", "all").splitlines()), 2)
        run("logs", "none", code=64)
        # A process has that of its node.
        out, err = self.run_program("logs", "rdb1", "-n", "2", "--config",
                                    self.config)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn(out, run("logs", "all", "-n", "1000"))
        self.assertIn("rdb1 runs in node all", err)
        # A stream's log is found by its name.
        self.environment["MILLRACE_CONFIG"] = self.config
        self.run_program("log", "verify", "notes")
        _, err = self.run_program("log", "verify", "nowhere", code=64)
        self.assertIn("is not a directory here; ", err)
        # What died says its last word.
        os.kill(last, signal.SIGKILL)
        while json.loads(self.run_program("status", "-o", "json", code=1)[0]
                         )["nodes"][0]["state"] != "died":
            pass
        out, _ = self.run_program("status", code=1)
        self.assertRegex(out, "all: ended without a word: .*, last "
                              r"seen alive at 20\S+; its last word, in "
                              r".*node.log: 20")

    def test_names_that_are_not_there(self):
        pub = lambda *arguments: self.pub(*arguments, stdin=b"", code=64)
        self.assertIn("'nowhere'", pub("--stream", "nowhere")[1])
        # No name leads out of the directory of publishers.
        for origin in ("../../outside", "b.c", b"caf\xe9", ".dot"):
            _, err = pub("--stream", "market", "--origin", origin)
            self.assertIn("is not a name", err)
        _, err = self.run_program("processes", "rdbb", "--config",
                                  self.config, code=64)
        self.assertIn("did you mean 'rdb'?", err)
        self.run_program("layout", self.config, "--table", "9 x", code=64)
        self.assertIn("did you mean 'market'?",
                      pub("--stream", "markt")[1])
        self.assertIn("'t'", pub("--stream", "market", "--table", "t")[1])
        self.assertIn("'market'",
                      pub("--stream", "notes", "--table", "trade")[1])
        for place in ("nowhere", "-1"):
            self.sub("--stream", "notes", "--from=" + place, count=1, code=64)
        for process, node in (("gw2", "all"), ("gw1", "none")):
            self.run_program("spawn", process, "--on", node, "--config",
                             self.config, code=64)
        top = ["top", "--once", "--interval", "0.1", "--config", self.config]
        self.run_program(*top)
        self.end_node(self.node)
        self.run_program(*top, code=1)
        self.pub("--stream", "notes", stdin=b"", code=69)
        self.sub("--stream", "notes", count=1, code=69)
        self.run_program("spawn", "gw1", "--on", "all", "--config",
                         self.config, code=69)

    def test_queries_that_are_none(self):
        for text, why in (("", "the query is empty"),
                          ("{[x] x+1} 3", "-l qsql for q")):
            _, err = self.run_program("query", text, "--config", self.config,
                                      code=64)
            self.assertIn(why, err)
