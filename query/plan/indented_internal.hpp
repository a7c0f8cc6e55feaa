#pragma once

#include <string>

namespace millrace::query {

/// Lines, each after so much.
[[nodiscard]] inline std::string indented(const std::string& text,
                                          const std::string& indent) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    out += indent + text.substr(begin, end - begin) + '\n';
    begin = end + 1;
  }
  return out;
}

} // namespace millrace::query
