#include <millrace/nodes/assembly/process_endings.hpp>

#include <algorithm>

namespace millrace::nodes {

int64_t process_endings::ended(const std::string& process, std::string why,
                               int64_t wall_ns, int64_t now_ns) {
  auto& entry = endings_[process];
  const bool was_calm = !entry.is_away && now_ns - entry.came_at_ns >= calm_ns;
  entry.backoff_ns = entry.backoff_ns == 0 || was_calm
                       ? backoff_first_ns
                       : std::min(entry.backoff_ns * 2, backoff_max_ns);
  ++entry.count;
  entry.last_at_ns = wall_ns;
  entry.why = std::move(why);
  entry.is_away = true;
  return entry.backoff_ns;
}

void process_endings::came(const std::string& process, int64_t now_ns) {
  const auto found = endings_.find(process);
  if (found == endings_.end())
    return;
  found->second.is_away = false;
  found->second.came_at_ns = now_ns;
}

} // namespace millrace::nodes
