#include <millrace/persistence/columns/column_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace millrace::persistence {

namespace {

/// Position of an integer type in the order of widening; 0: none.
int integer_rank(column_type type) noexcept {
  switch (type) {
    case column_type::byte_:
      return 1;
    case column_type::short_:
      return 2;
    case column_type::int_:
      return 3;
    case column_type::long_:
      return 4;
    default:
      return 0;
  }
}

template <class T>
void fill(std::byte* into, size_t count, T value) noexcept {
  std::fill_n(reinterpret_cast<T*>(into), count, value);
}

template <class From, class To>
To widen(From value) noexcept {
  // What stands for an infinity among whole numbers counts as a number there.
  if constexpr (std::is_signed_v<From> && std::is_integral_v<From>)
    if (value == std::numeric_limits<From>::min())
      return std::numeric_limits<To>::min();
  return static_cast<To>(value);
}

template <class From, class To>
void convert(const std::byte* values, std::byte* into, size_t count) noexcept {
  const auto* from = reinterpret_cast<const From*>(values);
  auto* to = reinterpret_cast<To*>(into);
  for (size_t i = 0; i < count; ++i)
    to[i] = widen<From, To>(from[i]);
}

template <class From>
void convert_integer(column_type to, const std::byte* values, std::byte* into,
                     size_t count) noexcept {
  switch (to) {
    case column_type::short_:
      return convert<From, int16_t>(values, into, count);
    case column_type::int_:
      return convert<From, int32_t>(values, into, count);
    default:
      return convert<From, int64_t>(values, into, count);
  }
}

/// Smallest and largest of `count` values, where a value equal to `null` does
/// not count for the smallest and never beats another for the largest. Kept in
/// independent lanes, which is the form that compiles to vector code.
template <class T>
struct extremes {
  T low;
  T high;
  bool nulls = false;
};
template <class T, bool HasNull>
extremes<T> extremes_of(const T* values, size_t count, T null, T bottom,
                        T top) noexcept {
  constexpr size_t lanes = 128 / sizeof(T);
  T low[lanes];
  T high[lanes];
  T nulls[lanes] = {};
  std::fill_n(low, lanes, top);
  std::fill_n(high, lanes, bottom);
  const auto visit = [&](size_t lane, T value) {
    const T as_low = HasNull && value == null ? top : value;
    const T as_high = HasNull && value == null ? bottom : value;
    // In this order a NaN, for which all comparisons are false, is passed over.
    low[lane] = as_low < low[lane] ? as_low : low[lane];
    high[lane] = as_high > high[lane] ? as_high : high[lane];
    if constexpr (HasNull)
      nulls[lane] |= static_cast<T>(value == null);
  };
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane)
      visit(lane, values[i + lane]);
  for (; i < count; ++i)
    visit(0, values[i]);
  extremes<T> out{low[0], high[0]};
  for (const auto each : nulls)
    out.nulls |= each != T{};
  for (size_t lane = 1; lane < lanes; ++lane) {
    out.low = low[lane] < out.low ? low[lane] : out.low;
    out.high = high[lane] > out.high ? high[lane] : out.high;
  }
  return out;
}

/// The null of a signed integer is its minimum, of a char a blank, of a symbol
/// code 0. Without any value `low` ends above `high`.
template <class T, bool HasNull = true>
zone_map integer_zone(const std::byte* bytes, size_t count,
                      T null = std::numeric_limits<T>::min()) noexcept {
  const auto* values = reinterpret_cast<const T*>(bytes);
  using limits = std::numeric_limits<T>;
  const auto found = extremes_of<T, HasNull>(values, count, null, limits::min(),
                                             limits::max());
  zone_map zone;
  zone.empty = found.low > found.high;
  if (!zone.empty) {
    zone.low = static_cast<int64_t>(found.low);
    zone.high = static_cast<int64_t>(found.high);
    zone.may_be_null = found.nulls;
  }
  return zone;
}

template <class T>
zone_map float_zone(const std::byte* bytes, size_t count) noexcept {
  const auto* values = reinterpret_cast<const T*>(bytes);
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const auto found
    = extremes_of<T, false>(values, count, T{}, -infinity, infinity);
  zone_map zone;
  zone.empty = found.low > found.high;
  if (!zone.empty) {
    zone.low_float = static_cast<double>(found.low);
    zone.high_float = static_cast<double>(found.high);
  }
  return zone;
}

} // namespace

bool widens(column_type from, column_type to) noexcept {
  if (from == to)
    return true;
  if (from == column_type::real && to == column_type::float_)
    return true;
  return integer_rank(from) != 0 && integer_rank(from) < integer_rank(to);
}

void fill_null(column_type type, std::byte* into, size_t count) noexcept {
  switch (type) {
    case column_type::boolean:
    case column_type::byte_:
    case column_type::symbol:
    case column_type::guid:
    case column_type::string:
      std::memset(into, 0, count * width_of(type));
      return;
    case column_type::char_:
      std::memset(into, ' ', count);
      return;
    case column_type::short_:
      return fill(into, count, null_short);
    case column_type::int_:
    case column_type::month:
    case column_type::date:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return fill(into, count, null_int);
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return fill(into, count, null_long);
    case column_type::real:
      return fill(into, count, std::numeric_limits<float>::quiet_NaN());
    case column_type::float_:
      return fill(into, count, std::numeric_limits<double>::quiet_NaN());
  }
}

void copy_values(column_type from, column_type to, const std::byte* values,
                 std::byte* into, size_t count) noexcept {
  if (from == to) {
    if (count != 0)
      std::memcpy(into, values, count * width_of(to));
    return;
  }
  switch (from) {
    case column_type::byte_:
      return convert_integer<uint8_t>(to, values, into, count);
    case column_type::short_:
      return convert_integer<int16_t>(to, values, into, count);
    case column_type::int_:
      return convert_integer<int32_t>(to, values, into, count);
    default:
      return convert<float, double>(values, into, count);
  }
}

zone_map zone_of(column_type type, const std::byte* values,
                 size_t count) noexcept {
  switch (type) {
    case column_type::boolean:
    case column_type::byte_:
      return integer_zone<uint8_t, false>(values, count);
    case column_type::char_:
      return integer_zone<uint8_t>(values, count, ' ');
    case column_type::short_:
      return integer_zone<int16_t>(values, count);
    case column_type::int_:
    case column_type::month:
    case column_type::date:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return integer_zone<int32_t>(values, count);
    case column_type::symbol:
      return integer_zone<uint32_t>(values, count);
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return integer_zone<int64_t>(values, count);
    case column_type::real:
      return float_zone<float>(values, count);
    case column_type::float_:
      return float_zone<double>(values, count);
    case column_type::guid:
    case column_type::string:
      break;
  }
  return {false, std::numeric_limits<int64_t>::min(),
          std::numeric_limits<int64_t>::max(), 0, 0};
}

zone_map merge_zones(const zone_map& a, const zone_map& b) noexcept {
  if (a.empty || b.empty)
    return a.empty ? b : a;
  return {false, std::min(a.low, b.low), std::max(a.high, b.high),
          std::min(a.low_float, b.low_float),
          std::max(a.high_float, b.high_float)};
}

zone_map zone_of_nulls(column_type type) noexcept {
  alignas(16) std::byte null[16];
  fill_null(type, null, 1);
  return zone_of(type, null, 1);
}

} // namespace millrace::persistence
