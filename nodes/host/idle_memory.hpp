#pragma once

#include <cstdint>

namespace millrace::nodes {

/// Gives back to the system what a process that has nothing to do keeps for its
/// next queries. One owner.
class idle_memory {
public:
  /// Looks at most once per second, and costs nothing else. What was not used
  /// between two looks goes; of the allocator's arenas once the process used
  /// less than a twentieth of a processor in that time, after it used more.
  /// @param now_ns of a monotonic clock
  /// @param processor_ns that the process has used so far
  /// @returns whether it told the allocator to give back what it can
  bool look(int64_t now_ns, int64_t processor_ns);

private:
  int64_t looked_ns_ = 0;
  int64_t used_ns_ = 0;
  bool was_busy_ = false;
};

/// Processor time of the process and all its threads, in ns.
[[nodiscard]] int64_t processor_time_ns() noexcept;

} // namespace millrace::nodes
