#include <millrace/query/execution/like.hpp>

#include <cstddef>

namespace millrace::query {

namespace {

/// Matches one class at the start of `pattern` against `c`.
/// @returns the pattern's bytes the class takes, 0 when it is not closed.
size_t match_class(std::string_view pattern, char c, bool& matched) noexcept {
  size_t at = 1;
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted)
    ++at;
  bool found = false;
  // A bracket that comes first stands for itself.
  for (bool first = true;; first = false) {
    if (at >= pattern.size())
      return 0;
    if (pattern[at] == ']' && !first)
      break;
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-'
        && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      at += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    found |= static_cast<unsigned char>(low) <= byte
             && byte <= static_cast<unsigned char>(high);
  }
  matched = found != inverted;
  return at + 1;
}

} // namespace

bool like(std::string_view text, std::string_view pattern) noexcept {
  size_t t = 0;
  size_t p = 0;
  // Where to go on when the run of the last star must grow by one.
  size_t star = std::string_view::npos;
  size_t resume = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      resume = t;
      continue;
    }
    if (t == text.size() && p == pattern.size())
      return true;
    size_t step = 0;
    if (t < text.size() && p < pattern.size()) {
      if (pattern[p] == '[') {
        bool matched = false;
        const auto taken = match_class(pattern.substr(p), text[t], matched);
        step = matched ? taken : 0;
      } else if (pattern[p] == '?' || pattern[p] == text[t]) {
        step = 1;
      }
    }
    if (step > 0) {
      ++t;
      p += step;
      continue;
    }
    if (star == std::string_view::npos || resume >= text.size())
      return false;
    t = ++resume;
    p = star;
  }
}

} // namespace millrace::query
