#pragma once

#include <millrace/messages/text/civil_time.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

// Inline, since feeds read rows with these.

namespace millrace::text {

/// A cursor over the text of a time.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  /// What was not taken yet.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] char peek() const noexcept {
    return rest_.empty() ? '\0' : rest_.front();
  }
  [[nodiscard]] bool at_digit() const noexcept {
    return !rest_.empty()
           && static_cast<unsigned char>(rest_.front() - '0') <= 9;
  }
  bool take(char wanted) noexcept {
    if (rest_.empty() || rest_.front() != wanted)
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `count` digits; false: takes nothing.
  bool digits(size_t count, int32_t& out) noexcept {
    if (rest_.size() < count)
      return false;
    int32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto digit = static_cast<unsigned char>(rest_[i] - '0');
      if (digit > 9)
        return false;
      value = value * 10 + digit;
    }
    rest_.remove_prefix(count);
    out = value;
    return true;
  }
  /// One to nine digits after a point, as nanoseconds. More are refused
  /// rather than cut off.
  bool fraction(int64_t& ns) noexcept {
    int64_t unit = second_ns;
    ns = 0;
    for (; unit > 1 && at_digit(); rest_.remove_prefix(1)) {
      unit /= 10;
      ns += (rest_.front() - '0') * unit;
    }
    return unit < second_ns && !at_digit();
  }

private:
  std::string_view rest_;
};

/// What is accepted.
enum class time_forms : uint8_t {
  extended, ///< 2013-10-08 or 2013.10.08; 09:30[:00[.123]]
  any,      ///< Also 2013/10/08 and 20131008; 0930[00]; a comma for the point.
};

enum class scan_fault : uint8_t {
  none,
  form,     ///< Not written like that.
  calendar, ///< The calendar has no such date.
  range,    ///< The year is outside `year_min` to `year_max`.
};

/// @param day days since 2000.01.01
[[nodiscard]] inline scan_fault scan_date(scanner& in, time_forms forms,
                                          int64_t& day) noexcept {
  int32_t year = 0;
  int32_t month = 0;
  int32_t of_month = 0;
  if (!in.digits(4, year))
    return scan_fault::form;
  const char mark = in.peek();
  const bool marked
    = mark == '-' || mark == '.' || (mark == '/' && forms == time_forms::any);
  if (marked ? !in.take(mark) : forms == time_forms::extended)
    return scan_fault::form;
  if (!in.digits(2, month) || (marked && !in.take(mark))
      || !in.digits(2, of_month))
    return scan_fault::form;
  const civil_date date{year, static_cast<uint32_t>(month),
                        static_cast<uint32_t>(of_month)};
  if (!exists(date))
    return scan_fault::calendar;
  if (year < year_min || year > year_max)
    return scan_fault::range;
  day = day_of(date);
  return scan_fault::none;
}

/// A time of day, below 24 hours.
/// @param ns since midnight
[[nodiscard]] inline bool scan_clock(scanner& in, time_forms forms,
                                     int64_t& ns) noexcept {
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  int64_t fraction = 0;
  if (!in.digits(2, hour))
    return false;
  const bool marked = in.take(':');
  if ((!marked && forms == time_forms::extended) || !in.digits(2, minute))
    return false;
  if (marked ? in.take(':') : in.at_digit()) {
    if (!in.digits(2, second))
      return false;
    if ((in.take('.') || (forms == time_forms::any && in.take(',')))
        && !in.fraction(fraction))
      return false;
  }
  ns = hour * hour_ns + minute * minute_ns + second * second_ns + fraction;
  return hour < 24 && minute < 60 && second < 60;
}

/// A length of time as it is written.
struct written_span {
  bool negative = false;
  int64_t hours = 0;      ///< With those of its days; at most 10^14.
  int64_t ns_of_hour = 0; ///< What is left of the last hour.
};

/// "09:30:00.1", "-30:01", "0D09:30", "-1D": a sign, days, a clock of hours
/// without end. Days or the clock may be absent, not both.
[[nodiscard]] inline bool scan_span(scanner& in, time_forms forms,
                                    written_span& out) noexcept {
  const auto count = [&in](int64_t& number) {
    size_t digits = 0;
    for (number = 0; in.at_digit() && digits < 12; ++digits) {
      int32_t digit = 0;
      static_cast<void>(in.digits(1, digit));
      number = number * 10 + digit;
    }
    return digits != 0 && !in.at_digit();
  };
  out = {};
  out.negative = in.take('-');
  if (!count(out.hours))
    return false;
  if (in.take('D')) {
    const auto days = out.hours;
    out.hours = days * 24;
    if (in.done())
      return true;
    int64_t hours = 0;
    if (!count(hours))
      return false;
    out.hours += hours;
  }
  int32_t minute = 0;
  int32_t second = 0;
  int64_t fraction = 0;
  if (!in.take(':') || !in.digits(2, minute))
    return false;
  if (in.take(':')) {
    if (!in.digits(2, second))
      return false;
    if ((in.take('.') || (forms == time_forms::any && in.take(',')))
        && !in.fraction(fraction))
      return false;
  }
  out.ns_of_hour = minute * minute_ns + second * second_ns + fraction;
  return minute < 60 && second < 60;
}

enum class unit_fault : uint8_t {
  none,
  finer, ///< It is not a whole number of units.
  range, ///< The number does not fit 64 bits.
};

/// @param unit_ns divides an hour
[[nodiscard]] inline unit_fault
to_units(const written_span& span, int64_t unit_ns, int64_t& out) noexcept {
  if (span.ns_of_hour % unit_ns != 0)
    return unit_fault::finer;
  if (__builtin_mul_overflow(span.hours, hour_ns / unit_ns, &out)
      || __builtin_add_overflow(out, span.ns_of_hour / unit_ns, &out))
    return unit_fault::range;
  out = span.negative ? -out : out;
  return unit_fault::none;
}

/// Whether a count since 1970 in `unit_ns` is one in a coarser unit, of the
/// years 2001 to 2286: that of another unit would be of 1970.
[[nodiscard]] constexpr bool counts_coarser_unit(int64_t count,
                                                 int64_t unit_ns) noexcept {
  const auto size = count < 0 ? -count : count;
  for (int64_t unit = second_ns, least = 1'000'000'000; unit > unit_ns;
       unit /= 1000, least *= 1000)
    if (size >= least && size / 10 < least)
      return true;
  return false;
}

/// Z, +hh, +hhmm or +hh:mm, at most 18 hours, as the zones of the world keep
/// to.
/// @param ns what the written time is ahead of UTC
[[nodiscard]] inline bool scan_offset(scanner& in, int64_t& ns) noexcept {
  ns = 0;
  if (in.take('Z'))
    return true;
  const bool west = in.peek() == '-';
  if (!in.take('+') && !in.take('-'))
    return false;
  int32_t hour = 0;
  int32_t minute = 0;
  if (!in.digits(2, hour))
    return false;
  if (!in.done()) {
    in.take(':');
    if (!in.digits(2, minute))
      return false;
  }
  if (hour > 18 || minute > 59)
    return false;
  ns = hour * hour_ns + minute * minute_ns;
  if (west)
    ns = -ns;
  return true;
}

} // namespace millrace::text
