#include <map>
#include <set>

#include "report.hpp"
#include "rt_scenario.hpp"

// Files of publishers and their copies go while processes die: nothing is lost,
// and what stays is bounded.

namespace millrace::sim {
namespace {

constexpr named_point collection_points[] = {
  {"pub", "collect.after_mark"},   {"pub", "collect.after_empty"},
  {"pub", "collect.after_remove"}, {"rt", "collect.after_mark"},
  {"rt", "collect.after_empty"},   {"rt", "collect.after_remove"},
};

/// Bytes of all log files below a directory.
uint64_t log_bytes_below(memory_file_system& disk, const std::string& path) {
  uint64_t out = 0;
  const auto entries = disk.list(path);
  if (!entries)
    return out;
  for (const auto& entry : *entries)
    if (entry.is_directory)
      out += log_bytes_below(disk, path + "/" + entry.name);
    else if (entry.name.starts_with("log."))
      out += entry.size;
  return out;
}

class CollectionSim : public ::testing::TestWithParam<bool> {
protected:
  bool cached() const { return GetParam(); }
};

TEST_P(CollectionSim, WhatIsMergedEverywhereGoes) {
  for (const size_t node_count : {1, 3})
    for_each_seed(5, [&](uint64_t seed) {
      rt_scenario run{seed, cached(), node_count, rt_scenario::files::small};
      run.w.run_for(20s);
      std::vector<std::string> broken;
      for (const auto& name : run.rt_names) {
        auto& disk = run.w.at(name).disk();
        const auto in = log_bytes_below(disk, stream_directory(name) + "/in");
        const auto out = log_bytes_below(disk, stream_directory(name) + "/out");
        // What the newest merged file was made from stays, and live files.
        if (in * 5 > out * 4)
          broken.push_back(name + ": " + std::to_string(in)
                           + " bytes of inputs stay, beside "
                           + std::to_string(out) + " that were merged");
      }
      for (auto& line : run.finish())
        broken.push_back(std::move(line));
      return report(seed, broken);
    });
}

/// What of publishers' logs lies anywhere while one node is down.
class away_run {
public:
  away_run(uint64_t seed, bool cached, rt_scenario::files sizes)
    : run{seed, cached, 3, sizes} {
    away = run.rt_names[run.w.draw(run.rt_names.size())];
    run.w.run_for(std::chrono::milliseconds{300 + run.w.draw(600)});
    run.w.crash(away);
    if (!run.w.run_until([this] { return run.settled(); }, 60s))
      broken.push_back("not all committed without " + away);
  }

  /// All logs of publishers, and all copies of them on nodes that live.
  std::map<std::string, uint64_t> bytes_kept() {
    std::map<std::string, uint64_t> out;
    for (const auto& name : run.names)
      if (name.starts_with("pub"))
        out[name] = log_bytes_below(run.w.at(name).disk(), "/pub");
      else if (name.starts_with("rt") && name != away)
        out[name] = log_bytes_below(run.w.at(name).disk(),
                                    stream_directory(name) + "/in");
    return out;
  }

  bool told() {
    for (const auto& name : run.rt_names)
      if (name != away)
        for (const auto& each : run.w.at(name).notices())
          if (each.id == "left-behind"
              && each.text.find(away) != std::string::npos)
            return true;
    return false;
  }

  /// The node comes back, and is as the others are.
  std::vector<std::string> finish() {
    run.w.restart(away);
    if (!run.becomes_member(away))
      broken.push_back(away + " is no member again");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return std::move(broken);
  }

  rt_scenario run;
  std::string away;
  std::vector<std::string> broken;
};

TEST_P(CollectionSim, FilesGoThoughANodeIsAwayForLong) {
  for_each_seed(10, [&](uint64_t seed) {
    away_run test{seed, cached(), rt_scenario::files::small};
    const auto before = test.bytes_kept();
    test.run.w.run_for(20s);
    for (const auto& [name, bytes] : test.bytes_kept())
      if (name.starts_with("pub") ? bytes >= before.at(name)
                                  : bytes > before.at(name))
        test.broken.push_back(name + " keeps " + std::to_string(bytes)
                              + " bytes of " + std::to_string(before.at(name)));
    if (!test.told())
      test.broken.push_back("no log says that " + test.away
                            + " is left behind");
    return report(seed, test.finish());
  });
}

TEST_P(CollectionSim, ANodeThatIsAwayForAMomentFindsAllFiles) {
  for_each_seed(5, [&](uint64_t seed) {
    away_run test{seed, cached(), rt_scenario::files::patient};
    const auto before = test.bytes_kept();
    test.run.w.run_for(20s);
    for (const auto& [name, bytes] : test.bytes_kept())
      if (name.starts_with("pub") && bytes != before.at(name))
        test.broken.push_back(name + " lacks files");
    if (test.told())
      test.broken.push_back(test.away + " is left behind at once");
    return report(seed, test.finish());
  });
}

TEST_P(CollectionSim, FilesGoWhenADiskFillsWhileANodeIsAway) {
  for_each_seed(5, [&](uint64_t seed) {
    away_run test{seed, cached(), rt_scenario::files::patient};
    const auto before = test.bytes_kept();
    // Of one that lives: three quarters of it are taken.
    const auto full = test.away == "rt0" ? "rt1" : "rt0";
    auto& disk = test.run.w.at(full).disk();
    disk.set_quota(log_bytes_below(disk, "/") * 4 / 3);
    test.run.w.run_for(20s);
    for (const auto& [name, bytes] : test.bytes_kept())
      if (name.starts_with("pub") && bytes >= before.at(name))
        test.broken.push_back(name + " keeps " + std::to_string(bytes)
                              + " bytes");
    if (!test.told())
      test.broken.push_back("no log says that " + test.away
                            + " is left behind");
    disk.set_quota({});
    return report(seed, test.finish());
  });
}

TEST_P(CollectionSim, CrashesWhileFilesGo) {
  std::set<std::string> fired;
  uint64_t seeds = 0;
  for_each_seed(30, [&](uint64_t seed) {
    ++seeds;
    rt_scenario run{seed, cached(), 1, rt_scenario::files::small};
    const auto& at = collection_points[seed % std::size(collection_points)];
    auto victim = std::string{at.role} + "0";
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.crash_at(victim, at.point, 1 + run.w.draw(3) * i, run.any_crash());
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    const auto broken = run.finish();
    if (run.w.crashes() > 1)
      fired.insert(victim + at.point);
    return report(seed, broken);
  });
  if (seeds >= 5 * std::size(collection_points))
    for (const auto& at : collection_points)
      EXPECT_TRUE(fired.contains(std::string{at.role} + "0" + at.point)
                  || at.point == std::string{"collect.after_remove"})
        << at.role << " " << at.point << " was never passed";
}

TEST_P(CollectionSim, CrashesAtAnyTimeOfAGroup) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3, rt_scenario::files::small};
    for (uint64_t i = 0; i < 1 + run.w.draw(5); ++i) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      auto style = run.any_crash();
      style.power = style.power && !cached();
      run.w.after(std::chrono::microseconds{run.w.draw(5'000'000)},
                  [&run, victim, style] { run.w.crash(victim, style); });
    }
    run.w.run_for(6s);
    return report(seed, run.finish());
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, CollectionSim, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
