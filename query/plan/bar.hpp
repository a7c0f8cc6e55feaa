#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <cstdint>

namespace millrace::query {

/// For what two values of 64 bits come to.
__extension__ typedef __int128 int128;

/// The unit of a time of day or a timespan, in ns.
[[nodiscard]] constexpr int64_t unit_ns(column_type type) noexcept {
  switch (type) {
    case column_type::minute:
      return text::minute_ns;
    case column_type::second:
      return text::second_ns;
    case column_type::time:
      return 1'000'000;
    default:
      return 1;
  }
}

/// A widened temporal value of `type` in ns; null and infinities stay what
/// they are, and what does not fit 64 bits becomes an infinity.
[[nodiscard]] inline int64_t in_ns(int64_t value, column_type type) noexcept {
  int64_t unit = 1;
  switch (type) {
    case column_type::date:
      unit = text::day_ns;
      break;
    case column_type::month:
      unit = text::day_ns;
      break;
    case column_type::minute:
      unit = text::minute_ns;
      break;
    case column_type::second:
      unit = text::second_ns;
      break;
    case column_type::time:
      unit = 1'000'000;
      break;
    default:
      return value;
  }
  if (value == null_long)
    return value;
  if (value == inf_int || value == -inf_int)
    return value > 0 ? inf_long : -inf_long;
  if (type == column_type::month) {
    const auto year = text::floor_divide(value, 12);
    value = text::day_of({static_cast<int32_t>(year + 2000),
                          static_cast<uint32_t>(value - year * 12 + 1), 1});
  }
  int64_t ns = 0;
  if (__builtin_mul_overflow(value, unit, &ns) || ns == null_long)
    return value > 0 ? inf_long : -inf_long;
  return ns;
}

/// A time of one type, a point or a span, as one of another; nulls and
/// infinities stay what they are.
[[nodiscard]] inline int64_t time_as(int64_t value, column_type from,
                                     column_type to) noexcept {
  const auto ns = in_ns(value, from);
  if (ns == null_long || ns == inf_long || ns == -inf_long)
    return ns;
  switch (to) {
    case column_type::date:
      return text::floor_divide(ns, text::day_ns);
    case column_type::month: {
      const auto date = text::civil_of(text::floor_divide(ns, text::day_ns));
      return (int64_t{date.year} - 2000) * 12 + date.month - 1;
    }
    case column_type::timespan:
    case column_type::minute:
    case column_type::second:
    case column_type::time: {
      const bool is_point = from == column_type::timestamp;
      const auto of_day
        = is_point ? ns - text::floor_divide(ns, text::day_ns) * text::day_ns
                   : ns;
      return text::floor_divide(of_day, unit_ns(to));
    }
    default:
      return ns;
  }
}

/// The start of the bar of `width` ns that `ns` falls into; bars count from
/// 2000.01.01 and floor towards minus infinity. A null and the infinities stay
/// what they are.
[[nodiscard]] inline int64_t bar_start(int64_t ns, int64_t width) noexcept {
  if (ns == null_long || ns == inf_long || ns == -inf_long)
    return ns;
  auto past = ns % width;
  if (past < 0)
    past += width;
  int64_t start = 0;
  if (__builtin_sub_overflow(ns, past, &start) || start == null_long)
    return -inf_long;
  return start;
}

} // namespace millrace::query
