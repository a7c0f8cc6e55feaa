#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::text {

/// Texts one after the other, with `between` from one to the next.
template <class Texts>
[[nodiscard]] std::string joined(const Texts& parts,
                                 std::string_view between = ", ") {
  std::string out;
  bool is_first = true;
  for (const auto& part : parts) {
    if (!is_first)
      out += between;
    out += part;
    is_first = false;
  }
  return out;
}

/// One more of a list that grows: with `between` before it, unless it is the
/// first.
void add_to_list(std::string& list, std::string_view part,
                 std::string_view between = ", ");

/// As a sentence has them: "a, b and c".
[[nodiscard]] std::string listed(const std::vector<std::string>& parts);

/// "a b c"; of many the first and the last: "a b c ... z (700 in all)".
[[nodiscard]] std::string some_of(const std::set<std::string>& names);

/// text -> 'text', as messages show what a user wrote.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// A word as a shell takes it back: as it is, or in single quotes where it has
/// more than letters, digits and what paths are made of.
[[nodiscard]] std::string in_shell(std::string_view text);

} // namespace millrace::text
