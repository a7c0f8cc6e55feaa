#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace millrace {

/// Column types, numbered as in kdb+; `string` (a list of char there) is ours.
/// Stored little endian:
///   timestamp  int64, ns since 2000.01.01 UTC     timespan  int64, ns
///   date       int32, days since 2000.01.01       month     int32, months
///   time int32 ms, second int32 s, minute int32 min, since midnight
///   symbol     uint32 code of the owner's dictionary; code 0 is the null ``
///   string     uint32 end offset per row, and the bytes
enum class column_type : uint8_t {
  boolean = 1,
  guid = 2,
  byte_ = 4,
  short_ = 5,
  int_ = 6,
  long_ = 7,
  real = 8,
  float_ = 9,
  char_ = 10,
  symbol = 11,
  timestamp = 12,
  month = 13,
  date = 14,
  timespan = 16,
  minute = 17,
  second = 18,
  time = 19,
  string = 64,
};

/// Bytes per row in the fixed-width buffer (string: its 4-byte end offset).
[[nodiscard]] constexpr size_t width_of(column_type type) noexcept {
  switch (type) {
    case column_type::boolean:
    case column_type::byte_:
    case column_type::char_:
      return 1;
    case column_type::short_:
      return 2;
    case column_type::int_:
    case column_type::real:
    case column_type::symbol:
    case column_type::month:
    case column_type::date:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
    case column_type::string:
      return 4;
    case column_type::long_:
    case column_type::float_:
    case column_type::timestamp:
    case column_type::timespan:
      return 8;
    case column_type::guid:
      return 16;
  }
  return 0;
}

/// Names as in kdb+: "boolean" "guid" "byte" "short" "int" "long" "real"
/// "float" "char" "symbol" "timestamp" "month" "date" "timespan" "minute"
/// "second" "time", and "string".
[[nodiscard]] std::string_view to_string(column_type type) noexcept;
[[nodiscard]] std::optional<column_type>
column_type_of(std::string_view name) noexcept;

/// Of a time, a date, a time of day or a length of time.
[[nodiscard]] constexpr bool is_temporal(column_type type) noexcept {
  return type >= column_type::timestamp && type <= column_type::time;
}

/// Nulls as in kdb+: the minimum of a signed integer (0N), NaN of a float,
/// a blank char, the empty symbol, the all-zero guid. boolean and byte have
/// none: absent reads as zero. A null string is the empty string.
inline constexpr int16_t null_short = std::numeric_limits<int16_t>::min();
inline constexpr int32_t null_int = std::numeric_limits<int32_t>::min();
inline constexpr int64_t null_long = std::numeric_limits<int64_t>::min();
/// Infinities (0W); the negative one is minus this.
inline constexpr int32_t inf_int = std::numeric_limits<int32_t>::max();
inline constexpr int64_t inf_long = std::numeric_limits<int64_t>::max();

/// Nanoseconds from the Unix epoch to 2000.01.01, the epoch of all stored
/// times.
inline constexpr int64_t epoch_2000_ns = 946'684'800LL * 1'000'000'000LL;

} // namespace millrace
