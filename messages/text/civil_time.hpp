#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::text {

inline constexpr int64_t second_ns = 1'000'000'000LL;
inline constexpr int64_t minute_ns = 60 * second_ns;
inline constexpr int64_t hour_ns = 60 * minute_ns;
inline constexpr int64_t day_ns = 24 * hour_ns;

/// Years whose every nanosecond fits 64 bits around 2000, with room for the
/// offset of any zone: what a written date may name.
inline constexpr int32_t year_min = 1708;
inline constexpr int32_t year_max = 2291;

/// A date of the proleptic Gregorian calendar.
struct civil_date {
  int32_t year = 2000;
  uint32_t month = 1;
  uint32_t day = 1;

  friend bool operator==(const civil_date&, const civil_date&) = default;
};

/// @pre `month` is 1 to 12.
[[nodiscard]] constexpr uint32_t days_of_month(int32_t year,
                                               uint32_t month) noexcept {
  constexpr uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

/// Whether the calendar has such a date.
[[nodiscard]] constexpr bool exists(civil_date date) noexcept {
  return date.month >= 1 && date.month <= 12 && date.day >= 1
         && date.day <= days_of_month(date.year, date.month);
}

/// Days since 2000.01.01. @pre `exists(date)`.
[[nodiscard]] constexpr int64_t day_of(civil_date date) noexcept {
  // Years that begin in March, in eras of 400, from 0000.03.01.
  const int64_t year = date.month <= 2 ? int64_t{date.year} - 1 : date.year;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<uint32_t>(year - era * 400);
  const uint32_t month = date.month > 2 ? date.month - 3 : date.month + 9;
  const uint32_t of_year = (153 * month + 2) / 5 + date.day - 1;
  const uint32_t day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return era * 146'097 + int64_t{day} - 730'425;
}

/// The date of a count of days since 2000.01.01.
[[nodiscard]] constexpr civil_date civil_of(int64_t day) noexcept {
  const int64_t shifted = day + 730'425;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto of_era = static_cast<uint32_t>(shifted - era * 146'097);
  const uint32_t year_of_era
    = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const uint32_t of_year
    = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted_month = (5 * of_year + 2) / 153;
  const uint32_t month
    = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const auto year = int64_t{year_of_era} + era * 400 + (month <= 2 ? 1 : 0);
  return {static_cast<int32_t>(year), month,
          of_year - (153 * shifted_month + 2) / 5 + 1};
}

[[nodiscard]] constexpr int64_t floor_divide(int64_t value,
                                             int64_t by) noexcept {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// A point in time as a date and what has passed of it.
struct split_time {
  int64_t day = 0;       ///< Since 2000.01.01.
  int64_t ns_of_day = 0; ///< In [0, 24 h).
};
[[nodiscard]] constexpr split_time split(int64_t time_ns) noexcept {
  // Near the ends of 64 bits day * day_ns itself would not fit.
  const auto of_day = time_ns % day_ns;
  return {floor_divide(time_ns, day_ns), of_day < 0 ? of_day + day_ns : of_day};
}

/// Appends a number with zeroes in front, up to `width` digits.
void append_padded(std::string& out, uint64_t value, size_t width);

/// Appends "2013-10-08" of a count of days since 2000.01.01; 0: no mark
/// between the parts. Years before 0 have a sign, those beyond 9999 more
/// digits.
void append_date(std::string& out, int64_t day, char between = '-');
[[nodiscard]] std::string date_text(int64_t day, char between = '-');

/// Appends "2013-10" of a count of months since 2000.01.
void append_month(std::string& out, int64_t month);

enum class clock_detail : uint8_t {
  minutes,
  seconds,
  milliseconds,
  nanoseconds
};

/// Appends "09:30:00.123456789", as far as `detail` wants it; hours go on
/// beyond 24. @pre `ns` is not negative.
void append_clock(std::string& out, int64_t ns,
                  clock_detail detail = clock_detail::nanoseconds);

/// Appends "0D09:30:00.123456789", with a sign in front when negative.
void append_timespan(std::string& out, int64_t ns);

/// Appends "2013-10-08T09:30:00.123456789" of ns since 2000.01.01.
void append_time(std::string& out, int64_t time_ns, char between = 'T');

/// "2013-10-08T09:30:00.123456789Z" of ns since 2000.01.01 UTC.
[[nodiscard]] std::string time_text(int64_t time_ns);

/// Days since 2000.01.01 of "2013-10-08", "2013.10.08" or "20131008".
/// `invalid_argument` for any other text, a date that the calendar does not
/// have, or a year outside `year_min` to `year_max`.
[[nodiscard]] result<int32_t> parse_date(std::string_view text);

} // namespace millrace::text
