#!/usr/bin/env python3
"""Plants violations of each rule, and sees that the lint finds exactly them."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
from lint import Lint  # noqa: E402 (found through the path above)
from planted import HEADER, Tree, lint, run_program  # noqa: E402


class LintTest(Tree):
    def test_a_tree_that_keeps_the_rules_is_clean(self):
        self.assert_clean({
            "messages/a.hpp": HEADER + "#include <capnp/message.h>\n",
            "persistence/b.hpp": HEADER + "#include <millrace/messages/a.hpp>\n",
            "persistence/b.cpp": "#include <rocksdb/db.h>\n",
            "persistence/disk/posix_b.cpp": "void f() { ::open(a, b); }\n",
            "query/c.cpp": "#include <millrace/persistence/b.hpp>\n",
            "actors/rt/d.cpp": "#include <caf/all.hpp>\n"
                               "#include <millrace/query/c.hpp>\n",
            "nodes/e.cpp": "#include <millrace/actors/rt/d.hpp>\n"
                           "auto t = std::chrono::system_clock::now();\n",
            "tests/f_test.cpp": "#include <millrace/nodes/e.hpp>\n",
        })

    def test_nothing_is_left_at_the_top_level(self):
        checked = Lint(pathlib.Path("."))
        checked.check_top(["README.md", "query/a.cpp", "c.toml", "o1"])
        self.assertEqual([(each[0], each[2]) for each in checked.found],
                         [("c.toml", "top"), ("o1", "top")])

    def test_no_room_knows_one_after_it(self):
        rooms = ["messages", "persistence", "feed", "query", "actors", "nodes"]
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
            ("messages/text/x.hpp", "nlohmann/json.hpp"),
            ("persistence/x.cpp", "nlohmann/json.hpp"),
            ("query/x.cpp", "spdlog/spdlog.h"),
            ("actors/rt/x.cpp", "CLI/CLI.hpp"),
            ("persistence/x.cpp", "toml.hpp"),
            ("persistence/x.cpp", "zlib.h"),
            ("query/table/x.cpp", "sqlite3.h"),
            ("nodes/node/x.cpp", "openssl/ssl.h"),
            ("actors/rt/x.cpp", "isa-l/crc.h"),
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
            "feed/parser.cpp":
                "#include <millrace/messages/interfaces.hpp>\n",
            "actors/rt/actor.cpp": "#include <millrace/actors/rt/middle.hpp>\n",
        }
        self.assert_found(files, {"actors/rt/merge_core.cpp": [(2, "caf")],
                                  "feed/parser.cpp": [(1, "caf")]})

    def test_units_that_are_no_actors_reach_no_caf(self):
        actor = "#include <millrace/messages/protocol/wire.hpp>\n"
        files = {
            "messages/CMakeLists.txt":
                "millrace_floor(messages/base)\n"
                "millrace_floor(messages/protocol CAF NEEDS messages/base)\n",
            "actors/CMakeLists.txt":
                "millrace_floor(actors/rt/link ACTORS feeder\n"
                "  NEEDS messages/protocol)\n",
            "messages/base/errors.hpp": HEADER + "#include <caf/error.hpp>\n",
            "messages/protocol/wire.hpp":
                HEADER + "#include <caf/all.hpp>\n"
                "#include <millrace/messages/base/errors.hpp>\n",
            "actors/rt/link/feeder.hpp": HEADER + actor,
            "actors/rt/link/feeder.cpp": actor,
            "actors/rt/link/sender.cpp": actor,
        }
        self.assert_found(files, {"messages/base/errors.hpp": [(2, "caf")],
                                  "actors/rt/link/sender.cpp": [(1, "caf")]})

    def test_floors_include_what_they_list(self):
        files = {
            "persistence/CMakeLists.txt":
                "millrace_floor(persistence/disk)\n"
                "millrace_floor(persistence/log # a comment\n"
                "  NEEDS persistence/disk PRIVATE isal)\n"
                "millrace_floor(persistence/hdb)\n",
            "persistence/disk/file.hpp": HEADER,
            "persistence/log/log.cpp":
                "#include <millrace/persistence/disk/file.hpp>\n",
            "persistence/hdb/hdb.cpp":
                "\n#include <millrace/persistence/disk/file.hpp>\n",
        }
        self.assert_found(files, {"persistence/hdb/hdb.cpp":
                                  [(2, "direction")]})

    def test_what_a_floor_lists_is_used_and_has_no_circles(self):
        use = "#include <millrace/query/{}/x.hpp>\n"
        lists = "query/CMakeLists.txt"
        files = {"query/plan/x.hpp": HEADER, "query/front/x.hpp": HEADER}

        def floors(plan, front):
            return {**files, lists: f"millrace_floor(query/plan {plan})\n"
                                    f"millrace_floor(query/front {front})\n"}
        self.assert_found(floors("", "NEEDS query/plan"),
                          {lists: [(2, "floor")]})
        self.assert_found(floors("NEEDS query/nothing", ""),
                          {lists: [(1, "floor")]})
        files["query/plan/x.hpp"] = HEADER + use.format("front")
        files["query/front/x.hpp"] = HEADER + use.format("plan")
        self.assert_found(floors("NEEDS query/front", "NEEDS query/plan"),
                          {lists: [(1, "floor"), (2, "floor")]})

    def test_made_headers_belong_to_a_floor(self):
        made = "#include <millrace/messages/schema/table.capnp.h>\n"
        lists = ("millrace_floor(messages/data)\n"
                 "millrace_floor(messages/protocol{})\n")
        files = {"messages/data/x.hpp": HEADER,
                 "messages/protocol/x.cpp": made}
        self.assert_clean({**files, "messages/CMakeLists.txt":
                           lists.format(" NEEDS messages/data")})
        self.assert_found({**files, "messages/CMakeLists.txt":
                           lists.format("")},
                          {"messages/protocol/x.cpp": [(1, "direction")]})

    def test_a_folder_of_a_room_is_a_floor(self):
        files = {"query/plan/x.hpp": HEADER}
        self.assertEqual(lint(files, beside=()),
                         {"query/plan/x.hpp": [(1, "folder")]})
        files["query/CMakeLists.txt"] = "millrace_floor(query/plan)\n"
        self.assertEqual(lint(files, beside=()), {})

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

    def test_waits_by_the_wall_clock(self):
        text = "void f() {\n  self->receive(caf::after(1s) >> [] {});\n}\n"
        self.assert_found({"nodes/x.cpp": text},
                          {"nodes/x.cpp": [(2, "wall_wait")]})
        self.assert_clean({"tests/x_test.cpp": text})

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
        for marker, also in [("lint: allow(thread):", []),
                             ("lint: allow(file): x", [(1, "allowance")])]:
            self.assert_found({"query/x.cpp": f"// {marker}\n{line}\n"},
                              {"query/x.cpp": also + [(2, "thread")]})

    def test_an_exception_that_is_none_is_found(self):
        marker = "// lint: allow(thread): a benchmark.\n"
        self.assert_found({"query/x.cpp": f"{marker}void f();\n"},
                          {"query/x.cpp": [(1, "allowance")]})
        self.assert_found(
            {"query/x.cpp": f"{marker}\n\nstd::thread t{{f}};\n"},
            {"query/x.cpp": [(1, "allowance"), (4, "thread")]})

    def test_public_headers_are_listed_with_their_purpose(self):
        listing = "docs/public_headers.md"
        row = "| `query/{}.hpp` | {} |\n"
        good = row.format("plan", "what every front end makes")
        public = "#include <millrace/query/{}.hpp>\n"
        files = {"query/plan.hpp": HEADER + "#include <caf/all.h>\n",
                 "query/other.hpp": HEADER, listing: "# Title\n\n" + good}
        beside = ("folder", "library", "caf")
        self.assertEqual(lint(files, beside), {})
        for text, line in [(good + good, 2), (row.format("none", "a purpose"), 1),
                           (row.format("plan", "short"), 1),
                           (row.format("plan", "with [brackets] in it"), 1)]:
            self.assertIn((line, "surface"),
                          lint({**files, listing: text}, beside)[listing])
        files["query/plan.hpp"] = HEADER + public.format("other")
        self.assertEqual(lint(files, beside),
                         {"query/plan.hpp": [(2, "surface")]})
        files[listing] += row.format("other", "what the plan is made of")
        self.assertEqual(lint(files, beside), {})
        files = {"query/x_internal.hpp": HEADER,
                 listing: row.format("x_internal", "not for others at all")}
        self.assertEqual(lint(files, beside), {listing: [(1, "surface")]})

    def test_private_headers_stay_in_their_floor(self):
        include = "#include <millrace/query/plan/x_internal.hpp>\n"
        files = {"query/plan/x_internal.hpp": HEADER,
                 "query/plan/y.cpp": include}
        self.assert_clean(files)
        for other in ["query/front/z.cpp", "tests/query/z_test.cpp"]:
            self.assert_found({**files, other: include},
                              {other: [(1, "private")]})

    def test_units_belong_to_a_header(self):
        files = {"query/CMakeLists.txt": "millrace_floor(query/plan)\n",
                 "query/plan/plan_codec.cpp": "",
                 "query/plan/plan.hpp": HEADER}
        self.assertEqual(lint(files, ()),
                         {"query/plan/plan_codec.cpp": [(1, "unit")]})
        for header, text in [("plan_codec.hpp", HEADER),
                             ("plan_codec_internal.hpp", HEADER),
                             ("plan.hpp",
                              HEADER + "// Messages: plan_codec.cpp.\n")]:
            self.assertEqual(
                lint({**files, f"query/plan/{header}": text}, ()), {})

    def test_interfaces_stand_in_the_map_and_say_what_they_count(self):
        part = "messages/protocol/rt_interfaces.hpp"
        whole = "messages/protocol/interfaces.hpp"
        include = f"#include <millrace/{part}>\n"
        good = HEADER + ("struct facts {\n  uint64_t count;\n};\n"
                         "using a_actor = caf::typed_actor<\n"
                         "  caf::reacts_to<b, byte_number>>;\n")
        files = {part: good, whole: HEADER + include}
        self.assert_clean(files)
        self.assert_found({**files, whole: HEADER},
                          {whole: [(1, "protocol")]})
        self.assert_found(
            {**files, part: good.replace("byte_number", "uint64_t")},
            {part: [(6, "protocol")]})
        self.assert_found(
            {**files, part: good + "using c = a_actor::extend<\n"
                                   "  caf::replies_to<int32_t>::with<d>>;\n"},
            {part: [(8, "protocol")]})
        self.assert_found({**files, "messages/protocol/news.hpp": good},
                          {"messages/protocol/news.hpp": [(5, "protocol")]})

    def test_an_empty_tree_is_a_wrong_argument(self):
        self.assertEqual(run_program({})[0], 66)

    def test_the_program_prints_places_and_fails(self):
        self.assertEqual(
            run_program({"query/x.cpp": "\nstd::thread t;\n"}),
            (1, "query/x.cpp:2: thread: goes through a seam of "
                "persistence/disk/env.hpp\nlint: 1 sources, 1 violations\n"))
        self.assertEqual(run_program({"query/x.cpp": "int x;\n"}),
                         (0, "lint: 1 sources, 0 violations\n"))


def load_tests(loader, own, _):
    """Those of the other files as well: they are one test for ctest."""
    for path in sorted(HERE.glob("*_test.py")):
        if path.name != "lint_test.py":
            own.addTests(loader.loadTestsFromName(path.stem))
    return own


if __name__ == "__main__":
    unittest.main()
