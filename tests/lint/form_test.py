"""How texts stand: headers, comments, lengths, layout."""

import unittest

import layout
from planted import HEADER, Tree


class FormTest(Tree):
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

    def test_a_comment_beside_code_leans_on_no_other(self):
        self.assert_clean({"query/x.hpp": HEADER + "int a; ///< In ns.\n"
                                          "/// The same.\nint b;\n"})
        self.assert_found({"query/x.hpp": HEADER + "int a; ///< In ns.\n"
                                          "int b; ///< The same.\n"},
                          {"query/x.hpp": [(3, "comment")]})

    def test_words_that_people_stumble_over_are_found(self):
        self.assert_clean({
            "query/x.cpp": "// It lags behind the end of its stream, which is "
                           "behind a seam.\n",
            "docs/x.md": "A member is behind; what comes after the last row.\n"})
        for text in ("who" + "ever asks", "TEST(A, Who" + "everAsks)",
                     "what stands behind the last row", "behind its quote"):
            for name in ("query/x.hpp", "docs/x.md", "tests/x.py"):
                head = HEADER if name.endswith("hpp") else "\n"
                self.assert_found({name: f"{head}# {text}\n",
                                   "query/y.cpp": ""}, {name: [(2, "word")]})

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

    def test_python_fits_as_well(self):
        body = "  x()\n"
        reason = "# lint: allow(length): one table.\n"
        for head in ["", "class a:\n  x = 1\n\n", "#!/usr/bin/env python3\n"]:
            name = "scripts/x" if head.startswith("#!") else "tests/x.py"
            for count, found in [(69, {}), (70, {
                    name: [(head.count("\n") + 1, "length")]})]:
                self.assert_found(
                    {name: f"{head}def f():\n{body * count}",
                     "query/y.cpp": ""}, found)
        self.assert_clean({"tests/x.py": f"{reason}def f():\n{body * 80}"})
        self.assert_clean({"scripts/x": "#!/bin/sh\n" + "x\n" * 601})
        self.assert_found({"tests/x.py": "x()\n" * 601},
                          {"tests/x.py": [(1, "length")]})
        self.assert_clean({"tests/x.py": reason + "x()\n" * 600})
        self.assert_clean({"scripts/x": f"#!/usr/bin/python3\n{reason}"
                           + "x()\n" * 600})
        self.assert_found({"tests/x.py": f"x()\n{reason}"},
                          {"tests/x.py": [(2, "allowance")]})
        self.assert_found({"tests/x.py": "x()\ndef f(:\n"},
                          {"tests/x.py": [(2, "syntax")]})

    @unittest.skipUnless(layout.program(), "there is no clang-format 14")
    def test_sources_stand_as_the_file_of_their_layout_says(self):
        self.assert_found({
            ".clang-format": "BasedOnStyle: LLVM\n",
            "messages/a.cpp": "int a();\n",
            "messages/b.cpp": "int b();\n\nint  c();\n",
        }, {"messages/b.cpp": [(3, "layout")]})
