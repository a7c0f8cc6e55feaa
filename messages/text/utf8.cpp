#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>

namespace millrace::text {

namespace {

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Bytes of the sequence at [at, end), whose first byte is above 0x7f.
size_t multibyte_length(const char* at, size_t room) noexcept {
  const auto first = static_cast<unsigned char>(*at);
  // The second byte's range excludes overlong forms, surrogates and what lies
  // beyond U+10FFFF.
  size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    low = first == 0xe0 ? 0xa0 : low;
    high = first == 0xed ? 0x9f : high;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    low = first == 0xf0 ? 0x90 : low;
    high = first == 0xf4 ? 0x8f : high;
  }
  if (length == 0 || room < length)
    return 0;
  const auto second = static_cast<unsigned char>(at[1]);
  if (second < low || second > high)
    return 0;
  for (size_t i = 2; i < length; ++i)
    if (!continues(at[i]))
      return 0;
  return length;
}

} // namespace

size_t utf8_length(std::string_view text) noexcept {
  return static_cast<unsigned char>(text.front()) < 0x80
           ? 1
           : multibyte_length(text.data(), text.size());
}

size_t valid_utf8_prefix(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const auto length = multibyte_length(text.data() + at, text.size() - at);
    if (length == 0)
      break;
    at += length;
  }
  return at;
}

size_t utf8_count(std::string_view text) noexcept {
  return static_cast<size_t>(std::count_if(
    text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string shown_on_line(std::string_view text, size_t bytes_max,
                          char replacement) {
  auto end = std::min(text.size(), bytes_max);
  if (end < text.size()) {
    // Where no character begins that close, it is not UTF-8 at all.
    constexpr size_t continued_max = 3;
    auto begin = end;
    while (begin > 0 && end - begin < continued_max && continues(text[begin]))
      --begin;
    if (!continues(text[begin]))
      end = begin;
  }
  std::string out{text.substr(0, end)};
  std::replace_if(out.begin(), out.end(), is_control, replacement);
  return end < text.size() ? out + "..." : out;
}

void append_visible(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (!is_control(c)) {
      out.push_back(c);
      continue;
    }
    out += "\\x";
    append_hex(out, static_cast<std::byte>(c));
  }
}

} // namespace millrace::text
