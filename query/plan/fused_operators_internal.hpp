#pragma once

#include <millrace/query/plan/split.hpp>

#include <optional>
#include <string>
#include <vector>

// push_down is in pushed_conditions.cpp.

namespace millrace::query {

/// Operators over one input that are carried out at once. Expressions are over
/// the input's own columns.
struct fused_operators {
  std::optional<operators::scan> table; ///< None: rows that are there.
  std::vector<column_schema> input;     ///< The input's columns.
  /// What has its names above, when nothing is grouped.
  std::vector<computed_column> visible;
  std::vector<expression> conditions;
  std::optional<operators::aggregate> grouped;
  std::vector<operators::sort_key> order; ///< By visible or grouped columns.
  std::optional<int64_t> count;
  int64_t skip = 0; ///< First ones of these that are left out.

  /// Whether nothing but rows that pass is asked for.
  [[nodiscard]] bool has_plain_rows() const noexcept {
    return !grouped && order.empty() && !count;
  }
  [[nodiscard]] const expression* find(std::string_view name) const noexcept;
  /// `what`, over visible columns, over the input's.
  [[nodiscard]] expression inner(expression what) const;
  /// All at once; `invalid_argument`, `overflow`.
  [[nodiscard]] result<logical_plan> fuse() const;
};

/// Whether these are the columns as they are, under whatever names.
[[nodiscard]] bool only_renames(const std::vector<computed_column>& visible,
                                const std::vector<column_schema>& columns);

/// Names the first columns of a plan's result. @returns false when the plan
/// cannot have such names: it is as it was.
[[nodiscard]] bool rename_result(logical_plan& plan,
                                 const std::vector<computed_column>& names);

/// What is known of the last column that a join is on: the right's is equal to
/// the left's, no later, or nothing.
enum class time_use { equal, at_most, open };

/// Conditions on the left's join columns hold for the right rows that are
/// joined: those on columns that are equal, and upper bounds of the time.
void push_down(const std::vector<std::string>& on, time_use last,
               const fused_operators& left, fused_operators& right);

} // namespace millrace::query
