#include <millrace/query/plan/expression.hpp>

#include <algorithm>
#include <span>

namespace millrace::query {

namespace {

using type = column_type;
using fn = scalar_function;
using maybe = std::optional<column_type>;

bool whole(type x) { return is_numeric(x) && x < type::real; }
/// Points in time, which compare as instants.
bool is_point(type x) {
  return x == type::timestamp || x == type::date || x == type::month;
}
bool is_span(type x) {
  return x == type::timespan || x == type::time || x == type::minute
         || x == type::second;
}

/// Of a sum, a difference or a product of numbers.
type promoted(type a, type b) {
  const auto wider = std::max(a, b);
  return wider < type::int_ ? type::int_ : wider;
}

maybe of_sum(type a, type b) {
  if (is_numeric(a) && is_numeric(b))
    return promoted(a, b);
  if (whole(a))
    std::swap(a, b);
  if (whole(b))
    return is_point(a) || is_span(a) ? maybe{a} : std::nullopt;
  if (is_span(a) && is_span(b))
    return a == b ? a : type::timespan;
  if (is_span(a))
    std::swap(a, b);
  if (is_span(b) && (a == type::timestamp || a == type::date))
    return type::timestamp;
  return std::nullopt;
}

maybe of_difference(type a, type b) {
  if (a == b && (a == type::date || a == type::month))
    return type::int_;
  if (is_point(a) && is_point(b) && a != type::month && b != type::month)
    return type::timespan;
  if ((is_point(b) && !is_point(a))
      || (is_span(b) && !is_point(a) && !is_span(a)))
    return std::nullopt;
  return of_sum(a, b);
}

bool comparable(type a, type b) {
  return (is_numeric(a) && is_numeric(b)) || (is_text(a) && is_text(b))
         || (is_point(a) && is_point(b)) || (is_span(a) && is_span(b))
         || (a == b && (a == type::char_ || a == type::guid));
}

/// One type for values of both.
maybe common(type a, type b) {
  if (a == b)
    return a == type::guid ? std::nullopt : maybe{a};
  if (is_numeric(a) && is_numeric(b)) {
    const auto wider = std::max(a, b);
    // A real has not all of their digits.
    return wider == type::real && std::min(a, b) >= type::int_ ? type::float_
                                                               : wider;
  }
  if (is_text(a) && is_text(b))
    return type::symbol;
  return std::nullopt;
}

maybe of_cast(type from, type to) {
  if (from == to || (is_numeric(from) && is_numeric(to)))
    return to == type::guid ? std::nullopt : maybe{to};
  if (is_text(from) && is_text(to))
    return to;
  const bool timed = is_point(from) || is_span(from);
  if (timed && (whole(to) && to >= type::int_))
    return to;
  if (whole(from) && from >= type::int_ && (is_point(to) || is_span(to)))
    return to;
  if (is_point(from) && is_point(to))
    return to;
  if ((from == type::timestamp || is_span(from)) && is_span(to))
    return to;
  return std::nullopt;
}

maybe of_two(fn function, type a, type b) {
  switch (function) {
    case fn::add:
      return of_sum(a, b);
    case fn::subtract:
      return of_difference(a, b);
    case fn::multiply:
      if (is_numeric(a) && is_numeric(b))
        return promoted(a, b);
      if (a == type::timespan && whole(b))
        return a;
      return b == type::timespan && whole(a) ? maybe{b} : std::nullopt;
    case fn::divide:
      return (is_numeric(a) || a == type::timespan)
                 && (is_numeric(b) || (a == b && b == type::timespan))
               ? maybe{type::float_}
               : std::nullopt;
    case fn::quotient:
    case fn::modulo:
      if (is_numeric(a) && is_numeric(b))
        return promoted(a, b);
      return std::nullopt;
    case fn::bar:
      if (is_numeric(a) && is_numeric(b))
        return whole(b) ? (whole(a) ? maybe{promoted(a, b)} : type::float_)
                        : maybe{b};
      if (whole(a) && (is_point(b) || is_span(b)))
        return b;
      return a == type::timespan
                 && (b == type::timestamp || b == type::timespan)
               ? maybe{b}
               : std::nullopt;
    case fn::equal:
    case fn::not_equal:
    case fn::less:
    case fn::greater:
    case fn::less_equal:
    case fn::greater_equal:
    case fn::in:
      return comparable(a, b) ? maybe{type::boolean} : std::nullopt;
    case fn::lesser:
    case fn::larger:
      return is_text(a) || is_text(b) ? std::nullopt : common(a, b);
    case fn::fill:
      return common(a, b);
    case fn::bounded:
      return a == type::float_ && b == a ? maybe{a} : std::nullopt;
    case fn::like:
      return is_text(a) && is_text(b) ? maybe{type::boolean} : std::nullopt;
    default:
      return std::nullopt;
  }
}

maybe of_one(fn function, type a, type cast_to) {
  switch (function) {
    case fn::negate:
    case fn::absolute:
      if (is_span(a))
        return a;
      return is_numeric(a) ? maybe{promoted(a, a)} : std::nullopt;
    case fn::sign:
      return is_numeric(a) || is_span(a) ? maybe{type::int_} : std::nullopt;
    case fn::floor:
    case fn::ceiling:
      if (!is_numeric(a))
        return std::nullopt;
      return whole(a) ? maybe{promoted(a, a)} : type::long_;
    case fn::square_root:
    case fn::exponential:
    case fn::logarithm:
    case fn::reciprocal:
      return is_numeric(a) ? maybe{type::float_} : std::nullopt;
    case fn::logical_not:
      return is_numeric(a) ? maybe{type::boolean} : std::nullopt;
    case fn::is_null:
      return type::boolean;
    case fn::cast:
      return of_cast(a, cast_to);
    default:
      return std::nullopt;
  }
}

} // namespace

std::optional<column_type> result_type(scalar_function function,
                                       std::span<const column_type> operands,
                                       column_type cast_to) {
  switch (operands.size()) {
    case 1:
      return of_one(function, operands[0], cast_to);
    case 2:
      return of_two(function, operands[0], operands[1]);
    case 3:
      if (function == fn::within)
        return comparable(operands[0], operands[1])
                   && comparable(operands[0], operands[2])
                 ? maybe{type::boolean}
                 : std::nullopt;
      if (function == fn::conditional && operands[0] == type::boolean)
        return common(operands[1], operands[2]);
      if (function == fn::table_date && operands[0] == type::timestamp
          && operands[1] == type::string && operands[2] == type::long_)
        return type::date;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

} // namespace millrace::query
