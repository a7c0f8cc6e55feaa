#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace::text {

/// What is said of a place in a text that somebody wrote.
struct told_place {
  size_t character = 0;  ///< Of UTF-8, from 0, in the whole text.
  std::string_view rest; ///< What is said, without the place.
};

/// Reads "line 3, column 4: what", where both count from 1, as languages tell
/// their faults; none: it is not of that form, or there is no such line.
/// @param begin where the first line is in `source`, bytes
[[nodiscard]] std::optional<told_place>
place_told(std::string_view what, std::string_view source, size_t begin = 0);

} // namespace millrace::text
