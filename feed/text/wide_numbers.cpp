#include <millrace/feed/text/wide_numbers.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fast_float/fast_float.h>
#include <limits>
#include <system_error>

namespace millrace::feed {

namespace {

/// The end of a string that begins at `at`, after its quote.
size_t end_of_string(std::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at)
    at += json[at] == '\\';
  return std::min(at + 1, json.size());
}

size_t digits_at(std::string_view text, size_t at) {
  const auto end
    = std::min(text.find_first_not_of("0123456789", at), text.size());
  return end - at;
}

/// As JSON writes numbers. @param whole without a fraction and an exponent
bool is_json_number(std::string_view text, bool& whole) {
  size_t at = text.starts_with('-') ? 1 : 0;
  const auto first = at;
  at += digits_at(text, at);
  whole = at == text.size();
  if (at == first || (text[first] == '0' && at > first + 1))
    return false;
  if (at < text.size() && text[at] == '.') {
    const auto digits = digits_at(text, at + 1);
    if (digits == 0)
      return false;
    at += 1 + digits;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    at += at < text.size() && (text[at] == '+' || text[at] == '-');
    const auto digits = digits_at(text, at);
    if (digits == 0)
      return false;
    at += digits;
  }
  return at == text.size();
}

template <class T>
bool is_out_of_range(std::string_view text) {
  T ignored = 0;
  return std::from_chars(text.data(), text.data() + text.size(), ignored).ec
         == std::errc::result_out_of_range;
}

bool is_wide(std::string_view text) {
  bool whole = false;
  if (!is_json_number(text, whole))
    return false;
  if (whole)
    return text[0] == '-' ? is_out_of_range<int64_t>(text)
                          : is_out_of_range<uint64_t>(text);
  double value = 0;
  fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return std::isinf(value);
}

/// So many digits come back from a double as they were.
constexpr auto kept_digits = std::numeric_limits<double>::digits10;

bool is_ten_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whether a number with a fraction or an exponent may be written otherwise
/// once it is a double.
bool may_change(std::string_view text) {
  bool whole = false;
  if (!is_json_number(text, whole) || whole)
    return false;
  return text.find_first_of("eE") != text.npos || text.ends_with('0')
         || std::count_if(text.begin(), text.end(), [](char c) {
              return c >= '0' && c <= '9';
            }) > kept_digits;
}

/// Whether a number may begin there: prices stand in strings as a rule, and
/// what such a one holds stays as it is.
bool begins_value(std::string_view json, size_t at) noexcept {
  if (at > 0 && json[at - 1] == '-')
    --at;
  return at == 0
         || std::string_view{" \t\r\n:,["}.find(json[at - 1])
              != std::string_view::npos;
}

/// The length of a word for a number that JSON has none for and programs write
/// all the same, as python's json does; 0: there is none.
size_t number_word_at(std::string_view json, size_t at) noexcept {
  for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
    if (!json.substr(at).starts_with(word) || !begins_value(json, at))
      continue;
    const auto end = at + word.size();
    if (end == json.size()
        || std::string_view{" \t\r\n,]}"}.find(json[end])
             != std::string_view::npos)
      return word.size();
  }
  return 0;
}

/// What follows a value; a key is none.
bool ends_value(std::string_view json, size_t at) {
  at = std::min(json.find_first_not_of(" \t\r\n", at), json.size());
  return at == json.size() || json[at] != ':';
}

} // namespace

std::string unused_mark(std::string_view json) {
  const std::string one = "\\u0001";
  auto out = one;
  while (json.find(out) != json.npos)
    out += one;
  return out;
}

std::optional<std::string> quote_numbers(std::string_view json,
                                         std::string_view mark,
                                         number_choice which) {
  const bool all_changed = which == number_choice::as_written;
  std::string out;
  size_t taken = 0;
  for (size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      at = end_of_string(json, at);
      continue;
    }
    if (const auto word = number_word_at(json, at); word != 0) {
      out.append(json.substr(taken, at - taken)).append("\"").append(mark);
      out.append(json.substr(at, word)).append("\"");
      taken = at += word;
      continue;
    }
    if (json[at] != '-' && digits_at(json.substr(0, at + 1), at) == 0) {
      ++at;
      continue;
    }
    const auto end
      = std::min(json.find_first_not_of("+-.0123456789eE", at), json.size());
    const auto number = json.substr(at, end - at);
    if ((is_wide(number) || (all_changed && may_change(number)))
        && ends_value(json, end)) {
      out.append(json.substr(taken, at - taken)).append("\"").append(mark);
      out.append(number).append("\"");
      taken = end;
    }
    at = end;
  }
  if (taken == 0)
    return {};
  return out.append(json.substr(taken));
}

bool has_number_word(std::string_view json) noexcept {
  return json.find("NaN") != json.npos || json.find("Infinity") != json.npos;
}

bool may_read_otherwise(std::string_view json) noexcept {
  for (size_t at = 1; at < json.size(); ++at) {
    const char c = json[at];
    if (c != '.' && c != 'e' && c != 'E')
      continue;
    if (!is_ten_digit(json[at - 1]))
      continue;
    auto begin = at;
    while (begin > 0
           && (is_ten_digit(json[begin - 1]) || json[begin - 1] == '.'))
      --begin;
    if (!begins_value(json, begin))
      continue;
    if (c != '.')
      return true;
    auto end = at + 1;
    while (end < json.size() && is_ten_digit(json[end]))
      ++end;
    const auto digits = end - begin - 1;
    if (digits > static_cast<size_t>(kept_digits) || json[end - 1] == '0')
      return true;
    at = end - 1;
  }
  return false;
}

} // namespace millrace::feed
