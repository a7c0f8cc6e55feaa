#include <millrace/feed/parse/time_reader.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/time_scan.hpp>

namespace millrace::feed {

namespace {

using text::scanner;
using text::second_ns;
using text::time_forms;

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

fault take_date(scanner& in, int32_t& out) {
  int64_t day = 0;
  switch (text::scan_date(in, time_forms::any, day)) {
    case text::scan_fault::none:
      out = static_cast<int32_t>(day);
      return fault::none;
    case text::scan_fault::form:
      return fault::not_time;
    case text::scan_fault::calendar:
      return fault::no_such_date;
    case text::scan_fault::range:
      break;
  }
  return fault::overflow;
}

/// Of a count that is beyond all times: whether it has as many digits as one of
/// a finer unit has since 1970. @pre as of the readers
bool counts_finer_unit(std::string_view text, int64_t unit_ns) {
  int64_t count = 0;
  if (parse_integer(text.data(), std::min(text.find('.'), text.size()), count)
      != fault::none)
    return false;
  const auto size = count < 0 ? -count : count;
  int64_t least = 1'000'000'000;
  for (int64_t unit = text::second_ns; unit > 1;) {
    unit /= 1000;
    least *= 1000;
    if (unit < unit_ns && size >= least && size / 10 < least)
      return true;
  }
  return false;
}

/// A count with an optional fraction, in `unit_ns` nanoseconds.
fault scaled(const char* text, size_t length, int64_t unit_ns, int64_t& out) {
  const std::string_view all{text, length};
  if (all.find_first_of("eE") != all.npos) {
    exact_decimal value;
    const auto why = parse_exact(all, value);
    return why != fault::none
             ? fault::not_time
             : to_whole(value, static_cast<uint64_t>(unit_ns), 1, out);
  }
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
    if (c < '0' || c > '9')
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
  scanner in{{text, 8}};
  int64_t ns = 0;
  if (!text::scan_clock(in, time_forms::any, ns) || !in.done()
      || text[2] != ':')
    return false;
  second_ns_ = ns;
  return true;
}

fault time_reader::clock_time(std::string_view text, int64_t& out) const {
  scanner in{text};
  return text::scan_clock(in, time_forms::any, out) && in.done()
           ? fault::none
           : fault::not_time;
}

fault time_reader::iso_slowly(const char* text, size_t length, int64_t& out) {
  scanner in{{text, length}};
  int32_t day = date_;
  if (length > 2 && text[2] == ':') {
    if (day == null_int) {
      int64_t ignored = 0;
      return clock_time({text, length}, ignored) == fault::none
               ? fault::no_date
               : fault::not_time;
    }
  } else {
    if (const auto why = take_date(in, day); why != fault::none)
      return why;
    if (!own_dates_)
      return fault::own_date;
    if (length - in.rest().size() == 10 && clock_.uniform(day)) {
      date_text_ = detail::load8(text);
      std::memcpy(&date_tail_, text + 8, sizeof date_tail_);
      date_midnight_ = clock_.midnight(day);
      date_uniform_ = true;
    }
    if (!in.done()
        && ((!in.take('T') && !in.take(' ') && !in.take('D')) || in.done()))
      return fault::not_time;
  }
  int64_t of_day = 0;
  if (!in.done() && !text::scan_clock(in, time_forms::any, of_day))
    return fault::not_time;
  if (!in.done()) {
    int64_t offset = 0;
    if (!text::scan_offset(in, offset) || !in.done())
      return fault::not_time;
    out = int64_t{day} * text::day_ns + of_day - offset;
    return fault::none;
  }
  return clock_.to_utc(day, of_day, out) ? fault::none : fault::no_such_time;
}

fault time_reader::dated(const char* text, size_t length, int64_t& out) {
  const std::string_view all{text, length};
  const auto mark = all.rfind(' ');
  if (mark == all.npos || mark == 0 || mark + 1 == length
      || mark > sizeof day_text_)
    return fault::not_time;
  if (!own_dates_)
    return fault::own_date;
  if (mark != day_length_ || std::memcmp(text, day_text_, mark) != 0) {
    scanner in{all.substr(0, mark)};
    int32_t day = 0;
    if (const auto why = take_date(in, day); why != fault::none)
      return why;
    if (!in.done())
      return fault::not_time;
    day_ = day;
    day_length_ = static_cast<uint8_t>(mark);
    std::memcpy(day_text_, text, mark);
  }
  int64_t of_day = 0;
  if (const auto why = time_of_day(text + mark + 1, length - mark - 1, of_day);
      why != fault::none)
    return why;
  return clock_.to_utc(day_, of_day, out) ? fault::none : fault::no_such_time;
}

fault time_reader::patterned(const char* text, size_t length, int64_t& out) {
  time_pattern::parts found;
  found.day = date_;
  if (const auto why = pattern_->read({text, length}, found);
      why != fault::none)
    return why;
  if (found.day == null_int)
    return fault::no_date;
  if (found.offset_ns) {
    out
      = int64_t{found.day} * text::day_ns + found.ns_of_day - *found.offset_ns;
    return fault::none;
  }
  return clock_.to_utc(found.day, found.ns_of_day, out) ? fault::none
                                                        : fault::no_such_time;
}

fault time_reader::span(const char* text, size_t length, int64_t unit_ns,
                        int64_t& out) {
  const std::string_view all{text, length};
  if (format_ != time_format::iso || all.find_first_of(":D") == all.npos) {
    int64_t ns = 0;
    const auto why = time_of_day(text, length, ns);
    out = ns / unit_ns;
    return why == fault::none && ns % unit_ns != 0 ? fault::too_fine : why;
  }
  scanner in{all};
  text::written_span span;
  if (!text::scan_span(in, time_forms::any, span) || !in.done())
    return fault::not_time;
  switch (text::to_units(span, unit_ns, out)) {
    case text::unit_fault::none:
      return fault::none;
    case text::unit_fault::finer:
      return fault::too_fine;
    case text::unit_fault::range:
      break;
  }
  return fault::overflow;
}

fault time_reader::unix_time(const char* text, size_t length,
                             int64_t& out) const {
  const auto unit = unit_of(format_);
  if (const auto why = scaled(text, length, unit, out); why != fault::none)
    return why == fault::overflow && counts_finer_unit({text, length}, unit)
             ? fault::ambiguous
             : why;
  if (text::counts_coarser_unit(out / unit, unit))
    return fault::ambiguous;
  if (__builtin_sub_overflow(out, epoch_2000_ns, &out) || out == null_long)
    return counts_finer_unit({text, length}, unit) ? fault::ambiguous
                                                   : fault::overflow;
  return fault::none;
}

/// Some count what a clock on the wall shows, as spreadsheets do.
fault time_reader::counted(const char* text, size_t length, int64_t& out) {
  int64_t ns = 0;
  if (const auto why = read_count(text, length, count_, ns); why != fault::none)
    return why;
  const auto [day, of_day] = text::split(ns);
  return clock_.to_utc(static_cast<int32_t>(day), of_day, out)
           ? fault::none
           : fault::no_such_time;
}

fault time_reader::time_of_day(const char* text, size_t length, int64_t& out) {
  uint64_t count = 0;
  switch (format_) {
    case time_format::iso:
      return clock_time({text, length}, out);
    case time_format::pattern: {
      time_pattern::parts found;
      const auto why = pattern_->read({text, length}, found);
      out = found.ns_of_day;
      return why;
    }
    case time_format::hhmmss:
    case time_format::hhmmss_ms:
    case time_format::hhmmss_us:
    case time_format::hhmmss_ns: {
      const int64_t per_second = format_ == time_format::hhmmss      ? 1
                                 : format_ == time_format::hhmmss_ms ? 1'000
                                 : format_ == time_format::hhmmss_us
                                   ? 1'000'000
                                   : second_ns;
      const auto digits = format_ == time_format::hhmmss      ? size_t{6}
                          : format_ == time_format::hhmmss_ms ? size_t{9}
                          : format_ == time_format::hhmmss_us ? size_t{12}
                                                              : size_t{15};
      if (length > digits || parse_digits(text, length, count) != fault::none)
        return fault::not_time;
      // 0930 is hours and minutes, whatever the layout counts.
      const bool is_other = length < digits && length > 1 && text[0] == '0';
      if (is_other || (length + 1 < digits && length > 4 && length % 3 != 1))
        return fault::ambiguous;
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
        if (count >= static_cast<uint64_t>(text::day_ns / unit))
          return fault::not_time;
        out = static_cast<int64_t>(count) * unit;
        return fault::none;
      }
      if (const auto why = scaled(text, length, unit, out); why != fault::none)
        return fault::not_time;
      return out >= 0 && out < text::day_ns ? fault::none : fault::not_time;
    }
  }
}

fault time_reader::date(const char* text, size_t length, int32_t& out) {
  if (format_ == time_format::pattern) {
    time_pattern::parts found;
    const auto why = pattern_->read({text, length}, found);
    out = found.day;
    return why;
  }
  if (format_ == time_format::count)
    return read_day_count(text, length, count_, out);
  scanner in{{text, length}};
  if (const auto why = take_date(in, out); why != fault::none)
    return why;
  return in.done() ? fault::none : fault::not_time;
}

} // namespace millrace::feed
