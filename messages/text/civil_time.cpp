#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/time_scan.hpp>

#include <charconv>

namespace millrace::text {

void append_padded(std::string& out, uint64_t value, size_t width) {
  char digits[20];
  const auto* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const auto count = static_cast<size_t>(end - digits);
  if (count < width)
    out.append(width - count, '0');
  out.append(digits, count);
}

namespace {

void append_year(std::string& out, int64_t year) {
  if (year < 0)
    out.push_back('-');
  append_padded(out, static_cast<uint64_t>(year < 0 ? -year : year), 4);
}

/// Minus the least number is itself, and its magnitude as unsigned is right.
uint64_t magnitude(int64_t value) noexcept {
  return value < 0 ? -static_cast<uint64_t>(value)
                   : static_cast<uint64_t>(value);
}

} // namespace

void append_date(std::string& out, int64_t day, char between) {
  const auto date = civil_of(day);
  append_year(out, date.year);
  if (between != '\0')
    out.push_back(between);
  append_padded(out, date.month, 2);
  if (between != '\0')
    out.push_back(between);
  append_padded(out, date.day, 2);
}

std::string date_text(int64_t day, char between) {
  std::string out;
  append_date(out, day, between);
  return out;
}

void append_month(std::string& out, int64_t month) {
  const auto years = floor_divide(month, 12);
  append_year(out, 2000 + years);
  out.push_back('-');
  append_padded(out, static_cast<uint64_t>(month - years * 12 + 1), 2);
}

void append_clock(std::string& out, int64_t ns, clock_detail detail) {
  append_padded(out, static_cast<uint64_t>(ns / hour_ns), 2);
  out.push_back(':');
  append_padded(out, static_cast<uint64_t>(ns / minute_ns % 60), 2);
  if (detail == clock_detail::minutes)
    return;
  out.push_back(':');
  append_padded(out, static_cast<uint64_t>(ns / second_ns % 60), 2);
  if (detail == clock_detail::seconds)
    return;
  out.push_back('.');
  const auto fraction = static_cast<uint64_t>(ns % second_ns);
  if (detail == clock_detail::milliseconds)
    append_padded(out, fraction / 1'000'000, 3);
  else
    append_padded(out, fraction, 9);
}

void append_timespan(std::string& out, int64_t ns) {
  if (ns < 0)
    out.push_back('-');
  const auto size = magnitude(ns);
  append_padded(out, size / day_ns, 1);
  out.push_back('D');
  append_clock(out, static_cast<int64_t>(size % day_ns));
}

void append_time(std::string& out, int64_t time_ns, char between) {
  const auto parts = split(time_ns);
  append_date(out, parts.day);
  out.push_back(between);
  append_clock(out, parts.ns_of_day);
}

std::string time_text(int64_t time_ns) {
  std::string out;
  append_time(out, time_ns);
  out.push_back('Z');
  return out;
}

result<int32_t> parse_date(std::string_view text) {
  scanner in{text};
  int64_t day = 0;
  // Slashes mean another order of the parts to half of the world.
  if (text.find('/') == text.npos
      && scan_date(in, time_forms::any, day) == scan_fault::none && in.done())
    return static_cast<int32_t>(day);
  return error{errc::invalid_argument, "'" + std::string{text}
                                         + "' is not a date such as "
                                           "2013-10-08 or 20131008"};
}

} // namespace millrace::text
