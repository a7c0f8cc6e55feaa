#pragma once

#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "disk_trees.hpp"

namespace millrace::sim {

/// What faults of a test can do, as it is seen on disks, by the lives of nodes
/// and in what these log, and not by what makes the faults.
enum class effect {
  end,             ///< A node has another life.
  loss,            ///< A power cut took something from a disk.
  rot,             ///< A byte of a file is another one.
  refusal,         ///< A disk refused a call, or had no room.
  stop,            ///< A node stood still.
  lost_connection, ///< An RT node lost a publisher though nobody ended.
};

/// Whether a test runs with so few seeds (MILLRACE_SIM_SEED,
/// MILLRACE_SIM_SEEDS) that some of its faults may have no effect.
inline bool has_few_seeds() {
  const char* count = std::getenv("MILLRACE_SIM_SEEDS");
  return std::getenv("MILLRACE_SIM_SEED") != nullptr
         || (count != nullptr && std::strtoull(count, nullptr, 10) < 10);
}

/// Counts the effects that the faults of a test had, over all its seeds. At its
/// end the test fails if one that it is about never came to be: then it shows
/// nothing.
class effects {
public:
  explicit effects(const std::vector<effect>& wanted) {
    for (const auto each : wanted)
      seen_[each] = 0;
  }
  effects(const effects&) = delete;
  effects& operator=(const effects&) = delete;
  ~effects() {
    if (has_few_seeds())
      return;
    for (const auto& [which, times] : seen_)
      EXPECT_GT(times, 0u) << "no fault had this effect: " << name_of(which);
  }

  void saw(effect which, uint64_t times = 1) {
    if (const auto found = seen_.find(which); found != seen_.end())
      found->second += times;
  }

  void flip(memory_file_system& disk, const std::string& path, uint64_t bit) {
    const auto before = disk.content(path);
    disk.flip_bit(path, bit);
    saw(effect::rot, disk.content(path) != before);
  }
  void crash(world& w, const std::string& name, const crash_style& style) {
    auto& disk = w.at(name).disk();
    const bool looks = style.power && w.at(name).alive();
    const auto before = looks ? tree_of(disk, "/") : file_map{};
    w.crash(name, style);
    saw(effect::loss, looks && tree_of(disk, "/") != before);
  }
  void pause(world& w, const std::string& name) {
    const bool ran = w.at(name).alive() && !w.at(name).paused();
    w.pause(name);
    saw(effect::stop, ran && w.at(name).paused());
  }

  /// At the end of a run, of these nodes.
  /// @param of_the_test lives that it ended itself, for another reason
  void look(world& w, const std::vector<std::string>& names,
            uint64_t of_the_test = 0) {
    for (const auto& name : names) {
      saw(effect::end, w.at(name).lives() - 1);
      saw(effect::refusal, w.at(name).disk().refused());
    }
    for (const auto& name : names)
      if (w.crashes() == of_the_test)
        for (const auto& each : w.at(name).notices())
          saw(effect::lost_connection, each.id == "publisher_ended");
  }

private:
  static const char* name_of(effect which) {
    switch (which) {
      case effect::end:
        return "a node has another life";
      case effect::loss:
        return "a power cut took something";
      case effect::rot:
        return "a byte is another one";
      case effect::refusal:
        return "a disk refused a call";
      case effect::stop:
        return "a node stood still";
      default:
        return "an RT node lost a publisher that lives";
    }
  }

  std::map<effect, uint64_t> seen_;
};

} // namespace millrace::sim
