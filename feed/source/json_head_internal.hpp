#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Lines of JSON as rows of texts, one per path that any of them has.
struct json_head {
  std::vector<std::string> paths;             ///< As a layout names them.
  std::vector<std::vector<std::string>> rows; ///< Empty: no value.
  /// Paths of lists, which are not in a row.
  std::vector<std::string> left_out;
  /// Paths of lists in some lines and of values in others: not in a row either.
  std::vector<std::string> mixed;
  /// Paths with keys that a line has twice: nor are they in a row.
  std::vector<std::string> repeated;
  std::vector<std::string> empty; ///< Paths of what is null in all lines.
  std::vector<size_t> others;     ///< Lines that are no object.
};

/// None when more than a few lines are not an object, perhaps after other text.
[[nodiscard]] std::optional<json_head>
read_json_head(const std::vector<std::string_view>& lines);

} // namespace millrace::feed
