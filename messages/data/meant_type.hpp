#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/nearest_name.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Which type of a column a word may have meant: see text::meant.
[[nodiscard]] inline std::string meant_type(std::string_view word) {
  std::vector<std::string> known;
  for (int code = 0; code <= static_cast<int>(column_type::string); ++code)
    if (const auto name = to_string(static_cast<column_type>(code));
        column_type_of(name))
      known.emplace_back(name);
  return text::meant(word, known);
}

} // namespace millrace
