#pragma once

#include <string>
#include <string_view>

namespace millrace::text {

/// The small one of a letter of ASCII; all else as it is, in any locale.
[[nodiscard]] constexpr char small_letter(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr char capital_letter(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// A text with small letters of ASCII.
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    c = small_letter(c);
  return out;
}
/// A text with capital letters of ASCII.
[[nodiscard]] inline std::string upper_case(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    c = capital_letter(c);
  return out;
}

} // namespace millrace::text
