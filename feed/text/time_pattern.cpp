#include <millrace/feed/text/time_pattern.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/time_scan.hpp>

#include <algorithm>
#include <array>

namespace millrace::feed {

namespace {

constexpr std::string_view months[]
  = {"january", "february", "march",     "april",   "may",      "june",
     "july",    "august",   "september", "october", "november", "december"};

/// Abbreviations that mean one offset, those of North America as RFC 822 has
/// them, in hours.
struct zone_word {
  std::string_view word;
  int hours;
};
constexpr zone_word zone_words[]
  = {{"UTC", 0},  {"GMT", 0},  {"UT", 0},    {"EST", -5}, {"EDT", -4},
     {"CST", -6}, {"CDT", -5}, {"MST", -7},  {"MDT", -6}, {"PST", -8},
     {"PDT", -7}, {"WET", 0},  {"WEST", 1},  {"CET", 1},  {"CEST", 2},
     {"EET", 2},  {"EEST", 3}, {"MSK", 3},   {"JST", 9},  {"KST", 9},
     {"HKT", 8},  {"SGT", 8},  {"AEST", 10}, {"AEDT", 11}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

std::string_view take_word(std::string_view& rest) {
  const auto end
    = std::find_if_not(rest.begin(), rest.end(), is_letter) - rest.begin();
  const auto word = rest.substr(0, static_cast<size_t>(end));
  rest.remove_prefix(word.size());
  return word;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool take_month(std::string_view& rest, int32_t& out) {
  const auto word = take_word(rest);
  for (int32_t i = 0; i < 12; ++i)
    if (word.size() >= 3
        && (same(word, months[i]) || same(word, months[i].substr(0, 3)))) {
      out = i + 1;
      return true;
    }
  return false;
}

bool take_zone(std::string_view& rest, std::optional<int64_t>& out) {
  const auto word = take_word(rest);
  if (word == "Z") {
    out = 0;
    return true;
  }
  for (const auto& each : zone_words)
    if (each.word == word) {
      out = each.hours * text::hour_ns;
      return true;
    }
  return false;
}

bool take_offset(std::string_view& rest, std::optional<int64_t>& out) {
  text::scanner in{rest};
  int64_t ns = 0;
  if (!text::scan_offset(in, ns))
    return false;
  rest = in.rest();
  out = ns;
  return true;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool take_number(std::string_view& rest, uint32_t least, uint32_t most,
                 int32_t& out, uint32_t& count) {
  out = 0;
  for (count = 0; count < most && count < rest.size() && is_digit(rest[count]);
       ++count)
    out = out * 10 + (rest[count] - '0');
  rest.remove_prefix(count);
  return count >= least;
}

/// A day with a blank before it, which in a run of digits (of two then) stands
/// in the place of one.
bool take_padded_day(std::string_view& rest, uint32_t least, int32_t& out) {
  uint32_t count = 0;
  if (!rest.starts_with(' '))
    return take_number(rest, least, 2, out, count);
  rest.remove_prefix(1);
  return take_number(rest, 1, least == 2 ? 1 : 2, out, count);
}

bool take_fraction(std::string_view& rest, uint32_t least, uint32_t most,
                   int64_t& out_ns) {
  int32_t digits = 0;
  uint32_t count = 0;
  if (!take_number(rest, least, most, digits, count))
    return false;
  out_ns = digits;
  for (; count < 9; ++count)
    out_ns *= 10;
  return true;
}

/// Fewer digits than `wanted`, as numbers are written: 93000 for 093000. What
/// begins with a zero and is not as long is a time of another form.
bool lacks_zeroes(std::string_view text, uint32_t wanted) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<size_t>(end - text.begin());
  return count != 0 && count < wanted && (count == 1 || text.front() != '0');
}

bool is_numeric(char what) {
  return std::string_view{"YmdeHIMSfyj"}.find(what) != std::string_view::npos;
}

} // namespace

/// What the directives took.
struct time_pattern::fields {
  int32_t year = 2000;
  int32_t month = 1;
  int32_t day = 1;
  int32_t day_of_year = 0;
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  int64_t fraction_ns = 0;
  bool twelve = false;
  std::optional<bool> afternoon;
  std::optional<int64_t> offset_ns;
};

/// Directives that stand for several.
void time_pattern::expand(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char what = text[++i];
    out += what == 'F'   ? "%Y-%m-%d"
           : what == 'T' ? "%H:%M:%S"
           : what == 'D' ? "%m/%d/%y"
           : what == 'R' ? "%H:%M"
                         : std::string{'%', what};
  }
}

error time_pattern::add_directive(std::string_view text, size_t& at) {
  step next;
  char what = text[at++];
  if (is_digit(what) && at < text.size() && text[at] == 'f') {
    next.digits_min = next.digits_max = static_cast<uint32_t>(what - '0');
    what = text[at++];
    if (next.digits_max == 0)
      return {errc::invalid_argument, "%0f takes no digit"};
  } else if (what == '.') {
    if (at == text.size() || text[at++] != 'f')
      return {errc::invalid_argument,
              "'%.' is not followed by an f: %.f is a fraction with its point, "
              "or neither"};
    next.digits_max = 9;
  } else if (what == 'f') {
    next.digits_max = 9;
  } else if (what == 'Y') {
    next.digits_min = next.digits_max = 4;
  } else if (what == 'j') {
    next.digits_min = next.digits_max = 3;
  } else if (what == 'y') {
    next.digits_min = 2;
  }
  next.what = what;
  if (what == '%') {
    next.what = '=';
    next.text = "%";
  } else if (std::string_view{"YmdeHIMSf.yjbBhpzZaA"}.find(what)
             == std::string_view::npos) {
    return {errc::invalid_argument,
            "unknown directive %" + std::string(1, what)};
  }
  has_date_
    = has_date_ || std::string_view{"Yy"}.find(what) != std::string_view::npos;
  has_clock_ = has_clock_ || what == 'H' || what == 'I';
  steps_.push_back(std::move(next));
  return {};
}

result<time_pattern> time_pattern::compile(std::string_view given) {
  std::string text;
  expand(given, text);
  time_pattern made;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c == '%') {
      if (at == text.size())
        return error{errc::invalid_argument, "'%' at its end"};
      if (auto fault = made.add_directive(text, at))
        return fault;
    } else if (c == ' ') {
      if (made.steps_.empty() || made.steps_.back().what != ' ')
        made.steps_.push_back({' ', 1, 1, {}});
    } else if (!made.steps_.empty() && made.steps_.back().what == '=') {
      made.steps_.back().text += c;
    } else {
      made.steps_.push_back({'=', 1, 1, std::string(1, c)});
    }
  }
  if (auto fault = made.fill_runs())
    return fault;
  made.find_clock_runs();
  if (auto fault = made.check())
    return fault;
  return made;
}

/// Digits that follow each other without a mark are told apart by their number
/// alone: one that is missing, as the zero before a number is, would make
/// another time of them.
error time_pattern::fill_runs() {
  for (size_t i = 0; i + 1 < steps_.size(); ++i) {
    auto& each = steps_[i];
    auto& next = steps_[i + 1];
    if (each.what == '.' && is_numeric(next.what))
      return {errc::invalid_argument,
              "%.f before digits: where it ends is not known"};
    if (!is_numeric(each.what) || !is_numeric(next.what))
      continue;
    for (const auto* one : {&each, &next})
      if (one->what == 'f' && one->digits_min != one->digits_max)
        return {errc::invalid_argument, std::string{"%f "}
                                          + (one == &each ? "before" : "after")
                                          + " digits: say how many, as in %6f"};
    each.digits_min = each.digits_max;
    next.digits_min = next.digits_max;
  }
  return {};
}

void time_pattern::find_clock_runs() {
  for (size_t i = 0; i < steps_.size(); ++i) {
    auto& hour = steps_[i];
    if (hour.what != 'H' || (i != 0 && is_numeric(steps_[i - 1].what)))
      continue;
    auto end = i;
    for (; end < steps_.size() && is_numeric(steps_[end].what); ++end)
      hour.run_digits += steps_[end].digits_max;
    hour.run_steps = end - i;
    if (hour.run_steps == 1) // "9:30" has a mark of its own.
      hour.run_steps = hour.run_digits = 0;
  }
}

error time_pattern::check() const {
  const auto has = [this](std::string_view any) {
    return std::any_of(steps_.begin(), steps_.end(), [&](const step& each) {
      return any.find(each.what) != any.npos;
    });
  };
  if (!has_date_ && !has_clock_)
    return {errc::invalid_argument, "has neither a year nor an hour"};
  if (!has_date_ && has("mdejbBh"))
    return {errc::invalid_argument, "has a day or month, and no year"};
  if (has("I") != has("p"))
    return {errc::invalid_argument, "%I and %p need each other"};
  return {};
}

bool time_pattern::take(const step& next, std::string_view& rest, fields& out) {
  uint32_t count = 0;
  const auto number = [&](int32_t& into) {
    return take_number(rest, next.digits_min, next.digits_max, into, count);
  };
  switch (next.what) {
    case '=':
      if (!rest.starts_with(next.text))
        return false;
      rest.remove_prefix(next.text.size());
      return true;
    case ' ': {
      const auto end = std::min(rest.find_first_not_of(" \t"), rest.size());
      rest.remove_prefix(end);
      return end != 0;
    }
    case 'Y':
      return number(out.year);
    case 'y':
      if (!number(out.year))
        return false;
      out.year += out.year < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return number(out.month);
    case 'b':
    case 'B':
    case 'h':
      return take_month(rest, out.month);
    case 'e':
      return take_padded_day(rest, next.digits_min, out.day);
    case 'd':
      return number(out.day);
    case 'j':
      return number(out.day_of_year) && out.day_of_year != 0;
    case 'H':
      return number(out.hour);
    case 'I':
      out.twelve = true;
      return number(out.hour) && out.hour >= 1 && out.hour <= 12;
    case 'M':
      return number(out.minute);
    case 'S':
      return number(out.second);
    case '.':
      if (!rest.starts_with('.'))
        return true;
      rest.remove_prefix(1);
      [[fallthrough]];
    case 'f':
      return take_fraction(rest, next.digits_min, next.digits_max,
                           out.fraction_ns);
    case 'p': {
      const auto word = take_word(rest);
      if (same(word, "AM"))
        out.afternoon = false;
      else if (same(word, "PM"))
        out.afternoon = true;
      return out.afternoon.has_value();
    }
    case 'z':
      return take_offset(rest, out.offset_ns);
    case 'Z':
      return take_zone(rest, out.offset_ns);
    default: // A weekday: the date says it.
      return !take_word(rest).empty();
  }
}

bool time_pattern::take_short_run(size_t at, std::string_view& rest,
                                  fields& out) const {
  const auto& hour = steps_[at];
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const auto digits = rest.substr(0, static_cast<size_t>(end - rest.begin()));
  std::string padded(hour.run_digits - digits.size(), '0');
  padded += digits;
  std::string_view left{padded};
  for (auto i = at; i < at + hour.run_steps; ++i)
    if (!take(steps_[i], left, out))
      return false;
  rest.remove_prefix(digits.size());
  return left.empty();
}

fault time_pattern::read(std::string_view text, parts& out) const {
  fields found;
  for (size_t i = 0; i < steps_.size();) {
    const auto& next = steps_[i];
    const bool is_short = lacks_zeroes(text, next.run_digits);
    if (!(is_short ? take_short_run(i, text, found) : take(next, text, found)))
      return fault::not_time;
    i += is_short ? next.run_steps : 1;
  }
  if (!text.empty())
    return fault::not_time;
  if (found.twelve)
    found.hour = found.hour % 12 + (*found.afternoon ? 12 : 0);
  if (found.hour > 23 || found.minute > 59 || found.second > 59)
    return fault::not_time;
  out.ns_of_day = found.hour * text::hour_ns + found.minute * text::minute_ns
                  + found.second * text::second_ns + found.fraction_ns;
  out.offset_ns = found.offset_ns;
  if (!has_date_)
    return fault::none;
  const text::civil_date date{found.year, static_cast<uint32_t>(found.month),
                              static_cast<uint32_t>(found.day)};
  if (!text::exists(date))
    return fault::no_such_date;
  if (found.year < text::year_min || found.year > text::year_max)
    return fault::overflow;
  out.day = static_cast<int32_t>(text::day_of(date));
  if (found.day_of_year == 0)
    return fault::none;
  out.day += found.day_of_year - 1;
  return text::civil_of(out.day).year == found.year ? fault::none
                                                    : fault::no_such_date;
}

} // namespace millrace::feed
