#pragma once

#include <millrace/query/front/sql/lowering_internal.hpp>

#include <string>
#include <vector>

// SELECT: where its rows come from and what is computed of them is in
// lower_select.cpp, their order and limit in lower_output.cpp, UNION in
// lower_union.cpp.

namespace millrace::query::sql {

/// A column of a SELECT.
struct target {
  std::string name;
  const json_value* node = nullptr; ///< None: a column that * stands for.
  expression value{};
  bool never_null = false;
  bool is_unknown = false; ///< Of a boolean: false stands for unknown, too.
};

/// A SELECT without its order.
struct select_state {
  relation rows;
  std::vector<target> targets;
  size_t visible = 0; ///< Targets that are asked for; others order only.
  bool grouped = false;
  group_state groups;
  window_state windows;
  query_state queries; ///< But those of WHERE.
  std::vector<expression> having;
};

/// Puts window functions over the rows that they are of.
[[nodiscard]] error put_windows(lowering& owner, relation& rows,
                                window_state& windows);
/// Groups, DISTINCT, ORDER BY and LIMIT.
[[nodiscard]] result<relation> put_out(lowering& owner, const json_value& body,
                                       select_state& state);
/// Rows of both queries of a UNION.
[[nodiscard]] result<relation> united(lowering& owner, const json_value& body);
/// Whether a project gives what it takes.
[[nodiscard]] bool is_identity(const operators::project& what,
                               const plan_node& plan);

} // namespace millrace::query::sql
