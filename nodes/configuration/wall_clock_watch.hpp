#pragma once

#include <cstdint>

namespace millrace::nodes {

/// Notices that the wall clock was set, or that the machine slept: it and the
/// monotonic clock then went on by different spans. Pure; one owner.
class wall_clock_watch {
public:
  /// What the two clocks may differ by between two looks, for a slow step of
  /// the system's time service is not a jump.
  static constexpr int64_t jump_min_ns = 1'000'000'000;

  /// @returns by how much the wall clock jumped since the last look; 0: it did
  ///   not.
  [[nodiscard]] int64_t look(int64_t wall_ns, int64_t monotonic_ns) noexcept;
  [[nodiscard]] uint64_t jumps() const noexcept { return jumps_; }

private:
  bool looked_ = false;
  int64_t ahead_ns_ = 0; ///< Wall minus monotonic, at the last look.
  uint64_t jumps_ = 0;
};

} // namespace millrace::nodes
