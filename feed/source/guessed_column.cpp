#include <millrace/feed/parse/time_reader.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/number_marks_internal.hpp>
#include <millrace/feed/text/number_text.hpp>
#include <millrace/feed/text/time_pattern.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <optional>
#include <set>

namespace millrace::feed {

namespace {

using kind = guessed_column::kind;

struct time_form {
  kind is;
  const char* format; ///< "": iso.
  bool zoned = false;
  bool named = false; ///< Only of a field whose name says a time.
};

// The first that all values have is taken. Where day and month cannot be told
// apart the American form is, and it is said so.
constexpr time_form forms[] = {
  {kind::stamp, ""},
  {kind::stamp, "%m/%d/%Y %H:%M:%S.%f"},
  {kind::stamp, "%m/%d/%Y %H:%M:%S"},
  {kind::stamp, "%m/%d/%Y %H:%M"},
  {kind::stamp, "%m/%d/%Y %I:%M:%S.%f %p"},
  {kind::stamp, "%m/%d/%Y %I:%M:%S %p"},
  {kind::stamp, "%d/%m/%Y %H:%M:%S.%f"},
  {kind::stamp, "%d/%m/%Y %H:%M:%S"},
  {kind::stamp, "%d/%m/%Y %H:%M"},
  {kind::stamp, "%d.%m.%Y %H:%M:%S.%f"},
  {kind::stamp, "%d.%m.%Y %H:%M:%S"},
  {kind::stamp, "%d.%m.%Y %H:%M"},
  {kind::stamp, "%m/%d/%y %H:%M:%S"},
  {kind::stamp, "%m/%d/%y %H:%M"},
  {kind::stamp, "%d/%m/%y %H:%M:%S"},
  {kind::stamp, "%d/%m/%y %H:%M"},
  {kind::stamp, "%Y-%m-%d %H:%M:%S"},
  {kind::stamp, "%Y-%m-%d %H:%M:%S.%f"},
  {kind::stamp, "%Y-%m-%d %H:%M"},
  {kind::stamp, "%a %b %e %H:%M:%S %Y"},
  {kind::stamp, "%b %e %Y %I:%M%p"},
  {kind::stamp, "%Y-%m-%d %H:%M:%S %Z", true},
  {kind::stamp, "%Y-%m-%d %H:%M:%S.%f %Z", true},
  {kind::stamp, "%Y-%m-%d %H:%M %Z", true},
  {kind::stamp, "%Y-%m-%dT%H:%M:%S %Z", true},
  {kind::stamp, "%d.%m.%Y %H:%M:%S.%f GMT%z", true},
  {kind::stamp, "%Y-%m-%d %H:%M:%S %z", true},
  {kind::stamp, "%Y-%m-%d %H:%M:%S.%f %z", true},
  {kind::stamp, "%Y-%m-%dT%H:%M:%S %z", true},
  {kind::stamp, "%Y-%m-%dT%H:%M:%S.%f %z", true},
  {kind::stamp, "%Y%m%dT%H%M%S%z", true},
  {kind::stamp, "%Y%m%dT%H%M%S.%f%z", true},
  {kind::stamp, "%Y%m%dT%H%M%S"},
  {kind::stamp, "%Y%m%dT%H%M%S.%f"},
  {kind::stamp, "%Y%m%d %H%M%S%3f"},
  {kind::stamp, "%Y%m%d %H%M%S"},
  {kind::stamp, "%Y%m%d %H:%M:%S.%f"},
  {kind::stamp, "%Y%m%d %H:%M:%S"},
  {kind::stamp, "%Y%m%d-%H:%M:%S.%f"},
  {kind::stamp, "%Y%m%d-%H:%M:%S"},
  {kind::stamp, "%d-%b-%Y %H:%M:%S.%f"},
  {kind::stamp, "%d-%b-%Y %H:%M:%S"},
  {kind::stamp, "%d-%b-%y %H:%M:%S.%f"},
  {kind::stamp, "%d-%b-%y %H:%M:%S"},
  {kind::stamp, "%d %b %Y %H:%M:%S.%f"},
  {kind::stamp, "%d %b %Y %H:%M:%S"},
  {kind::stamp, "%d %b %Y %H:%M"},
  {kind::stamp, "%b %d, %Y %H:%M:%S"},
  {kind::stamp, "%b %d, %Y %H:%M"},
  {kind::stamp, "%b %d, %Y %I:%M:%S %p"},
  {kind::stamp, "%b %d, %Y %I:%M %p"},
  {kind::stamp, "%a, %d %b %Y %H:%M:%S %z", true},
  {kind::stamp, "%a, %d %b %Y %H:%M:%S %Z", true},
  {kind::date, ""},
  {kind::date, "%m/%d/%Y"},
  {kind::date, "%d/%m/%Y"},
  {kind::date, "%m/%d/%y"},
  {kind::date, "%d/%m/%y"},
  {kind::date, "%d.%m.%Y"},
  {kind::date, "%d-%b-%Y"},
  {kind::date, "%d-%b-%y"},
  {kind::date, "%d %b %Y"},
  {kind::date, "%b %d, %Y"},
  {kind::date, "%Y-%j", false, true},
  {kind::clock, ""},
  {kind::clock, "%H:%M:%S.%f"},
  {kind::clock, "%H:%M:%S"},
  {kind::clock, "%H:%M"},
  {kind::clock, "%I:%M:%S %p"},
  {kind::clock, "0D%H:%M:%S.%f"},
  {kind::clock, "0D%H:%M:%S"},
};

/// Digits alone say a time only when the field's name does.
struct digit_form {
  kind is;
  const char* format;
  size_t length;
  uint64_t least = 0;
  uint64_t most = UINT64_MAX;
};
constexpr digit_form digit_forms[] = {
  {kind::stamp, "%Y%m%d%H%M%S", 14, 19'000'101'000'000, 21'000'101'000'000},
  // Data is of the past: from 1985 on, and before 2040. Later ones are numbers.
  {kind::stamp, "unix_s", 10, 500'000'000, 2'200'000'000},
  {kind::stamp, "unix_ms", 13, 500'000'000'000, 2'200'000'000'000},
  {kind::stamp, "unix_us", 16, 500'000'000'000'000, 2'200'000'000'000'000},
  {kind::stamp, "unix_ns", 19, 500'000'000'000'000'000,
   2'200'000'000'000'000'000},
  {kind::date, "%Y%m%d", 8, 19'000'101, 21'000'101},
  {kind::clock, "%H%M", 4, 0, 2'359},
  {kind::clock, "hhmmss", 6, 0, 235'959},
  {kind::clock, "hhmmss_ms", 9, 0, 235'959'999},
  {kind::clock, "hhmmss_us", 12, 0, 235'959'999'999},
  {kind::clock, "hhmmss_ns", 15, 0, 235'959'999'999'999},
};

bool reads(const time_form& form, time_reader& reader, std::string_view text) {
  // The readers look at whole words after the end.
  std::string padded{text};
  padded.append(text_slack, '\n');
  int64_t ns = 0;
  int32_t day = 0;
  switch (form.is) {
    case kind::stamp: {
      // A date or a time alone is another kind.
      const bool iso = form.format[0] == '\0';
      return (!iso || text.find(':') != text.npos)
             && reader.timestamp(padded.data(), text.size(), ns) == fault::none;
    }
    case kind::date:
      return text.find_first_of("-./ ") != text.npos
             && reader.date(padded.data(), text.size(), day) == fault::none;
    default:
      return text.find(':') != text.npos
             && reader.time_of_day(padded.data(), text.size(), ns)
                  == fault::none;
  }
}

bool all_read(const time_form& form,
              const std::vector<std::string_view>& values) {
  const auto utc = zone_clock::open("UTC");
  std::optional<time_pattern> pattern;
  if (form.format[0] != '\0') {
    auto made = time_pattern::compile(form.format);
    if (!made)
      return false;
    pattern = *std::move(made);
  }
  time_reader reader{pattern ? time_format::pattern : time_format::iso, *utc,
                     null_int, pattern ? &*pattern : nullptr};
  return utc && std::all_of(values.begin(), values.end(), [&](auto each) {
           return reads(form, reader, each);
         });
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// 93000 and 160000, or 0930 and 1600. Numbers of four digits are a clock only
/// where one shows it: 1430 may be many things.
bool are_clocks(const digit_form& form,
                const std::vector<std::string_view>& values) {
  const auto utc = zone_clock::open("UTC");
  const auto minutes = time_pattern::compile("%H%M");
  const auto known = form.length == 6    ? time_format::hhmmss
                     : form.length == 9  ? time_format::hhmmss_ms
                     : form.length == 12 ? time_format::hhmmss_us
                     : form.length == 15 ? time_format::hhmmss_ns
                                         : time_format::pattern;
  if (!utc || !minutes)
    return false;
  time_reader reader{known, *utc, null_int, &*minutes};
  bool is_shown = form.length != 4;
  bool any_whole = false;
  for (const auto text : values) {
    int64_t ns = 0;
    const auto padded = std::string{text}.append(text_slack, '\n');
    if (text.size() > form.length
        || reader.time_of_day(padded.data(), text.size(), ns) != fault::none)
      return false;
    any_whole = any_whole || text.size() == form.length;
    is_shown = is_shown || text.front() == '0' || text > "1440";
  }
  return any_whole && is_shown;
}

bool are_of(const digit_form& form,
            const std::vector<std::string_view>& values) {
  return std::all_of(values.begin(), values.end(), [&](auto text) {
    uint64_t number = 0;
    return text.size() == form.length
           && parse_digits(std::string{text}.append(16, ' ').data(),
                           text.size(), number)
                == fault::none
           && number >= form.least && number <= form.most;
  });
}

bool guess_digits(const std::vector<std::string_view>& values,
                  guessed_column& out) {
  if (!std::all_of(values.begin(), values.end(), is_digits))
    return false;
  for (const auto& form : digit_forms) {
    if (form.is == kind::clock ? !are_clocks(form, values)
                               : !are_of(form, values))
      continue;
    out.is = form.is;
    out.format = form.format;
    out.zoned = out.format.starts_with("unix");
    return true;
  }
  return false;
}

/// "1704205800.123": a count since 1970 with a fraction.
bool guess_fractions(const std::vector<std::string_view>& values,
                     guessed_column& out) {
  std::vector<std::string_view> whole;
  for (const auto text : values) {
    const auto point = std::min(text.find('.'), text.size());
    const auto rest = text.substr(point);
    if (rest.size() > 1 && !is_digits(rest.substr(1)))
      return false;
    whole.push_back(text.substr(0, point));
  }
  return std::all_of(whole.begin(), whole.end(), is_digits)
         && guess_digits(whole, out) && out.format.starts_with("unix");
}

/// "1.7041878E9": such a count as columns of doubles are written.
bool guess_exponents(const std::vector<std::string_view>& values,
                     guessed_column& out) {
  bool any = false;
  auto least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (const auto text : values) {
    exact_decimal ignored;
    if (parse_exact(text, ignored) != fault::none)
      return false;
    any = any || text.find_first_of("eE") != text.npos;
    const auto number = std::strtod(std::string{text}.c_str(), nullptr);
    least = std::min(least, number);
    most = std::max(most, number);
  }
  for (const auto& form : digit_forms)
    if (any && std::string_view{form.format}.starts_with("unix")
        && least >= static_cast<double>(form.least)
        && most <= static_cast<double>(form.most)) {
      out.is = form.is;
      out.format = form.format;
      out.zoned = true;
      return true;
    }
  return false;
}

/// "2024-01-02 09:30:00+05:30", or with a Z.
bool says_offset(std::string_view text) {
  const auto clock = text.find(':');
  if (text.ends_with('Z') || text.ends_with('z'))
    return true;
  const auto sign = text.find_last_of("+-");
  return clock != text.npos && sign != text.npos && sign > clock;
}

/// The first form that all values have. Where some have a fraction and others
/// none, it is one with both.
std::optional<time_form> form_of(const std::vector<std::string_view>& values,
                                 std::string_view name, std::string& text) {
  for (const auto& form : forms)
    if ((!form.named || says_time(name)) && all_read(form, values))
      return form;
  constexpr std::string_view fraction = ".%f";
  for (const auto& form : forms) {
    text = form.format;
    const auto at = text.find(fraction);
    if (at == text.npos)
      continue;
    text.replace(at, fraction.size(), "%.f");
    const time_form both{form.is, text.c_str(), form.zoned};
    if (all_read(both, values))
      return both;
  }
  return {};
}

bool guess_time(const std::vector<std::string_view>& values,
                std::string_view name, guessed_column& out) {
  if (std::all_of(values.begin(), values.end(), is_digits))
    return (says_time(name) || (name.empty() && values.front().size() >= 13))
           && guess_digits(values, out);
  if (says_time(name)
      && (guess_fractions(values, out) || guess_exponents(values, out)))
    return true;
  out = {.null_words = out.null_words,
         .some_empty = out.some_empty,
         .few_values = out.few_values};
  std::string text;
  const auto form = form_of(values, name, text);
  if (!form)
    return false;
  out.is = form->is;
  out.format = form->format;
  out.zoned = form->zoned
              || (out.format.empty()
                  && std::all_of(values.begin(), values.end(), says_offset));
  if (out.format.starts_with("%m/%d")) {
    auto other = out.format;
    other.replace(0, 5, "%d/%m");
    out.either_day = all_read({form->is, other.c_str()}, values);
  }
  return true;
}

/// What time_reader::span takes: "-10:00:01", "25:00:00", minutes as "-05:30".
bool are_spans(const std::vector<std::string_view>& values) {
  const auto utc = zone_clock::open("UTC");
  if (!utc)
    return false;
  time_reader reader{time_format::iso, *utc, null_int, nullptr};
  return std::all_of(values.begin(), values.end(), [&](auto text) {
    const auto padded = std::string{text}.append(text_slack, '\n');
    int64_t ns = 0;
    const auto hours = text.substr(text.starts_with('-')).find(':');
    return hours != text.npos && hours >= 2
           && reader.span(padded.data(), text.size(), 1, ns) == fault::none;
  });
}

/// 2024-03.
bool are_months(const std::vector<std::string_view>& values) {
  return std::all_of(values.begin(), values.end(), [](auto text) {
    return text.size() == 7 && text[4] == '-' && is_digits(text.substr(0, 4))
           && text.substr(5) >= "01" && text.substr(5) <= "12"
           && is_digits(text.substr(5));
  });
}

bool is_number(std::string_view text, bool& whole) {
  exact_decimal value;
  if (parse_exact(text, value) != fault::none)
    return false;
  whole = whole && text.find_first_of(".eE") == text.npos;
  return true;
}

bool fits_number(std::string_view text) {
  const bool is_signed = text.starts_with('-') || text.starts_with('+');
  const auto digits = text.substr(is_signed);
  if (digits.size() > 1 && digits[0] == '0')
    return false;
  int64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  return read.ec != std::errc::result_out_of_range;
}

bool guess_number(const std::vector<std::string_view>& values,
                  std::string_view name, guessed_column& out) {
  if (says_code(name))
    return false;
  bool whole = true;
  if (!std::all_of(values.begin(), values.end(),
                   [&](auto text) { return is_number(text, whole); }))
    return false;
  if (const auto found = find_exponents(values);
      found != exponents::none && !says_price(name) && !says_quantity(name)) {
    out.exponents = found == exponents::likely;
    return false;
  }
  // A code, whose zeroes count, or more than a number here holds.
  if (whole && !std::all_of(values.begin(), values.end(), fits_number))
    return false;
  out.is = whole ? kind::whole : kind::decimal;
  return true;
}

bool is_infinite(std::string_view text) {
  return text == "inf" || text == "-inf" || text == "Infinity"
         || text == "-Infinity";
}

/// Values of which some are infinite, as answers of queries have them.
bool guess_infinite(const std::vector<std::string_view>& values,
                    std::string_view name, guessed_column& out) {
  std::vector<std::string_view> others;
  std::copy_if(values.begin(), values.end(), std::back_inserter(others),
               [](auto text) { return !is_infinite(text); });
  if (others.size() == values.size())
    return false;
  if (others.empty()) {
    out.is = instrument_of(name) ? kind::text : kind::decimal;
    return out.is == kind::decimal;
  }
  if (are_months(others))
    out.is = kind::month;
  else if (are_spans(others))
    out.is = kind::span;
  else if (!guess_time(others, name, out) && !guess_number(others, name, out))
    return false;
  if (out.is == kind::whole)
    out.is = kind::decimal; // Whole numbers have no such word.
  else if (out.is == kind::clock)
    out.is = kind::span;
  return true;
}

} // namespace

const std::vector<std::string>& words_for_none() {
  static const std::vector<std::string> words{
    "null", "NULL", "NA", "N/A", "n/a", "None", "none", "nan", "NaN", "\\N"};
  return words;
}

guessed_column guess_column(const std::vector<std::string_view>& all,
                            std::string_view name, bool rather_groups) {
  guessed_column out;
  const auto& none = words_for_none();
  std::vector<std::string_view> values;
  for (const auto text : all) {
    const bool word = std::find(none.begin(), none.end(), text) != none.end();
    out.null_words = out.null_words || word;
    if (!word && !text.empty())
      values.push_back(text);
  }
  out.empty = values.empty();
  out.some_empty = !out.empty && values.size() < all.size();
  const std::set<std::string_view> distinct{values.begin(), values.end()};
  out.few_values = distinct.size() * 2 <= values.size() + 2;
  if (values.empty() || guess_infinite(values, name, out)
      || guess_time(values, name, out) || guess_number(values, name, out)
      || guess_marks(values, rather_groups, out)) {
    if (out.is == kind::whole && says_price(name))
      out.is = kind::decimal;
    return out;
  }
  const bool truths
    = std::all_of(distinct.begin(), distinct.end(), [](auto text) {
        return text == "true" || text == "false" || text == "True"
               || text == "False" || text == "TRUE" || text == "FALSE";
      });
  if (truths)
    out.is = kind::boolean;
  else if (are_months(values))
    out.is = kind::month;
  else if (are_spans(values))
    out.is = kind::span;
  else
    out.marked = mark_of_numbers(values);
  return out;
}

bool is_of_time(const guessed_column& column) {
  return column.is == kind::stamp || column.is == kind::date
         || column.is == kind::clock;
}

std::optional<guessed_column>
guess_mostly_time(const std::vector<std::string_view>& all,
                  std::string_view name) {
  if (!says_time(name))
    return {};
  std::vector<std::string_view> values;
  std::copy_if(all.begin(), all.end(), std::back_inserter(values),
               [](auto text) { return !text.empty(); });
  constexpr size_t tries_max = 2; // One of the first may be the odd one.
  for (size_t i = 0; i < std::min(values.size(), tries_max); ++i) {
    const auto one = guess_column({values[i]}, name, false);
    if (!is_of_time(one))
      continue;
    std::vector<std::string_view> alike;
    std::copy_if(values.begin(), values.end(), std::back_inserter(alike),
                 [&](auto text) {
                   const auto other = guess_column({text}, name, false);
                   return other.is == one.is && other.format == one.format;
                 });
    if (alike.size() * 10 >= values.size() * 9)
      return guess_column(alike, name, false);
  }
  return {};
}

} // namespace millrace::feed
