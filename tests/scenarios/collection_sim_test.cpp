#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>

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

position begin_of(memory_file_system& disk, const std::string& directory) {
  const auto files = persistence::list_log_files(disk, directory);
  return files ? first_file(*files) : position{};
}

/// Of inputs only that is left, here and at their publishers, which the newest
/// file of out/ was made from. A node of a group lets go of what a checkpoint
/// of its leader has, which may be some files behind when nothing comes.
void check_kept(world& w, const std::string& name, bool in_group,
                std::vector<std::string>& broken) {
  // A file that began just now may not be in a checkpoint yet.
  constexpr uint64_t young_bytes = 8 << 10;
  auto& disk = w.at(name).disk();
  const auto directory = stream_directory(name);
  const auto files = persistence::list_log_files(disk, directory + "/out");
  const auto lineage = persistence::read_lineage(disk, directory + "/out");
  if (!files || !lineage)
    return broken.push_back(name + " has no out/");
  auto newest = files->rbegin();
  if (newest->size < young_bytes)
    ++newest;
  for (int behind = in_group ? 3 : 0; behind > 0 && newest != files->rend();)
    --behind, ++newest;
  if (newest == files->rend())
    return;
  const auto state
    = rt::state_at(disk, directory + "/out", *lineage,
                   position::of(newest->session, newest->roll, 0));
  if (!state)
    return broken.push_back(to_string(state.failure()));
  for (const auto& [number, input] : state->inputs) {
    const auto wanted = file_of(input.merged_end);
    const auto publisher = input.directory.substr(0, input.directory.find('.'));
    const auto here = begin_of(
      disk, directory + "/in/"
              + rt::to_string(rt::input_name{input.directory, input.lineage}));
    const auto there
      = begin_of(w.at(publisher).disk(), "/pub/" + input.directory);
    if (here < wanted || there < wanted)
      broken.push_back(name + ": of " + input.directory + " only "
                       + to_string(wanted) + " is needed, but "
                       + to_string(here) + " stays, and " + to_string(there)
                       + " at its publisher");
  }
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
      for (const auto& name : run.rt_names)
        check_kept(run.w, name, node_count > 1, broken);
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
    // Most comes while it is away: a node that lacks nothing which went can
    // still be waited for.
    if (!run.w.run_until([this] { return run.books[0]->accepted > 0; }, 10s))
      broken.push_back("nothing was accepted");
    run.w.crash(away);
    if (!run.w.run_until([this] { return run.settled(); }, 60s))
      broken.push_back("not all committed without " + away);
  }

  /// All logs of publishers.
  std::map<std::string, uint64_t> bytes_kept() {
    std::map<std::string, uint64_t> out;
    for (const auto& name : run.names)
      if (name.starts_with("pub"))
        out[name] = log_bytes_below(run.w.at(name).disk(), "/pub");
    return out;
  }

  void expect_little() {
    for (const auto& name : run.rt_names)
      if (name != away)
        check_kept(run.w, name, true, broken);
  }

  bool told() {
    for (const auto& name : run.rt_names)
      if (name != away && has_notice(run.w, name, "left_behind", away))
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
    test.run.w.run_for(20s);
    test.expect_little();
    if (!test.told())
      test.broken.push_back("no log says that " + test.away
                            + " is left behind");
    return report(seed, test.finish());
  });
}

TEST_P(CollectionSim, ANodeThatIsAwayForAMomentFindsAllFiles) {
  for_each_seed(5, [&](uint64_t seed) {
    away_run test{seed, cached(), rt_scenario::files::patient};
    // What all had let go of before goes.
    test.run.w.run_for(4s);
    const auto before = test.bytes_kept();
    test.run.w.run_for(16s);
    for (const auto& [name, bytes] : test.bytes_kept())
      if (bytes != before.at(name))
        test.broken.push_back(name + " lacks files");
    if (test.told())
      test.broken.push_back(test.away + " is left behind at once");
    return report(seed, test.finish());
  });
}

TEST_P(CollectionSim, FilesGoWhenADiskFillsWhileANodeIsAway) {
  for_each_seed(5, [&](uint64_t seed) {
    away_run test{seed, cached(), rt_scenario::files::patient};
    // Of one that lives three quarters are taken, by something else.
    const auto full = test.away == "rt0" ? "rt1" : "rt0";
    auto& disk = test.run.w.at(full).disk();
    const std::vector<std::byte> filler(uint64_t{4} << 20);
    auto file = disk.open("/filler", persistence::open_mode::write);
    if (!file || (*file)->write_at(0, filler))
      test.broken.push_back("the disk does not fill");
    // Or all is, to the last byte: then its process begins anew with what was
    // kept for that.
    const auto used = *disk.total_bytes("/") - *disk.free_bytes("/");
    disk.set_quota(std::max<uint64_t>(filler.size() * 4 / 3, used));
    test.run.w.run_for(20s);
    test.expect_little();
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
