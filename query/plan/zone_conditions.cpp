#include <millrace/messages/data/types.hpp>
#include <millrace/query/plan/bar.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

using fn = scalar_function;

bool is_whole(column_type type) {
  return !is_float(type) && !is_text(type) && type != column_type::guid
         && type != column_type::char_;
}

bool is_point_or_span(column_type type) {
  return is_whole(type) && !is_numeric(type);
}

/// A constant's value as bounds have it.
std::optional<int64_t> whole_of(const literal& value) {
  if (std::holds_alternative<std::monostate>(value))
    return null_long;
  const auto* whole = std::get_if<int64_t>(&value);
  return whole ? std::optional{*whole} : std::nullopt;
}

whole_bounds bounds_in_ns(whole_bounds from, column_type type) {
  return {in_ns(from.low, type), in_ns(from.high, type)};
}

/// The largest value of a type that is as wide, which stands for infinity.
int64_t infinity_of(column_type type) {
  const auto width = width_of(type);
  return width == 2 ? 32767 : width == 4 ? int64_t{inf_int} : inf_long;
}

bool has_infinity(whole_bounds of, column_type type) {
  const auto most = infinity_of(type);
  return (of.low != null_long && of.low <= -most) || of.high >= most;
}

/// What is computed within these bounds; none where a value of them would not
/// fit the type: the row is then refused, and must be met.
std::optional<whole_bounds> fitting(int128 low, int128 high, bool nulls,
                                    column_type type) {
  const int128 most = infinity_of(type);
  if (width_of(type) == 1 || low <= -most || high >= most)
    return std::nullopt;
  return whole_bounds{nulls ? null_long : static_cast<int64_t>(low),
                      static_cast<int64_t>(high)};
}

/// @pre neither has an infinity for a bound
std::optional<whole_bounds> sum_of(whole_bounds a, whole_bounds b, bool minus,
                                   column_type type) {
  // Below a null anything may be.
  const bool nulls = a.low == null_long || b.low == null_long;
  const auto lesser = minus ? int128{a.low} - b.high : int128{a.low} + b.low;
  if (minus && b.low == null_long)
    return std::nullopt;
  const auto larger = minus ? int128{a.high} - b.low : int128{a.high} + b.high;
  return fitting(nulls ? larger : lesser, larger, nulls, type);
}

/// Of values by `width`, above 0.
std::optional<whole_bounds> steps_of(scalar_function by, whole_bounds of,
                                     int64_t width, column_type type) {
  const bool nulls = of.low == null_long;
  const auto first = text::floor_divide(nulls ? of.high : of.low, width);
  const auto last = text::floor_divide(of.high, width);
  if (by == fn::quotient)
    return fitting(first, last, nulls, type);
  if (by == fn::bar)
    return fitting(int128{first} * width, int128{last} * width, nulls, type);
  if (nulls || first != last)
    return fitting(0, width - 1, nulls, type);
  return fitting(of.low - first * width, of.high - last * width, false, type);
}

/// Whether a later time, or the same, is one of the other type that is not
/// earlier.
bool ascends(column_type from, column_type to) {
  const auto is_point = [](column_type type) {
    return type == column_type::timestamp || type == column_type::date
           || type == column_type::month;
  };
  return is_point(from) && is_point(to);
}

} // namespace

std::optional<whole_bounds> times_of_date(std::string_view zone,
                                          int64_t offset_ns, int64_t date,
                                          int64_t days_around) {
  const auto first = day_start(zone, offset_ns, date - days_around);
  const auto end = day_start(zone, offset_ns, date + days_around + 1);
  if (!first || !end)
    return std::nullopt;
  return whole_bounds{*first, *end - 1};
}

bool zone_conditions::may_pass(whole_bounds times) {
  return may_pass([&](std::string_view column) {
    return column == plan_.time_column ? std::optional{times} : std::nullopt;
  });
}

bool zone_conditions::may_pass(const lookup& columns) {
  if (plan_.range) {
    const auto times = columns(plan_.time_column);
    if (times
        && (times->high < plan_.range->first
            || plan_.range->second < times->low))
      return false;
  }
  return std::all_of(
    plan_.filters.begin(), plan_.filters.end(),
    [&](const predicate& each) { return may_pass(each, columns); });
}

bool zone_conditions::may_pass(const predicate& filter, const lookup& columns) {
  for (const auto& each : plan_.computed)
    if (each.name == filter.column) {
      const bool is_asked_if_true
        = each.value.type == column_type::boolean && !filter.negated
          && filter.op == predicate_op::equal && filter.values.size() == 1
          && filter.values[0] == literal{int64_t{1}};
      return !is_asked_if_true || truth_of(each.value, columns).may_be_true;
    }
  const auto type = plan_.type_of(filter.column);
  if (!type || !is_whole(*type))
    return true;
  const auto bounds = columns(filter.column);
  if (!bounds)
    return true;
  const auto [low, high] = *bounds;
  std::vector<int64_t> values;
  for (const auto& each : filter.values) {
    const auto value = whole_of(each);
    if (!value)
      return true;
    values.push_back(*value);
  }
  if (values.empty())
    return true;
  const bool is_one = low == high;
  switch (filter.op) {
    case predicate_op::less:
      return low < values[0];
    case predicate_op::greater:
      return high > values[0];
    case predicate_op::less_equal:
      return low <= values[0];
    case predicate_op::greater_equal:
      return high >= values[0];
    case predicate_op::equal:
      return low <= values[0] && values[0] <= high;
    case predicate_op::not_equal:
      return !is_one || low != values[0];
    case predicate_op::in:
      if (filter.negated)
        return !is_one
               || std::find(values.begin(), values.end(), low) == values.end();
      return std::any_of(values.begin(), values.end(), [&](int64_t each) {
        return low <= each && each <= high;
      });
    case predicate_op::within:
      if (values.size() != 2)
        return true;
      return filter.negated ? low < values[0] || values[1] < high
                            : low <= values[1] && values[0] <= high;
    default:
      return true;
  }
}

zone_conditions::truth zone_conditions::truth_of(const expression& what,
                                                 const lookup& columns) {
  if (what.type != column_type::boolean)
    return {};
  if (what.what == expression::kind::call)
    return truth_of_call(what, columns);
  const auto bounds = bounds_of(what, columns);
  if (!bounds)
    return {};
  return {bounds->high != 0, bounds->low <= 0};
}

zone_conditions::truth zone_conditions::truth_of_call(const expression& what,
                                                      const lookup& columns) {
  const auto argument
    = [&](size_t i) { return truth_of(what.arguments[i], columns); };
  switch (what.function) {
    case fn::lesser: {
      const auto a = argument(0);
      const auto b = argument(1);
      return {a.may_be_true && b.may_be_true, a.may_be_false || b.may_be_false};
    }
    case fn::larger: {
      const auto a = argument(0);
      const auto b = argument(1);
      return {a.may_be_true || b.may_be_true, a.may_be_false && b.may_be_false};
    }
    case fn::logical_not: {
      const auto a = argument(0);
      return {a.may_be_false, a.may_be_true};
    }
    case fn::is_null: {
      const auto bounds = bounds_of(what.arguments[0], columns);
      if (!bounds)
        return {};
      return {bounds->low == null_long, bounds->high != null_long};
    }
    case fn::within: {
      const auto a = compared(what.arguments[0], what.arguments[1],
                              fn::greater_equal, columns);
      const auto b = compared(what.arguments[0], what.arguments[2],
                              fn::less_equal, columns);
      return {a.may_be_true && b.may_be_true, a.may_be_false || b.may_be_false};
    }
    case fn::in:
      return in_list(what, columns);
    case fn::conditional: {
      const auto says = argument(0);
      truth out{false, false};
      for (const size_t i : {1, 2}) {
        if (i == 1 ? !says.may_be_true : !says.may_be_false)
          continue;
        const auto a = argument(i);
        out.may_be_true |= a.may_be_true;
        out.may_be_false |= a.may_be_false;
      }
      return out;
    }
    case fn::equal:
    case fn::not_equal:
    case fn::less:
    case fn::greater:
    case fn::less_equal:
    case fn::greater_equal:
      return compared(what.arguments[0], what.arguments[1], what.function,
                      columns);
    default:
      return {};
  }
}

zone_conditions::truth zone_conditions::compared(const expression& a,
                                                 const expression& b,
                                                 scalar_function by,
                                                 const lookup& columns) {
  auto left = bounds_of(a, columns);
  auto right = bounds_of(b, columns);
  if (!left || !right)
    return {};
  if (a.type != b.type) {
    if (is_point_or_span(a.type) != is_point_or_span(b.type))
      return {};
    if (is_point_or_span(a.type)) {
      left = bounds_in_ns(*left, a.type);
      right = bounds_in_ns(*right, b.type);
    }
  }
  const bool meet = left->low <= right->high && right->low <= left->high;
  const bool are_one = left->low == left->high && right->low == right->high
                       && left->low == right->low;
  switch (by) {
    case fn::equal:
      return {meet, !are_one};
    case fn::not_equal:
      return {!are_one, meet};
    case fn::less:
      return {left->low < right->high, left->high >= right->low};
    case fn::greater:
      return {left->high > right->low, left->low <= right->high};
    case fn::less_equal:
      return {left->low <= right->high, left->high > right->low};
    default:
      return {left->high >= right->low, left->low < right->high};
  }
}

zone_conditions::truth zone_conditions::in_list(const expression& what,
                                                const lookup& columns) {
  const auto& value = what.arguments[0];
  const auto& list = what.arguments[1];
  auto bounds = bounds_of(value, columns);
  if (!bounds || !is_whole(list.type)
      || is_point_or_span(value.type) != is_point_or_span(list.type))
    return {};
  const bool in_ns_too
    = is_point_or_span(value.type) && value.type != list.type;
  if (in_ns_too)
    bounds = bounds_in_ns(*bounds, value.type);
  truth out{false, true};
  for (const auto& each : list.values) {
    auto whole = whole_of(each);
    if (!whole)
      return {};
    if (in_ns_too)
      whole = in_ns(*whole, list.type);
    out.may_be_true |= bounds->low <= *whole && *whole <= bounds->high;
    out.may_be_false &= bounds->low != bounds->high || bounds->low != *whole;
  }
  return out;
}

std::optional<whole_bounds> zone_conditions::bounds_of(const expression& what,
                                                       const lookup& columns) {
  if (!is_whole(what.type))
    return std::nullopt;
  if (is_column(what))
    return plan_.is_computed(what.name) ? std::nullopt : columns(what.name);
  if (what.what == expression::kind::constant) {
    const auto value
      = what.values.size() == 1 ? whole_of(what.values[0]) : std::nullopt;
    return value ? std::optional{whole_bounds{*value, *value}} : std::nullopt;
  }
  return bounds_of_call(what, columns);
}

std::optional<whole_bounds>
zone_conditions::bounds_of_call(const expression& what, const lookup& columns) {
  switch (what.function) {
    case fn::table_date:
      return dates_of(what, columns);
    case fn::cast: {
      const auto& value = what.arguments[0];
      if (value.type == what.type)
        return bounds_of(value, columns);
      const auto of = bounds_of(value, columns);
      if (!of || has_infinity(*of, value.type))
        return std::nullopt;
      if (is_numeric(value.type) && is_numeric(what.type))
        return fitting(of->low == null_long ? of->high : of->low, of->high,
                       of->low == null_long, what.type);
      if (what.type == column_type::long_ && is_point_or_span(value.type))
        return of;
      if (!ascends(value.type, what.type))
        return std::nullopt;
      const auto low = time_as(of->low, value.type, what.type);
      const auto high = time_as(of->high, value.type, what.type);
      return fitting(low == null_long ? high : low, high, low == null_long,
                     what.type);
    }
    case fn::add:
    case fn::subtract:
    case fn::bar:
    case fn::quotient:
    case fn::modulo:
      return bounds_of_pair(what, columns);
    case fn::conditional:
      return bounds_of_choice(what, columns);
    default:
      return std::nullopt;
  }
}

std::optional<whole_bounds>
zone_conditions::bounds_of_choice(const expression& what,
                                  const lookup& columns) {
  const auto says = truth_of(what.arguments[0], columns);
  std::optional<whole_bounds> out;
  for (const size_t i : {1, 2}) {
    if (i == 1 ? !says.may_be_true : !says.may_be_false)
      continue;
    const auto& value = what.arguments[i];
    const auto of = bounds_of(value, columns);
    if (!of || value.type != what.type)
      return std::nullopt;
    out = out ? whole_bounds{std::min(out->low, of->low),
                             std::max(out->high, of->high)}
              : *of;
  }
  return out;
}

std::optional<whole_bounds>
zone_conditions::bounds_of_pair(const expression& what, const lookup& columns) {
  const auto& a = what.arguments[0];
  const auto& b = what.arguments[1];
  auto left = bounds_of(a, columns);
  auto right = bounds_of(b, columns);
  if (!left || !right || has_infinity(*left, a.type)
      || has_infinity(*right, b.type))
    return std::nullopt;
  if (is_point_or_span(a.type) && is_point_or_span(b.type)
      && (a.type != b.type || what.type == column_type::timespan)) {
    left = bounds_in_ns(*left, a.type);
    right = bounds_in_ns(*right, b.type);
  }
  if (has_infinity(*left, column_type::timestamp)
      || has_infinity(*right, column_type::timestamp))
    return std::nullopt;
  if (left->high == null_long || right->high == null_long)
    return whole_bounds{null_long, null_long};
  if (what.function == fn::add || what.function == fn::subtract)
    return sum_of(*left, *right, what.function == fn::subtract, what.type);
  const bool is_bar = what.function == fn::bar;
  const auto& width = is_bar ? *left : *right;
  if (width.low != width.high || width.low <= 0)
    return std::nullopt;
  return steps_of(what.function, is_bar ? *right : *left, width.low, what.type);
}

std::optional<whole_bounds> zone_conditions::dates_of(const expression& what,
                                                      const lookup& columns) {
  const auto times = bounds_of(what.arguments[0], columns);
  if (!times)
    return std::nullopt;
  const std::pair rule{std::get<std::string>(what.arguments[1].values[0]),
                       std::get<int64_t>(what.arguments[2].values[0])};
  auto& finder
    = dates_.try_emplace(rule, rule.first, rule.second).first->second;
  const auto date
    = [&](int64_t ns) { return ns == null_long ? ns : finder.find(ns).day; };
  return whole_bounds{date(times->low), date(times->high)};
}

} // namespace millrace::query
