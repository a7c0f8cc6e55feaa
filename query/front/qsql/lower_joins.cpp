#include <millrace/query/front/qsql/lowering_internal.hpp>
#include <millrace/query/plan/bar.hpp>

#include <algorithm>
#include <utility>

namespace millrace::query::qsql {

/// The arguments of a join from `first` on.
result<std::pair<table_value, table_value>>
lowering::tables_of(const node& tree, size_t first) {
  auto left = table(argument(tree, first));
  if (!left)
    return left.failure();
  auto right = table(argument(tree, first + 1));
  if (!right)
    return right.failure();
  return std::pair{*std::move(left), *std::move(right)};
}

/// "t lj u": the keys of u are joined on.
result<table_value> lowering::equi_joined(const node& tree, bool inner) {
  auto both = tables_of(tree, 0);
  if (!both)
    return both.failure();
  auto& [left, right] = *both;
  if (right.keys.empty())
    return wrong(argument(tree, 1), "type",
                 "the right side of a join has keys, as `sym xkey t has");
  operators::equi_join what;
  what.inner = inner;
  what.on = std::move(right.keys);
  return put_over(std::move(left), std::move(right.plan), std::move(what),
                  tree);
}

/// "ej[`sym;t;u]": all rows of u with the key.
result<table_value> lowering::each_joined(const node& tree) {
  auto names = symbols(argument(tree, 0), "columns to join on");
  if (!names)
    return names.failure();
  auto both = tables_of(tree, 1);
  if (!both)
    return both.failure();
  auto& [left, right] = *both;
  operators::equi_join what;
  what.inner = true;
  what.all = true;
  what.on = *std::move(names);
  left.keys.clear();
  return put_over(std::move(left), std::move(right.plan), std::move(what),
                  tree);
}

/// "t uj u", "t,u"
result<table_value> lowering::united(const node& tree) {
  auto both = tables_of(tree, 0);
  if (!both)
    return both.failure();
  auto& [left, right] = *both;
  if (!left.keys.empty() || !right.keys.empty())
    return refused(tree, "tables with keys are not united; 0! takes keys away");
  if (function_of(tree) == ",") {
    const bool same
      = left.plan.columns.size() == right.plan.columns.size()
        && std::all_of(left.plan.columns.begin(), left.plan.columns.end(),
                       [&plan = right.plan](const auto& column) {
                         return has_column(plan, column.name);
                       });
    if (!same)
      return wrong(tree, "mismatch",
                   "',' takes tables of the same columns; uj takes others");
  }
  return put_over(std::move(left), std::move(right.plan),
                  operators::union_all{}, tree);
}

/// What stands after the tables of an as-of join: "`nearest", "0D00:00:01".
error lowering::add_asof_option(const node& tree,
                                std::optional<column_type> time_type,
                                operators::asof_join& into) {
  constexpr std::string_view form
    = "after the tables of an as-of join stand `forward or `nearest, and how "
      "far a row may be, as 0D00:00:01";
  using direction = operators::asof_join::direction;
  const auto value = constant_value(tree);
  if (!value || value->values.size() != 1)
    return wrong(tree, "type", form);
  if (const auto* word = std::get_if<std::string>(&value->values[0])) {
    if (*word == "backward")
      into.where = direction::backward;
    else if (*word == "forward")
      into.where = direction::forward;
    else if (*word == "nearest")
      into.where = direction::nearest;
    else
      return wrong(tree, "domain", form);
    return {};
  }
  const auto* far = std::get_if<int64_t>(&value->values[0]);
  if (!far || *far < 0)
    return wrong(tree, "type", form);
  const bool in_time
    = time_type == column_type::timestamp || time_type == column_type::timespan;
  if (!in_time && value->type != time_type && value->type != column_type::long_)
    return wrong(tree, "type", form);
  // Beside a timestamp or a timespan the unit is ns.
  into.tolerance = in_time ? in_ns(*far, value->type) : *far;
  return {};
}

/// "aj[`sym`time;t;q]", "aj[`sym`time;t;q;`nearest;0D00:00:01]"
result<table_value> lowering::asof_joined(const node& tree, bool right_time) {
  const auto count = argument_count(tree);
  if (count < 3 || count > 5)
    return wrong(tree, "rank",
                 "an as-of join takes columns, two tables, and two options");
  auto names = symbols(argument(tree, 0), "columns to join on");
  if (!names)
    return names.failure();
  auto both = tables_of(tree, 1);
  if (!both)
    return both.failure();
  auto& [left, right] = *both;
  operators::asof_join what;
  what.on = *std::move(names);
  what.right_time = right_time;
  const auto time_type
    = what.on.empty() ? std::nullopt : type_in(left.plan, what.on.back());
  for (size_t i = 3; i < count; ++i)
    if (auto fault = add_asof_option(argument(tree, i), time_type, what))
      return fault;
  return put_over(std::move(left), std::move(right.plan), std::move(what),
                  tree);
}

/// "-0D00:00:02 0D00:00:00+\:exec time from t"
result<window_bounds> lowering::bounds_of(const node& tree,
                                          column_type time_type) {
  const auto& written = meant(tree);
  constexpr std::string_view form
    = "a window is written as -0D00:00:02 0D00:00:00+\\:exec time from t";
  if (written.kind != node_kind::apply || written.items.size() != 3
      || written.items[0].text != "+" || written.items[0].iterator != "\\:")
    return refused(tree, form);
  const auto pair = constant_value(written.items[1]);
  if (!pair || pair->values.size() != 2)
    return wrong(written.items[1], "length", form);
  window_bounds out;
  int64_t* ends[] = {&out.low, &out.high};
  for (size_t i = 0; i < 2; ++i) {
    const auto* value = std::get_if<int64_t>(&pair->values[i]);
    if (!value)
      return wrong(written.items[1], "type", form);
    // Beside a timestamp or a timespan the unit is ns.
    const bool in_time = time_type == column_type::timestamp
                         || time_type == column_type::timespan;
    *ends[i] = in_time ? in_ns(*value, pair->type) : *value;
    if (!in_time && pair->type != time_type && pair->type != column_type::long_
        && pair->type != column_type::int_)
      return wrong(written.items[1], "type",
                   "the bounds of a window are of type "
                     + std::string{to_string(time_type)} + " here");
  }
  return out;
}

/// "(q;(max;`ask);(min;`bid))" after its table.
error lowering::fold_windows(const node& tree, const plan_node& right,
                             operators::window_join& into) {
  for (size_t i = 1; i < tree.items.size(); ++i) {
    const auto& pair = tree.items[i];
    const bool is_pair = pair.kind == node_kind::list && pair.items.size() == 2;
    const auto function
      = is_pair ? aggregate_of(pair.items[0].text) : std::nullopt;
    if (!function || takes_pairs(*function))
      return refused(pair, "beside the table of a window join stand an "
                           "aggregate and a column, as (max;`ask)");
    const auto names = symbols(pair.items[1], "columns");
    if (!names)
      return names.failure();
    if (names->size() != 1 || !has_column(right, names->front()))
      return wrong(pair.items[1], "type", "the right table has no such column");
    operators::folded folded;
    folded.name = names->front();
    const auto is_taken = [&] {
      return std::any_of(
        into.columns.begin(), into.columns.end(),
        [&](const auto& each) { return each.name == folded.name; });
    };
    for (int next = 1; is_taken(); ++next)
      folded.name = names->front() + std::to_string(next);
    folded.function = *function;
    if (*function != aggregate_function::count)
      folded.arguments.push_back(
        column_of(names->front(), pair.items[1].at.begin));
    into.columns.push_back(std::move(folded));
  }
  return {};
}

/// "wj[w;`sym`time;t;(q;(max;`ask);(min;`bid))]"
result<table_value> lowering::window_joined(const node& tree, bool prevailing) {
  if (argument_count(tree) != 4)
    return wrong(
      tree, "rank",
      "a window join takes a window, columns, a table, and a list of "
      "a table and aggregates");
  auto names = symbols(argument(tree, 1), "columns to join on");
  if (!names)
    return names.failure();
  auto left = table(argument(tree, 2));
  if (!left)
    return left;
  const auto& folds = meant(argument(tree, 3));
  if (folds.kind != node_kind::list || folds.items.size() < 2)
    return wrong(folds, "type",
                 "beside the left table stands a list of a table and "
                 "aggregates, as (q;(max;`ask))");
  auto right = table(folds.items[0]);
  if (!right)
    return right;
  const auto time_type
    = names->empty() ? std::nullopt : type_in(left->plan, names->back());
  if (!time_type)
    return wrong(argument(tree, 1), "length",
                 "the last column to join on is a time of the left table");
  const auto bounds = bounds_of(argument(tree, 0), *time_type);
  if (!bounds)
    return bounds.failure();
  operators::window_join what;
  what.on = *std::move(names);
  what.low = bounds->low;
  what.high = bounds->high;
  what.prevailing = prevailing;
  if (auto fault = fold_windows(folds, right->plan, what))
    return fault;
  return put_over(*std::move(left), std::move(right->plan), std::move(what),
                  tree);
}

} // namespace millrace::query::qsql
