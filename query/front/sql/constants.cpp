#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace millrace::query::sql {

namespace {

error wrong(std::string_view text, std::string_view what) {
  return {errc::invalid_argument,
          "'" + std::string{text} + "' is not " + std::string{what}};
}

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

struct unit {
  std::string_view name;
  int64_t ns = 0;
  int64_t months = 0;
};
constexpr int64_t second_ns = text::second_ns;
constexpr int64_t minute_ns = text::minute_ns;
constexpr int64_t hour_ns = 60 * text::minute_ns;
constexpr int64_t day_ns = text::day_ns;
constexpr std::array units{
  unit{"ns", 1},
  unit{"nanosecond", 1},
  unit{"us", 1000},
  unit{"usec", 1000},
  unit{"microsecond", 1000},
  unit{"ms", 1'000'000},
  unit{"msec", 1'000'000},
  unit{"millisecond", 1'000'000},
  unit{"s", second_ns},
  unit{"sec", second_ns},
  unit{"second", second_ns},
  unit{"m", minute_ns},
  unit{"min", minute_ns},
  unit{"minute", minute_ns},
  unit{"h", hour_ns},
  unit{"hr", hour_ns},
  unit{"hour", hour_ns},
  unit{"d", day_ns},
  unit{"day", day_ns},
  unit{"w", 7 * day_ns},
  unit{"week", 7 * day_ns},
  unit{"mon", 0, 1},
  unit{"month", 0, 1},
  unit{"y", 0, 12},
  unit{"yr", 0, 12},
  unit{"year", 0, 12},
};

std::optional<unit> unit_of(std::string_view written) {
  auto name = text::lower_case(written);
  for (int pass = 0; pass < 2; ++pass) {
    for (const auto& each : units)
      if (each.name == name)
        return each;
    if (name.size() < 3 || name.back() != 's')
      break;
    name.pop_back();
  }
  return std::nullopt;
}

/// Sums that do not fit are refused.
bool add(int64_t& to, long double value) {
  const auto sum = static_cast<long double>(to) + value;
  if (std::fabs(sum) > 9.2e18L)
    return false;
  to = static_cast<int64_t>(std::round(sum));
  return true;
}

class interval_reader {
public:
  explicit interval_reader(std::string_view text) : text_{text} {}

  result<written_interval> run() {
    skip();
    if (at_ == text_.size())
      return wrong(text_, form);
    while (at_ < text_.size()) {
      if (!part())
        return wrong(text_, form);
      skip();
    }
    return out_;
  }

private:
  static constexpr std::string_view form
    = "a span of time, as '5 minutes' or '1 day 02:00:00'";

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ')
      ++at_;
  }

  bool part() {
    const bool negative = text_[at_] == '-';
    if (negative || text_[at_] == '+')
      ++at_;
    const long double sign = negative ? -1 : 1;
    const auto first = number();
    if (!first)
      return false;
    if (at_ < text_.size() && text_[at_] == ':')
      return clock(*first, sign);
    skip();
    const auto begin = at_;
    while (at_ < text_.size() && text_[at_] != ' ' && !is_decimal(text_[at_])
           && text_[at_] != '-' && text_[at_] != '+')
      ++at_;
    const auto found = unit_of(text_.substr(begin, at_ - begin));
    if (!found)
      return false;
    if (found->months != 0)
      return *first == std::floor(*first)
             && add(out_.months, sign * *first * found->months);
    return add(out_.ns, sign * *first * found->ns);
  }

  std::optional<long double> number() {
    const auto begin = at_;
    while (at_ < text_.size() && (is_decimal(text_[at_]) || text_[at_] == '.'))
      ++at_;
    const auto digits = text_.substr(begin, at_ - begin);
    double value = 0;
    const auto [end, fault]
      = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (fault != std::errc{} || end != digits.data() + digits.size())
      return std::nullopt;
    return value;
  }

  /// "02:00", "02:00:01.5"
  bool clock(long double hours, long double sign) {
    long double ns = hours * hour_ns;
    for (const auto each : {minute_ns, second_ns}) {
      if (at_ == text_.size() || text_[at_] != ':')
        break;
      ++at_;
      const auto value = number();
      if (!value || *value >= 60)
        return false;
      ns += *value * each;
    }
    return add(out_.ns, sign * ns);
  }

  std::string_view text_;
  size_t at_ = 0;
  written_interval out_;
};

} // namespace

result<written_interval> parse_interval(std::string_view text) {
  return interval_reader{text}.run();
}

result<written_interval> parse_width(std::string_view text) {
  const auto letter = text.find_first_not_of("0123456789");
  if (letter == std::string_view::npos || letter == 0
      || letter + 1 != text.size())
    return parse_interval(text);
  // QuestDB's letters, where they are others than PostgreSQL's.
  const auto digits = std::string{text.substr(0, letter)};
  switch (text[letter]) {
    case 'n':
      return parse_interval(digits + " ns");
    case 'U':
      return parse_interval(digits + " us");
    case 'T':
      return parse_interval(digits + " ms");
    case 'M':
      return parse_interval(digits + " months");
    default:
      return parse_interval(text);
  }
}

result<std::pair<int64_t, int64_t>>
parse_time_interval(std::string_view written) {
  const auto refused
    = wrong(written, "a date or a part of one, as '2024-05' or "
                     "'2024-05-02T14:30'");
  const auto fits = [&](std::string_view form) {
    return written.size() == form.size()
           && std::equal(form.begin(), form.end(), written.begin(),
                         [](char wanted, char c) {
                           return wanted == '0'   ? is_decimal(c)
                                  : wanted == 'T' ? c == 'T' || c == ' '
                                                  : c == wanted;
                         });
  };
  const auto number = [&](size_t begin, size_t size) {
    int value = 0;
    for (size_t i = begin; i < begin + size; ++i)
      value = value * 10 + (written[i] - '0');
    return value;
  };
  const auto at = [](std::string text) -> result<int64_t> {
    auto read = parse_time(text);
    if (!read)
      return read.failure();
    return read->ns;
  };
  std::string begin{written};
  int64_t width = 0;
  if (fits("0000") || fits("0000-00")) {
    const auto year = number(0, 4);
    const auto month = written.size() == 4 ? 1 : number(5, 2);
    if (month < 1 || month > 12)
      return refused;
    const auto last = written.size() == 4 ? 12 : month;
    const auto first_day
      = text::day_of({year, static_cast<uint32_t>(month), 1});
    const auto end_day
      = text::day_of({last == 12 ? year + 1 : year,
                      static_cast<uint32_t>(last == 12 ? 1 : last + 1), 1});
    if (year < 1708 || year > 2290)
      return refused;
    return std::pair{first_day * day_ns, end_day * day_ns - 1};
  }
  if (fits("0000-00-00")) {
    width = day_ns;
  } else if (fits("0000-00-00T00")) {
    width = hour_ns;
    begin += ":00";
  } else if (fits("0000-00-00T00:00")) {
    width = minute_ns;
  } else if (fits("0000-00-00T00:00:00")) {
    width = second_ns;
  } else {
    return refused;
  }
  const auto first = at(begin);
  if (!first)
    return refused;
  return std::pair{*first, *first + width - 1};
}

namespace {
/// "2024-01-20 +00" as "2024-01-20".
std::string_view without_zone(std::string_view text) {
  constexpr size_t date_size = sizeof "2024-01-20" - 1;
  if (text.size() <= date_size)
    return text;
  auto rest = text.substr(date_size);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const bool is_offset
    = rest.size() > 1 && (rest[0] == '+' || rest[0] == '-')
      && rest.find_first_not_of("0123456789:", 1) == rest.npos;
  const bool is_zone = rest == "Z" || rest == "z" || rest == "UTC";
  return is_offset || is_zone ? text.substr(0, date_size) : text;
}
} // namespace

result<literal> parse_constant(std::string_view text, column_type type) {
  if (is_text(type)) {
    if (text.empty())
      return error{errc::invalid_argument,
                   "an empty text is null here; write IS NULL or IS NOT NULL"};
    return literal{std::string{text}};
  }
  const auto what = "a value of type " + std::string{to_string(type)};
  const auto word = text::lower_case(text);
  if (type == column_type::boolean) {
    for (const auto* each : {"t", "true", "y", "yes", "on", "1"})
      if (word == each)
        return literal{int64_t{1}};
    for (const auto* each : {"f", "false", "n", "no", "off", "0"})
      if (word == each)
        return literal{int64_t{0}};
    return wrong(text, what);
  }
  if (type == column_type::timespan) {
    const auto span = parse_interval(text);
    if (!span)
      return span.failure();
    if (span->months != 0)
      return wrong(text, "a span of a fixed length");
    return literal{span->ns};
  }
  if (type == column_type::timestamp || type == column_type::date) {
    const int64_t endless = type == column_type::date ? inf_int : inf_long;
    if (word == "infinity" || word == "inf")
      return literal{endless};
    if (word == "-infinity" || word == "-inf")
      return literal{-endless};
  }
  if (type == column_type::date) {
    // As PostgreSQL reads a time for a date: the time of day is left out, and
    // a zone after a date alone.
    const auto time = parse_time(without_zone(text));
    if (!time)
      return wrong(text, what);
    return literal{text::floor_divide(time->ns, day_ns)};
  }
  auto value = parse_literal(text, type);
  if (!value || std::holds_alternative<std::monostate>(*value))
    return wrong(text, what);
  return value;
}

result<std::vector<std::optional<std::string>>>
parse_array(std::string_view array) {
  const auto bad_array = [](const char* why) {
    return error{errc::invalid_argument, std::string{"an array "} + why};
  };
  std::vector<std::optional<std::string>> out;
  if (array.size() < 2 || array.front() != '{' || array.back() != '}')
    return bad_array("is written as {a,b}");
  array = array.substr(1, array.size() - 2);
  for (bool is_first = true; !array.empty() || !is_first; is_first = false) {
    if (!is_first && array.empty())
      break;
    if (!is_first) {
      if (array.front() != ',')
        return bad_array("has a comma between its elements");
      array.remove_prefix(1);
    }
    std::string text;
    const bool is_quoted = array.starts_with('"');
    size_t at = is_quoted;
    for (; at < array.size() && array[at] != (is_quoted ? '"' : ','); ++at) {
      if (!is_quoted && array[at] == '{')
        return bad_array("of several dimensions is not read");
      at += array[at] == '\\' && at + 1 < array.size();
      text += array[at];
    }
    if (is_quoted && at >= array.size())
      return bad_array("has a quotation without an end");
    if (!is_quoted && text.empty())
      return bad_array("has an empty element without quotes");
    array.remove_prefix(std::min(at + is_quoted, array.size()));
    if (!is_quoted && (text == "NULL" || text == "null"))
      out.emplace_back();
    else
      out.emplace_back(std::move(text));
  }
  return out;
}

result<std::string> like_pattern_of(std::string_view pattern, char escape,
                                    bool any_case) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    auto c = pattern[i];
    const bool plain = escape != '\0' && c == escape;
    if (plain) {
      if (++i == pattern.size())
        return error{errc::invalid_argument,
                     "the pattern ends with its escape character"};
      c = pattern[i];
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (any_case && (static_cast<unsigned char>(c) & 0x80) != 0)
      return error{errc::unsupported,
                   "ILIKE takes letters of ASCII only; use LIKE"};
    if (!plain && c == '%')
      out += '*';
    else if (!plain && c == '_')
      out += '?';
    else if (c == '*' || c == '?' || c == '[')
      out += std::string{"["} + c + "]";
    else if (any_case && letter)
      out += std::string{"["} + static_cast<char>(c & ~0x20)
             + static_cast<char>(c | 0x20) + "]";
    else
      out += c;
  }
  return out;
}

} // namespace millrace::query::sql
