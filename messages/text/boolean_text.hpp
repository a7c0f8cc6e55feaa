#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace millrace::text {

/// A truth as people and files write it; none: it is none.
[[nodiscard]] constexpr std::optional<bool>
parse_boolean(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 8> yes
    = {"1", "true", "t", "T", "TRUE", "True", "Y", "y"};
  constexpr std::array<std::string_view, 8> no
    = {"0", "false", "f", "F", "FALSE", "False", "N", "n"};
  if (std::find(yes.begin(), yes.end(), text) != yes.end())
    return true;
  if (std::find(no.begin(), no.end(), text) != no.end())
    return false;
  return std::nullopt;
}

} // namespace millrace::text
