#include <millrace/feed/parse/time_reader.hpp>

namespace millrace::feed {

namespace {

constexpr int64_t second_ns = 1'000'000'000;

/// Nanoseconds of one unit of a count.
int64_t unit_of(time_format format) {
  switch (format) {
    case time_format::s_of_day:
    case time_format::unix_s:
      return second_ns;
    case time_format::ms_of_day:
    case time_format::unix_ms:
      return 1'000'000;
    case time_format::us_of_day:
    case time_format::unix_us:
      return 1'000;
    default:
      return 1;
  }
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

/// Reads exactly `count` digits from the front of `text`.
bool take(std::string_view& text, size_t count, int32_t& out) {
  if (text.size() < count)
    return false;
  out = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i]))
      return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted)
    return false;
  text.remove_prefix(1);
  return true;
}

/// Reads .123 to nanoseconds; more than nine digits are refused rather than
/// cut off.
bool take_fraction(std::string_view& text, int64_t& out) {
  out = 0;
  if (text.empty() || (text.front() != '.' && text.front() != ','))
    return true;
  text.remove_prefix(1);
  int64_t unit = second_ns;
  size_t count = 0;
  while (!text.empty() && is_digit(text.front()) && count < 9) {
    unit /= 10;
    out += (text.front() - '0') * unit;
    text.remove_prefix(1);
    ++count;
  }
  return count > 0;
}

fault take_date(std::string_view& text, int32_t& out) {
  int32_t year = 0;
  int32_t month = 0;
  int32_t day = 0;
  if (!take(text, 4, year))
    return fault::not_time;
  const char between = text.empty() ? '\0' : text.front();
  const bool separated = between == '-' || between == '.' || between == '/';
  if (separated)
    text.remove_prefix(1);
  if (!take(text, 2, month) || (separated && !take(text, between))
      || !take(text, 2, day))
    return fault::not_time;
  if (month < 1 || month > 12 || day < 1 || day > 31)
    return fault::no_such_date;
  // What a timestamp in ns can hold, with room for every offset.
  if (year < 1710 || year > 2290)
    return fault::overflow;
  out = days_of(year, month, day);
  const auto back = civil_of(out);
  return back.month == month && back.day == day ? fault::none
                                                : fault::no_such_date;
}

/// HH:MM[:SS[.f]] from the front of `text`.
fault take_clock(std::string_view& text, int64_t& out) {
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  int64_t fraction = 0;
  if (!take(text, 2, hour))
    return fault::not_time;
  const bool separated = take(text, ':');
  if (!take(text, 2, minute))
    return fault::not_time;
  if (separated ? take(text, ':') : !text.empty() && is_digit(text.front()))
    if (!take(text, 2, second) || !take_fraction(text, fraction))
      return fault::not_time;
  if (hour > 23 || minute > 59 || second > 59)
    return fault::not_time;
  out = (int64_t{hour} * 3600 + minute * 60 + second) * second_ns + fraction;
  return fault::none;
}

/// Z, +hh, +hhmm, +hh:mm. None: `known` stays false.
bool take_offset(std::string_view& text, bool& known, int64_t& out) {
  known = false;
  if (text.empty())
    return true;
  known = true;
  out = 0;
  if (take(text, 'Z'))
    return true;
  const bool west = text.front() == '-';
  if (!west && text.front() != '+')
    return false;
  text.remove_prefix(1);
  int32_t hours = 0;
  int32_t minutes = 0;
  if (!take(text, 2, hours))
    return false;
  if (!text.empty()) {
    take(text, ':');
    if (!take(text, 2, minutes))
      return false;
  }
  if (hours > 18 || minutes > 59)
    return false;
  out = (int64_t{hours} * 3600 + minutes * 60) * second_ns;
  if (west)
    out = -out;
  return true;
}

/// A count with an optional fraction, in `unit_ns` nanoseconds.
fault scaled(const char* text, size_t length, int64_t unit_ns, int64_t& out) {
  const std::string_view all{text, length};
  const auto point = all.find('.');
  int64_t whole = 0;
  const auto why = parse_integer(text, std::min(point, length), whole);
  if (why != fault::none)
    return why == fault::overflow ? why : fault::not_time;
  if (__builtin_mul_overflow(whole, unit_ns, &out))
    return fault::overflow;
  if (point == all.npos)
    return fault::none;
  int64_t part = 0;
  int64_t unit = unit_ns;
  for (auto c : all.substr(point + 1)) {
    if (!is_digit(c))
      return fault::not_time;
    unit /= 10;
    part += (c - '0') * unit;
    // Digits below a nanosecond carry nothing only when they are zero.
    if (unit == 0 && c != '0')
      return fault::not_time;
  }
  if (point + 1 == length)
    return fault::not_time;
  const bool negative = text[0] == '-';
  return __builtin_add_overflow(out, negative ? -part : part, &out)
           ? fault::overflow
           : fault::none;
}

} // namespace

bool time_reader::read_second(const char* text) noexcept {
  std::string_view rest{text, 8};
  int64_t ns = 0;
  if (take_clock(rest, ns) != fault::none || !rest.empty() || text[2] != ':')
    return false;
  second_ns_ = ns;
  return true;
}

fault time_reader::clock_time(std::string_view text, int64_t& out) const {
  if (const auto why = take_clock(text, out); why != fault::none)
    return why;
  return text.empty() ? fault::none : fault::not_time;
}

fault time_reader::iso_slowly(const char* text, size_t length, int64_t& out) {
  std::string_view rest{text, length};
  int32_t day = date_;
  if (rest.size() > 2 && rest[2] == ':') {
    if (day == null_int)
      return fault::not_time;
  } else {
    if (const auto why = take_date(rest, day); why != fault::none)
      return why;
    if (length >= 10 && length - rest.size() == 10 && clock_.uniform(day)) {
      date_text_ = detail::load8(text);
      std::memcpy(&date_tail_, text + 8, sizeof date_tail_);
      date_midnight_ = clock_.midnight(day);
      date_uniform_ = true;
    }
    if (!rest.empty()) {
      if (rest.front() != 'T' && rest.front() != ' ' && rest.front() != 'D')
        return fault::not_time;
      rest.remove_prefix(1);
      if (rest.empty())
        return fault::not_time;
    }
  }
  int64_t of_day = 0;
  if (!rest.empty())
    if (const auto why = take_clock(rest, of_day); why != fault::none)
      return why;
  bool offset_known = false;
  int64_t offset = 0;
  if (!take_offset(rest, offset_known, offset) || !rest.empty())
    return fault::not_time;
  if (offset_known) {
    out = int64_t{day} * day_ns + of_day - offset;
    return fault::none;
  }
  return clock_.to_utc(day, of_day, out) ? fault::none : fault::no_such_time;
}

fault time_reader::unix_time(const char* text, size_t length,
                             int64_t& out) const {
  if (const auto why = scaled(text, length, unit_of(format_), out);
      why != fault::none)
    return why;
  if (__builtin_sub_overflow(out, epoch_2000_ns, &out) || out == null_long)
    return fault::overflow;
  return fault::none;
}

fault time_reader::time_of_day(const char* text, size_t length, int64_t& out) {
  uint64_t count = 0;
  switch (format_) {
    case time_format::iso:
      return clock_time({text, length}, out);
    case time_format::hhmmss:
    case time_format::hhmmss_ms:
    case time_format::hhmmss_us:
    case time_format::hhmmss_ns: {
      const int64_t per_second = format_ == time_format::hhmmss      ? 1
                                 : format_ == time_format::hhmmss_ms ? 1'000
                                 : format_ == time_format::hhmmss_us
                                   ? 1'000'000
                                   : second_ns;
      if (length > 15 || parse_digits(text, length, count) != fault::none)
        return fault::not_time;
      const auto number = static_cast<int64_t>(count);
      const auto clock = number / per_second;
      if (clock / 10'000 > 23 || clock / 100 % 100 > 59 || clock % 100 > 59)
        return fault::not_time;
      out = (clock / 10'000 * 3600 + clock / 100 % 100 * 60 + clock % 100)
              * second_ns
            + number % per_second * (second_ns / per_second);
      return fault::none;
    }
    default: {
      const auto unit = unit_of(format_);
      if (length <= 15 && parse_digits(text, length, count) == fault::none)
        [[likely]] {
        if (count >= static_cast<uint64_t>(day_ns / unit))
          return fault::not_time;
        out = static_cast<int64_t>(count) * unit;
        return fault::none;
      }
      if (const auto why = scaled(text, length, unit, out); why != fault::none)
        return fault::not_time;
      return out >= 0 && out < day_ns ? fault::none : fault::not_time;
    }
  }
}

fault time_reader::date(const char* text, size_t length, int32_t& out) {
  std::string_view rest{text, length};
  if (const auto why = take_date(rest, out); why != fault::none)
    return why;
  return rest.empty() ? fault::none : fault::not_time;
}

} // namespace millrace::feed
