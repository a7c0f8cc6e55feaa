#pragma once

#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/join_rest_internal.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::query {

/// A join of the rows of some symbols.
struct symbol_question {
  const logical_plan& plan; ///< Folds what is joined.
  const join_step& step;
  logical_plan left; ///< Of the symbols alone, as `right`.
  logical_plan right;
  bool live = false; ///< @see join_execution
  const execution_options& options;
};

/// What was found.
struct joined_symbols {
  table_data rows; ///< Of the join's columns those that the plan names.
  std::vector<partial_chunk> others; ///< @see partial_chunk::purpose
  join_bounds bounds;
  scan_statistics statistics;
  held_memory room; ///< Of the question's memory.
};

/// Joins rows where they lie: of all rows nothing but the times is looked at,
/// of the right ones that are found the other columns. None when that cannot
/// be, since rows are joined on other columns beside the symbol and the time,
/// are filtered by others, or lie in parts that do not tell where a symbol's
/// rows are: others must copy them first.
[[nodiscard]] result<std::optional<joined_symbols>>
join_in_place(symbol_question what,
              const std::vector<persistence::table_view>& left,
              const std::vector<persistence::table_view>& right);

} // namespace millrace::query
