#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/plan/expression.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// How operators' columns follow from their inputs' is in plan_columns.cpp.

/// Operators of a plan. Each takes the rows of its inputs in their order and
/// has rows in an order; what it does to it stands with it.
namespace millrace::query::operators {

using computed = computed_column;

/// A table, as its schema says. Rows come part by part as they are stored: by
/// date; within a partition by (symbol, time); in an rdb as they arrived. Where
/// an operator above takes them in order they come by the table's time, and
/// those of one time as they arrived, in every store alike. Beside its columns
/// it has `date`, the table's date of a row, unless it has a column of that
/// name.
struct scan {
  table_schema schema;
  friend bool operator==(const scan&, const scan&) = default;
};

/// Rows for which all conditions are true. The order stays.
struct filter {
  std::vector<expression> conditions;
  friend bool operator==(const filter&, const filter&) = default;
};

/// These columns instead of the input's. The order stays.
struct project {
  std::vector<computed> columns;
  friend bool operator==(const project&, const project&) = default;
};

/// A column of an aggregate. first and last are those by time of a table's
/// rows, and by order of other rows.
struct folded {
  std::string name;
  aggregate_function function = aggregate_function::count;
  std::vector<expression> arguments; ///< count: none or one.
  double fraction = 0;               ///< @see query::aggregate
  friend bool operator==(const folded&, const folded&) = default;
};

/// A row per distinct combination of keys, ascending by them; without keys one
/// row, also of no rows; without aggregates the distinct keys.
struct aggregate {
  std::vector<computed> keys;
  std::vector<folded> columns;
  friend bool operator==(const aggregate&, const aggregate&) = default;
};

/// What one running value of a window is, of the rows of its group up to each
/// row. Numbers travel between nodes: append only.
enum class window_function : uint8_t {
  sums = 1, ///< Nulls count as nothing, as in prds, maxs and mins.
  prds = 2,
  maxs = 3,
  mins = 4,
  avgs = 5,       ///< Of values that are not null.
  moving_sum = 6, ///< Of the last `count` rows; the first ones of fewer.
  moving_average = 7,
  moving_max = 8,
  moving_min = 9,
  moving_count = 10, ///< Of values that are not null.
  moving_deviation = 11,
  exponential_average = 12, ///< `ema`: by `weight`.
  deltas = 13,              ///< The first row's is its own value.
  ratios = 14,              ///< As deltas.
  differ = 15,              ///< The first row's is true.
  previous = 16,
  next = 17,
  shifted = 18, ///< `xprev`: the value `count` rows before.
  fills = 19,   ///< The last one that was not null.
  rank = 20,    ///< Of the group, by value, from 0; equal ones by row.
  row_number = 21,
};
/// As it is written in q: "sums", "mavg", ...
[[nodiscard]] std::string_view to_string(window_function function) noexcept;
[[nodiscard]] std::optional<window_function>
window_function_of(std::string_view name) noexcept;
/// All that `window_function_of` knows.
[[nodiscard]] std::vector<std::string_view> window_function_names();

/// A column of a window.
struct running {
  std::string name;
  window_function function = window_function::sums;
  expression argument; ///< Of row_number: not looked at.
  int64_t count = 0;   ///< Of moving functions and of shifted.
  double weight = 0;   ///< Of exponential_average.
  friend bool operator==(const running&, const running&) = default;
};

/// Adds columns to the input's, or replaces those of the same name: running
/// values, and aggregates of the whole group beside each row of it. A group is
/// the rows with the same values of `by`. The order stays; rows of a table
/// come by its time first.
struct window {
  std::vector<std::string> by;
  std::vector<running> columns;
  std::vector<folded> totals;
  friend bool operator==(const window&, const window&) = default;
};

struct sort_key {
  std::string column;
  bool descending = false;
  friend bool operator==(const sort_key&, const sort_key&) = default;
};
/// Nulls are smallest. Equal rows of a table come by (symbol, time, place in
/// the stream), those sorted by its time by their place, other equal rows stay
/// in order.
struct sort {
  std::vector<sort_key> keys;
  friend bool operator==(const sort&, const sort&) = default;
};

/// What a window function of SQL is. Numbers travel between nodes: append only.
enum class over_function : uint8_t {
  row_number = 1, ///< From 1, as the other places.
  rank = 2,       ///< Rows that the order does not tell apart have one place.
  dense_rank = 3,
  percent_rank = 4, ///< Places before it, of all but one.
  cume_dist = 5,    ///< Rows up to those like it, of all.
  ntile = 6,        ///< Which of `count` parts, from 1; the first ones larger.
  shifted = 7,      ///< The value `count` rows before; of argument 1 without.
  value_at = 8, ///< Of the frame's row `count`, from 1; below 0 from its end.
  count = 9,    ///< Of the frame: where the boolean argument is true.
  sum = 10,     ///< Of the frame, nulls left out, as those below.
  avg = 11,
  min = 12,
  max = 13,
};
[[nodiscard]] std::string_view to_string(over_function function) noexcept;

/// Rows of a group that are counted beside a row, by their distance from it in
/// the order; none: all on that side.
struct frame {
  std::optional<int64_t> from; ///< Below 0: before it.
  std::optional<int64_t> to;
  /// RANGE: a bound, which is the row's own place, takes all rows with it that
  /// the order does not tell apart.
  bool with_peers = false;
  /// RANGE with distances: they are of the values of the order's last column,
  /// in its unit, which is no float; rows where it is null are beside each
  /// other.
  bool by_value = false;
  friend bool operator==(const frame&, const frame&) = default;
};

struct over_column {
  std::string name;
  over_function function = over_function::row_number;
  std::vector<expression> arguments;
  int64_t count = 0;
  frame rows;
  friend bool operator==(const over_column&, const over_column&) = default;
};

/// Adds columns to the input's: what SQL's functions are of the rows with the
/// same values of `by`, in the order of `order`, and of equal ones in the
/// input's. The input's order stays; rows of a table come by its time first.
struct over {
  std::vector<std::string> by;
  std::vector<sort_key> order;
  std::vector<over_column> columns;
  friend bool operator==(const over&, const over&) = default;
};

/// The first `count` rows, or the last -count: of a table alone as they are
/// stored, of all else in order.
/// Without the first `skip` of these, which is 0 of the last ones.
struct limit {
  int64_t count = 0;
  int64_t skip = 0;
  friend bool operator==(const limit&, const limit&) = default;
};

/// Each row of the left input once, in order, with the columns of the right
/// row whose `on` columns but the last are equal and whose last one is the
/// nearest in `direction`; of equal ones the last row. Nulls where there is
/// none. Right columns of the same name replace the left's there: where there
/// is a row.
struct asof_join {
  enum class direction : uint8_t {
    backward = 1, ///< At or before.
    forward = 2,  ///< At or after.
    nearest = 3,  ///< The one before when both are as near.
  };
  std::vector<std::string> on;
  direction where = direction::backward;
  /// How far it may be, in the unit of the last column.
  std::optional<int64_t> tolerance;
  bool right_time = false; ///< `aj0`: the last column is the right row's.
  bool inner = false;      ///< Left rows without a right one go.
  friend bool operator==(const asof_join&, const asof_join&) = default;
};

/// Each row of the left input once, in order, with aggregates over the right
/// rows whose `on` columns but the last are equal and whose last one lies
/// within [low, high] of the left's, both included. With `prevailing` (`wj`)
/// the row that held when the window began counts too: the last one before it,
/// unless one came right at its beginning.
struct window_join {
  std::vector<std::string> on;
  int64_t low = 0;
  int64_t high = 0;
  bool prevailing = true;
  std::vector<folded> columns; ///< Of the right input's columns.
  friend bool operator==(const window_join&, const window_join&) = default;
};

/// Rows of the left input with the columns of the first right row whose `on`
/// columns are equal. Rows without one stay, with nulls for new columns and the
/// left's own for those of the same name; with `inner` they go. Without `on`
/// the first right row is every row's.
struct equi_join {
  bool inner = false;
  std::vector<std::string> on;
  /// More than one row on the right is refused: it stands for a value.
  bool single = false;
  /// Each of the right's rows with the key, in their order; else the first.
  bool all = false;
  /// Over the columns of the result: where one is false of a left and a right
  /// row, they are not joined. With `all`.
  std::vector<expression> where{};
  /// Right rows that no left row has stay as well, after all others, with nulls
  /// for the left's columns but `on`; with `all`.
  bool full = false;
  friend bool operator==(const equi_join&, const equi_join&) = default;
};

/// The rows of the inputs one after the other, with the columns of all;
/// nulls where an input has none.
struct union_all {
  friend bool operator==(const union_all&, const union_all&) = default;
};

} // namespace millrace::query::operators

namespace millrace::query {

/// A plan: an operator, and the plans of its inputs.
struct plan_node {
  using operation
    = std::variant<operators::scan, operators::filter, operators::project,
                   operators::aggregate, operators::window, operators::over,
                   operators::sort, operators::limit, operators::asof_join,
                   operators::window_join, operators::equi_join,
                   operators::union_all>;
  operation what;
  std::vector<plan_node> inputs;
  /// Its columns, after `resolve`.
  std::vector<column_schema> columns{};
  friend bool operator==(const plan_node&, const plan_node&) = default;
};

/// Deeper plans are refused.
inline constexpr size_t plan_depth_max = 200;

/// Finds the columns of all operators and the types of their expressions;
/// what is below an input that has its columns is not looked at again.
/// `invalid_argument` says what is wrong, and at which character of the
/// question: a name that is not there, or twice, types that do not fit, a
/// wrong count of inputs.
[[nodiscard]] error resolve(plan_node& plan);

/// A line per operator, inputs before the one that takes them, indented by
/// depth: the plan as people read it.
[[nodiscard]] std::string to_string(const plan_node& plan);

} // namespace millrace::query
