#include <millrace/query/plan/filter_placement.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace millrace::query {

namespace {

using fn = scalar_function;

/// Whether its value can be found of any row.
bool never_fails(const expression& what) {
  if (!std::all_of(what.arguments.begin(), what.arguments.end(), never_fails))
    return false;
  if (what.what != expression::kind::call)
    return true;
  switch (what.function) {
    case fn::add:
    case fn::subtract:
    case fn::multiply:
    case fn::quotient:
    case fn::bar:
    case fn::negate:
    case fn::absolute:
      return is_float(what.type);
    case fn::floor:
    case fn::ceiling:
    case fn::bounded:
      return false;
    case fn::cast:
      return is_float(what.type) || is_text(what.type)
             || what.type == column_type::boolean
             || (what.type == column_type::date
                 && what.arguments[0].type == column_type::timestamp);
    default:
      return true;
  }
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<column_type> type_in(const plan_node& node,
                                   const std::string& name) {
  for (const auto& each : node.columns)
    if (each.name == name)
      return each.type;
  return std::nullopt;
}

template <class Columns>
bool names_one(const Columns& columns, const std::string& name) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const auto& each) { return each.name == name; });
}

/// Takes one condition down.
class descent {
public:
  explicit descent(const expression& condition) : condition_{condition} {
    add_columns_of(condition, used_);
  }

  /// Puts it below `node`. @returns false when it must stay above: what is
  /// about no column, too, for there may be a group of no rows.
  bool below(plan_node& node) {
    return !used_.empty()
           && std::visit([&](auto& what) { return on(what, node); }, node.what);
  }

private:
  template <class Test>
  [[nodiscard]] bool all_used(Test test) const {
    return std::all_of(used_.begin(), used_.end(), test);
  }

  /// As low as it can be, at the latest right above `node`.
  bool place(plan_node& node) {
    if (!below(node)) {
      plan_node put;
      put.what = operators::filter{{condition_}};
      put.columns = node.columns;
      put.inputs.push_back(std::move(node));
      node = std::move(put);
    }
    return true;
  }

  /// The same condition on what is computed of an input's columns.
  [[nodiscard]] expression
  over(const std::vector<computed_column>& columns) const {
    return substituted(condition_, [&](std::string_view name) {
      const auto found
        = std::find_if(columns.begin(), columns.end(),
                       [&](const auto& each) { return each.name == name; });
      return found == columns.end() ? nullptr : &found->value;
    });
  }

  bool on(operators::scan&, plan_node&) { return false; }
  bool on(operators::limit&, plan_node&) { return false; }
  bool on(operators::sort&, plan_node& node) { return place(node.inputs[0]); }

  bool on(operators::filter& what, plan_node& node) {
    if (!below(node.inputs[0]))
      what.conditions.push_back(condition_);
    return true;
  }

  bool on(operators::project& what, plan_node& node) {
    const auto inner = over(what.columns);
    return never_fails(inner) && descent{inner}.below(node.inputs[0]);
  }

  bool on(operators::aggregate& what, plan_node& node) {
    if (tells_zeroes_apart(condition_) || !all_used([&](const auto& name) {
          return names_one(what.keys, name);
        }))
      return false;
    const auto inner = over(what.keys);
    return never_fails(inner) && descent{inner}.place(node.inputs[0]);
  }

  bool on(operators::window& what, plan_node& node) {
    return !tells_zeroes_apart(condition_) && all_used([&](const auto& name) {
      return has(what.by, name) && !names_one(what.columns, name)
             && !names_one(what.totals, name);
    }) && place(node.inputs[0]);
  }

  bool on(operators::over& what, plan_node& node) {
    return !tells_zeroes_apart(condition_) && all_used([&](const auto& name) {
      return has(what.by, name) && !names_one(what.columns, name);
    }) && place(node.inputs[0]);
  }

  bool on(operators::asof_join& what, plan_node& node) {
    return all_used([&](const auto& name) {
             const bool is_left
               = has(what.on, name)
                 && !(what.right_time && name == what.on.back());
             return is_left
                    || (type_in(node.inputs[0], name)
                        && !type_in(node.inputs[1], name));
           })
           && place(node.inputs[0]);
  }

  bool on(operators::window_join& what, plan_node& node) {
    return all_used([&](const auto& name) {
             return type_in(node.inputs[0], name)
                    && !names_one(what.columns, name);
           })
           && place(node.inputs[0]);
  }

  bool on(operators::equi_join& what, plan_node& node) {
    if (what.full)
      return false;
    auto& left = node.inputs[0];
    auto& right = node.inputs[1];
    if (all_used([&](const auto& name) {
          return has(what.on, name)
                 || (type_in(left, name) && !type_in(right, name));
        }))
      return place(left);
    // Fewer right rows are other first ones, and more left rows without one.
    return what.inner && what.all && !tells_zeroes_apart(condition_)
           && all_used([&](const auto& name) {
                return has(what.on, name) || type_in(right, name);
              })
           && place(right);
  }

  bool on(operators::union_all&, plan_node& node) {
    for (const auto& input : node.inputs)
      if (!all_used([&](const auto& name) {
            return type_in(input, name) == type_in(node, name);
          }))
        return false;
    for (auto& input : node.inputs)
      place(input);
    return true;
  }

  const expression& condition_;
  std::vector<std::string> used_;
};

} // namespace

bool tells_zeroes_apart(const expression& what) {
  if (is_column(what))
    return is_float(what.type);
  if (what.what != expression::kind::call)
    return false;
  const bool compares
    = (fn::equal <= what.function && what.function <= fn::greater_equal)
      || what.function == fn::in || what.function == fn::within
      || what.function == fn::is_null;
  return std::any_of(
    what.arguments.begin(), what.arguments.end(), [&](const expression& each) {
      return !(compares && is_column(each)) && tells_zeroes_apart(each);
    });
}

plan_node with_filters_placed(plan_node plan) {
  if (auto* what = std::get_if<operators::filter>(&plan.what)) {
    std::vector<expression> conditions;
    for (const auto& each : what->conditions)
      add_conditions_of(each, conditions);
    std::vector<expression> staying;
    for (auto& each : conditions) {
      std::vector<std::string> used;
      add_columns_of(each, used);
      if (used.empty() || !never_fails(each)
          || !descent{each}.below(plan.inputs[0]))
        staying.push_back(std::move(each));
    }
    if (staying.empty()) {
      auto input = std::move(plan.inputs[0]);
      return with_filters_placed(std::move(input));
    }
    what->conditions = std::move(staying);
  }
  for (auto& input : plan.inputs)
    input = with_filters_placed(std::move(input));
  return plan;
}

} // namespace millrace::query
