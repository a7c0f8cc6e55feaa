#include <millrace/feed/layout/json_path.hpp>

#include <algorithm>

namespace millrace::feed {

namespace {

/// After the quote that ends the key in quotes at `at`; npos: none does.
size_t end_of_quoted(std::string_view path, size_t at, std::string& key) {
  for (++at; at < path.size(); ++at) {
    if (path[at] != '\'') {
      key += path[at];
    } else if (path.substr(at + 1).starts_with('\'')) {
      key += path[at++];
    } else {
      return at + 1;
    }
  }
  return path.npos;
}

} // namespace

std::optional<std::vector<std::string>>
parse_json_steps(std::string_view path) {
  std::vector<std::string> out;
  for (size_t at = 0; at < path.size(); ++at) {
    auto& step = out.emplace_back();
    auto end = std::min(path.find('.', at), path.size());
    if (path[at] == '\'') {
      end = end_of_quoted(path, at, step);
      if (end == path.npos || (end < path.size() && path[end] != '.'))
        return std::nullopt;
    } else {
      step = path.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

std::string json_step(std::string_view key) {
  // What begins with @ means something of its own; an '=' ends a path.
  if (!key.empty() && key.find_first_of(".=") == key.npos && key[0] != '\''
      && key[0] != '@')
    return std::string{key};
  std::string out{"'"};
  for (const char c : key) {
    out += c;
    if (c == '\'')
      out += c;
  }
  return out + "'";
}

size_t end_of_path(std::string_view condition) {
  bool quoted = false;
  bool begins = true; // A step: only there a quote has a meaning.
  for (size_t at = 0; at < condition.size(); ++at) {
    const char c = condition[at];
    if (c == '\'' && (quoted || begins))
      quoted = !quoted;
    else if (c == '=' && !quoted)
      return at;
    begins = !quoted && (c == '.' || (c == '\'' && begins));
  }
  return condition.npos;
}

} // namespace millrace::feed
