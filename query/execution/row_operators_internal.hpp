#pragma once

#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/pieces.hpp>
#include <millrace/query/execution/plan_run.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What operators over rows that are there share.
namespace millrace::query {

inline constexpr uint32_t no_row = ~uint32_t{0};
/// Rows between two looks at whether to go on.
inline constexpr size_t rows_between_looks = 16 * 1024;

[[nodiscard]] const column_data* column_named(const table_data& table,
                                              std::string_view name) noexcept;
/// Instead of the column of its name, or after all.
void put_column(table_data& table, column_data column);

/// Numbers rows of one or more tables by their values of the same columns:
/// equal ones, nulls too, have the same number.
class row_numbers {
public:
  explicit row_numbers(std::vector<std::string> columns)
    : names_{std::move(columns)}, pools_(names_.size()) {}

  /// @pre the table has the columns, of the same types in all tables.
  [[nodiscard]] result<std::vector<uint32_t>> of(const table_data& table,
                                                 const interruption& stop);
  /// Distinct ones so far.
  [[nodiscard]] uint32_t count() const noexcept {
    return index_ ? index_->size() : 1;
  }

private:
  [[nodiscard]] result<std::vector<uint32_t>>
  of_symbols(const column_data& column, std::vector<uint32_t> out,
             const interruption& stop);

  /// Takes memory for what is kept of the keys, and `rows` more of them.
  [[nodiscard]] error take_room(uint64_t rows, const interruption& stop);

  std::vector<std::string> names_;
  std::vector<text::interner> pools_;
  std::optional<group_index> index_; ///< None: without columns all are one.
  held_memory room_; ///< Of the question's memory, for the keys.
};

/// Rows by number, each group's in their order.
struct grouped_rows {
  std::vector<uint32_t> rows;
  std::vector<uint32_t> begins; ///< Of each group, and the end of all.
  [[nodiscard]] std::span<uint32_t> of(uint32_t group) {
    return std::span{rows}.subspan(begins[group],
                                   begins[group + 1] - begins[group]);
  }
};
[[nodiscard]] result<grouped_rows> grouped(std::span<const uint32_t> numbers,
                                           uint32_t count,
                                           const interruption& stop);

/// Rows of two tables that are equal in all of some columns but the last, which
/// is a time: those of the right one ascend by it.
class timed_matches {
public:
  /// @pre both tables have the columns, of the same types.
  [[nodiscard]] static result<timed_matches> find(std::vector<std::string> on,
                                                  const table_data& left,
                                                  const table_data& right,
                                                  const run_options& options);

  /// Right rows that are equal, and the time of each, ascending.
  struct timed_rows {
    std::span<const uint32_t> rows;
    std::span<const int64_t> times;
  };
  /// The right rows of a left one; none: nothing is equal.
  [[nodiscard]] timed_rows of(uint32_t left_row) const {
    const auto group = left_groups_[left_row];
    if (group >= group_count())
      return {};
    const auto begin = right_.begins[group];
    const auto count = right_.begins[group + 1] - begin;
    return {std::span{right_.rows}.subspan(begin, count),
            std::span{times_}.subspan(begin, count)};
  }
  /// Which left rows have the same right ones: those of one number; one that is
  /// not below group_count() has none.
  [[nodiscard]] uint32_t group_of(uint32_t left_row) const noexcept {
    return left_groups_[left_row];
  }
  [[nodiscard]] uint32_t group_count() const noexcept {
    return static_cast<uint32_t>(right_.begins.size()) - 1;
  }

private:
  held_memory room_; ///< Of the question's memory, for all of it.
  std::vector<uint32_t> left_groups_;
  grouped_rows right_;
  std::vector<int64_t> times_; ///< Of right_.rows.
};

/// No row of these columns.
[[nodiscard]] table_data no_rows(const std::vector<column_schema>& columns);

/// The pieces of work on the pool of `options`, if there is one.
inline void for_pieces(const run_options& options, size_t count,
                       const std::function<void(size_t)>& work) {
  for_pieces(options.pool, count, work);
}

/// A column of `right`, by row number; where it is no_row the row's own value
/// of `left`, or null without one.
[[nodiscard]] result<column_data> picked(const std::string& name,
                                         const column_data& right,
                                         std::span<const uint32_t> rows,
                                         const column_data* left,
                                         const interruption& stop);

/// An expression's values for all rows.
[[nodiscard]] result<column_data> evaluate(const std::string& name,
                                           const expression& what,
                                           const table_data& over,
                                           const interruption& stop);

/// One logical_plan over rows that are there.
[[nodiscard]] result<table_data> run_fused(logical_plan plan,
                                           const table_data& over,
                                           const run_options& options);

/// Whether the plan makes one row of each, by columns as they are and computed
/// ones that are no texts.
[[nodiscard]] bool only_projects(const logical_plan& plan,
                                 const table_data& over);
/// What run_fused makes of these rows, whose columns are taken as they are.
/// @pre only_projects(plan, over)
[[nodiscard]] result<table_data>
project(const logical_plan& plan, table_data over, const run_options& options);

/// Totals of groups, a row per number below `count`: those of no rows where a
/// group has none.
/// @param numbers by row of `over`: each below `count`
[[nodiscard]] result<table_data>
totals_of(const std::vector<operators::folded>& columns, const table_data& over,
          std::span<const uint32_t> numbers, uint32_t count,
          const run_options& options);

using operator_result = result<table_data>;
[[nodiscard]] operator_result run_window(const operators::window& what,
                                         const physical_node& node,
                                         table_data input,
                                         const run_options& options);
[[nodiscard]] operator_result run_over(const operators::over& what,
                                       const physical_node& node,
                                       table_data input,
                                       const run_options& options);
/// An as-of join in two steps: by left row the right one, or no_row, and the
/// columns of both.
[[nodiscard]] result<std::vector<uint32_t>>
nearest_rows(const operators::asof_join& what, const table_data& left,
             const table_data& right, const run_options& options);
/// What is left of `left`, and of `rows`, without those that have no right row.
[[nodiscard]] error drop_singles(table_data& left, std::vector<uint32_t>& rows,
                                 const interruption& stop);
[[nodiscard]] operator_result
with_nearest(const operators::asof_join& what, const physical_node& node,
             table_data left, const table_data& right,
             std::span<const uint32_t> rows, const interruption& stop);
[[nodiscard]] operator_result run_asof(const operators::asof_join& what,
                                       const physical_node& node,
                                       table_data left, const table_data& right,
                                       const run_options& options);
[[nodiscard]] operator_result run_equi(const operators::equi_join& what,
                                       const physical_node& node,
                                       table_data left, const table_data& right,
                                       const run_options& options);
[[nodiscard]] operator_result
run_window_join(const operators::window_join& what, const physical_node& node,
                table_data left, const table_data& right,
                const run_options& options);

} // namespace millrace::query
