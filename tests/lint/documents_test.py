"""Documents that name what is not there, or leave out what is."""

from planted import HEADER, Tree


class DocumentsTest(Tree):
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

    def test_words_of_a_log_stand_in_one_table(self):
        page, code = "docs/log_words.md", "actors/a.cpp"
        files = {
            page: "# Words\n| `input_gone` | it is gone |\n"
                  "| `ready` | it serves |\n",
            "docs/operations.md": "| `WARN` | what lacks: `input_gone` |\n",
            code: 'warn("input_gone", "a: " + b);\n',
            "nodes/node/b.cpp":
                'tell({level, notice::severity::info, x});\n'
                'tell({notice::severity::info, type(a, "b"), name,\n'
                '      is_good ? "ready" : "input_gone", text});\n'}
        self.assert_clean(files)
        self.assert_found({**files, code: files[code] + 'note("no", why);\n'},
                          {code: [(2, "notice")]})
        self.assert_found({**files, code: 'warn("input-gone", why);\n'},
                          {code: [(1, "notice")]})
        self.assert_found(
            {**files, "nodes/node/b.cpp":
             'tell({notice::severity::info, "a", b, "other", text});\n'},
            {"nodes/node/b.cpp": [(1, "notice")], page: [(3, "notice")]})
        self.assert_found({**files, "docs/operations.md": "| `INF` | `else` |\n"},
                          {"docs/operations.md": [(1, "notice")]})
        # What commands tell people has no word.
        self.assert_clean({**files, "nodes/cli/c.cpp": 'tell("the pager", x);\n'})
