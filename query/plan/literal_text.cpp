#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <date/tz.h>
#include <limits>
#include <stdexcept>

namespace millrace::query {

namespace {

constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t minute_ns = 60 * second_ns;
constexpr int64_t hour_ns = 60 * minute_ns;
/// Years whose every nanosecond fits 64 bits around 2000.
constexpr int32_t year_min = 1708;
constexpr int32_t year_max = 2291;

/// A cursor over the text of a time.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  [[nodiscard]] char peek() const noexcept {
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char wanted) noexcept {
    if (peek() != wanted || rest_.empty())
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// `count` digits exactly; none: leaves the text alone.
  std::optional<int32_t> digits(size_t count) noexcept {
    if (rest_.size() < count)
      return std::nullopt;
    int32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9')
        return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  /// The nanoseconds of a fraction of one to nine digits.
  std::optional<int64_t> fraction() noexcept {
    int64_t value = 0;
    size_t count = 0;
    while (count < 9 && digit()) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++count;
    }
    if (count == 0 || digit())
      return std::nullopt;
    for (; count < 9; ++count)
      value *= 10;
    return value;
  }

private:
  [[nodiscard]] bool digit() const noexcept {
    return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
  }
  std::string_view rest_;
};

error bad(std::string_view text, const char* what) {
  return {errc::invalid_argument, "'" + std::string{text} + "' is not " + what};
}

bool leap(int32_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

uint32_t days_in(int32_t year, uint32_t month) {
  constexpr uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : days[month - 1];
}

/// "2013-10-08" or "2013.10.08"; the day number.
std::optional<int64_t> scan_date(scanner& in) {
  const auto year = in.digits(4);
  const char mark = in.peek();
  if (!year || (mark != '-' && mark != '.') || !in.take(mark))
    return std::nullopt;
  const auto month = in.digits(2);
  if (!month || *month < 1 || *month > 12 || !in.take(mark))
    return std::nullopt;
  const auto day = in.digits(2);
  const auto m = static_cast<uint32_t>(*month);
  if (!day || *day < 1 || static_cast<uint32_t>(*day) > days_in(*year, m))
    return std::nullopt;
  if (*year < year_min || *year > year_max)
    return std::nullopt;
  return day_of({*year, m, static_cast<uint32_t>(*day)});
}

/// "09:30", "09:30:00", "09:30:00.123456789": ns since midnight.
std::optional<int64_t> scan_clock(scanner& in) {
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.take(':'))
    return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59)
    return std::nullopt;
  int64_t ns = *hour * hour_ns + *minute * minute_ns;
  if (!in.take(':'))
    return ns;
  const auto second = in.digits(2);
  if (!second || *second > 59)
    return std::nullopt;
  ns += *second * second_ns;
  if (in.take('.')) {
    const auto fraction = in.fraction();
    if (!fraction)
      return std::nullopt;
    ns += *fraction;
  }
  return ns;
}

/// "Z", "+02:00", nothing: what to subtract from the written time.
std::optional<int64_t> scan_zone(scanner& in) {
  if (in.done() || in.take('Z'))
    return 0;
  const bool west = in.peek() == '-';
  if (!in.take('+') && !in.take('-'))
    return std::nullopt;
  const auto hour = in.digits(2);
  in.take(':');
  const auto minute = in.digits(2);
  if (!hour || !minute || *hour > 23 || *minute > 59)
    return std::nullopt;
  const auto ns = *hour * hour_ns + *minute * minute_ns;
  return west ? -ns : ns;
}

/// "0D09:30:00.1", "-1D", "09:30".
std::optional<int64_t> scan_timespan(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative)
    text.remove_prefix(1);
  int64_t days = 0;
  if (const auto mark = text.find('D'); mark != std::string_view::npos) {
    const auto [end, fault]
      = std::from_chars(text.data(), text.data() + mark, days);
    if (fault != std::errc{} || end != text.data() + mark || days < 0
        || days > 106'000)
      return std::nullopt;
    text.remove_prefix(mark + 1);
    if (text.empty())
      return negative ? -days * day_ns : days * day_ns;
  }
  scanner in{text};
  const auto clock = scan_clock(in);
  if (!clock || !in.done())
    return std::nullopt;
  const auto ns = days * day_ns + *clock;
  return negative ? -ns : ns;
}

struct integer_range {
  int64_t null;
  int64_t low; ///< Smallest that is not null.
  int64_t high;
};

integer_range range_of(column_type type) {
  switch (type) {
    case column_type::boolean:
      return {0, 0, 1};
    case column_type::byte_:
      return {0, 0, 255};
    case column_type::short_:
      return {null_short, -32767, 32767};
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return {null_long, -inf_long, inf_long};
    default:
      return {null_int, -inf_int, inf_int};
  }
}

result<literal> parse_number(std::string_view text, column_type type) {
  const auto* first = text.data();
  const auto* last = first + text.size();
  if (type == column_type::float_ || type == column_type::real) {
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
  std::string bytes;
  uint32_t high = 16;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '-' && (i == 8 || i == 13 || i == 18 || i == 23))
      continue;
    uint32_t nibble = 0;
    const auto [end, fault] = std::from_chars(&c, &c + 1, nibble, 16);
    if (fault != std::errc{} || end != &c + 1)
      return bad(text, "a guid");
    if (high == 16) {
      high = nibble;
    } else {
      bytes.push_back(static_cast<char>(high * 16 + nibble));
      high = 16;
    }
  }
  if (bytes.size() != 16 || high != 16 || text.size() != 36)
    return bad(text, "a guid");
  return literal{std::move(bytes)};
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
      const auto day = scan_date(in);
      if (!day || !in.done())
        return bad(text, "a date");
      return literal{*day};
    }
    case column_type::month: {
      scanner in{text};
      const auto year = in.digits(4);
      if (!year || (!in.take('-') && !in.take('.')))
        return bad(text, "a month");
      const auto month = in.digits(2);
      in.take('m');
      if (!month || *month < 1 || *month > 12 || !in.done())
        return bad(text, "a month");
      return literal{int64_t{*year - 2000} * 12 + *month - 1};
    }
    default:
      break;
  }
  const auto ns = scan_timespan(text);
  if (!ns)
    return bad(text,
               type == column_type::timespan ? "a timespan" : "a time of day");
  const int64_t unit = type == column_type::timespan ? 1
                       : type == column_type::time   ? 1'000'000
                       : type == column_type::second ? second_ns
                                                     : minute_ns;
  if (*ns % unit != 0)
    return bad(text, "a whole number of the column's unit");
  return literal{*ns / unit};
}

bool temporal(column_type type) {
  return type >= column_type::timestamp && type <= column_type::time;
}

} // namespace

civil_date civil_of(int64_t day) noexcept {
  // Days since 0000.03.01, in eras of 400 years.
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
  const auto year
    = static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return {static_cast<int32_t>(year), month,
          of_year - (153 * shifted_month + 2) / 5 + 1};
}

int64_t day_of(civil_date date) noexcept {
  const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<uint32_t>(year - era * 400);
  const uint32_t month = date.month > 2 ? date.month - 3 : date.month + 9;
  const uint32_t of_year = (153 * month + 2) / 5 + date.day - 1;
  const uint32_t day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return era * 146'097 + static_cast<int64_t>(day) - 730'425;
}

result<written_time> parse_time(std::string_view text) {
  constexpr auto expected = "a date or timestamp (2013-10-08, "
                            "2013-10-08T09:30:00.123456789, 2013.10.08D09:30)";
  scanner in{text};
  const auto day = scan_date(in);
  if (!day)
    return bad(text, expected);
  if (in.done())
    return written_time{*day * day_ns, true};
  if (in.take('D') && in.done())
    return written_time{*day * day_ns, false};
  if (!text.substr(10).starts_with('D') && !in.take('T') && !in.take(' '))
    return bad(text, expected);
  const auto clock = scan_clock(in);
  const auto zone = clock ? scan_zone(in) : std::nullopt;
  if (!zone || !in.done())
    return bad(text, expected);
  return written_time{*day * day_ns + *clock - *zone, false};
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
    if (type == column_type::float_ || type == column_type::real) {
      constexpr auto infinity = std::numeric_limits<double>::infinity();
      return literal{negative ? -infinity : infinity};
    }
    const auto range = range_of(type);
    return literal{negative ? range.low : range.high};
  }
  if (type == column_type::boolean && (text == "true" || text == "false"))
    return literal{int64_t{text == "true"}};
  return temporal(type) ? parse_temporal(text, type) : parse_number(text, type);
}

namespace {

void append_padded(std::string& out, uint64_t value, int width) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  for (auto have = end - digits; have < width; ++have)
    out.push_back('0');
  out.append(digits, end);
}

void append_date(std::string& out, int64_t day) {
  const auto date = civil_of(day);
  append_padded(out, static_cast<uint64_t>(std::max(date.year, 0)), 4);
  out.push_back('-');
  append_padded(out, date.month, 2);
  out.push_back('-');
  append_padded(out, date.day, 2);
}

enum class clock_detail { minutes, seconds, milliseconds, nanoseconds };

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

int64_t floor_divide(int64_t value, int64_t by) {
  const auto quotient = value / by;
  return quotient - (value % by < 0 ? 1 : 0);
}

/// `value` in units of `unit` ns; a sign, and hours beyond a day stand.
void append_time_of_day(std::string& out, int64_t value, int64_t unit,
                        clock_detail detail) {
  if (value < 0)
    out.push_back('-');
  append_clock(out, (value < 0 ? -value : value) * unit, detail);
}

void append_timespan(std::string& out, int64_t ns) {
  if (ns < 0)
    out.push_back('-');
  const auto size = ns < 0 ? -ns : ns;
  append_padded(out, static_cast<uint64_t>(size / day_ns), 1);
  out.push_back('D');
  append_clock(out, size % day_ns, clock_detail::nanoseconds);
}

} // namespace

void append_integer(std::string& out, int64_t value, column_type type) {
  if (temporal(type)) {
    const auto range = range_of(type);
    if (value == range.low || value == range.high) {
      out += value == range.low ? "-inf" : "inf";
      return;
    }
  }
  switch (type) {
    case column_type::timestamp: {
      const auto day = floor_divide(value, day_ns);
      append_date(out, day);
      out.push_back('T');
      // Near the ends of 64 bits day * day_ns itself would not fit.
      const auto of_day = value % day_ns;
      append_clock(out, of_day < 0 ? of_day + day_ns : of_day,
                   clock_detail::nanoseconds);
      out.push_back('Z');
      return;
    }
    case column_type::date:
      return append_date(out, value);
    case column_type::month: {
      const auto year = floor_divide(value, 12);
      append_padded(
        out, static_cast<uint64_t>(std::max<int64_t>(year + 2000, 0)), 4);
      out.push_back('-');
      append_padded(out, static_cast<uint64_t>(value - year * 12 + 1), 2);
      return;
    }
    case column_type::timespan:
      return append_timespan(out, value);
    case column_type::minute:
      return append_time_of_day(out, value, minute_ns, clock_detail::minutes);
    case column_type::second:
      return append_time_of_day(out, value, second_ns, clock_detail::seconds);
    case column_type::time:
      return append_time_of_day(out, value, 1'000'000,
                                clock_detail::milliseconds);
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
  const auto wall_ns = day * day_ns + schema.roll_offset_ns + epoch_2000_ns;
  // The common case needs no time-zone data base.
  if (schema.roll_zone == "UTC" || schema.roll_zone.empty())
    return wall_ns - epoch_2000_ns;
  try {
    const auto* zone = date::locate_zone(schema.roll_zone);
    const date::local_time<std::chrono::nanoseconds> wall{
      std::chrono::nanoseconds{wall_ns}};
    return zone->to_sys(wall, date::choose::earliest).time_since_epoch().count()
           - epoch_2000_ns;
  } catch (const std::runtime_error& fault) {
    return error{errc::invalid_argument, "table '" + schema.name
                                           + "': roll zone '" + schema.roll_zone
                                           + "': " + fault.what()};
  }
}

} // namespace millrace::query
