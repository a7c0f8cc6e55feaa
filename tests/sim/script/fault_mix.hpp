#pragma once

#include <millrace/sim/script/fault_script.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::sim {

/// Which faults a drawn script may have. All of them end: what is killed comes
/// back, what is stopped goes on, and the script ends with `heal`. Each is a
/// `try`: nobody knows yet whether the node runs then, and has such a file.
struct fault_mix {
  std::vector<std::string> nodes; ///< Those that faults meet.
  std::chrono::nanoseconds within = std::chrono::seconds{5};
  size_t faults_max = 8;
  bool kills = true;
  bool power_cuts = true;
  bool pauses = true;
  bool links = true;
  bool disk_errors = false;
  /// A node is cut off from all others for a while, and may lose its power
  /// meanwhile.
  bool isolations = false;
  bool outages = false;    ///< Several of the nodes lose power at once.
  bool corruption = false; ///< Of records on a link.
  bool slow_disks = false; ///< Up to half a second longer, for a while.
  bool clocks = false; ///< Wall clocks jump, stand, gain or lose for a while.
  bool read_only = false; ///< Disks cannot be changed, until the end of all.
  std::vector<std::string> disks_lost{}; ///< May come back with an empty disk.
  /// May come back with the disk that they had when they were backed up.
  std::vector<std::string> disks_set_back{};
  /// Files of these change places, or are shortened while the process that has
  /// them is down; which ones: ends of paths.
  std::vector<std::string> misplacing{}, shortening{};
  std::vector<std::string> harmed_files{"log.0.0", "log.0.1", "log.1.0",
                                        "log.1.1"};
  /// Bits flip in files of these, whose paths have one of these parts.
  std::vector<std::string> rotting{};
  std::vector<std::string> rotting_parts{"/log."};
  /// Where nodes may die, or lose their power.
  struct crash_place {
    std::string node;
    std::string point;
  };
  std::vector<crash_place> points{};
};

/// Why no script can be drawn of it; empty: one can.
[[nodiscard]] std::string flaw_of(const fault_mix& mix);

/// A script of the mix, the same for the same seed. @pre it has no flaw
[[nodiscard]] fault_script draw_faults(uint64_t seed, const fault_mix& mix);

} // namespace millrace::sim
