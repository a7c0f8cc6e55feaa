#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/time_scan.hpp>
#include <millrace/query/front/qsql/constant.hpp>
#include <millrace/query/plan/bar.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace millrace::query::qsql {

namespace {

using text::day_ns;
using text::hour_ns;
using text::minute_ns;
using text::scanner;
using text::second_ns;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

error wrong(std::string what) {
  return {errc::invalid_argument, std::move(what)};
}

std::optional<column_type> type_of_letter(char letter) noexcept {
  switch (letter) {
    case 'b':
      return column_type::boolean;
    case 'g':
      return column_type::guid;
    case 'x':
      return column_type::byte_;
    case 'h':
      return column_type::short_;
    case 'i':
      return column_type::int_;
    case 'j':
      return column_type::long_;
    case 'e':
      return column_type::real;
    case 'f':
      return column_type::float_;
    case 'p':
    case 'z':
      return column_type::timestamp;
    case 'm':
      return column_type::month;
    case 'd':
      return column_type::date;
    case 'n':
      return column_type::timespan;
    case 'u':
      return column_type::minute;
    case 'v':
      return column_type::second;
    case 't':
      return column_type::time;
    default:
      return std::nullopt;
  }
}

written_number one(column_type type, literal value, bool has_type) {
  written_number out;
  out.type = type;
  out.has_type = has_type;
  out.values.push_back(std::move(value));
  return out;
}

int64_t infinity_of(column_type type) noexcept {
  switch (type) {
    case column_type::short_:
      return std::numeric_limits<int16_t>::max();
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return inf_long;
    default:
      return inf_int;
  }
}

/// "0N", "0W", "0n", "0w" with an optional letter; none: something else.
std::optional<result<written_number>> scan_special(std::string_view word,
                                                   bool negative) {
  if (word.size() < 2 || word.size() > 3 || word[0] != '0')
    return std::nullopt;
  const char kind = word[1];
  if (kind != 'N' && kind != 'W' && kind != 'n' && kind != 'w')
    return std::nullopt;
  const bool small = kind == 'n' || kind == 'w';
  // "0n" and "0w" alone are floats.
  auto type = small ? column_type::float_ : column_type::long_;
  if (word.size() == 3) {
    const auto named = type_of_letter(word[2]);
    if (!named || *named == column_type::boolean
        || *named == column_type::byte_)
      return wrong("no such null or infinity");
    type = *named;
  }
  const bool has_type = small || word.size() == 3;
  if (kind == 'N' || kind == 'n')
    return negative ? result<written_number>{wrong("a null has no sign")}
                    : one(type, std::monostate{}, has_type);
  if (type == column_type::guid)
    return wrong("a guid has no infinity");
  if (is_float(type)) {
    const auto infinity = std::numeric_limits<double>::infinity();
    return one(type, negative ? -infinity : infinity, has_type);
  }
  const auto infinity = infinity_of(type);
  return one(type, negative ? -infinity : infinity, has_type);
}

result<written_number> scan_bytes(std::string_view digits) {
  written_number out;
  out.type = column_type::byte_;
  out.has_type = true;
  if (digits.empty())
    return wrong("bytes need hexadecimal digits after 0x");
  // An odd count has a zero in front, as q reads it.
  size_t i = 0;
  if (digits.size() % 2 == 1) {
    const auto low = text::hex_value(digits[i++]);
    if (low < 0)
      return wrong("bytes have hexadecimal digits only");
    out.values.emplace_back(int64_t{low});
  }
  for (; i < digits.size(); i += 2) {
    const auto high = text::hex_value(digits[i]);
    const auto low = text::hex_value(digits[i + 1]);
    if (high < 0 || low < 0)
      return wrong("bytes have hexadecimal digits only");
    out.values.emplace_back(int64_t{high * 16 + low});
  }
  out.is_bits = out.values.size() > 1;
  return out;
}

result<written_number> scan_bits(std::string_view digits) {
  written_number out;
  out.type = column_type::boolean;
  out.has_type = true;
  for (const char c : digits) {
    if (c != '0' && c != '1')
      return wrong("booleans are 0 or 1");
    out.values.emplace_back(int64_t{c - '0'});
  }
  out.is_bits = out.values.size() > 1;
  return out;
}

/// "hh", "hh:mm", "hh:mm:ss", "hh:mm:ss.fff": ns, and how far it went.
struct clock_parts {
  int64_t ns = 0;
  size_t parts = 0; ///< 1: hours, ... 3: seconds, 4: a fraction.
  size_t fraction_digits = 0;
};
std::optional<clock_parts> scan_clock_parts(scanner& in) {
  clock_parts out;
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  if (!in.digits(2, hour))
    return std::nullopt;
  out.parts = 1;
  if (in.take(':')) {
    if (!in.digits(2, minute) || minute > 59)
      return std::nullopt;
    out.parts = 2;
    if (in.take(':')) {
      if (!in.digits(2, second) || second > 59)
        return std::nullopt;
      out.parts = 3;
    }
  }
  int64_t fraction = 0;
  if (out.parts == 3 && in.take('.')) {
    const auto before = in.rest().size();
    if (!in.at_digit() || !in.fraction(fraction))
      return std::nullopt;
    out.fraction_digits = before - in.rest().size();
    out.parts = 4;
  }
  out.ns = hour * hour_ns + minute * minute_ns + second * second_ns + fraction;
  return out;
}

/// A time of day, or a timespan: "09:30", "09:30:00.123456789", "09:30n".
result<written_number> scan_clock_word(std::string_view word, bool negative) {
  scanner in{word};
  const auto clock = scan_clock_parts(in);
  if (!clock || clock->parts < 2)
    return wrong("a time is written as 09:30, 09:30:00 or 09:30:00.123");
  auto type = clock->parts == 2             ? column_type::minute
              : clock->parts == 3           ? column_type::second
              : clock->fraction_digits <= 3 ? column_type::time
                                            : column_type::timespan;
  if (!in.done()) {
    const auto named = type_of_letter(in.peek());
    if (!named || in.rest().size() > 1
        || (*named != column_type::minute && *named != column_type::second
            && *named != column_type::time && *named != column_type::timespan))
      return wrong("a time is written as 09:30, 09:30:00 or 09:30:00.123");
    type = *named;
  }
  const auto value = clock->ns / unit_ns(type);
  return one(type, negative ? -value : value, true);
}

/// What follows the D of a timespan or timestamp: nothing, or a time of day.
std::optional<int64_t> scan_after_day(scanner& in) {
  if (in.done())
    return 0;
  // "0D0": an hour of one digit stands alone.
  const auto written = in.rest();
  if (is_digit(written.front())
      && (written.size() == 1 || !is_digit(written[1]))) {
    int32_t hour = 0;
    if (!in.digits(1, hour) || (!in.done() && in.peek() == ':'))
      return std::nullopt;
    return hour * hour_ns;
  }
  const auto clock = scan_clock_parts(in);
  if (!clock)
    return std::nullopt;
  return clock->ns;
}

/// "2024.05.02", "2024.05.02D09:30", "2024.05.02T09:30".
result<written_number> scan_date_word(std::string_view word) {
  scanner in{word};
  int64_t day = 0;
  switch (text::scan_date(in, text::time_forms::extended, day)) {
    case text::scan_fault::none:
      break;
    case text::scan_fault::form:
      return wrong("a date is written as 2024.05.02");
    case text::scan_fault::calendar:
      return wrong("the calendar has no such date");
    case text::scan_fault::range:
      return wrong("the year is outside 1708 to 2291");
  }
  if (in.done() || in.rest() == "d")
    return one(column_type::date, day, true);
  if (!in.take('D') && !in.take('T'))
    return wrong("a date is written as 2024.05.02, a timestamp as "
                 "2024.05.02D09:30:00.123456789");
  const auto of_day = scan_after_day(in);
  if (!of_day || *of_day >= day_ns || (!in.done() && in.rest() != "p"))
    return wrong("a timestamp is written as 2024.05.02D09:30:00.123456789");
  return one(column_type::timestamp, day * day_ns + *of_day, true);
}

/// "0D00:05", "2D", "0D00:05:00.000000001".
result<written_number> scan_timespan_word(std::string_view word,
                                          bool negative) {
  scanner in{word};
  int64_t days = 0;
  const auto* end = word.data() + word.size();
  const auto [past, fault] = std::from_chars(word.data(), end, days);
  int64_t ns = 0;
  if (fault == std::errc{} && past != end && *past == 'D') {
    scanner rest{{past + 1, static_cast<size_t>(end - past - 1)}};
    const auto of_day = scan_after_day(rest);
    if (of_day && (rest.done() || rest.rest() == "n")
        && !__builtin_mul_overflow(days, day_ns, &ns)
        && !__builtin_add_overflow(ns, *of_day, &ns))
      return one(column_type::timespan, negative ? -ns : ns, true);
  }
  return wrong("a timespan is written as 0D00:05:00.123456789");
}

result<written_number> scan_month_word(std::string_view word) {
  scanner in{word};
  int32_t year = 0;
  int32_t month = 0;
  if (!in.digits(4, year) || !in.take('.') || !in.digits(2, month)
      || in.rest() != "m" || month < 1 || month > 12)
    return wrong("a month is written as 2024.05m");
  return one(column_type::month, int64_t{year - 2000} * 12 + month - 1, true);
}

bool fits(int64_t value, column_type type) noexcept {
  const auto range = range_of(type);
  return value >= range.low && value <= range.high;
}

/// Gives a number without a type the one that a list has.
error give_type(written_number& number, column_type type) {
  for (auto& value : number.values) {
    if (const auto* whole = std::get_if<int64_t>(&value)) {
      if (is_float(type)) {
        // The infinity of whole numbers is that of floats.
        const auto infinity = std::numeric_limits<double>::infinity();
        value = *whole == inf_long    ? infinity
                : *whole == -inf_long ? -infinity
                                      : static_cast<double>(*whole);
      } else if (*whole == inf_long || *whole == -inf_long) {
        value = *whole < 0 ? -infinity_of(type) : infinity_of(type);
      } else if (!fits(*whole, type)) {
        return wrong("the number does not fit the type "
                     + std::string{to_string(type)});
      }
    } else if (std::holds_alternative<double>(value) && !is_float(type)) {
      return wrong("a number with a point cannot be of type "
                   + std::string{to_string(type)});
    }
    if (auto* number_value = std::get_if<double>(&value);
        number_value && type == column_type::real)
      *number_value = static_cast<double>(static_cast<float>(*number_value));
  }
  number.type = type;
  number.has_type = true;
  return {};
}

/// A decimal number, and its letter.
result<written_number> scan_decimal(std::string_view word, bool negative) {
  std::optional<column_type> type;
  auto digits = word;
  const bool ends_with_letter
    = !digits.empty() && !is_digit(digits.back()) && digits.back() != '.';
  if (ends_with_letter) {
    type = type_of_letter(digits.back());
    if (!type || *type == column_type::guid || *type == column_type::byte_)
      return wrong("not a number, and no type is called '"
                   + std::string{digits.back()} + "'");
    digits.remove_suffix(1);
  }
  if (type == column_type::boolean)
    return negative ? result<written_number>{wrong("a boolean has no sign")}
                    : scan_bits(digits);
  const std::string signed_digits = (negative ? "-" : "") + std::string{digits};
  const auto* begin = signed_digits.data();
  const auto* end = begin + signed_digits.size();
  written_number out;
  if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
    int64_t whole = 0;
    const auto [past, fault] = std::from_chars(begin, end, whole);
    if (fault == std::errc::result_out_of_range || whole == null_long
        || whole == inf_long || whole == -inf_long)
      return wrong("the number does not fit 64 bits");
    if (fault != std::errc{} || past != end)
      return wrong("not a number");
    out = one(column_type::long_, whole, false);
  } else {
    double number = 0;
    const auto [past, fault] = std::from_chars(begin, end, number);
    if (fault == std::errc::result_out_of_range)
      return wrong("the number is beyond what a float holds");
    if (fault != std::errc{} || past != end)
      return wrong("not a number");
    out = one(column_type::float_, number, true);
  }
  if (type)
    if (auto fault = give_type(out, *type))
      return fault;
  return out;
}

} // namespace

char letter_of(column_type type) noexcept {
  switch (type) {
    case column_type::string:
      return 'C';
    case column_type::symbol:
      return 's';
    case column_type::char_:
      return 'c';
    case column_type::guid:
      return 'g';
    default:
      break;
  }
  for (const char letter : std::string_view{"bxhijefpmdnuvt"})
    if (type_of_letter(letter) == type)
      return letter;
  return ' ';
}

result<written_number> scan_number(std::string_view word) {
  const bool negative = !word.empty() && word.front() == '-';
  if (negative)
    word.remove_prefix(1);
  if (auto special = scan_special(word, negative))
    return *std::move(special);
  if (word.substr(0, 2) == "0x")
    return negative ? result<written_number>{wrong("bytes have no sign")}
                    : scan_bytes(word.substr(2));
  const auto points = std::count(word.begin(), word.end(), '.');
  const auto first_point = word.find('.');
  const auto day_mark = word.find_first_of("DT");
  const bool is_date
    = first_point == 4 && points >= 2
      && (day_mark == std::string_view::npos || day_mark == 10);
  if (is_date)
    return negative ? result<written_number>{wrong("a date has no sign")}
                    : scan_date_word(word);
  if (day_mark != std::string_view::npos)
    return scan_timespan_word(word, negative);
  if (word.find(':') != std::string_view::npos)
    return scan_clock_word(word, negative);
  if (first_point == 4 && word.back() == 'm')
    return negative ? result<written_number>{wrong("a month has no sign")}
                    : scan_month_word(word);
  return scan_decimal(word, negative);
}

result<constant> join_numbers(std::vector<written_number> words) {
  constant out;
  out.is_list = words.size() > 1;
  // The last type holds; a float beside whole numbers makes floats of all.
  std::optional<column_type> type;
  for (const auto& word : words)
    if (word.has_type)
      type = word.type;
  out.type = type.value_or(column_type::long_);
  for (auto& word : words) {
    if (word.is_bits && words.size() > 1)
      return wrong("booleans and bytes stand together: 101b, 0x0a0b");
    out.is_list = out.is_list || word.is_bits;
    if (word.type != out.type) {
      const bool widens = !word.has_type
                          || (word.type == column_type::float_
                              && out.type == column_type::real);
      if (!widens)
        return wrong("a list has values of one type, and not both of "
                     + std::string{to_string(word.type)} + " and "
                     + std::string{to_string(out.type)});
      if (auto fault = give_type(word, out.type))
        return fault;
    }
    std::move(word.values.begin(), word.values.end(),
              std::back_inserter(out.values));
  }
  return out;
}

bool looks_like_date(std::string_view text) noexcept {
  constexpr std::string_view form = "0000-00-00";
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char wanted) {
                      return wanted == '-' ? c == '-' : c >= '0' && c <= '9';
                    });
}

} // namespace millrace::query::qsql
