#include <millrace/query/front/qsql/lowering_internal.hpp>

#include <algorithm>

namespace millrace::query::qsql {

using operators::folded;
using operators::running;
using operators::window;
using operators::window_function;

result<folded> row_scope::folded_of(const node& tree,
                                    aggregate_function function) {
  folded out;
  out.function = function;
  const bool has_fraction = function == aggregate_function::percentile;
  const size_t wanted = takes_pairs(function) || has_fraction ? 2 : 1;
  if (argument_count(tree) != wanted)
    return no_function(tree);
  if (has_fraction)
    return percentile_of(tree);
  // Of rows it matters only that they are there.
  if (function == aggregate_function::count) {
    const auto& counted = argument(tree, 0);
    if (function_of(counted) == "distinct" && argument_count(counted) == 1) {
      auto value = row(argument(counted, 0));
      if (!value)
        return value.failure();
      out.function = aggregate_function::distinct;
      out.arguments.push_back(*std::move(value));
      return out;
    }
    if (counted.kind != node_kind::name || counted.text != "i")
      if (auto checked = row(counted); !checked)
        return checked.failure();
    return out;
  }
  for (size_t i = 0; i < wanted; ++i) {
    auto value = row(argument(tree, i));
    if (!value)
      return value.failure();
    out.arguments.push_back(*std::move(value));
  }
  return out;
}

/// "0.9 percentile price"
result<folded> row_scope::percentile_of(const node& tree) {
  const auto constants = owner_.constant_value(argument(tree, 0));
  const bool is_one
    = constants && !constants->is_list && constants->values.size() == 1;
  const auto* real
    = is_one ? std::get_if<double>(&constants->values.front()) : nullptr;
  const auto* whole
    = is_one ? std::get_if<int64_t>(&constants->values.front()) : nullptr;
  const auto fraction = real    ? *real
                        : whole ? static_cast<double>(*whole)
                                : -1.0;
  if (!(fraction >= 0 && fraction <= 1))
    return owner_.wrong(argument(tree, 0), "domain",
                        "before 'percentile' stands a constant from 0 to 1, as "
                        "in 0.9 percentile price");
  auto value = row(argument(tree, 1));
  if (!value)
    return value.failure();
  folded out;
  // One half has a name of its own.
  out.function = fraction == 0.5 ? aggregate_function::med
                                 : aggregate_function::percentile;
  out.fraction = fraction == 0.5 ? 0 : fraction;
  out.arguments.push_back(*std::move(value));
  return out;
}

result<expression> row_scope::total(const node& tree,
                                    aggregate_function function) {
  auto what = folded_of(tree, function);
  if (!what)
    return what.failure();
  return total_of(tree, *std::move(what), by_);
}

/// A column that repeats a group's aggregate beside each of its rows.
result<expression> row_scope::total_of(const node& tree, folded what,
                                       std::vector<std::string> by) {
  what.name = next_name();
  auto out = column_of(what.name, tree.at.begin);
  if (auto* beside = window_to_join(what.arguments, by)) {
    beside->totals.push_back(std::move(what));
    if (auto fault = owner_.resolve_at(input_, tree))
      return fault;
    return out;
  }
  window added;
  added.by = std::move(by);
  added.totals.push_back(std::move(what));
  if (auto fault = add(std::move(added), tree))
    return fault;
  return out;
}

/// The operator that rows come from, when it has the same groups and none of
/// `values` is of a column that it adds.
window* row_scope::window_to_join(const std::vector<expression>& values,
                                  const std::vector<std::string>& by) {
  auto* beside = std::get_if<window>(&input_.what);
  if (!beside || beside->by != by)
    return nullptr;
  std::vector<std::string> names;
  for (const auto& value : values)
    add_columns_of(value, names);
  const auto is_used = [&](const auto& column) {
    return std::find(names.begin(), names.end(), column.name) != names.end();
  };
  const bool uses
    = std::any_of(beside->columns.begin(), beside->columns.end(), is_used)
      || std::any_of(beside->totals.begin(), beside->totals.end(), is_used);
  return uses ? nullptr : beside;
}

result<expression> row_scope::running_of(const node& tree, running what,
                                         std::vector<std::string> by) {
  what.name = next_name();
  auto out = column_of(what.name, tree.at.begin);
  if (auto* beside = window_to_join({what.argument}, by)) {
    beside->columns.push_back(std::move(what));
    if (auto fault = owner_.resolve_at(input_, tree))
      return fault;
    return out;
  }
  window added;
  added.by = std::move(by);
  added.columns.push_back(std::move(what));
  if (auto fault = add(std::move(added), tree))
    return fault;
  return out;
}

/// "5 mavg x", "0.1 ema x", "2 xprev x"
result<expression> row_scope::moving(const node& tree,
                                     window_function function) {
  const bool moves = function == window_function::shifted
                     || (function >= window_function::moving_sum
                         && function <= window_function::exponential_average);
  if (!moves)
    return no_function(tree);
  running what;
  what.function = function;
  const auto constants = owner_.constant_value(argument(tree, 0));
  const auto* count = constants && constants->values.size() == 1
                        ? std::get_if<int64_t>(&constants->values.front())
                        : nullptr;
  const auto* weight = constants && constants->values.size() == 1
                         ? std::get_if<double>(&constants->values.front())
                         : nullptr;
  const bool by_weight = function == window_function::exponential_average;
  if (by_weight ? !weight : !count)
    return owner_.wrong(argument(tree, 0), "type",
                        by_weight ? "'ema' takes a constant weight, as 0.1"
                                  : "a constant count of rows is wanted here");
  if (by_weight)
    what.weight = *weight;
  else
    what.count = *count;
  auto value = row(argument(tree, 1));
  if (!value)
    return value;
  what.argument = *std::move(value);
  return running_of(tree, std::move(what), by_);
}

result<std::string> row_scope::as_column(expression what, const node& tree) {
  if (is_column(what))
    return what.name;
  auto name = next_name();
  auto columns = all_columns(input_);
  columns.push_back({name, std::move(what)});
  if (auto fault = add(operators::project{std::move(columns)}, tree))
    return fault;
  return name;
}

namespace {

/// The functions of "max", or of the composition "sums differ@", the one that
/// is applied first at the front; empty: it is neither.
std::vector<const node*> composed(const node& tree) {
  std::vector<const node*> out;
  bool composes = false;
  const auto* at = &tree;
  for (; at->kind == node_kind::apply && argument_count(*at) == 1;
       at = &argument(*at, 0)) {
    if (function_of(*at) == "@")
      composes = true;
    else
      out.insert(out.begin(), &at->items.front());
  }
  out.insert(out.begin(), at);
  const bool have_names
    = std::all_of(out.begin(), out.end(), [](const node* each) {
        return each->kind == node_kind::name || each->kind == node_kind::verb;
      });
  return have_names && (out.size() == 1 || composes)
           ? out
           : std::vector<const node*>{};
}

} // namespace

/// What a function of one argument gives of the rows of a group, beside each.
result<expression>
row_scope::within_groups(const node& tree, const node& function,
                         expression value, const std::vector<std::string>& by) {
  const auto& name = function.text;
  if (const auto known = scalar_of(name, 1)) {
    std::vector<expression> arguments;
    arguments.push_back(std::move(value));
    return call_of(*known, std::move(arguments), tree.at.begin);
  }
  if (const auto aggregate = aggregate_of(name);
      aggregate && !takes_pairs(*aggregate)
      && *aggregate != aggregate_function::percentile) {
    folded total;
    total.function = *aggregate;
    if (*aggregate != aggregate_function::count)
      total.arguments.push_back(std::move(value));
    return total_of(tree, std::move(total), by);
  }
  const auto known = running_function_of(name);
  const bool takes_one
    = known && *known != window_function::row_number
      && *known != window_function::shifted
      && !(*known >= window_function::moving_sum
           && *known <= window_function::exponential_average);
  if (!takes_one)
    return owner_.refused(function,
                          "before 'fby' stand functions of one column");
  running what;
  what.function = *known;
  what.argument = std::move(value);
  return running_of(tree, std::move(what), by);
}

/// "(max;price) fby sym", "(avg;size) fby ([]sym;src)", "(sums differ@;price)
/// fby sym"
result<expression> row_scope::grouped_total(const node& tree) {
  const auto& what = argument(tree, 0);
  const auto& groups = owner_.meant(argument(tree, 1));
  const bool is_pair = what.kind == node_kind::list && what.items.size() == 2;
  const auto functions
    = is_pair ? composed(what.items[0]) : std::vector<const node*>{};
  if (functions.empty())
    return owner_.wrong(what, "type",
                        "before 'fby' stand a function and a column, as in "
                        "(max;price) fby sym");
  std::vector<std::string> by;
  const auto add_group = [&](const node& group) -> error {
    auto value = row(group);
    if (!value)
      return value.failure();
    auto name = as_column(*std::move(value), group);
    if (!name)
      return name.failure();
    by.push_back(*std::move(name));
    return {};
  };
  if (groups.kind == node_kind::table) {
    for (const auto& group : groups.items)
      if (auto fault = add_group(group))
        return fault;
  } else if (auto fault = add_group(groups)) {
    return fault;
  }
  auto value = row(what.items[1]);
  for (const auto* function : functions) {
    if (!value)
      return value;
    value = within_groups(tree, *function, *std::move(value), by);
  }
  return value;
}

error row_scope::number_rows(const node& tree) {
  running what;
  what.function = window_function::row_number;
  what.name = next_name();
  row_number_ = what.name;
  window added;
  added.columns.push_back(std::move(what));
  return add(std::move(added), tree);
}

result<expression> row_scope::fold(const node& tree,
                                   std::vector<folded>& into) {
  if (auto fault = owner_.count_part(tree))
    return fault;
  if (tree.kind == node_kind::constant)
    return constant_part(tree);
  auto found
    = looked_up(tree, [&](const node& part) { return fold(part, into); });
  if (!found)
    return found.failure();
  if (*found)
    return **std::move(found);
  const auto function = function_of(tree);
  if (const auto aggregate = aggregate_of(function)) {
    auto what = folded_of(tree, *aggregate);
    if (!what)
      return what.failure();
    what->name = next_name();
    auto out = column_of(what->name, tree.at.begin);
    into.push_back(*std::move(what));
    return out;
  }
  const auto count = tree.kind == node_kind::apply ? argument_count(tree) : 0;
  const auto known = scalar_of(function, count);
  if (!known) {
    if (tree.kind == node_kind::name)
      if (auto value = row(tree);
          value && value->what == expression::kind::constant)
        return value;
    if (auto checked = row(tree); !checked)
      return checked;
    return owner_.refused(tree, "without an aggregate this would be a list per "
                                "group, and columns of lists are not there");
  }
  std::vector<expression> arguments;
  for (size_t i = 0; i < count; ++i) {
    auto value = fold(argument(tree, i), into);
    if (!value)
      return value;
    arguments.push_back(*std::move(value));
  }
  return call_of(*known, std::move(arguments), tree.at.begin);
}

error row_scope::check_date(const node& tree, const expression& left) {
  const auto& right = argument(tree, 1);
  std::string date{owner_.text_at(right.at)};
  if (!looks_like_date(date))
    return {};
  const auto type = type_of(left, tree);
  if (!type || !is_temporal(*type))
    return {};
  std::replace(date.begin(), date.end(), '-', '.');
  return owner_.wrong(right, "type",
                      "this is a difference of numbers; the date is written "
                        + date);
}

} // namespace millrace::query::qsql
