"""What is used by one half only, and the list of what is awaited."""

from planted import HEADER, Tree


class HalfUsedTest(Tree):
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
