#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/front/sql/rewrite.hpp>
#include <millrace/query/front/sql/sql.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// From trees of PostgreSQL's grammar to plans. Tables and joins are in
// lower_tables.cpp, lower_from.cpp and lower_joins.cpp, SELECT in
// lower_select.cpp, what is computed of a row in lower_values.cpp,
// lower_casts.cpp and lower_functions.cpp, conditions in lower_conditions.cpp,
// unknown_conditions.cpp and tidy_conditions.cpp, aggregates in
// lower_groups.cpp, window functions in lower_windows.cpp, queries within
// expressions in lower_queries.cpp.

namespace millrace::query::sql {

using text::json_value;

/// A node of the grammar's tree: {"Kind": {fields}}. Empty kind: there is none.
struct tree {
  std::string_view kind;
  const json_value* body = nullptr;
  [[nodiscard]] const json_value& operator[](std::string_view key) const {
    return body->at(key);
  }
};
[[nodiscard]] tree tree_of(const json_value& node);

/// The texts of a list of {"String": {"sval": ...}}; a star is "*".
[[nodiscard]] std::vector<std::string> names_in(const json_value& list);

/// The parts of a condition that all must be true, in order.
[[nodiscard]] std::vector<const json_value*> all_of(const json_value& node);

[[nodiscard]] expression typed_column(std::string name, column_type type,
                                      uint32_t place = 0);
/// All columns of a plan as what a project computes.
[[nodiscard]] std::vector<operators::computed>
columns_of(const plan_node& plan);
[[nodiscard]] bool is_same(const expression& a, const expression& b);
[[nodiscard]] size_t size_of(const expression& what);
/// Byte to long.
[[nodiscard]] bool is_whole(column_type type);
/// The type for numbers of both: a float for a real and whole ones, whose
/// digits a real has not all.
[[nodiscard]] column_type number_of_both(column_type a, column_type b);
/// NULL, or a text that takes the type of what stands beside it.
[[nodiscard]] bool is_untyped(const json_value& node);
[[nodiscard]] bool is_null_constant(const expression& what);
[[nodiscard]] expression truth_constant(bool value);
[[nodiscard]] std::optional<bool> known_truth(const expression& what);

/// A column that a query can name.
struct scope_column {
  std::string table; ///< Or its alias.
  std::string name;
  expression value;       ///< Resolved, of the plan's columns.
  bool is_starred = true; ///< `*` has it.
  bool is_merged = false; ///< USING made one of it and another one.
  /// Of a boolean: false stands for unknown, too.
  bool is_unknown = false;
};

/// Rows, as a query sees them.
struct relation {
  plan_node plan; ///< Resolved.
  std::vector<scope_column> columns;
  std::vector<std::string> non_null; ///< Columns of the plan without nulls.
  /// Columns of the plan whose values together are there once.
  std::vector<std::vector<std::string>> unique;
  std::string time_column; ///< The plan's, of a table's rows; empty: none.

  [[nodiscard]] bool never_null(const expression& what) const;
};

/// Aggregates of groups.
struct group_state {
  std::vector<operators::computed> keys;
  std::vector<operators::folded> folds;
  std::vector<std::string> non_null; ///< Of their names.
  /// What has the values of a key, too: by its name.
  std::vector<operators::computed> aliases;
};

/// An order within a window.
struct window_order {
  expression value;
  bool descending = false;
  bool has_flag = false; ///< Nulls stand where the plan would not put them.
  bool nulls_first = false;
};

/// Window functions of the same rows in the same order.
struct window_call {
  std::vector<expression> by;
  std::vector<window_order> order;
  std::vector<operators::over_column> columns;
  std::vector<operators::folded> totals; ///< Of all rows beside each.
};

/// The window functions of a SELECT.
struct window_state {
  const json_value* named = nullptr; ///< Those of its WINDOW.
  std::vector<window_call> calls;
  std::vector<std::string> non_null; ///< Of their columns.
};

/// A query within an expression: its rows are joined to those around it.
struct query_join {
  plan_node plan;
  std::string key; ///< Of both sides; empty: its one row is all's.
  std::optional<expression> left; ///< The key, of the rows around it.
  uint32_t place = 0;
};

/// The queries within the expressions of a SELECT.
struct query_state {
  std::vector<query_join> joins;
  std::vector<std::string> non_null; ///< Of their columns.
  /// What a node stands for, which may be looked at more than once.
  std::map<std::pair<const json_value*, bool>, expression> known;
};

/// What of a query's text may stand for how much of a plan.
inline constexpr size_t parts_max = 50'000;
inline constexpr size_t operators_max = 1'000;

/// One query: its names, and what it may still take.
class lowering {
public:
  lowering(std::string_view source, const rewritten_query& rewritten,
           const schema_lookup& find, int64_t now_ns, const named_lookup& named,
           const std::vector<bound_name>& bound)
    : source_{source}, rewritten_{rewritten}, find_{find}, now_ns_{now_ns},
      named_{named}, bound_{bound} {}

  /// What a SELECT gives. @param body of a SelectStmt
  [[nodiscard]] result<relation> select(const json_value& body);
  /// Those of WITH stay until `forget_names`.
  [[nodiscard]] error take_names(const json_value& with);
  [[nodiscard]] size_t name_count() const noexcept { return names_.size(); }
  void forget_names(size_t count) {
    names_.erase(names_.begin() + static_cast<ptrdiff_t>(count), names_.end());
  }
  /// What stands in FROM.
  [[nodiscard]] result<relation> table(const json_value& node);
  /// All that stands in FROM, with commas between. Conditions by which tables
  /// were joined are taken out.
  [[nodiscard]] result<relation>
  tables(const json_value::list& from,
         std::vector<const json_value*>& conditions);
  /// A query within an expression over `around`, whose columns it may not name.
  [[nodiscard]] result<relation> inner_query(const json_value& body,
                                             const relation& around);
  /// Rows around the query that is looked at, the next ones last.
  [[nodiscard]] const std::vector<const relation*>& around() const noexcept {
    return around_;
  }

  /// Puts an operator over rows and finds its columns.
  [[nodiscard]] error put(plan_node& over, plan_node::operation what,
                          uint32_t place);
  [[nodiscard]] error put(plan_node& left, plan_node right,
                          plan_node::operation what, uint32_t place);

  /// Where a node begins in the query as it was asked.
  [[nodiscard]] uint32_t place_of(const json_value& body,
                                  uint32_t otherwise = 0) const;
  [[nodiscard]] error wrong(uint32_t place, std::string_view what,
                            errc code = errc::invalid_argument) const;
  [[nodiscard]] error refused(uint32_t place, std::string_view what) const {
    return wrong(place, what, errc::unsupported);
  }
  [[nodiscard]] error count_parts(size_t count, uint32_t place);
  [[nodiscard]] std::string next_name(std::string_view prefix);
  [[nodiscard]] int64_t now_ns() const noexcept { return now_ns_; }
  /// The value of $1, ...; null: there is none.
  [[nodiscard]] const argument_value* parameter(int64_t number) const noexcept {
    return number > 0 && static_cast<uint64_t>(number) <= bound_.size()
             ? &bound_[static_cast<size_t>(number - 1)].value
             : nullptr;
  }
  /// A whole number as it is written: the tree has no 0 and none below it.
  [[nodiscard]] int64_t whole_number(const json_value& constant) const;

private:
  [[nodiscard]] result<relation> named_table(const json_value& body);
  [[nodiscard]] result<relation> query_as_table(const json_value& body);
  [[nodiscard]] result<relation> asked_by_name(const json_value& body);
  [[nodiscard]] result<relation> joined(const json_value& body);
  /// No two tables of one name.
  [[nodiscard]] error check_names(const relation& left, const relation& right,
                                  const json_value& written) const;
  [[nodiscard]] error rename(relation& what, const json_value& alias,
                             uint32_t place) const;

  std::string_view source_;
  const rewritten_query& rewritten_;
  const schema_lookup& find_;
  int64_t now_ns_;
  const named_lookup& named_;
  const std::vector<bound_name>& bound_;
  std::vector<std::pair<std::string, relation>> names_; ///< WITH; last first.
  std::vector<const relation*> around_;
  size_t parts_ = 0;
  size_t operators_ = 0;
  size_t made_names_ = 0;
};

/// Computes expressions of rows, or of groups of rows.
class row_scope {
public:
  row_scope(lowering& owner, const relation& rows,
            group_state* groups = nullptr)
    : owner_{owner}, rows_{rows}, groups_{groups} {}

  /// Where window functions may stand.
  void set_windows(window_state* windows) noexcept { windows_ = windows; }

  /// Where queries may stand.
  void set_queries(query_state* queries) noexcept { queries_ = queries; }

  /// Names that these rows have too are ambiguous.
  void set_other(const relation* other) noexcept { other_ = other; }

  /// Resolved, as are all others here.
  [[nodiscard]] result<expression> value(const json_value& node);
  /// The same, where it is worked with: a condition that may be unknown is
  /// refused, because a value is true or false.
  [[nodiscard]] result<expression> operand(const json_value& node);
  /// Refuses that of a node's value.
  [[nodiscard]] error check_known(const json_value& node,
                                  const expression& what);
  /// Whether a node's value is a boolean that may be unknown, or is null.
  [[nodiscard]] bool is_unknown(const json_value& node, const expression& what);
  [[nodiscard]] error unknown_condition(uint32_t place) const;
  /// Whether a condition is true, or, as `wanted` says, false: two-valued.
  [[nodiscard]] result<expression> truth(const json_value& node, bool wanted);
  /// The parts of a condition that all must be true.
  [[nodiscard]] error add_conditions(const json_value& node,
                                     std::vector<expression>& out);
  [[nodiscard]] result<expression> parameter(const json_value& body,
                                             uint32_t place);
  [[nodiscard]] result<expression> column(const json_value& body,
                                          uint32_t place);

  [[nodiscard]] result<expression> call(scalar_function function,
                                        std::vector<expression> arguments,
                                        uint32_t place,
                                        std::string_view written = {});
  [[nodiscard]] result<expression> cast(expression what, column_type to,
                                        uint32_t place);
  /// As it is, or an int where that is a byte, which has no null: for what may
  /// be null.
  [[nodiscard]] result<expression> with_null(expression value, uint32_t place);
  [[nodiscard]] bool never_null(const expression& what) const;
  /// Whether a comparison of values is true.
  [[nodiscard]] result<expression> compared(scalar_function function,
                                            expression left, expression right,
                                            uint32_t place);
  /// Start of the bucket that a time falls into, from an origin.
  [[nodiscard]] result<expression> bucket(std::string_view width,
                                          expression time, uint32_t place);

private:
  friend class function_lowering;
  friend class window_lowering;
  [[nodiscard]] result<expression> constant(const json_value& body,
                                            uint32_t place);
  [[nodiscard]] result<expression> row_value(const json_value& node);
  [[nodiscard]] result<expression> grouped_value(const json_value& node);
  [[nodiscard]] result<expression> operation(const json_value& body,
                                             uint32_t place);
  /// `overflow` when one is the number that stands for an infinity.
  [[nodiscard]] error check_size(const expression& left,
                                 const expression& right, uint32_t place) const;
  [[nodiscard]] result<expression> arithmetic(std::string_view sign,
                                              expression left, expression right,
                                              uint32_t place);
  [[nodiscard]] result<expression>
  whole_quotient(expression left, expression right, uint32_t place);
  /// Makes floats of a number that is one and another that is not.
  [[nodiscard]] error make_alike(expression& left, expression& right,
                                 uint32_t place);
  [[nodiscard]] result<expression> whole_rest(expression left, expression right,
                                              uint32_t place);
  [[nodiscard]] result<expression> typed_cast(const json_value& body,
                                              uint32_t place);
  [[nodiscard]] result<expression> typed_constant(const json_value& constant,
                                                  column_type type,
                                                  const json_value* unit,
                                                  uint32_t place);
  [[nodiscard]] result<expression>
  typed_value(const json_value& node, column_type type, uint32_t place);
  [[nodiscard]] result<expression> narrowed(expression what,
                                            const std::string& type,
                                            const json_value::list& numbers,
                                            uint32_t place);
  /// Rounded to so many digits after the point, half a unit away from 0.
  [[nodiscard]] result<expression> to_digits(expression what, int64_t digits,
                                             uint32_t place);
  /// A time rounded to so many digits after its seconds.
  [[nodiscard]] result<expression> to_fraction(expression what, int64_t digits,
                                               uint32_t place);
  [[nodiscard]] result<expression> choice(const json_value& body,
                                          uint32_t place);
  [[nodiscard]] result<expression> coalesced(const json_value& body,
                                             uint32_t place);
  [[nodiscard]] result<expression> extreme(const json_value& body,
                                           uint32_t place);
  [[nodiscard]] result<expression> current_time(const json_value& body,
                                                uint32_t place);
  [[nodiscard]] result<expression> null_if(const json_value& body,
                                           uint32_t place);
  [[nodiscard]] result<expression> function(const json_value& body,
                                            uint32_t place);
  /// @param rows scope of the arguments
  [[nodiscard]] result<expression> aggregate(const json_value& body,
                                             uint32_t place, row_scope& rows);
  [[nodiscard]] result<expression> query_value(const json_value& body,
                                               uint32_t place);
  [[nodiscard]] result<expression> query_condition(const json_value& body,
                                                   bool wanted, uint32_t place);
  [[nodiscard]] result<expression> exists(const json_value& body,
                                          uint32_t place);
  [[nodiscard]] result<expression> in_query(const json_value& body, bool wanted,
                                            uint32_t place);
  [[nodiscard]] error make_alike(expression& left, expression& right,
                                 row_scope& inner, uint32_t place);
  [[nodiscard]] result<expression>
  absent_for_sure(expression absent, expression left_there, plan_node all,
                  expression missing, uint32_t place);
  [[nodiscard]] result<relation> query_of_one_column(const json_value& body,
                                                     uint32_t place);
  [[nodiscard]] result<expression> windowed(const json_value& body,
                                            uint32_t place);
  [[nodiscard]] result<expression> is_null(expression what);
  [[nodiscard]] result<expression> folded(aggregate_function function,
                                          std::vector<expression> arguments,
                                          uint32_t place, bool has_null = true,
                                          double fraction = 0);
  [[nodiscard]] result<double> fraction_of(const json_value& body,
                                           uint32_t place, row_scope& rows);
  [[nodiscard]] result<expression> distinct_count(expression value,
                                                  uint32_t place);
  [[nodiscard]] result<expression> sum_of(std::vector<expression> arguments,
                                          uint32_t place);
  [[nodiscard]] result<expression> fold_where(aggregate_function function,
                                              std::vector<expression> arguments,
                                              std::optional<expression> where,
                                              uint32_t place, double fraction);

  [[nodiscard]] result<expression> compared_nodes(const json_value& body,
                                                  bool wanted, uint32_t place);
  [[nodiscard]] result<const json_value*>
  listed(const json_value& node, json_value& written, uint32_t place) const;
  [[nodiscard]] result<expression> in_list(const json_value& body, bool wanted,
                                           uint32_t place);
  [[nodiscard]] result<expression> in_constants(expression left,
                                                std::vector<expression> values,
                                                bool wanted, uint32_t place);
  [[nodiscard]] result<expression> within(expression value, expression low,
                                          expression high, bool wanted,
                                          uint32_t place,
                                          std::string_view written);
  [[nodiscard]] result<expression> between(const json_value& body, bool wanted,
                                           uint32_t place);
  [[nodiscard]] result<expression> like(const json_value& body, bool wanted,
                                        uint32_t place);
  [[nodiscard]] result<expression> boolean_of(const json_value& body,
                                              bool wanted, uint32_t place);
  [[nodiscard]] result<expression> null_test(const json_value& body,
                                             bool wanted, uint32_t place);
  [[nodiscard]] result<expression> truth_test(const json_value& body,
                                              bool wanted, uint32_t place);
  [[nodiscard]] result<expression> in_interval(const json_value& body,
                                               bool wanted, uint32_t place);
  [[nodiscard]] result<expression>
  distinct_from(const json_value& body, bool different, uint32_t place);

  /// Two values, where a constant in quotes takes the type of the other.
  [[nodiscard]] result<std::pair<expression, expression>>
  both(const json_value& left, const json_value& right);
  [[nodiscard]] result<expression>
  adapted(expression what, const json_value& node, column_type type);
  /// One type for all: that of those that are not constants in quotes.
  /// @param has_unknown a condition among them may be unknown
  [[nodiscard]] result<std::vector<expression>>
  of_one_type(const std::vector<const json_value*>& nodes, uint32_t place,
              bool has_unknown = false);
  [[nodiscard]] result<expression> both_true(expression a, expression b);
  [[nodiscard]] result<expression> either_true(expression a, expression b);
  [[nodiscard]] result<expression> not_true(expression a);
  [[nodiscard]] result<expression> is_not_null(expression what);

  [[nodiscard]] bool may_be_null(const json_value& node);
  [[nodiscard]] bool may_be_unknown(const json_value& node);
  [[nodiscard]] bool is_unknown_of_nulls(const json_value& body);
  [[nodiscard]] bool is_unknown_column(const json_value& node);

  lowering& owner_;
  const relation& rows_;
  group_state* groups_;
  window_state* windows_ = nullptr;
  query_state* queries_ = nullptr;
  const relation* other_ = nullptr;
};

/// Two bounds of one value become one condition, by which partitions are
/// chosen; tests for null that others make needless go.
void tidy(std::vector<expression>& conditions);
/// Whether rows that pass a condition have a value there.
[[nodiscard]] bool proves(const expression& condition, const expression& value);
[[nodiscard]] bool is_aggregate(std::string_view name);
void add_aggregate_names(std::vector<std::string>& to);
/// Whether a node has an aggregate that is not of a query within it.
[[nodiscard]] bool has_aggregate(const json_value& node);
[[nodiscard]] bool has_window(const json_value& node);
/// Joins the queries within expressions to the rows.
[[nodiscard]] error put_queries(lowering& owner, relation& rows,
                                query_state& queries);
/// Rows of one relation with those of another beside them, as ON and USING say.
[[nodiscard]] result<relation> joined_rows(lowering& owner, relation left,
                                           relation right,
                                           const json_value& body);

} // namespace millrace::query::sql
