#pragma once

#include <millrace/sim/script/fault_mix.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "report.hpp"

namespace millrace::sim {

/// Where processes of a swarm may end. "pub" stands for feeds too.
inline constexpr named_point swarm_points[] = {
  {"pub", "pub.before_write"},       {"pub", "pub.after_write"},
  {"pub", "pub.before_sync"},        {"pub", "pub.after_sync"},
  {"pub", "pub.before_roll"},        {"pub", "pub.after_create"},
  {"pub", "pub.after_send"},         {"rt", "rt.after_append"},
  {"rt", "rt.before_sync"},          {"rt", "rt.after_sync"},
  {"rt", "rt.before_commit"},        {"rt", "rt.after_commit"},
  {"rt", "rt.before_ack"},           {"rt", "rt.after_ack"},
  {"rt", "rt.before_snapshot"},      {"rt", "rt.after_snapshot_rename"},
  {"copy", "sub.after_apply"},       {"saved", "sub.before_checkpoint"},
  {"saved", "sub.after_checkpoint"}, {"rdb", "rdb.before_insert"},
  {"rdb", "rdb.before_eod_mark"},    {"rdb", "rdb.after_flush"},
  {"rdb", "rdb.before_manifest"},    {"rdb", "rdb.after_manifest"},
  {"rdb", "rdb.before_notify"},      {"rdb", "rdb.before_purge"},
  {"rdb", "rdb.after_purge"},        {"hdb", "hdb.before_open"},
  {"hdb", "hdb.after_open"},         {"gw", "gw.after_partial"},
  {"gw", "gw.before_merge"},
};

/// What a seed of a swarm chooses before its world begins. Each run leaves out
/// some kinds of faults and spares some nodes: what is rare among everything is
/// common among a few.
class swarm_drawing {
public:
  explicit swarm_drawing(uint64_t seed) : random_{seed * 2 + 1} {}

  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  /// Some of these, or all: never none.
  std::vector<std::string> some_of(const std::vector<std::string>& all) {
    if (one_in(3))
      return all;
    std::vector<std::string> out;
    while (out.empty())
      for (const auto& each : all)
        if (one_in(2))
          out.push_back(each);
    return out;
  }

  /// Some of the points that these nodes pass.
  std::vector<fault_mix::crash_place>
  points_of(const std::vector<std::string>& nodes) {
    std::vector<fault_mix::crash_place> out;
    for (const auto& node : nodes)
      for (const auto& each : swarm_points)
        if ((node.starts_with(each.role)
             || (node.starts_with("feed") && each.role == std::string{"pub"}))
            && one_in(3))
          out.push_back({node, each.point});
    return out;
  }

  /// Leaves out kinds of faults that are on, with one chance in two each; what
  /// processes and machines do stays if nothing else does.
  void thin_out(fault_mix& mix) {
    for (bool* each : {&mix.pauses, &mix.links, &mix.disk_errors,
                       &mix.isolations, &mix.outages, &mix.corruption})
      *each = *each && one_in(2);
    mix.power_cuts = mix.power_cuts && !one_in(4);
    mix.faults_max = one_in(2) ? 8 : 20;
  }

private:
  std::mt19937_64 random_;
};

/// The faults that took effect in the runs of a test, by kind: said at its end.
/// The test fails when there is a kind that was drawn often, and never did:
/// what was not injected proves nothing.
class fired_faults {
public:
  fired_faults() = default;
  fired_faults(const fired_faults&) = delete;
  fired_faults& operator=(const fired_faults&) = delete;
  ~fired_faults() {
    std::string text;
    for (const auto& [kind, count] : all_)
      text += (text.empty() ? "" : ", ") + kind + " " + std::to_string(count);
    std::cout << "[  faults  ] " << (text.empty() ? "none" : text) << "\n";
    for (const auto& [kind, count] : drawn_)
      if (count >= often && !all_.contains(kind))
        ADD_FAILURE() << kind << " was drawn " << count
                      << " times, and took effect in no run";
  }

  /// @param script that was drawn for it; what it lacks is not asked for.
  void add(const world& in, const fault_script& script = {}) {
    for (const auto& [kind, count] : in.faults_fired())
      all_[kind] += count;
    for (const auto& each : script) {
      const auto kind = to_text(fault{.kind = each.what.kind});
      ++drawn_[kind == "fail" || kind == "full" ? "refused disk calls" : kind];
    }
  }

  /// Something else that is said at the end.
  void count(const std::string& what, uint64_t times) { all_[what] += times; }

private:
  static constexpr uint64_t often = 10;
  std::map<std::string, uint64_t> all_;
  std::map<std::string, uint64_t> drawn_;
};

/// Says which run begins, when many were asked for: one of them may never end.
inline void begins(uint64_t seed) {
  if (std::getenv("MILLRACE_SIM_SEEDS") != nullptr)
    std::cout << "[   seed   ] " << seed << std::endl;
}

/// Whether a script cuts a machine's power.
inline bool cuts_power(const fault_script& script) {
  return std::any_of(script.begin(), script.end(), [](const auto& each) {
    return each.what.kind == fault::what::power
           || each.what.kind == fault::what::power_at;
  });
}

} // namespace millrace::sim
