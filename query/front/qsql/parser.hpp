#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/front/qsql/syntax.hpp>

#include <string_view>
#include <vector>

namespace millrace::query::qsql {

/// How deep a query may nest; a chain of operators nests to its right. A deeper
/// one is `limit_exceeded`, before it is read any further.
inline constexpr size_t depth_max = 400;
/// Columns, keys or conditions of one phrase.
inline constexpr size_t listed_max = 500;

/// The statements of a query: at least one, each an expression or
/// "name:expression". Evaluation is from right to left, and no verb binds
/// stronger than another. A fault is `fault_at` its place: `invalid_argument`
/// for what is not q, `unsupported` for lambdas, iterators and commands.
[[nodiscard]] result<std::vector<node>> parse(std::string_view source);

} // namespace millrace::query::qsql
