#include <millrace/query/plan/filter_placement.hpp>
#include <millrace/query/plan/fused_operators_internal.hpp>

#include <utility>
#include <vector>

namespace millrace::query {

namespace {

/// Whether a value is later for a later time: the time itself, or its date.
bool ascends(const expression& value) {
  return is_column(value)
         || (value.what == expression::kind::call
             && value.function == scalar_function::table_date
             && is_column(value.arguments[0]));
}

/// Leaves of a condition on a time how late it may be at most.
bool leave_upper_bound(expression& condition) {
  using fn = scalar_function;
  if (condition.what != expression::kind::call
      || !ascends(condition.arguments[0]) || condition.arguments.size() < 2
      || condition.arguments.back().what != expression::kind::constant)
    return false;
  switch (condition.function) {
    case fn::less:
    case fn::less_equal:
      return true;
    case fn::equal:
      condition.function = fn::less_equal;
      return true;
    case fn::within:
      condition.function = fn::less_equal;
      condition.arguments.erase(condition.arguments.begin() + 1);
      return true;
    default:
      return false;
  }
}

} // namespace

void push_down(const std::vector<std::string>& on, time_use last,
               const fused_operators& left, fused_operators& right) {
  for (const auto& condition : left.conditions) {
    std::vector<std::string> used;
    add_columns_of(condition, used);
    // The right's values of each column that the condition is about.
    std::vector<std::pair<std::string, const expression*>> meanings;
    bool of_time = false;
    for (const auto& base : used) {
      for (const auto& name : on) {
        const auto* seen = left.find(name);
        const auto* there = right.find(name);
        if (!seen || !there || !is_column(*seen) || seen->name != base)
          continue;
        meanings.emplace_back(base, there);
        of_time |= last != time_use::equal && &name == &on.back();
      }
    }
    if (meanings.size() != used.size() || used.empty()
        || tells_zeroes_apart(condition))
      continue;
    auto moved = condition;
    if (of_time && (last != time_use::at_most || !leave_upper_bound(moved)))
      continue;
    right.conditions.push_back(
      substituted(std::move(moved), [&](std::string_view name) {
        for (const auto& [base, there] : meanings)
          if (base == name)
            return there;
        return static_cast<const expression*>(nullptr);
      }));
  }
}

} // namespace millrace::query
