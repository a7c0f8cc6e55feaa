#include <millrace/messages/text/boolean_text.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/time_scan.hpp>
#include <millrace/messages/text/zones.hpp>
#include <millrace/query/plan/bar.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace millrace::query {

namespace {

using text::minute_ns;
using text::scanner;
using text::second_ns;
using text::time_forms;

error bad(std::string_view text, const char* what) {
  return {errc::invalid_argument, "'" + std::string{text} + "' is not " + what};
}

/// The day number of a date as people and kdb+ write it.
/// @param expected what `text` is to be, which begins with it
result<int64_t> scan_date(scanner& in, std::string_view text,
                          const char* expected) {
  int64_t day = 0;
  switch (text::scan_date(in, time_forms::extended, day)) {
    case text::scan_fault::none:
      return day;
    case text::scan_fault::range:
      return bad(text, ("within the years " + std::to_string(text::year_min)
                        + " to " + std::to_string(text::year_max))
                         .c_str());
    case text::scan_fault::calendar:
      return bad(text, "of a day that the calendar has");
    default:
      return bad(text, expected);
  }
}

std::optional<int64_t> scan_clock(scanner& in) {
  int64_t ns = 0;
  return text::scan_clock(in, time_forms::extended, ns) ? std::optional{ns}
                                                        : std::nullopt;
}

/// What to subtract from the written time; nothing is UTC.
std::optional<int64_t> scan_zone(scanner& in) {
  int64_t ns = 0;
  return in.done() || text::scan_offset(in, ns) ? std::optional{ns}
                                                : std::nullopt;
}

/// A length of time, or a time of day, in units of `type`.
result<literal> parse_span(std::string_view text, column_type type) {
  scanner in{text};
  text::written_span span;
  if (!text::scan_span(in, time_forms::extended, span) || !in.done())
    return bad(text,
               type == column_type::timespan ? "a timespan" : "a time of day");
  int64_t value = 0;
  switch (text::to_units(span, unit_ns(type), value)) {
    case text::unit_fault::none:
      return literal{value};
    case text::unit_fault::finer:
      return error{errc::invalid_argument,
                   "'" + std::string{text} + "' is finer than what the type "
                     + std::string{to_string(type)} + " counts"};
    case text::unit_fault::range:
      break;
  }
  return error{errc::invalid_argument, "'" + std::string{text}
                                         + "' does not fit the type "
                                         + std::string{to_string(type)}};
}

result<literal> parse_number(std::string_view text, column_type type) {
  const auto* first = text.data();
  const auto* last = first + text.size();
  if (is_float(type)) {
    double value = 0;
    const auto [end, fault] = std::from_chars(first, last, value);
    if (fault != std::errc{} || end != last || std::isnan(value))
      return bad(text, "a number");
    if (type == column_type::real)
      value = static_cast<double>(static_cast<float>(value));
    return literal{value};
  }
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(first, last, value);
  if (fault == std::errc{} && end == last)
    return literal{value};
  double fractional = 0;
  const auto [end2, fault2] = std::from_chars(first, last, fractional);
  if (fault2 != std::errc{} || end2 != last || std::isnan(fractional))
    return bad(text, "a number");
  return literal{fractional};
}

result<literal> parse_guid(std::string_view text) {
  std::array<std::byte, text::guid_bytes> bytes;
  if (!text::parse_guid(text, bytes))
    return bad(text, "a guid");
  return literal{
    std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

result<literal> parse_temporal(std::string_view text, column_type type) {
  switch (type) {
    case column_type::timestamp: {
      auto time = parse_time(text);
      if (!time)
        return time.failure();
      return literal{time->ns};
    }
    case column_type::date: {
      scanner in{text};
      constexpr auto expected = "a date";
      const auto day = scan_date(in, text, expected);
      if (!day)
        return day.failure();
      if (!in.done())
        return bad(text, expected);
      return literal{*day};
    }
    case column_type::month: {
      scanner in{text};
      int32_t year = 0;
      int32_t month = 0;
      const bool read = in.digits(4, year) && (in.take('-') || in.take('.'))
                        && in.digits(2, month);
      in.take('m');
      if (!read || month < 1 || month > 12 || !in.done())
        return bad(text, "a month");
      return literal{int64_t{year - 2000} * 12 + month - 1};
    }
    default:
      break;
  }
  return parse_span(text, type);
}

} // namespace

integer_range range_of(column_type type) noexcept {
  switch (type) {
    case column_type::boolean:
      return {0, 1};
    case column_type::byte_:
      return {0, 255};
    case column_type::short_:
      return {-32767, 32767};
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return {-inf_long, inf_long};
    default:
      return {-inf_int, inf_int};
  }
}

result<written_time> parse_time(std::string_view text) {
  constexpr auto expected = "a date or timestamp (2013-10-08, "
                            "2013-10-08T09:30:00.123456789, 2013.10.08D09:30)";
  scanner in{text};
  const auto day = scan_date(in, text, expected);
  if (!day)
    return day.failure();
  if (in.done())
    return written_time{*day * text::day_ns, true};
  if (in.take('D') && in.done())
    return written_time{*day * text::day_ns, false};
  if (!text.substr(10).starts_with('D') && !in.take('T') && !in.take(' '))
    return bad(text, expected);
  const auto clock = scan_clock(in);
  const auto zone = clock ? scan_zone(in) : std::nullopt;
  if (!zone || !in.done())
    return bad(text, expected);
  return written_time{*day * text::day_ns + *clock - *zone, false};
}

result<literal> parse_literal(std::string_view text, column_type type) {
  switch (type) {
    case column_type::symbol:
    case column_type::string:
      return literal{std::string{text}};
    case column_type::char_:
      if (text.empty())
        return literal{};
      if (text.size() != 1)
        return bad(text, "one character");
      return literal{std::string{text}};
    case column_type::guid:
      if (text.empty() || text == "0N")
        return literal{};
      return parse_guid(text);
    default:
      break;
  }
  if (text.empty() || text == "0N")
    return literal{};
  const bool negative = text.starts_with('-');
  const auto bare = negative ? text.substr(1) : text;
  if (bare == "inf" || bare == "0w" || bare == "0W") {
    if (is_float(type)) {
      constexpr auto infinity = std::numeric_limits<double>::infinity();
      return literal{negative ? -infinity : infinity};
    }
    const auto range = range_of(type);
    return literal{negative ? range.low : range.high};
  }
  if (type == column_type::boolean) {
    if (const auto truth = text::parse_boolean(text))
      return literal{int64_t{*truth}};
    return bad(text, "a boolean (0, 1, true, false)");
  }
  return is_temporal(type) ? parse_temporal(text, type)
                           : parse_number(text, type);
}

namespace {

/// `value` in units of `unit` ns; a sign, and hours beyond a day stand.
void append_time_of_day(std::string& out, int64_t value, int64_t unit,
                        text::clock_detail detail) {
  if (value < 0)
    out.push_back('-');
  // As many minutes as the type holds are more nanoseconds than 64 bits.
  const auto size = value < 0 ? -value : value;
  const auto per_hour = text::hour_ns / unit;
  std::string clock;
  text::append_clock(clock, size % per_hour * unit, detail);
  text::append_padded(out, static_cast<uint64_t>(size / per_hour), 2);
  out += std::string_view{clock}.substr(2);
}

} // namespace

void append_integer(std::string& out, int64_t value, column_type type) {
  if (is_temporal(type)) {
    const auto range = range_of(type);
    if (value == range.low || value == range.high) {
      out += value == range.low ? "-inf" : "inf";
      return;
    }
  }
  switch (type) {
    case column_type::timestamp:
      text::append_time(out, value);
      out.push_back('Z');
      return;
    case column_type::date:
      return text::append_date(out, value);
    case column_type::month:
      return text::append_month(out, value);
    case column_type::timespan:
      return text::append_timespan(out, value);
    case column_type::minute:
      return append_time_of_day(out, value, minute_ns,
                                text::clock_detail::minutes);
    case column_type::second:
      return append_time_of_day(out, value, second_ns,
                                text::clock_detail::seconds);
    case column_type::time:
      return append_time_of_day(out, value, 1'000'000,
                                text::clock_detail::milliseconds);
    default:
      break;
  }
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

namespace {

template <class T>
void append_floating(std::string& out, T value) {
  char digits[40];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

} // namespace

void append_float(std::string& out, double value) {
  append_floating(out, value);
}

void append_float(std::string& out, float value) {
  append_floating(out, value);
}

std::string to_text(const literal& value, std::optional<column_type> type) {
  std::string out;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    append_integer(out, *integer, type.value_or(column_type::long_));
  } else if (const auto* number = std::get_if<double>(&value)) {
    append_float(out, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    if (type == column_type::guid)
      out = "guid";
    else if (type == column_type::symbol)
      out = "`" + *text;
    else
      out = "\"" + *text + "\"";
  } else {
    out = "null";
  }
  return out;
}

result<int64_t> date_start(const table_schema& schema, int64_t day) {
  auto found = day_start(schema.roll_zone, schema.roll_offset_ns, day);
  if (!found)
    return error{errc::invalid_argument,
                 "table '" + schema.name + "': " + found.failure().context};
  return found;
}

} // namespace millrace::query
