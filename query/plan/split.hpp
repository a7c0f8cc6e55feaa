#pragma once

#include <millrace/query/plan/plan_tree.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

// Chains of operators become one logical_plan in fused_operators.cpp; joins of
// tables of one store in store_joins.cpp; plans become text in split_text.cpp.

namespace millrace::query {

/// The name of rows that are there, where a plan names its table.
inline constexpr std::string_view rows_table = ".rows";
/// A column that rows without a time are ordered by: it is null, so that their
/// places decide.
inline constexpr std::string_view no_time_column = ".time";

/// The result of a fragment.
struct fetched_rows {
  uint32_t fragment = 0;
};

/// Filters, computed columns, groups, an order and a limit at once, over the
/// input's rows.
struct fused_rows {
  logical_plan plan;
};

/// A plan as it is carried out over rows that are there.
struct physical_node {
  using operation
    = std::variant<fetched_rows, fused_rows, operators::window, operators::over,
                   operators::asof_join, operators::window_join,
                   operators::equi_join, operators::union_all>;
  operation what;
  std::vector<physical_node> inputs;
  std::vector<column_schema> columns;
};

/// A plan cut in two: what each store answers from its own rows, as partial
/// results that merge, and what is done with the merged ones.
struct split_plan {
  std::vector<logical_plan> fragments; ///< Of one table each.
  physical_node rest;
  /// The same in another way: one fragment, of two tables that a store joins
  /// when it has both. It may answer `moved`: its rows alone do not tell.
  std::shared_ptr<const split_plan> in_stores{};
  /// Whether the one fragment's result is the plan's.
  [[nodiscard]] bool is_fragment() const noexcept {
    return std::holds_alternative<fetched_rows>(rest.what);
  }
};

/// Gives the stores as much of a plan as they can do: filters, computed
/// columns, groups, orders and limits above a table, and only columns that are
/// needed. A condition on what a join joins on holds for its other side, too.
/// @pre resolve(plan) found nothing.
[[nodiscard]] result<split_plan> split(const plan_node& plan);

/// Makes `in_stores` when a join of two tables is folded right away.
void join_in_stores(split_plan& plan);

/// The plan that is one fragment, and nothing after it.
/// @pre validate(plan) found nothing.
[[nodiscard]] split_plan as_fragment(logical_plan plan);

/// Both parts, as people read them.
[[nodiscard]] std::string to_string(const split_plan& plan);

} // namespace millrace::query
