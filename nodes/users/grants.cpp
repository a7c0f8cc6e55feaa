#include <millrace/nodes/users/grants.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

bool matches_one(const std::vector<std::string>& patterns,
                 std::string_view name) {
  return std::any_of(
    patterns.begin(), patterns.end(),
    [&](const std::string& each) { return matches(each, name); });
}

} // namespace

std::string_view to_string(table_use use) noexcept {
  return use == table_use::query     ? "query"
         : use == table_use::publish ? "publish"
                                     : "subscribe";
}

bool user_grants::may(table_use use, std::string_view table) const {
  return matches_one(use == table_use::query     ? query
                     : use == table_use::publish ? publish
                                                 : subscribe,
                     table);
}

error user_grants::refusal(table_use use, const std::string& table) const {
  if (may(use, table))
    return {};
  if (!knows(table))
    return {errc::not_found, "there is no table '" + table + "'"};
  const auto wanted = std::string{to_string(use)};
  return {errc::permission, "table '" + table + "' is not granted for this ("
                              + wanted + "): '" + wanted
                              + "' of the [[user]] has it where it is"};
}

bool user_grants::knows(std::string_view table) const {
  return matches_one(query, table) || matches_one(publish, table)
         || matches_one(subscribe, table);
}

bool user_grants::may_follow_streams() const {
  return std::find(subscribe.begin(), subscribe.end(), "*") != subscribe.end();
}

bool matches(std::string_view pattern, std::string_view name) noexcept {
  size_t at = 0;
  size_t in_name = 0;
  size_t star = pattern.npos; // The last one, and where it began to match.
  size_t begun = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      begun = in_name;
    } else if (at < pattern.size()
               && (pattern[at] == '?' || pattern[at] == name[in_name])) {
      ++at;
      ++in_name;
    } else if (star != pattern.npos) {
      at = star + 1;
      in_name = ++begun;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*')
    ++at;
  return at == pattern.size();
}

} // namespace millrace::nodes
