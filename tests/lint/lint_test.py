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
import layout  # noqa: E402 (found through the path above)
from lint import Lint  # noqa: E402

HEADER = "#pragma once\n"


def plant(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def lint(files, beside=("folder", "unit")):
    """@returns {file: [(line, rule)]} of a tree of files, without the rules
    `beside` the point: most trees here declare no floor."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        out = {}
        for name, line, rule, _ in Lint(pathlib.Path(root)).run():
            if rule not in beside:
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

    def test_no_room_knows_one_behind_it(self):
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
        listing = "persistence/disk/crash_point_names.hpp"
        files = {
            listing: HEADER + 'x{"rt.before_sync"};\n',
            "actors/rt/x.cpp": 'world.crash_point("rt.before_sync");\n'
                               'world.crash_point("rt.typo");\n',
        }
        self.assert_found(files, {"actors/rt/x.cpp": [(2, "crash_point")]})
        # A log says itself whose it is.
        files = {listing: HEADER + 'x{"rt.roll"};\nx{"pub.roll"};\n',
                 "persistence/x.cpp": 'crash_point("roll");\n'}
        self.assert_clean(files)
        files[listing] += 'x{"rt.never"};\n'
        self.assert_found(files, {listing: [(4, "half_used")]})

    def test_what_is_off_is_chosen_by_product_code(self):
        header = "query/reader.hpp"
        files = {
            header: HEADER + "struct reader_options {\n  std::string name;\n"
                             "  bool in_order = false;\n  int size = 5;\n};\n",
            "query/reader.cpp":
                f"#include <millrace/{header}>\n"
                "void f(reader_options& x) { x.in_order = !x.in_order; }\n",
            "query/user.cpp":
                f"#include <millrace/{header}>\nauto r = g({{.name = n}});\n",
            "tests/reader_test.cpp": "auto r = g({.in_order = true});\n"}
        self.assert_half_used(files, header, 4, {
            "query/other.cpp":
                f"#include <millrace/{header}>\nauto r = g({{.in_order = b}});"
                "\n"})

    def assert_half_used(self, files, name, line, used):
        """`files` violate the rule in that line, and not with `used` too."""
        self.assert_found(files, {name: [(line, "half_used")]})
        self.assert_clean({**files, **used})

    def test_what_a_configuration_holds_is_read(self):
        header = "nodes/configuration/configuration.hpp"
        files = {header: HEADER + "struct stream_config {\n"
                                  "  std::string name;\n"
                                  "  int64_t batch_ns = 1'000;\n};\n",
                 "nodes/configuration/configuration.cpp":
                     "auto x = out.batch_ns + out.name;\n",
                 "nodes/node/node.cpp": "auto x = config.name;\n",
                 "tests/x_test.cpp": "auto x = config.batch_ns;\n"}
        self.assert_half_used(files, header, 4, {
            "nodes/node/other.cpp": "auto x = config->batch_ns;\n"})

    def test_atoms_are_sent_and_handled(self):
        header = "messages/protocol/interfaces.hpp"
        files = {header: HEADER + 'CAF_ADD_ATOM(m, m, cut_atom, "cut")\n'
                                  "replies_to<cut_atom>;\n"}
        sent = {"actors/a.cpp": "send(to, cut_atom_v);\n"}
        handled = {"actors/b.cpp": "[](cut_atom) {}\n"}
        self.assert_half_used({**files, **sent}, header, 2, handled)
        self.assert_half_used({**files, **handled}, header, 2, sent)
        self.assert_half_used(files, header, 2, {**sent, **handled})

    def test_atoms_of_one_actor_are_sent_and_handled(self):
        header = "actors/a.hpp"
        files = {header: HEADER
                 + 'using cut_atom = caf::atom_constant<caf::atom("cut")>;\n'
                   "reacts_to<cut_atom>;\n"}
        sent = {"actors/a.cpp": "send(to, cut_atom::value);\n"}
        handled = {"actors/b.cpp": "[](cut_atom) {}\n"}
        self.assert_half_used({**files, **sent}, header, 2, handled)
        self.assert_half_used({**files, **handled}, header, 2, sent)

    def test_error_codes_are_made(self):
        header = "messages/base/errors.hpp"
        files = {header: HEADER + "enum class errc : uint8_t {\n"
                                  "  none = 0,\n  moved = 21, // A cut.\n};\n",
                 "messages/base/errors.cpp": "return errc::moved;\n",
                 "nodes/x.cpp": "case errc::moved:\n"
                                "if (a == errc::moved || b != errc::moved)\n"}
        self.assert_half_used(files, header, 4, {
            "query/x.cpp": 'return error{errc::moved, "x"};\n'})

    def test_merge_entries_are_made(self):
        header = "actors/rt/merge/merge_entry.hpp"
        files = {header: HEADER + "using merge_entry\n"
                                  "  = std::variant<open_input, close_input>;\n",
                 "actors/rt/merge/merge_entry.cpp":
                     "return close_input{in.getInput()};\n",
                 "actors/rt/merge/merge_core.cpp":
                     "std::get_if<close_input>(&entry);\n"
                     "take(open_input{id});\n"}
        self.assert_half_used(files, header, 2, {
            "actors/rt/x.cpp": "commit(close_input{id});\n"})

    def test_fields_of_schemas_are_written_and_read(self):
        schema = "messages/schema/x.capnp"
        files = {schema: "struct Row {\n  lastId @0 :Int64;\n"
                         "  none @1 :Void;\n}\n"
                         "enum Kind {\n  small @0;\n}\n"}
        wrote = {"messages/a.cpp": "row.setLastId(1);\n"}
        read = {"messages/b.cpp": "return row.getLastId();\n"}
        self.assert_half_used({**files, **wrote}, schema, 2, read)
        self.assert_half_used({**files, **read}, schema, 2, wrote)

    def test_functions_are_called(self):
        header = "query/plan/plan.hpp"
        declared = "[[nodiscard]] int\ncheck(int x);\n"
        files = {header: HEADER + declared,
                 "query/plan/plan.cpp": "int check(int x) {\n"
                                        "  return made.check + x;\n}\n",
                 "tests/plan_test.cpp": "auto x = check(1);\n",
                 # Its name, but not ours: the header is not reached.
                 "actors/y.cpp": "  check(2);\n"}
        self.assert_half_used(files, header, 2, {
            "query/plan/plan.cpp": "int check(int x) { return x; }\n"
                                   "int f() {\n  return check(1);\n}\n"})
        include = f"#include <millrace/{header}>\n"
        for use in [{"actors/x.cpp": include + "auto x = check(1);\n"},
                    {"query/y.hpp": HEADER + include,
                     "actors/x.cpp": "#include <millrace/query/y.hpp>\n"
                                     "auto x = check(1);\n"},
                    {header: HEADER + declared
                     + "inline int other() {\n  return check(1);\n}\n",
                     "actors/x.cpp": include + "other();\n"},
                    {header: HEADER + "// Implemented in part.cpp, too.\n"
                     + declared,
                     "query/plan/part.cpp": "void f() {\n  check(1);\n}\n"},
                    {"examples/x/main.cpp": include + "auto x = check(1);\n"},
                    {header: HEADER + "int check(int x) const override;\n"},
                    {header: HEADER + "// lint: allow(half_used): because.\n"
                     + declared}]:
            self.assert_clean({**files, **use})

    def test_what_is_awaited_is_listed_with_its_step(self):
        header = "query/plan.hpp"
        awaited = "tests/lint/awaited.txt"
        line = f"function {header}:check - The query engine: plan tree\n"
        files = {header: HEADER + "int check(int x);\n"}
        self.assert_clean({**files, awaited: f"# Why.\n\n{line}"})
        self.assert_found({header: HEADER, awaited: f"\n{line}"},
                          {awaited: [(2, "half_used")]})
        self.assert_found(
            {**files, awaited: f"function {header}:check - 7\n"},
            {awaited: [(1, "half_used")]})

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

    def test_documents_name_what_is_there(self):
        files = {"query/plan/plan.hpp": HEADER, "docs/x_format.md": "",
                 "scripts/run": "", "tests/lint.md": "",
                 "query/plan.cpp": "int row_count; x.node_pid;\n",
                 "query/README.md": "`plan.hpp`, `plan/`, plan/*.hpp\n"
                                    "[x](../docs/x_format.md)"}
        self.assert_clean(files)
        for name, text in [
                ("README.md", "See query/plan/plan.hpp, docs/ and scripts/run."),
                ("README.md", "Not ours: in/, /etc/x.md, <name>.md, a/b/c.hpp"
                              .replace("a/b/c.hpp", "build/x.hpp")),
                ("docs/y.md", "`x_format.md`, `row_count`, `N_rows`")]:
            self.assert_clean({**files, name: text})
        for name, text in [("README.md", "plan.hpp"),
                           ("README.md", "`query/plan/other.hpp`"),
                           ("README.md", "scripts/none"),
                           ("query/README.md", "`other/*.hpp`"),
                           ("docs/y.md", "[y](z.md)"),
                           ("docs/y.md", "calls `rows_count`")]:
            self.assert_found({**files, name: "\n" + text},
                              {name: [(2, "document")]})

    def test_documents_quote_what_is_there(self):
        code = "int main() {\n  one();\n  two();\n}\n"
        for quoted, clean in [
                ("    one();\n    two();\n\nAnd so on.\n", True),
                ("      int main() {\n        one();\n", True),
                ("    one();\n    three();\n", False),
                ("Nothing.\n", False)]:
            files = {"examples/x.cpp": code,
                     "docs/x.md": "<!-- of examples/x.cpp -->\n\n" + quoted}
            if clean:
                self.assert_clean(files)
            else:
                self.assert_found(files, {"docs/x.md": [(1, "document")]})

    def test_results_are_of_the_rows(self):
        head = "| fault | must be | by |\n|---|---|---|\n"
        rows = head + "| one | told | none |\n| two | mended | none |\n\n"
        marks = "<!-- results: begin -->\n{}<!-- results: end -->\n"
        both = head + "| one | told | 1 of 1 |\n| two | mended | 1 of 1 |\n"
        page = "docs/reliability.md"
        self.assert_clean({page: rows + marks.format(both)})
        for results, at in [(head + "| one | told | 1 of 1 |\n", 4),
                            (both.replace("mended", "told"), 4),
                            (both + "| three | told | 1 of 1 |\n", 11)]:
            self.assert_found({page: rows + marks.format(results)},
                              {page: [(at, "document")]})

    def test_documents_name_tests_that_exist(self):
        files = {"tests/x_test.cpp": "TEST_P(LogSim,\n       ItHolds) {}\n"
                                     "TEST(LogTest, ItReads) {}\n",
                 "docs/x.md": "`LogSim.ItHolds`, `LogTest.ItReads`\n"}
        self.assert_clean(files)
        self.assert_found({**files, "docs/x.md": "\n`LogTest.ItHolds`"},
                          {"docs/x.md": [(2, "document")]})

    def test_documents_name_keys_that_exist(self):
        code = "nodes/configuration/configuration"
        files = {
            f"{code}.cpp":
                'class reader {\n  void read_stream(section& at) {\n'
                '    out.roll_bytes = at.bytes("roll_size", 1);\n  }\n};\n',
            f"{code}.hpp": HEADER + "struct stream_config {\n"
                                    "  uint64_t roll_bytes = 1;\n};\n",
            "nodes/node/x.cpp": "config.roll_bytes;\n",
            "docs/x.md": "`roll_size`, `stream.roll_size`, `other.key`\n",
            "examples/x.toml": "# Words = of a comment.\nroll_size = 1\n"}
        self.assert_clean(files)
        for name, text in [("docs/x.md", "`roll_bytes`"),
                           ("docs/x.md", "`stream.roll_time`"),
                           ("examples/x.toml", "roll_time = 1"),
                           ("examples/x.toml", "# roll_time = 1")]:
            self.assert_found({**files, name: "\n" + text},
                              {name: [(2, "document")]})

    def test_the_reference_has_each_key(self):
        page = "docs/configuration.md"
        files = {
            "nodes/configuration/configuration.cpp":
                'class reader {\n  void read_node(toml_section& at) {\n'
                '    out.port = at.integer("port", 1);\n  }\n};\n',
            page: "## `[[node]]`\n| `port` | where | 1 |\n"}
        self.assert_clean(files)
        for text, line in [("## `[[node]]`\n", 1), ("# Nothing\n", 1),
                           (files[page] + "| `prt` | what | 2 |\n", 3)]:
            self.assert_found({**files, page: text},
                              {page: [(line, "document")]})

    def test_the_table_of_floors_is_what_is_declared(self):
        lists = "query/CMakeLists.txt"
        page = "docs/architecture.md"
        plan = "| `query/plan` | a plan | – | parser |\n"
        front = "| `query/front` | asks | plan | – |\n"
        files = {lists: "millrace_floor(query/plan ACTORS parser)\n"
                        "millrace_floor(query/front NEEDS query/plan)\n",
                 "query/plan/x.hpp": HEADER,
                 "query/front/y.hpp":
                     HEADER + "#include <millrace/query/plan/x.hpp>\n",
                 page: plan + front}
        self.assert_clean(files)
        for text, found in [
                (plan, {lists: [(2, "document")]}),
                (front, {lists: [(1, "document")]}),
                (plan + front.replace("| plan", "| –"), {page: [(2, "document")]}),
                (plan.replace("parser", "all") + front,
                 {page: [(1, "document")]}),
                (plan + front + plan.replace("query/plan", "query/none"),
                 # Neither a floor nor a folder.
                 {page: [(3, "document"), (3, "document")]})]:
            self.assert_found({**files, page: text}, found)

    def test_the_readme_of_a_room_names_its_floors(self):
        page = "actors/README.md"
        files = {"actors/CMakeLists.txt": "millrace_floor(actors/rt/link)\n",
                 "actors/rt/link/x.hpp": HEADER, "tests/actors/y.py": "",
                 "tests/bench/y.py": "", "tests/chaos/y.py": "",
                 page: "`rt/`:\n- `link/`: flows\n",
                 "tests/README.md": "- `chaos/`: kills\n"}
        self.assert_clean(files)
        self.assert_clean({**files, page: "- `rt/link/`: flows\n"})
        for name, text in [(page, "- `rt/`: flows\n"), (page, "- link/: flows\n"),
                           ("tests/README.md", "- `actors/`: flows\n")]:
            self.assert_found({**files, name: text}, {name: [(1, "document")]})

    def test_the_list_of_decisions_is_whole(self):
        page = "docs/decisions/0001-one.md"
        files = {page: "# 0001: One\n",
                 "docs/decisions/README.md": "[0001](0001-one.md)\n"}
        self.assert_clean(files)
        self.assert_found({**files, "docs/decisions/README.md": "# None\n"},
                          {page: [(1, "document")]})

    def test_parameters_of_getdata_are_told_and_proposed(self):
        code, page = "query/front/getdata.cpp", "docs/getdata.md"
        console = "nodes/servers/http/console/source/languages.js"
        files = {code: 'parameter{"starttime", true}, parameter{"endtime", true},'
                       '\nparameter{"join", false},\n',
                 page: "| `starttime`, `endtime` | time |\n",
                 console: 'const GETDATA = "starttime "\n  + "endtime";\n'}
        self.assert_clean(files)
        for name, text in [(page, "| `starttime` | time |\n"),
                           (page, files[page] + "| `join` | kind |\n"),
                           (console, 'const GETDATA = "starttime";\n'),
                           (console, files[console].replace("time\";",
                                                            "time join\";"))]:
            self.assert_found({**files, name: text}, {code: [(1, "document")]})

    def test_a_comment_beside_code_leans_on_no_other(self):
        self.assert_clean({"query/x.hpp": HEADER + "int a; ///< In ns.\n"
                                          "/// The same.\nint b;\n"})
        self.assert_found({"query/x.hpp": HEADER + "int a; ///< In ns.\n"
                                          "int b; ///< The same.\n"},
                          {"query/x.hpp": [(3, "comment")]})

    def test_files_and_functions_fit(self):
        self.assert_clean({"query/x.cpp": "int x;\n" * 600})
        self.assert_found({"query/x.cpp": "int x;\n" * 601},
                          {"query/x.cpp": [(1, "length")]})
        body = "  x();\n"
        heads = ["void f() {", "result<int> a::f(int b) const {",
                 "template <class T>\nvoid a<T>::f() noexcept {",
                 "a::a(int b) : b_{b}, c_{1} {", "TEST(A, B) {",
                 "a() -> std::map<int, b> {"]
        for head in heads:
            lines = head.count("\n") + 2
            for before in ["", "namespace n {\n", "struct s {\npublic:\n",
                           "MACRO(a, b)\nnamespace n {\n#define A {\n"]:
                closing = "}\n" * before.count(" {\n") \
                    if "#" not in before else "}\n"
                fits = f"{before}{head}\n{body * (70 - lines)}}}\n{closing}"
                self.assert_clean({"query/x.cpp": fits})
                self.assert_found(
                    {"query/x.cpp": fits.replace(body, body * 2, 1)},
                    {"query/x.cpp": [(before.count("\n") + 1, "length")]})
        # A table is not a function, nor is a scope.
        rows = "  {1, 2},\n" * 100
        self.assert_clean({"query/x.cpp": f"const row rows[] = {{\n{rows}}};\n"
                                          f"enum class e {{\n{rows}}};\n"})
        self.assert_clean({"query/x.cpp":
                           "// lint: allow(length): one table.\nvoid f() {\n"
                           + body * 100 + "}\n"})

    @unittest.skipUnless(layout.program(), "there is no clang-format 14")
    def test_sources_stand_as_the_file_of_their_layout_says(self):
        self.assert_found({
            ".clang-format": "BasedOnStyle: LLVM\n",
            "messages/a.cpp": "int a();\n",
            "messages/b.cpp": "int b();\n\nint  c();\n",
        }, {"messages/b.cpp": [(3, "layout")]})

    def test_an_empty_tree_is_a_wrong_argument(self):
        self.assertEqual(run_program({})[0], 66)

    def test_the_program_prints_places_and_fails(self):
        self.assertEqual(
            run_program({"query/x.cpp": "\nstd::thread t;\n"}),
            (1, "query/x.cpp:2: thread: goes through a seam of "
                "persistence/disk/env.hpp\nlint: 1 sources, 1 violations\n"))
        self.assertEqual(run_program({"query/x.cpp": "int x;\n"}),
                         (0, "lint: 1 sources, 0 violations\n"))


if __name__ == "__main__":
    unittest.main()
