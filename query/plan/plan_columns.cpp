#include <millrace/messages/text/listed.hpp>
#include <millrace/query/plan/plan_tree.hpp>

#include <algorithm>
#include <set>

namespace millrace::query {

namespace {

using namespace operators;
using text::in_quotes;

error wrong(const std::string& what) { return {errc::invalid_argument, what}; }

std::optional<column_type> type_in(const std::vector<column_schema>& columns,
                                   std::string_view name) {
  for (const auto& each : columns)
    if (each.name == name)
      return each.type;
  return std::nullopt;
}

/// Adds a column, or gives it another type.
void put(std::vector<column_schema>& columns, const std::string& name,
         column_type type) {
  for (auto& each : columns)
    if (each.name == name) {
      each.type = type;
      return;
    }
  columns.push_back({name, type});
}

error check_names(const std::vector<column_schema>& columns) {
  std::set<std::string_view> names;
  for (const auto& each : columns)
    if (!names.insert(each.name).second)
      return wrong("the result has two columns " + in_quotes(each.name));
  return {};
}

/// How many levels of inputs are below an operator.
size_t levels_below(const plan_node& node) {
  size_t out = 0;
  for (const auto& input : node.inputs)
    out = std::max(out, 1 + levels_below(input));
  return out;
}

class resolver {
public:
  /// @pre it is not too deep.
  error run(plan_node& node) {
    for (auto& input : node.inputs)
      if (input.columns.empty())
        if (auto fault = run(input))
          return fault;
    node.columns.clear();
    const auto wanted = std::holds_alternative<scan>(node.what) ? size_t{0}
                        : std::holds_alternative<asof_join>(node.what)
                            || std::holds_alternative<window_join>(node.what)
                            || std::holds_alternative<equi_join>(node.what)
                          ? size_t{2}
                        : std::holds_alternative<union_all>(node.what)
                          ? std::max<size_t>(node.inputs.size(), 1)
                          : size_t{1};
    if (node.inputs.size() != wanted)
      return wrong("an operator has " + std::to_string(node.inputs.size())
                   + " inputs, not " + std::to_string(wanted));
    if (auto fault
        = std::visit([&](auto& what) { return on(what, node); }, node.what))
      return fault;
    if (node.columns.empty())
      return wrong("the result has no columns");
    return check_names(node.columns);
  }

private:
  /// What an expression over `input` may name.
  static type_lookup names_of(const plan_node& input) {
    return [&input](std::string_view name) -> std::optional<column_type> {
      if (auto type = type_in(input.columns, name))
        return type;
      const auto* table = std::get_if<scan>(&input.what);
      if (table && name == "date"
          && type_in(input.columns, table->schema.time_column)
               == column_type::timestamp)
        return column_type::date;
      return std::nullopt;
    };
  }

  static error on(scan& what, plan_node& node) {
    if (auto fault = validate(what.schema))
      return fault;
    node.columns = what.schema.columns;
    return {};
  }

  /// @param over whose columns they are about
  static error check(std::vector<expression>& conditions,
                     const plan_node& over) {
    const auto names = names_of(over);
    for (auto& each : conditions) {
      if (auto fault = resolve(each, names))
        return fault;
      if (each.type != column_type::boolean)
        return wrong("at character " + std::to_string(each.place + 1)
                     + ": a condition is boolean, not "
                     + std::string{to_string(each.type)});
    }
    return {};
  }

  static error on(filter& what, plan_node& node) {
    if (auto fault = check(what.conditions, node.inputs[0]))
      return fault;
    node.columns = node.inputs[0].columns;
    return {};
  }

  static error on(std::vector<computed>& columns, plan_node& node) {
    const auto names = names_of(node.inputs[0]);
    for (auto& each : columns) {
      if (auto fault = resolve(each.value, names))
        return fault;
      node.columns.push_back({each.name, each.value.type});
    }
    return {};
  }

  static error on(project& what, plan_node& node) {
    return on(what.columns, node);
  }

  static result<column_type> type_of(folded& what, const plan_node& input) {
    const auto names = names_of(input);
    std::vector<column_type> types;
    std::string listed;
    for (auto& each : what.arguments) {
      if (auto fault = resolve(each, names))
        return fault;
      types.push_back(each.type);
      text::add_to_list(listed, to_string(each.type), " and ");
    }
    const auto type = result_type(what.function, types);
    if (type)
      return *type;
    const auto place = what.arguments.empty() ? 0 : what.arguments[0].place;
    return wrong("at character " + std::to_string(place + 1) + ": '"
                 + std::string{to_string(what.function)} + "' does not take "
                 + (listed.empty() ? "nothing" : listed));
  }

  static error on(operators::aggregate& what, plan_node& node) {
    if (auto fault = on(what.keys, node))
      return fault;
    for (auto& each : what.columns) {
      const auto type = type_of(each, node.inputs[0]);
      if (!type)
        return type.failure();
      node.columns.push_back({each.name, *type});
    }
    return {};
  }

  static std::optional<column_type> type_of_running(const running& what) {
    using fn = window_function;
    const auto type = what.argument.type;
    const bool number = is_numeric(type) || type == column_type::timespan;
    const bool real = is_float(type);
    switch (what.function) {
      case fn::sums:
      case fn::prds:
      case fn::moving_sum:
        if (type == column_type::timespan && what.function != fn::prds)
          return type;
        if (!is_numeric(type))
          return std::nullopt;
        return real ? column_type::float_ : column_type::long_;
      case fn::avgs:
      case fn::moving_average:
      case fn::moving_deviation:
      case fn::exponential_average:
        return is_numeric(type) ? std::optional{column_type::float_}
                                : std::nullopt;
      case fn::maxs:
      case fn::mins:
      case fn::moving_max:
      case fn::moving_min:
        return type == column_type::symbol || type == column_type::string
                   || type == column_type::guid
                 ? std::nullopt
                 : std::optional{type};
      case fn::deltas: {
        const column_type both[] = {type, type};
        return result_type(scalar_function::subtract, both, type);
      }
      case fn::ratios:
        return number ? std::optional{column_type::float_} : std::nullopt;
      case fn::differ:
        return type == column_type::guid ? std::nullopt
                                         : std::optional{column_type::boolean};
      case fn::moving_count:
      case fn::rank:
      case fn::row_number:
        return column_type::long_;
      case fn::previous:
      case fn::next:
      case fn::shifted:
      case fn::fills:
        return type;
    }
    return std::nullopt;
  }

  static error on(window& what, plan_node& node) {
    const auto& input = node.inputs[0];
    const auto names = names_of(input);
    for (const auto& each : what.by)
      if (!names(each))
        return wrong("there is no column " + in_quotes(each) + " to group by");
    node.columns = input.columns;
    for (auto& each : what.columns) {
      if (each.function != window_function::row_number)
        if (auto fault = resolve(each.argument, names))
          return fault;
      const auto where = "at character "
                         + std::to_string(each.argument.place + 1) + ": '"
                         + std::string{to_string(each.function)} + "' ";
      const auto type = type_of_running(each);
      if (!type)
        return wrong(where + "does not take "
                     + std::string{to_string(each.argument.type)});
      const bool moves = each.function >= window_function::moving_sum
                         && each.function <= window_function::moving_deviation;
      if (moves && each.count <= 0)
        return wrong(where + "takes a count of rows above 0, not "
                     + std::to_string(each.count));
      put(node.columns, each.name, *type);
    }
    for (auto& each : what.totals) {
      const auto type = type_of(each, input);
      if (!type)
        return type.failure();
      put(node.columns, each.name, *type);
    }
    return {};
  }

  static std::optional<column_type> type_of_over(const over_column& what) {
    using fn = over_function;
    auto folded_type = [&](aggregate_function function) {
      const column_type input[] = {what.arguments[0].type};
      return result_type(function, input);
    };
    switch (what.function) {
      case fn::row_number:
      case fn::rank:
      case fn::dense_rank:
      case fn::ntile:
        return column_type::long_;
      case fn::percent_rank:
      case fn::cume_dist:
        return column_type::float_;
      case fn::shifted:
      case fn::value_at:
        return what.arguments[0].type;
      case fn::count:
        return what.arguments[0].type == column_type::boolean
                 ? std::optional{column_type::long_}
                 : std::nullopt;
      case fn::sum:
        return folded_type(aggregate_function::sum);
      case fn::avg:
        return folded_type(aggregate_function::avg);
      case fn::min:
        return folded_type(aggregate_function::min);
      case fn::max:
        return folded_type(aggregate_function::max);
    }
    return std::nullopt;
  }

  static error on(over& what, plan_node& node) {
    const auto& input = node.inputs[0];
    const auto names = names_of(input);
    for (const auto& each : what.by)
      if (!names(each))
        return wrong("there is no column " + in_quotes(each) + " to group by");
    for (const auto& each : what.order)
      if (!names(each.column))
        return wrong("there is no column " + in_quotes(each.column)
                     + " to order by");
    node.columns = input.columns;
    for (auto& each : what.columns) {
      const auto by
        = what.order.empty() ? std::nullopt : names(what.order.back().column);
      if (each.rows.by_value
          && (!by || is_float(*by) || is_text(*by) || *by == column_type::guid))
        return wrong("a frame by value has an order of whole numbers or times");
      for (auto& argument : each.arguments)
        if (auto fault = resolve(argument, names))
          return fault;
      const auto type = type_of_over(each);
      if (!type)
        return wrong(
          "at character " + std::to_string(each.arguments[0].place + 1) + ": '"
          + std::string{to_string(each.function)} + "' does not take "
          + std::string{to_string(each.arguments[0].type)});
      put(node.columns, each.name, *type);
    }
    return {};
  }

  static error on(operators::sort& what, plan_node& node) {
    node.columns = node.inputs[0].columns;
    for (const auto& each : what.keys)
      if (!type_in(node.columns, each.column))
        return wrong("there is no column " + in_quotes(each.column)
                     + " to order by");
    return {};
  }

  static error on(limit&, plan_node& node) {
    node.columns = node.inputs[0].columns;
    return {};
  }

  /// Both inputs of a join have its columns, of the same types.
  static error check_on(const std::vector<std::string>& names,
                        const plan_node& node) {
    if (names.empty())
      return wrong("a join needs a column to join on");
    for (const auto& each : names) {
      const auto left = type_in(node.inputs[0].columns, each);
      const auto right = type_in(node.inputs[1].columns, each);
      if (!left || !right)
        return wrong("the " + std::string{left ? "right" : "left"}
                     + " side of the join has no column " + in_quotes(each));
      if (*left != *right)
        return wrong("the join's column " + in_quotes(each) + " is "
                     + std::string{to_string(*left)} + " on the left and "
                     + std::string{to_string(*right)} + " on the right");
    }
    return {};
  }

  static error check_time(const std::vector<std::string>& names,
                          const plan_node& node) {
    const auto type = type_in(node.inputs[0].columns, names.back());
    if (type == column_type::symbol || type == column_type::string
        || type == column_type::guid || type == column_type::real
        || type == column_type::float_)
      return wrong("the join's last column " + in_quotes(names.back())
                   + " is a time or a whole number, not "
                   + std::string{to_string(*type)});
    return {};
  }

  /// The left's columns, and the right's that are not joined on.
  static error put_right(const std::vector<std::string>& names,
                         plan_node& node) {
    node.columns = node.inputs[0].columns;
    for (const auto& each : node.inputs[1].columns) {
      if (std::find(names.begin(), names.end(), each.name) != names.end())
        continue;
      const auto held = type_in(node.columns, each.name);
      if (held && *held != each.type)
        return wrong("column " + in_quotes(each.name) + " is "
                     + std::string{to_string(*held)} + " on the left and "
                     + std::string{to_string(each.type)} + " on the right");
      put(node.columns, each.name, each.type);
    }
    return {};
  }

  static error on(asof_join& what, plan_node& node) {
    if (auto fault = check_on(what.on, node))
      return fault;
    if (auto fault = check_time(what.on, node))
      return fault;
    if (what.tolerance && *what.tolerance < 0)
      return wrong("a tolerance below 0");
    return put_right(what.on, node);
  }

  static error on(window_join& what, plan_node& node) {
    if (auto fault = check_on(what.on, node))
      return fault;
    if (auto fault = check_time(what.on, node))
      return fault;
    if (what.low > what.high)
      return wrong("a window that ends before it begins");
    node.columns = node.inputs[0].columns;
    for (auto& each : what.columns) {
      const auto type = type_of(each, node.inputs[1]);
      if (!type)
        return type.failure();
      put(node.columns, each.name, *type);
    }
    return {};
  }

  static error on(equi_join& what, plan_node& node) {
    if (!what.on.empty())
      if (auto fault = check_on(what.on, node))
        return fault;
    if (what.full && (what.inner || !what.all))
      return wrong("a full join is of all rows");
    if (!what.where.empty() && !what.all)
      return wrong("a join with conditions is of all rows");
    if (auto fault = put_right(what.on, node))
      return fault;
    return check(what.where, node);
  }

  static error on(union_all&, plan_node& node) {
    for (const auto& input : node.inputs)
      for (const auto& each : input.columns) {
        const auto held = type_in(node.columns, each.name);
        if (held && *held != each.type)
          return wrong("column " + in_quotes(each.name) + " is "
                       + std::string{to_string(*held)} + " in one table and "
                       + std::string{to_string(each.type)} + " in another");
        if (!held)
          node.columns.push_back(each);
      }
    return {};
  }
};

} // namespace

error resolve(plan_node& plan) {
  if (levels_below(plan) > plan_depth_max)
    return {errc::limit_exceeded, "the plan is nested more than "
                                    + std::to_string(plan_depth_max)
                                    + " levels deep"};
  return resolver{}.run(plan);
}

} // namespace millrace::query
