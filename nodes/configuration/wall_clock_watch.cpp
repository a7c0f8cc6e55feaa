#include <millrace/nodes/configuration/wall_clock_watch.hpp>

#include <utility>

namespace millrace::nodes {

int64_t wall_clock_watch::look(int64_t wall_ns, int64_t monotonic_ns) noexcept {
  const auto ahead_ns = wall_ns - monotonic_ns;
  const auto before_ns = std::exchange(ahead_ns_, ahead_ns);
  if (!std::exchange(looked_, true))
    return 0;
  const auto by_ns = ahead_ns - before_ns;
  if (by_ns > -jump_min_ns && by_ns < jump_min_ns)
    return 0;
  ++jumps_;
  return by_ns;
}

} // namespace millrace::nodes
