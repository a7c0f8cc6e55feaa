#pragma once

#include <millrace/feed/text/number_text.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// What a column of counts counts: units since the midnight at which a day
/// begins.
struct time_count {
  int64_t unit_ns = 1;     ///< Divides a day.
  int32_t epoch = -10'957; ///< Days since 2000.01.01: 1970-01-01.
  friend bool operator==(const time_count&, const time_count&) = default;
};

/// "ns", "100ns", "us", "ms", "s", "min", "h" and "d", the finest first.
[[nodiscard]] std::vector<std::string_view> count_units();
/// @pre unit is below their number
[[nodiscard]] int64_t count_unit_ns(size_t unit) noexcept;

/// Days since 2000.01.01 of "1601-01-01", of the years 1 to 9999.
[[nodiscard]] std::optional<int32_t> parse_epoch(std::string_view text);

/// Reads a count with a sign, a fraction and an exponent, each optional.
/// Digits below a nanosecond are `not_time`; of minutes, hours and days, of
/// which a nanosecond is no decimal fraction, the time is rounded once to the
/// nearest nanosecond. A count that is long before 1985 in its unit and of this
/// century in a coarser one, up to seconds, is `ambiguous`, and so is one that
/// no written date may name and is of this century in a finer one; any other
/// such is `overflow`.
/// @param out ns since 2000.01.01
/// @pre text is readable for text_slack bytes after its end, length > 0
fault read_count(const char* text, size_t length, const time_count& how,
                 int64_t& out) noexcept;

/// The same of whole days: what is no midnight is `too_fine`.
/// @param out days since 2000.01.01
fault read_day_count(const char* text, size_t length, const time_count& how,
                     int32_t& out) noexcept;

} // namespace millrace::feed
