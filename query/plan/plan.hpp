#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/question_priority.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/plan/aggregate_function.hpp>
#include <millrace/query/plan/expression.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// Plans as messages are in plan_codec.cpp.

namespace millrace::query {

/// Numbers travel between nodes: append only.
enum class predicate_op : uint8_t {
  less = 1,
  greater = 2,
  not_equal = 3,
  less_equal = 4,
  greater_equal = 5,
  equal = 6,
  in = 7,
  within = 8, ///< Both bounds included.
  like = 9,   ///< `?` `*` `[abc]` `[^abc]`, anchored, case-sensitive.
};
/// "<", "within", ...
[[nodiscard]] std::string_view to_string(predicate_op op) noexcept;
[[nodiscard]] std::optional<predicate_op>
predicate_op_of(std::string_view name) noexcept;

/// One filter; a row must pass all of a plan's. Nulls are the smallest value
/// of every type and equal to each other, as in kdb+; comparisons are exact.
struct predicate {
  std::string column;
  predicate_op op = predicate_op::equal;
  bool negated = false; ///< `not`; only before in, within, like.
  std::vector<literal> values;
  friend bool operator==(const predicate&, const predicate&) = default;
};

struct aggregate {
  aggregate_function function = aggregate_function::count;
  std::vector<std::string> columns; ///< count: one or none; wavg: two.
  std::string name;                 ///< Of the result's column.
  double fraction = 0;              ///< Of percentiles: from 0 to 1.
  friend bool operator==(const aggregate&, const aggregate&) = default;
};

/// A key to group by: a column's value; with `bar_ns` > 0 the start of the bar
/// of that width its time falls into, bars counted from 2000.01.01 UTC. With
/// `by_day`, of a timestamp: the date of the table that it falls into, or the
/// start of its bar, where each date begins with a bar of its own.
struct group_key {
  std::string column;
  int64_t bar_ns = 0;
  std::string name; ///< Of the result's column.
  bool by_day = false;
  friend bool operator==(const group_key&, const group_key&) = default;
};

/// A column that no part stores: it is computed, row by row, of those that
/// they do.
struct computed_column {
  std::string name;
  expression value; ///< Resolved.
  friend bool operator==(const computed_column&, const computed_column&)
    = default;
};

struct output_column {
  std::string column;
  std::string name;
  friend bool operator==(const output_column&, const output_column&) = default;
};

/// Sorts by result column number `output`; nulls are smallest.
struct order_term {
  uint32_t output = 0;
  bool descending = false;
  friend bool operator==(const order_term&, const order_term&) = default;
};

struct joined_tables;

/// What of two tables a plan is over; null: it is over one.
struct joined_source {
  std::shared_ptr<const joined_tables> tables;
  [[nodiscard]] explicit operator bool() const noexcept {
    return tables != nullptr;
  }
  const joined_tables* operator->() const noexcept { return tables.get(); }
  /// By what they point to.
  friend bool operator==(const joined_source&, const joined_source&);
};

/// What is asked, free of where rows live. Either rows (`outputs`) or groups
/// (`keys` and `aggregates`, which are the result's columns; without keys one
/// row, without aggregates distinct keys).
struct logical_plan {
  std::string table;
  /// Type of every column the plan names, as the asker knows them; a part with
  /// a narrower type is widened, a part without the column reads as null.
  std::vector<column_schema> types;
  /// What those of `types` are made of that are not stored. Texts that are
  /// computed can only be put out.
  std::vector<computed_column> computed;
  std::string time_column;
  /// Inclusive bounds on the time column, in its unit; none: all times.
  std::optional<std::pair<int64_t, int64_t>> range;
  std::string symbol_column;
  /// Rows of these symbols; none: all.
  std::optional<std::vector<std::string>> symbols;
  std::vector<predicate> filters;
  std::vector<group_key> keys;
  std::vector<aggregate> aggregates;
  std::vector<output_column> outputs;
  /// Then, for rows, by (symbol, order column, stream order), so that ties
  /// fall alike in every store; groups: by their keys. Empty: groups ascend by
  /// key, rows come part by part as they are stored.
  std::vector<order_term> ordering;
  /// n first rows; -n: last. Cut after merge and ordering.
  std::optional<int64_t> sublist;
  /// Of these so many first ones are no part of the result: stores keep them,
  /// so that those after them are told.
  uint64_t skip = 0;
  /// Refuse results beyond these; 0: no limit.
  uint64_t rows_max = 0;
  uint64_t bytes_max = 0;
  question_priority priority = question_priority::normal;
  /// The table's own time column: decides first and last and breaks ties.
  std::string order_column;
  /// Where dates of keys `by_day` begin: the table's roll rule.
  std::string day_zone = "UTC";
  int64_t day_offset_ns = 0;
  /// When it is over rows that a store joins of two of its tables: `table` is
  /// the left one, and only `joined->columns` are there.
  joined_source joined{};
  /// Whether no other store is asked: its answer may be the result itself, of
  /// which there is less than of what merges.
  bool alone = false;

  [[nodiscard]] bool grouped() const noexcept {
    return !aggregates.empty() || !keys.empty();
  }
  /// How many rows or groups `sublist` leaves at most.
  [[nodiscard]] std::optional<uint64_t> rows_wanted() const noexcept {
    if (!sublist)
      return std::nullopt;
    const auto count = static_cast<uint64_t>(*sublist);
    return *sublist < 0 ? uint64_t{0} - count : count;
  }
  [[nodiscard]] std::optional<column_type>
  type_of(std::string_view column) const noexcept;
  [[nodiscard]] bool is_computed(std::string_view column) const noexcept;
  friend bool operator==(const logical_plan&, const logical_plan&) = default;
};

/// The rows of `left`, each with the nearest row of `right` at or before it, as
/// operators::asof_join has them: both are rows as they are stored, and among
/// the columns that are equal are the tables' symbols, the last one is the
/// right table's time.
struct joined_tables {
  logical_plan left;
  logical_plan right;
  std::vector<std::string> on;
  std::optional<int64_t> tolerance;
  bool right_time = false;
  bool inner = false;
  std::vector<column_schema> columns;
  friend bool operator==(const joined_tables&, const joined_tables&) = default;
};

/// Type of a key in the result. @pre validate(plan) found nothing.
[[nodiscard]] column_type key_type(const logical_plan&, const group_key&);

/// Column names and types of the plan's result.
/// @pre validate(plan) found nothing.
[[nodiscard]] std::vector<column_schema> result_columns(const logical_plan&);

/// Type of a bar over a time column: timestamp for timestamp, date, month;
/// timespan for timespan and times of day; none for other types.
[[nodiscard]] std::optional<column_type> bar_type(column_type input) noexcept;

/// The first fault: a column without a type, an aggregate or operator that its
/// column's type refuses, an ordering or a count of values that do not fit.
[[nodiscard]] error validate(const logical_plan& plan);

/// Whether its result can flow: it is rows as they are stored, all of them, so
/// that each is final when it is found.
[[nodiscard]] bool flows(const logical_plan& plan) noexcept;

/// Serialised as Cap'n Proto QueryPlan.
[[nodiscard]] std::vector<std::byte> encode(const logical_plan& plan);
/// Validated; any fault is `malformed_message`.
[[nodiscard]] result<logical_plan>
decode_plan(std::span<const std::byte> bytes);
/// The same of a plan that `flows`; another one is `invalid_argument`.
[[nodiscard]] result<logical_plan>
decode_flow(std::span<const std::byte> bytes);

/// One step per line, innermost first: the plan as people read it.
[[nodiscard]] std::string to_string(const logical_plan& plan);

} // namespace millrace::query
