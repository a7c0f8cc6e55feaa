#include <millrace/nodes/cli/command/kind_of_directory.hpp>

#include <deque>
#include <utility>
#include <vector>

namespace millrace::nodes {

namespace {

constexpr size_t levels_down = 4;
constexpr size_t levels_up = 3;
constexpr size_t looked_at_max = 1'000;
constexpr size_t named_max = 3;

std::vector<std::string> below(persistence::file_system& fs,
                               const std::string& path,
                               const kind_of_directory& kind) {
  std::vector<std::string> out;
  std::deque<std::pair<std::string, size_t>> left{{path, 0}};
  for (size_t looked = 0;
       !left.empty() && looked < looked_at_max && out.size() < named_max;
       ++looked) {
    const auto [at, level] = std::move(left.front());
    left.pop_front();
    if (level != 0 && kind.holds(at)) {
      out.push_back(at);
      continue;
    }
    const auto entries = fs.list(at);
    if (!entries || level == levels_down)
      continue;
    for (const auto& entry : *entries)
      if (entry.is_directory)
        left.emplace_back(at + (at.ends_with('/') ? "" : "/") + entry.name,
                          level + 1);
  }
  return out;
}

std::vector<std::string> above(const std::string& path,
                               const kind_of_directory& kind) {
  auto at = path;
  for (size_t level = 0; level < levels_up; ++level) {
    while (at.ends_with('/'))
      at.pop_back();
    const auto slash = at.rfind('/');
    if (slash == at.npos || slash == 0)
      break;
    at.resize(slash);
    if (kind.holds(at))
      return {at};
  }
  return {};
}

} // namespace

error check_kind(persistence::file_system& fs, const std::string& path,
                 const kind_of_directory& kind) {
  if (kind.holds(path))
    return {};
  const auto entries = fs.list(path);
  if (!entries)
    return {entries.failure().code,
            "'" + path + "' "
              + (fs.exists(path) || entries.failure().code == errc::permission
                   ? "cannot be listed: " + entries.failure().context
                   : std::string{"is not there"})};
  auto found = below(fs, path, kind);
  if (found.empty())
    found = above(path, kind);
  std::string out = "'" + path + "' is not " + kind.name;
  for (size_t i = 0; i < found.size(); ++i)
    out += (i == 0 ? "; '" : ", '") + found[i] + "'";
  if (!found.empty())
    out += found.size() == 1 ? " is one" : " are such";
  return {errc::not_found, out};
}

} // namespace millrace::nodes
