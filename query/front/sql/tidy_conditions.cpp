#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

bool is_comparison(const expression& what) {
  switch (what.function) {
    case fn::equal:
    case fn::greater:
    case fn::greater_equal:
    case fn::less:
    case fn::less_equal:
    case fn::in:
    case fn::within:
      return what.what == expression::kind::call;
    default:
      return false;
  }
}
bool is_constant(const expression& what) {
  return what.what == expression::kind::constant;
}
bool is_call(const expression& what, fn function) {
  return what.what == expression::kind::call && what.function == function;
}

/// "x IS NOT NULL"
bool is_null_test(const expression& what) {
  return is_call(what, fn::logical_not)
         && is_call(what.arguments[0], fn::is_null);
}

} // namespace

bool proves(const expression& condition, const expression& value) {
  if (is_null_test(condition))
    return is_same(condition.arguments[0].arguments[0], value);
  if (!is_comparison(condition))
    return false;
  const auto& a = condition.arguments[0];
  const auto& b = condition.arguments[1];
  switch (condition.function) {
    case fn::less:
    case fn::less_equal:
      return is_constant(a) && is_same(b, value);
    case fn::equal:
      return (is_constant(b) && is_same(a, value))
             || (is_constant(a) && is_same(b, value));
    default:
      return is_constant(b) && is_same(a, value);
  }
}

namespace {

struct bound {
  int64_t value = 0;
  bool is_low = false;
};

/// "x >= 5" as a bound of x, both included.
std::optional<bound> bound_of(const expression& condition) {
  if (!is_comparison(condition) || condition.arguments.size() != 2
      || !is_constant(condition.arguments[1])
      || condition.arguments[0].type != condition.arguments[1].type
      || is_float(condition.arguments[0].type))
    return std::nullopt;
  const auto* value
    = std::get_if<int64_t>(&condition.arguments[1].values.front());
  if (!value || *value >= inf_int || *value <= -inf_int) {
    const bool is_time = condition.arguments[0].type == column_type::timestamp
                         && value && *value<inf_long&& * value> - inf_long;
    if (!is_time)
      return std::nullopt;
  }
  switch (condition.function) {
    case fn::greater_equal:
      return bound{*value, true};
    case fn::greater:
      return bound{*value + 1, true};
    case fn::less_equal:
      return bound{*value, false};
    case fn::less:
      return bound{*value - 1, false};
    default:
      return std::nullopt;
  }
}

} // namespace

void tidy(std::vector<expression>& conditions) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    const auto first = bound_of(conditions[i]);
    for (size_t j = i + 1; first && j < conditions.size(); ++j) {
      const auto second = bound_of(conditions[j]);
      if (!second || second->is_low == first->is_low
          || !is_same(conditions[i].arguments[0], conditions[j].arguments[0]))
        continue;
      auto& target = conditions[i];
      const auto type = target.arguments[0].type;
      target.function = fn::within;
      target.arguments.resize(1);
      const auto& low = first->is_low ? *first : *second;
      const auto& high = first->is_low ? *second : *first;
      target.arguments.push_back(constant_of(type, low.value, target.place));
      target.arguments.push_back(constant_of(type, high.value, target.place));
      conditions.erase(conditions.begin() + static_cast<ptrdiff_t>(j));
      break;
    }
  }
  for (size_t i = conditions.size(); i-- > 0;) {
    const auto& each = conditions[i];
    if (!is_null_test(each))
      continue;
    const auto& value = each.arguments[0].arguments[0];
    bool needless = false;
    for (size_t j = 0; j < conditions.size(); ++j)
      needless = needless || (j != i && proves(conditions[j], value));
    if (needless)
      conditions.erase(conditions.begin() + static_cast<ptrdiff_t>(i));
  }
}

} // namespace millrace::query::sql
