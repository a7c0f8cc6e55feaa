#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/plan/named_lookup.hpp>
#include <millrace/query/plan/plan_tree.hpp>
#include <millrace/query/plan/schema_lookup.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// What q would give, where a plan gives rows.
enum class result_shape : uint8_t {
  table,
  columns, ///< `exec`: a list, or several by name.
  values,  ///< One row, as its values: `exec max price from trade`, `count`.
};

/// What is known of tables without asking a store. Columns are symbols and
/// chars; every row has a text for each.
struct told_rows {
  std::vector<column_schema> columns;
  std::vector<std::vector<std::string>> rows;
};

/// A query in q, understood.
struct qsql_request {
  plan_node plan; ///< Resolved; none when the answer is `told`.
  /// The first columns of the result, when it is a keyed table.
  std::vector<std::string> keys;
  result_shape shape = result_shape::table;
  std::optional<told_rows> told{}; ///< Of `meta`, `cols`, `tables`, `queries`.
};

/// Reads a query in q (docs/qsql.md): statements, of which the last one is
/// asked, and those before it give names to tables and constants.
/// `invalid_argument` names the character and the text that is wrong,
/// `not_found` a name that nothing has, `unsupported` what q has and this does
/// not, `limit_exceeded` what is too long or too deep.
/// @param now_ns what .z.p is
/// @param tables all that `find` finds, for `tables[]`
/// @param named queries that can be applied to constants, as functions
/// @param bound names that have values, as if a statement had given them
[[nodiscard]] result<qsql_request>
parse_qsql(std::string_view text, const schema_lookup& find, int64_t now_ns,
           const std::vector<std::string>& tables = {},
           const named_lookup& named = {},
           const std::vector<bound_name>& bound = {});

} // namespace millrace::query
