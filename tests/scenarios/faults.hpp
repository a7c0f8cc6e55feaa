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

/// A fault of the link between two nodes, drawn from the world's seed. It
/// begins within `begin`, and ends before `last` more have passed.
/// @returns whether it is a cut, of one direction or both
inline bool any_link_fault(world& w, const std::string& one,
                           const std::string& other, duration begin,
                           duration last) {
  const auto within = [&](duration limit) {
    return duration{
      static_cast<int64_t>(w.draw(static_cast<uint64_t>(limit.count())))};
  };
  const auto start = within(begin);
  const auto kind = w.draw(8);
  const auto count = 1 + w.draw(40);
  const link_delay slow{duration{}, duration{1 + within(last).count()}};
  w.after(start, [&w, one, other, kind, count, slow] {
    switch (kind) {
      case 0:
        return w.cut_one_way(one, other);
      case 1:
        return w.cut_one_way(other, one);
      case 2:
        return w.half_open(one, other);
      case 3:
        return w.reset_connection(one, other);
      case 4:
        return w.reset_connection_at(one, other, count);
      case 5:
        return w.slow(one, other, 1000 * count);
      case 6:
        return w.delay(one, other, slow);
      default:
        return w.cut(one, other);
    }
  });
  w.after(start + within(last), [&w, one, other] { w.heal(one, other); });
  return kind < 2 || kind > 6;
}

/// The same for any two of these nodes; now and then one node is cut off from
/// all others.
inline void any_link_fault(world& w, const std::vector<std::string>& nodes,
                           duration begin, duration last) {
  const auto one = nodes[w.draw(nodes.size())];
  const auto other = nodes[w.draw(nodes.size())];
  const bool all = w.chance(0.2);
  for (const auto& each : nodes)
    if (each != one && (all || each == other))
      (void)any_link_fault(w, one, each, begin, last);
}

/// Every third run meets one of them, whatever else it is about.
inline void perhaps_a_link_fault(world& w,
                                 const std::vector<std::string>& nodes) {
  if (w.chance(1.0 / 3))
    any_link_fault(w, nodes, std::chrono::seconds{2}, std::chrono::seconds{5});
}

/// Faults end: these nodes live, run, and have what they need.
inline void heal(world& w, const std::vector<std::string>& nodes) {
  w.heal_all_links();
  for (const auto& name : nodes) {
    w.at(name).disk().heal();
    w.at(name).disk().set_quota(std::nullopt);
    if (w.at(name).paused())
      w.resume(name);
    if (!w.at(name).alive())
      w.restart(name);
  }
}

} // namespace millrace::sim
