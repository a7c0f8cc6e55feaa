#!/usr/bin/env python3
"""Plants violations of each rule, and sees that the lint finds exactly them."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
from lint import Lint  # noqa: E402 (found through the path above)

HEADER = "#pragma once\n"


def plant(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def lint(files):
    """@returns {file: [(line, rule)]} of a tree of files."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        out = {}
        for name, line, rule, _ in Lint(pathlib.Path(root)).run():
            out.setdefault(name, []).append((line, rule))
        return out


def run_program(files):
    """@returns exit code and output, as ctest sees them."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        ran = subprocess.run([sys.executable, HERE / "lint.py", root],
                             text=True, capture_output=True, check=False)
        return ran.returncode, ran.stdout


class LintTest(unittest.TestCase):
    def assert_clean(self, files):
        self.assertEqual(lint(files), {})

    def assert_found(self, files, expected):
        self.assertEqual(lint(files), expected)

    def test_a_tree_that_keeps_the_rules_is_clean(self):
        self.assert_clean({
            "messages/a.hpp": HEADER + "#include <capnp/message.h>\n",
            "persistence/b.hpp": HEADER + "#include <millrace/messages/a.hpp>\n",
            "persistence/b.cpp": "#include <rocksdb/db.h>\n",
            "persistence/posix_b.cpp": "void f() { ::open(a, b); }\n",
            "query/c.cpp": "#include <millrace/persistence/b.hpp>\n",
            "actors/rt/d.cpp": "#include <caf/all.hpp>\n"
                               "#include <millrace/query/c.hpp>\n",
            "nodes/e.cpp": "#include <millrace/actors/rt/d.hpp>\n"
                           "auto t = std::chrono::system_clock::now();\n",
            "tests/f_test.cpp": "#include <millrace/nodes/e.hpp>\n",
        })

    def test_no_room_knows_one_behind_it(self):
        rooms = ["messages", "persistence", "query", "actors", "nodes"]
        for i, room in enumerate(rooms):
            for j, other in enumerate(rooms):
                files = {f"{room}/x.cpp":
                         f"\n#include <millrace/{other}/y.hpp>\n"}
                if j <= i:
                    self.assert_clean(files)
                else:
                    self.assert_found(files,
                                      {f"{room}/x.cpp": [(2, "direction")]})
            self.assert_found(
                {f"{room}/x.cpp": "#include <millrace/sim/world.hpp>\n"},
                {f"{room}/x.cpp": [(1, "direction")]})

    def test_includes_are_written_in_one_way(self):
        self.assert_found({"query/x.cpp": '#include "plan.hpp"\n'},
                          {"query/x.cpp": [(1, "include")]})

    def test_libraries_stay_in_their_rooms(self):
        for name, header in [
            ("persistence/x.cpp", "caf/all.hpp"),
            ("query/x.hpp", "caf/actor.hpp"),
            ("persistence/x.cpp", "capnp/message.h"),
            ("nodes/x.cpp", "kj/exception.h"),
            ("persistence/x.hpp", "rocksdb/db.h"),
            ("actors/torq/x.cpp", "rocksdb/db.h"),
            ("query/x.hpp", "pg_query.h"),
            ("messages/x.cpp", "nlohmann/json.hpp"),
            ("persistence/x.cpp", "nlohmann/json.hpp"),
            ("query/x.cpp", "spdlog/spdlog.h"),
            ("actors/rt/x.cpp", "CLI/CLI.hpp"),
            ("persistence/x.cpp", "toml.hpp"),
            ("persistence/x.cpp", "zlib.h"),
        ]:
            text = (HEADER if name.endswith("hpp") else "\n") \
                + f"#include <{header}>\n"
            self.assertIn((2, "library"), lint({name: text}).get(name, []))

    def test_cores_reach_no_actor_through_our_headers(self):
        files = {
            "messages/interfaces.hpp": HEADER + "#include <caf/actor.hpp>\n",
            "messages/errors.hpp": HEADER,
            "actors/rt/middle.hpp":
                HEADER + "#include <millrace/messages/interfaces.hpp>\n",
            "actors/rt/merge_core.cpp":
                "#include <millrace/messages/errors.hpp>\n"
                "#include <millrace/actors/rt/middle.hpp>\n",
            "actors/feed/parser.cpp":
                "#include <millrace/messages/interfaces.hpp>\n",
            "actors/rt/actor.cpp": "#include <millrace/actors/rt/middle.hpp>\n",
        }
        self.assert_found(files, {"actors/rt/merge_core.cpp": [(2, "caf")],
                                  "actors/feed/parser.cpp": [(1, "caf")]})

    def test_libraries_without_caf_reach_none(self):
        files = {
            "messages/CMakeLists.txt":
                "millrace_library(messages ROOM messages NO_CAF\n"
                "  SOURCES errors.cpp HEADERS errors.hpp)\n"
                "millrace_library(interfaces ROOM messages\n"
                "  SOURCES wire.cpp HEADERS wire.hpp)\n",
            "messages/errors.cpp": "#include <millrace/messages/wire.hpp>\n",
            "messages/errors.hpp": HEADER + "#include <caf/error.hpp>\n",
            "messages/wire.cpp": "#include <millrace/messages/wire.hpp>\n",
            "messages/wire.hpp": HEADER + "#include <caf/all.hpp>\n",
        }
        self.assert_found(files, {"messages/errors.cpp": [(1, "caf")],
                                  "messages/errors.hpp": [(2, "caf")]})

    def test_the_world_is_reached_through_seams(self):
        for rule, line in [
            ("clock", "auto t = std::chrono::system_clock::now();"),
            ("clock", "auto t = steady_clock :: now();"),
            ("clock", "clock_gettime(CLOCK_REALTIME, &t);"),
            ("clock", "auto t = std::time(nullptr);"),
            ("random", "std::random_device device;"),
            ("random", "auto x = rand();"),
            ("random", "auto x = std::rand();"),
            ("thread", "std::thread t{[] {}};"),
            ("thread", "auto f = std::async([] {});"),
            ("file", "fsync(fd);"),
            ("file", "const int fd = ::open(path, 0);"),
            ("file", "::rename(a, b);"),
            ("file", "auto* f = fopen(a, b);"),
            ("file", "std::ifstream in{path};"),
            ("file", "std::filesystem::remove(path);"),
            ("environment", 'getenv("HOME");'),
            ("sleep", "std::this_thread::sleep_for(1s);"),
            ("sleep", "usleep(5);"),
        ]:
            text = f"void f() {{\n  {line}\n}}\n"
            for name in ["messages/x.cpp", "persistence/x.cpp", "query/x.cpp",
                         "actors/torq/x.cpp"]:
                self.assert_found({name: text}, {name: [(2, rule)]})
            if rule == "sleep":
                self.assert_found({"nodes/x.cpp": text},
                                  {"nodes/x.cpp": [(2, rule)]})
                self.assert_found({"tests/x_test.cpp": text},
                                  {"tests/x_test.cpp": [(2, rule)]})
            else:
                self.assert_clean({"nodes/x.cpp": text})

    def test_words_in_comments_and_literals_are_no_calls(self):
        self.assert_clean({"query/x.cpp": (
            "// fsync(fd) is called elsewhere, as is std::thread.\n"
            "/* system_clock::now\n   random_device */\n"
            'auto a = "sleep_for(" R"(std::thread)";\n'
            "auto b = file->open(x), c = world.rename(a, b), d = operand(1);\n"
            "std::thread::id e = std::this_thread::get_id();\n"
            "auto f = 1'000'000; auto g = '\"';\n")})

    def test_an_exception_needs_a_reason(self):
        line = "std::thread t{f};"
        self.assert_clean({"query/x.cpp":
                           f"// lint: allow(thread): a benchmark.\n{line}\n"})
        self.assert_clean({"query/x.cpp":
                           f"{line} // lint: allow(thread): a benchmark.\n"})
        for marker in ["lint: allow(thread):", "lint: allow(file): x"]:
            self.assert_found({"query/x.cpp": f"// {marker}\n{line}\n"},
                              {"query/x.cpp": [(2, "thread")]})

    def test_headers_are_guarded_and_open_no_namespace(self):
        self.assert_found({"messages/x.hpp": "struct x {};\n"},
                          {"messages/x.hpp": [(1, "guard")]})
        self.assert_found(
            {"query/x.hpp": HEADER + "using namespace millrace;\n",
             "tests/x.hpp": HEADER + "using namespace millrace;\n"},
            {"query/x.hpp": [(2, "using")]})

    def test_paths_of_a_machine_are_found_in_any_text(self):
        for path in ["/" + "work/x", "/" + "tmp/wt/x", "/" + "home/me/x"]:
            for name in ["docs/x.md", "query/x.cpp", "scripts/x", "x.toml"]:
                self.assert_found({name: f"\nsee {path}\n", "nodes/y.cpp": ""},
                                  {name: [(2, "path")]})

    def test_crash_points_are_those_of_the_list(self):
        files = {
            "nodes/crash_points.hpp": HEADER + 'x{"rt.before_sync"};\n',
            "actors/rt/x.cpp": 'world.crash_point("rt.before_sync");\n'
                               'world.crash_point("rt.typo");\n',
        }
        self.assert_found(files, {"actors/rt/x.cpp": [(2, "crash_point")]})

    def test_an_empty_tree_is_a_wrong_argument(self):
        self.assertEqual(run_program({})[0], 66)

    def test_the_program_prints_places_and_fails(self):
        self.assertEqual(
            run_program({"query/x.cpp": "\nstd::thread t;\n"}),
            (1, "query/x.cpp:2: thread: goes through a seam of "
                "persistence/env.hpp\nlint: 1 sources, 1 violations\n"))
        self.assertEqual(run_program({"query/x.cpp": "int x;\n"}),
                         (0, "lint: 1 sources, 0 violations\n"))


if __name__ == "__main__":
    unittest.main()
