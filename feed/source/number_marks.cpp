#include <millrace/feed/parse/text_rewrite.hpp>
#include <millrace/feed/source/number_marks_internal.hpp>
#include <millrace/feed/text/number_text.hpp>

#include <algorithm>
#include <iterator>

namespace millrace::feed {

namespace {

using kind = guessed_column::kind;

/// Digits in groups of three, with `mark` between them: "1,234", "-12,345.6".
bool has_groups(std::string_view text, char mark, char point) {
  if (text.starts_with('-') || text.starts_with('+'))
    text.remove_prefix(1);
  const auto whole = text.substr(0, text.find(point));
  if (text.find(mark, whole.size()) != text.npos)
    return false;
  size_t in_group = 0;
  bool first = true;
  for (const char c : whole) {
    if (c == mark) {
      if (first ? in_group == 0 || in_group > 3 : in_group != 3)
        return false;
      first = false;
      in_group = 0;
    } else if (c < '0' || c > '9') {
      return false;
    } else {
      ++in_group;
    }
  }
  return first || in_group == 3;
}

/// Whether it is a number without its `group`, with a point for its `point`.
bool is_marked_number(std::string_view text, char group, char point,
                      bool& whole) {
  std::string plain;
  for (const char c : text)
    if (c != group)
      plain += c == point ? '.' : c;
  exact_decimal value;
  if (parse_exact(plain, value) != fault::none)
    return false;
  whole = whole && plain.find_first_of(".eE") == plain.npos;
  return true;
}

template <class Values>
bool has_any(const Values& values, char what) {
  return std::any_of(values.begin(), values.end(), [&](const auto& text) {
    return text.find(what) != std::string_view::npos;
  });
}

/// All are numbers with `group` between thousands, and `point` before decimals.
template <class Values>
bool are_grouped(const Values& values, char group, char point, bool& whole) {
  return std::all_of(values.begin(), values.end(), [&](const auto& text) {
    return text.empty()
           || (has_groups(text, group, point)
               && is_marked_number(text, group, point, whole));
  });
}

bool are_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// "109-16", "109-165" or "109-16+".
bool is_of_32nds(std::string_view text) {
  const auto bar = std::min(text.find('-'), text.size());
  auto part = text.substr(std::min(bar + 1, text.size()));
  if (part.ends_with('+'))
    part.remove_suffix(1);
  return are_digits(text.substr(0, bar)) && are_digits(part)
         && (part.size() == 2 || part.size() == 3) && part.substr(0, 2) < "32";
}

/// "5 1/2" or "1/2".
bool is_fraction(std::string_view text) {
  const auto bar = std::min(text.find('/'), text.size());
  const auto blank = text.substr(0, bar).find(' ');
  const auto whole = blank == text.npos ? "0" : text.substr(0, blank);
  const auto part = text.substr(blank == text.npos ? 0 : blank + 1);
  return are_digits(whole) && bar != text.size()
         && are_digits(part.substr(0, part.find('/')))
         && are_digits(part.substr(part.find('/') + 1));
}

/// Marks at the end, or the begin, that are one of several letters or bytes.
std::string take_ending(std::string_view& text) {
  constexpr std::string_view minus = "\xe2\x88\x92";
  if (is_of_32nds(text)) {
    text = text.substr(0, text.find('-'));
    return "32nds after a '-', as prices of bonds have";
  }
  if (is_fraction(text)) {
    text = "0";
    return "a fraction, as 1/2";
  }
  if (text.starts_with(minus)) {
    text.remove_prefix(minus.size());
    return "a minus that is no hyphen (U+2212)";
  }
  if (text.size() < 2 || text[text.size() - 2] < '0'
      || text[text.size() - 2] > '9')
    return {};
  const auto last = text.back();
  if (last != '-' && std::string_view{"KkMmBbTt"}.find(last) == text.npos)
    return {};
  text.remove_suffix(1);
  return last == '-' ? "a minus after the digits"
                     : "a letter for thousands or millions, as K or M";
}

bool is_hexadecimal(std::string_view text) {
  return (text.starts_with("0x") || text.starts_with("0X")) && text.size() > 2
         && text.find_first_not_of("0123456789abcdefABCDEF", 2) == text.npos;
}

/// Takes off what stands at a number, once. @returns what it is
std::string take_mark(std::string_view& text) {
  auto found = take_ending(text);
  if (text.starts_with('(') && text.ends_with(')')) {
    text = text.substr(1, text.size() - 2);
    found = "parentheses";
  }
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    found = "a percent sign";
  }
  const auto negative = text.starts_with('-');
  for (const std::string_view each :
       {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "USD", "EUR", "GBP", "JPY",
        "CHF"}) {
    if (text.substr(negative).starts_with(each)) {
      text.remove_prefix(each.size() + negative);
      found = "a currency";
    } else if (text.ends_with(each)) {
      text.remove_suffix(each.size());
      found = "a currency";
    }
  }
  const auto is_blank = [&](bool first) {
    return !text.empty() && (first ? text.front() : text.back()) == ' ';
  };
  while (is_blank(true))
    text.remove_prefix(1);
  while (is_blank(false))
    text.remove_suffix(1);
  return found;
}

/// Whether something shows that the marks stand between thousands: a mark of
/// decimals after them, or two of what no price of a bond has twice. "302,604"
/// may be a list of codes, and "112'160" such a price.
template <class Values>
bool prove_groups(const Values& values, char mark) {
  return std::any_of(values.begin(), values.end(), [&](std::string_view text) {
    const auto last = text.rfind(mark);
    return last != text.npos
           && (text.find(mark == '.' ? "," : ".", last) != text.npos
               || (mark != ',' && text.find(',', last) != text.npos)
               || (mark == '\'' && text.find(mark) != last));
  });
}

void take(guessed_column& column, char group, bool decimal_comma, bool whole) {
  column.group = group;
  column.decimal_comma = decimal_comma;
  column.is = whole ? kind::whole : kind::decimal;
  column.either_mark = false;
}

} // namespace

bool guess_marks(const std::vector<std::string_view>& given, bool rather_groups,
                 guessed_column& out) {
  std::vector<std::string> kept(2 * given.size());
  std::vector<std::string_view> values;
  for (size_t i = 0; i < given.size(); ++i)
    values.push_back(plain_marks(plain_marks(given[i], ' ', kept[2 * i]), '\'',
                                 kept[2 * i + 1]));
  for (const char group : {'\'', ' '})
    for (const char point : {'.', ','})
      if (bool whole = true;
          has_any(values, group) && are_grouped(values, group, point, whole)) {
        take(out, group, point == ',' && has_any(values, ','), whole);
        out.open_group = !prove_groups(values, group);
        return true;
      }
  if (!has_any(values, ','))
    return false;
  bool whole = true;
  const bool thousands = are_grouped(values, ',', '.', whole);
  bool no_fraction = true;
  const bool decimal
    = std::all_of(values.begin(), values.end(), [&](auto text) {
        const auto point = text.rfind('.');
        return (point == text.npos || point < text.find(','))
               && is_marked_number(text, '.', ',', no_fraction);
      });
  if (!thousands && !decimal)
    return false;
  if (thousands && (!decimal || rather_groups))
    take(out, ',', false, whole);
  else
    take(out, '.', true, false);
  out.either_mark = thousands && decimal;
  out.open_group = !prove_groups(values, ',');
  return true;
}

std::string mark_of_numbers(const std::vector<std::string_view>& values) {
  if (std::all_of(values.begin(), values.end(), is_hexadecimal))
    return "a 0x, and hex = true reads such as a number";
  std::string found;
  bool grouped = false;
  bool underscored = false;
  for (auto text : values) {
    const auto mark = take_mark(text);
    std::string kept;
    text = plain_marks(text, ' ', kept);
    std::string plain;
    std::copy_if(
      text.begin(), text.end(), std::back_inserter(plain),
      [](char c) { return c != ',' && c != ' ' && c != '\'' && c != '_'; });
    underscored = underscored || text.find('_') != text.npos;
    exact_decimal ignored;
    if (parse_exact(plain, ignored) != fault::none)
      return {};
    grouped = grouped || plain.size() < text.size();
    if (!mark.empty())
      found = mark;
  }
  if (found.empty() && underscored)
    return "underscores, and thousands = \"_\" takes off such before three "
           "digits";
  if (found.empty() && grouped)
    found = "marks between groups of digits";
  return found.empty() ? "" : found + ", which no rule of a layout takes off";
}

exponents find_exponents(const std::vector<std::string_view>& values) {
  bool any = false;
  bool any_zero = false;
  for (const auto text : values) {
    const auto mark = std::min(text.find_first_of("eE"), text.size());
    const auto digits = [](std::string_view part) {
      return !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    };
    const auto power = text.substr(std::min(mark + 1, text.size()));
    if (!digits(text.substr(0, mark))
        || (mark != text.size() && !digits(power)))
      return exponents::none;
    any = any || mark != text.size();
    any_zero = any_zero || (mark > 1 && text[0] == '0')
               || (power.size() > 1 && power[0] == '0');
  }
  if (!any)
    return exponents::none;
  return any_zero ? exponents::codes : exponents::likely;
}

void settle_marks(std::vector<guessed_column>& columns,
                  const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& amounts, char delimiter) {
  const auto values_of = [&](size_t field) {
    std::vector<std::string_view> out;
    const auto& none = words_for_none();
    for (const auto& row : rows)
      if (std::find(none.begin(), none.end(), row[field]) == none.end())
        out.emplace_back(row[field]);
    return out;
  };
  bool comma_is_decimal = false;
  bool comma_is_sure = false; ///< Nothing but decimals are likely.
  bool comma_groups = false;
  bool point_is_decimal = false;
  std::vector<size_t> grouped; ///< Of points, as it seems.
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& each = columns[i];
    if (each.group != '\0' || each.decimal_comma) {
      if (each.decimal_comma && !each.either_mark) {
        comma_is_decimal = true;
        comma_is_sure
          = comma_is_sure || amounts[i] || has_any(values_of(i), '.');
      }
      comma_groups = comma_groups || (each.group == ',' && !each.either_mark);
    } else if (each.is == kind::decimal) {
      const auto values = values_of(i);
      bool whole = true;
      if (!has_any(values, '.'))
        continue;
      if (are_grouped(values, '.', ',', whole))
        grouped.push_back(i);
      else
        point_is_decimal = true;
    }
  }
  // One file has one mark of decimals; and between commas a decimal comma
  // stands in quotes, as lists of codes do.
  const bool in_two = comma_is_decimal && point_is_decimal;
  if (in_two || (comma_is_decimal && !comma_is_sure && delimiter == ',')) {
    for (auto& each : columns)
      if (each.decimal_comma && !each.either_mark) {
        each.is = kind::text;
        each.group = '\0';
        each.decimal_comma = false;
        each.two_marks = in_two;
        each.comma_lists = !in_two;
      }
    comma_is_decimal = false;
  }
  // Where a point is the mark of decimals, a comma is none.
  comma_groups = comma_groups || (point_is_decimal && !comma_is_decimal);
  if (comma_is_decimal != comma_groups)
    for (size_t i = 0; i < columns.size(); ++i)
      if (bool whole = true; columns[i].either_mark) {
        const bool fits = are_grouped(values_of(i), ',', '.', whole);
        take(columns[i], comma_groups ? ',' : '.', comma_is_decimal,
             comma_groups && fits && whole);
      }
  for (const auto i : grouped)
    if (comma_is_decimal && !comma_groups && !point_is_decimal)
      take(columns[i], '.', true, true);
    else if (delimiter == ';' && !point_is_decimal && !comma_groups)
      columns[i].either_mark = true;
}

} // namespace millrace::feed
