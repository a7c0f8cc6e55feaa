#include <millrace/sim/script/failed_part.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace millrace::sim {

namespace {

/// Without its numbers, and without what stands in braces.
std::string words_alone(std::string_view line) {
  std::string out;
  int depth = 0;
  for (const char c : line) {
    depth += c == '{';
    const bool number = (c >= '0' && c <= '9') || c == '.';
    if (depth == 0 && !number)
      out += c;
    depth -= c == '}' && depth > 0;
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view message) {
  // GoogleTest begins so what has no expression.
  constexpr std::string_view begin = "Failed\n";
  if (message.starts_with(begin))
    message.remove_prefix(begin.size());
  std::vector<std::string> out;
  while (!message.empty()) {
    const auto end = std::min(message.find('\n'), message.size());
    out.push_back(words_alone(message.substr(0, end)));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return out;
}

} // namespace

bool is_same_failure(const failed_part& one, const failed_part& other) {
  if (one.line != other.line || one.file != other.file)
    return false;
  const auto mine = lines_of(one.message);
  const auto theirs = lines_of(other.message);
  if (mine.empty() || theirs.empty())
    return mine.empty() && theirs.empty();
  if (mine.front() != theirs.front())
    return false;
  if (mine.size() == 1 || theirs.size() == 1)
    return true;
  return std::any_of(mine.begin() + 1, mine.end(), [&](const auto& line) {
    return std::find(theirs.begin() + 1, theirs.end(), line) != theirs.end();
  });
}

} // namespace millrace::sim
