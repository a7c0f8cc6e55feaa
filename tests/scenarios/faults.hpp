#pragma once

#include <millrace/sim/world/world.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::sim {

/// How the nodes of a scenario may end.
struct crash_options {
  double power_share = 0;    ///< Of crashes that are power cuts; 0: none is.
  duration restart_within{}; ///< Each comes back before that.
};

/// A crash, drawn from the world's seed.
inline crash_style any_crash(world& w, const crash_options& options) {
  crash_style style;
  style.power = options.power_share > 0 && w.chance(options.power_share);
  const survival kinds[]
    = {survival::nothing, survival::some, survival::some, survival::all};
  style.left = kinds[w.draw(4)];
  style.restart_after = duration{static_cast<int64_t>(
    w.draw(static_cast<uint64_t>(options.restart_within.count())))};
  return style;
}

/// Faults end: these nodes live, run, and have what they need.
inline void heal(world& w, const std::vector<std::string>& nodes) {
  for (const auto& name : nodes) {
    w.at(name).disk().heal();
    w.at(name).disk().set_quota(std::nullopt);
    w.resume(name);
    w.restart(name);
  }
}

} // namespace millrace::sim
