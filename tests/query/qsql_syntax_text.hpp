#pragma once

#include <millrace/query/front/qsql/syntax.hpp>

#include <string>
#include <vector>

namespace millrace::query::qsql {

/// A tree in brackets: "a-b-c" is "(- a (- b c))", "f[x;]" is "(f x _)".
[[nodiscard]] std::string tree_text(const node& tree);
[[nodiscard]] std::string tree_text(const std::vector<node>& trees);

/// "long 5", "longs 1 2", "symbol A", "string abc"; null is 0N.
[[nodiscard]] std::string constant_text(const constant& value);

} // namespace millrace::query::qsql
