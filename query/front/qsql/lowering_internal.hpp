#pragma once

#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/qsql/syntax.hpp>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// From trees of text to plans. Tables are in lower_tables.cpp and
// lower_joins.cpp, what is told of them in lower_told.cpp, select and its like
// in lower_phrase.cpp, what is computed of a row in lower_rows.cpp, of
// constants that are applied to it in lower_lookup.cpp and of several rows in
// lower_groups.cpp, names of columns and functions in names.cpp.

namespace millrace::query::qsql {

struct table_value {
  plan_node plan; ///< Resolved.
  std::vector<std::string> keys{};
};

/// What stands between brackets of a window join: from and to, beside a time.
struct window_bounds {
  int64_t low = 0;
  int64_t high = 0;
};

/// Constants for constants.
struct dictionary {
  constant keys;
  constant values;
  bool steps = false; ///< A key is for all from it on, up to the next one.
};

/// How many parts a query may have when its names are replaced by what they
/// stand for, and how many operators its plan.
inline constexpr size_t parts_max = 5'000;
inline constexpr size_t operators_max = 1'000;

[[nodiscard]] size_t operator_count(const plan_node& plan);
[[nodiscard]] plan_node over(plan_node::operation what, plan_node input);
[[nodiscard]] plan_node over(plan_node::operation what, plan_node left,
                             plan_node right);
[[nodiscard]] bool has_column(const plan_node& plan, std::string_view name);
[[nodiscard]] std::optional<column_type> type_in(const plan_node& plan,
                                                 std::string_view name);
/// The columns of a plan as what a project computes.
[[nodiscard]] std::vector<operators::computed>
all_columns(const plan_node& plan);

/// Name of a function that is applied; empty: it is something else.
[[nodiscard]] std::string_view function_of(const node& call);
/// Its arguments.
[[nodiscard]] size_t argument_count(const node& call);
[[nodiscard]] const node& argument(const node& call, size_t i);

/// One query: its names, and what it may still take.
class lowering {
public:
  lowering(std::string_view source, const schema_lookup& find, int64_t now_ns,
           const named_lookup& named)
    : source_{source}, find_{find}, now_ns_{now_ns}, named_{named} {}

  /// Gives a name a value, before any statement.
  void bind(const bound_name& what);

  [[nodiscard]] result<table_value> table(const node& tree);
  /// @param ungroups the lists per group of a select are rows again
  [[nodiscard]] result<table_value> phrase(const node& tree,
                                           bool ungroups = false);

  /// Where a local name leads, or the tree itself.
  [[nodiscard]] const node& meant(const node& tree) const;
  /// The constant that a tree is, or a name stands for; none: another thing.
  [[nodiscard]] std::optional<constant> constant_value(const node& tree) const;
  /// What a function makes of constants alone; none: it is not known here.
  [[nodiscard]] std::optional<constant> made_constant(const node& tree) const;
  /// A dictionary of constants that a tree is, or a name stands for; none:
  /// another thing.
  [[nodiscard]] result<std::optional<dictionary>>
  dictionary_of(const node& tree) const;
  /// Gives a name a dictionary, of which no other name is a part.
  void keep_dictionary(const node& tree, std::string_view name,
                       const dictionary& what);
  /// A list of constants, or the keys or values of a dictionary.
  [[nodiscard]] result<std::optional<constant>> list_of(const node& tree) const;
  /// Counts parts of what is applied to rows.
  [[nodiscard]] error count_entries(const node& tree, size_t count);
  /// A symbol or several.
  [[nodiscard]] result<std::vector<std::string>> symbols(const node& tree,
                                                         std::string_view what);

  /// Finds the columns of a plan whose inputs have theirs.
  [[nodiscard]] error resolve_at(plan_node& plan, const node& tree);
  /// `from` with an operation over its rows.
  [[nodiscard]] result<table_value>
  put_over(table_value from, plan_node::operation what, const node& tree);
  /// The same over the rows of two; keys are those of `left`.
  [[nodiscard]] result<table_value> put_over(table_value left, plan_node right,
                                             plan_node::operation what,
                                             const node& tree);
  [[nodiscard]] error count_part(const node& tree);

  [[nodiscard]] error wrong(const node& tree, std::string_view kind,
                            std::string_view what) const;
  [[nodiscard]] error refused(const node& tree, std::string_view what) const;
  [[nodiscard]] error unknown(const node& tree, std::string_view what) const;
  [[nodiscard]] std::string_view text_at(text_range at) const {
    return source_.substr(at.begin, at.end - at.begin);
  }
  [[nodiscard]] int64_t now_ns() const noexcept { return now_ns_; }

  /// Gives names to what the statements before the last one say.
  [[nodiscard]] error define(const std::vector<node>& statements);
  /// What `meta`, `cols`, `tables` and `queries` say; none: it is another
  /// statement.
  [[nodiscard]] result<std::optional<told_rows>>
  told(const node& last, const std::vector<std::string>& tables);

private:
  [[nodiscard]] result<table_value> named_table(const node& tree);
  [[nodiscard]] result<table_value> asked_by_name(const node& tree);
  [[nodiscard]] result<table_value> applied_table(const node& tree);
  [[nodiscard]] result<table_value> shaped(const node& tree,
                                           std::string_view function);
  [[nodiscard]] result<table_value> ordered(const node& tree, bool descending);
  [[nodiscard]] result<table_value> keyed(const node& tree);
  [[nodiscard]] result<table_value> keyed_by_count(const node& tree);
  [[nodiscard]] result<table_value> renamed(const node& tree);
  [[nodiscard]] result<table_value> reordered(const node& tree);
  [[nodiscard]] result<table_value> taken(const node& tree);
  [[nodiscard]] result<table_value> dropped(const node& tree);
  [[nodiscard]] result<table_value> distinct(const node& tree);
  [[nodiscard]] result<table_value> counted(const node& tree);
  [[nodiscard]] result<table_value> ungrouped(const node& tree);
  [[nodiscard]] result<table_value> with_columns(table_value from,
                                                 std::vector<std::string> names,
                                                 const node& tree);
  [[nodiscard]] result<table_value> limited(table_value from, int64_t count,
                                            const node& tree);

  [[nodiscard]] result<std::pair<table_value, table_value>>
  tables_of(const node& tree, size_t first);
  [[nodiscard]] result<table_value> each_joined(const node& tree);
  [[nodiscard]] result<table_value> equi_joined(const node& tree, bool inner);
  [[nodiscard]] result<table_value> united(const node& tree);
  [[nodiscard]] result<table_value> asof_joined(const node& tree,
                                                bool right_time);
  [[nodiscard]] error add_asof_option(const node& tree,
                                      std::optional<column_type> time_type,
                                      operators::asof_join& into);
  [[nodiscard]] result<table_value> window_joined(const node& tree,
                                                  bool prevailing);
  [[nodiscard]] result<window_bounds> bounds_of(const node& tree,
                                                column_type time_type);
  [[nodiscard]] error fold_windows(const node& tree, const plan_node& right,
                                   operators::window_join& into);

  std::string_view source_;
  const schema_lookup& find_;
  int64_t now_ns_;
  const named_lookup& named_;
  std::deque<node> bound_; ///< What `values_` points to.
  std::map<std::string, table_value, std::less<>> tables_;
  std::map<std::string, const node*, std::less<>> values_;
  size_t parts_ = 0;
};

/// Rows that expressions are computed of. What needs more than one row, such as
/// an aggregate beside each row, becomes a column of an operator over them.
class row_scope {
public:
  /// @param virtual_date the schema whose dates the rows have, or nullptr
  row_scope(lowering& owner, plan_node input, const table_schema* virtual_date)
    : owner_{owner}, input_{std::move(input)}, dates_{virtual_date} {}

  /// Groups of what needs more than one row, by names of columns.
  void set_groups(std::vector<std::string> by) { by_ = std::move(by); }

  /// What is computed of a row. A column that was added is called "~1", ...
  [[nodiscard]] result<expression> row(const node& tree);
  /// What is computed of the rows of a group: aggregates go to `into`.
  [[nodiscard]] result<expression> fold(const node& tree,
                                        std::vector<operators::folded>& into);
  /// Only rows for which it is true stay.
  [[nodiscard]] error keep(const node& condition);
  /// Numbers the rows, for `i`.
  [[nodiscard]] error number_rows(const node& tree);
  /// A column of its own for an expression; a column stays what it is.
  [[nodiscard]] result<std::string> as_column(expression what,
                                              const node& tree);

  [[nodiscard]] result<column_type> type_of(expression what, const node& tree);

  [[nodiscard]] const plan_node& input() const noexcept { return input_; }
  [[nodiscard]] plan_node take_input() noexcept { return std::move(input_); }
  [[nodiscard]] error add(plan_node::operation what, const node& tree);

private:
  [[nodiscard]] result<expression> constant_part(const node& tree);
  [[nodiscard]] result<expression> name(const node& tree);
  [[nodiscard]] result<expression> dotted(const node& tree);
  /// Whether a time is compared with a date as others write it, which is a
  /// difference of numbers in q. @param left of the call `tree` of two
  [[nodiscard]] error check_date(const node& tree, const expression& left);
  [[nodiscard]] result<expression> call(const node& tree);
  using value_of = std::function<result<expression>(const node& tree)>;
  /// "names ex", "list bin x": constants that are applied; none: another thing.
  [[nodiscard]] result<std::optional<expression>>
  looked_up(const node& tree, const value_of& lower);
  [[nodiscard]] result<expression> call_of_one(const node& tree,
                                               std::string_view function);
  [[nodiscard]] result<expression> call_of_two(const node& tree,
                                               std::string_view function);
  [[nodiscard]] result<expression> call_of_three(const node& tree,
                                                 std::string_view function);
  [[nodiscard]] result<expression> scalar(const node& tree,
                                          scalar_function function);
  [[nodiscard]] result<expression> membership(const node& tree);
  [[nodiscard]] result<expression> membership_in_query(const node& tree,
                                                       expression value);
  [[nodiscard]] result<expression> interval(const node& tree);
  [[nodiscard]] result<expression> pattern(const node& tree);
  [[nodiscard]] result<expression> cast(const node& tree);
  [[nodiscard]] result<expression> total(const node& tree,
                                         aggregate_function function);
  [[nodiscard]] result<expression> total_of(const node& tree,
                                            operators::folded what,
                                            std::vector<std::string> by);
  [[nodiscard]] result<expression> grouped_total(const node& tree);
  [[nodiscard]] result<expression>
  within_groups(const node& tree, const node& function, expression value,
                const std::vector<std::string>& by);
  [[nodiscard]] operators::window*
  window_to_join(const std::vector<expression>& values,
                 const std::vector<std::string>& by);
  [[nodiscard]] result<expression> running_of(const node& tree,
                                              operators::running what,
                                              std::vector<std::string> by);
  [[nodiscard]] result<expression> moving(const node& tree,
                                          operators::window_function function);
  [[nodiscard]] result<operators::folded>
  folded_of(const node& tree, aggregate_function function);
  [[nodiscard]] result<operators::folded> percentile_of(const node& tree);
  [[nodiscard]] error no_function(const node& tree) const;
  [[nodiscard]] error no_column(const node& tree,
                                std::string_view hint = {}) const;
  [[nodiscard]] std::string next_name();

  lowering& owner_;
  plan_node input_;
  const table_schema* dates_;
  std::vector<std::string> by_;
  std::string row_number_;
  size_t names_ = 0;
};

/// A name that has no column: of what the leftmost part of an expression says,
/// as q gives names to columns.
[[nodiscard]] std::string default_name(const node& tree);
/// Names that are all different: later ones get 1, 2, ... at their end.
[[nodiscard]] std::vector<std::string>
unique_names(const std::vector<const node*>& columns);

/// What a name in q is, with so many arguments, of values of a row.
[[nodiscard]] std::optional<scalar_function> scalar_of(std::string_view name,
                                                       size_t arguments);
/// The aggregate or running function of a name in q.
[[nodiscard]] std::optional<aggregate_function>
aggregate_of(std::string_view name);
[[nodiscard]] std::optional<operators::window_function>
running_function_of(std::string_view name);
/// Whether a tree has an aggregate that is not inside of a nested query.
[[nodiscard]] bool has_aggregate(const node& tree);
/// Whether a tree speaks of `i`, but for "count i".
[[nodiscard]] bool has_row_number(const node& tree);
/// Whether a value of a row depends on other rows.
[[nodiscard]] bool needs_other_rows(const node& tree);

} // namespace millrace::query::qsql
