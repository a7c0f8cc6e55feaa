// The log of a node's group is gone, damaged, put back from an older copy, or
// another node's. Nothing that was agreed on is lost by that, or replaced.

#include <algorithm>
#include <map>

#include "disk_trees.hpp"
#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

class RtAmnesiaSim : public ::testing::TestWithParam<bool> {
protected:
  bool cached() const { return GetParam(); }

  /// Of a node that is down. @param older a copy of its group's log; empty:
  /// there is none.
  static std::string forget(rt_scenario& run, const std::string& name,
                            const file_map& older) {
    auto& disk = run.w.at(name).disk();
    const auto raft = stream_directory(name) + "/raft";
    switch (run.w.draw(5)) {
      case 0:
        EXPECT_FALSE(disk.remove_all(raft));
        return "without raft/";
      case 1:
        (void)disk.remove(raft + "/.founding");
        return "without raft/.founding";
      case 2:
        (void)disk.remove(raft + "/.lineage");
        return "without raft/.lineage";
      case 3:
        for (const auto& [path, bytes] : tree_of(disk, raft))
          if (path.starts_with("/log.") && !bytes.empty())
            disk.flip_bit(raft + path, run.w.draw(bytes.size() * 8));
        return "with damage in raft/";
      default:
        if (!older.empty())
          restore_tree(disk, raft, older);
        return "with an older raft/";
    }
  }

  static bool follows(rt_scenario& run, const std::string& name) {
    const auto said = text::parse_json(run.w.status(name, "rt/market"));
    return said && said->at("group").at("role").text_or_empty() == "follower";
  }

  /// Of all files of out/, in order.
  static std::vector<std::byte> out_of(rt_scenario& run,
                                       const std::string& name) {
    std::vector<std::byte> all;
    for (const auto& [file, bytes] :
         log_bytes(run.w.at(name).disk(), stream_directory(name) + "/out"))
      all.insert(all.end(), bytes.begin(), bytes.end());
    return all;
  }
};

TEST_P(RtAmnesiaSim, ALoneNodeGoesOnFromWhatItApplied) {
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    auto& disk = run.w.at("rt0").disk();
    std::vector<std::string> how;
    file_map older;
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i) {
      run.w.run_for(std::chrono::milliseconds{100 + run.w.draw(1500)});
      run.w.crash("rt0");
      const auto now = tree_of(disk, stream_directory("rt0") + "/raft");
      if (i > 0 || run.w.chance(0.3))
        how.push_back("rt0 " + forget(run, "rt0", older));
      older = now;
      run.w.restart("rt0");
    }
    auto broken = run.finish();
    if (!broken.empty())
      broken.insert(broken.end(), how.begin(), how.end());
    return report(seed, broken);
  });
}

TEST_P(RtAmnesiaSim, AMemberThatForgotLearns) {
  const auto learns = [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    std::vector<std::string> how;
    std::map<std::string, file_map> older;
    for (uint64_t i = 0; i < 2 + run.w.draw(4); ++i) {
      run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(1500)});
      const auto name = run.rt_names[run.w.draw(run.rt_names.size())];
      run.w.crash(name);
      run.w.run_for(std::chrono::milliseconds{run.w.draw(3000)});
      const auto now
        = tree_of(run.w.at(name).disk(), stream_directory(name) + "/raft");
      how.push_back(name + " " + forget(run, name, older[name]));
      older[name] = now;
      run.w.restart(name);
      if (!run.becomes_member(name)) {
        broken.push_back(name + " is no member again");
        run.ask_all(broken);
        break;
      }
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    if (!broken.empty())
      broken.insert(broken.end(), how.begin(), how.end());
    return report(seed, broken);
  };
  for_each_seed(20, learns);
  // What it lacks was merged everywhere, by itself too, and collected.
  if (!cached())
    learns(259);
}

/// All of it, copied while the node lived: nothing there tells that it is old.
TEST_P(RtAmnesiaSim, AFollowerWithAnOlderDiskIsSentWhatItLacks) {
  size_t told = 0;
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    EXPECT_TRUE(
      run.w.run_until([&] { return run.books[0]->accepted >= 10; }, 10s));
    const auto follower = std::find_if(
      run.rt_names.begin(), run.rt_names.end(),
      [&](const std::string& name) { return follows(run, name); });
    if (follower == run.rt_names.end())
      return report(seed, {"nobody follows"});
    run.w.back_up(*follower);
    // In the midst of what is published.
    run.w.run_for(std::chrono::milliseconds{20 + run.w.draw(60)});
    run.w.kill(*follower,
               restart_older_after(std::chrono::milliseconds{run.w.draw(300)}));
    auto broken = run.finish();
    for (const auto& name : run.rt_names)
      if (has_notice(run.w, name, "forgot"))
        ++told;
    return report(seed, broken);
  });
  EXPECT_GT(told, 0u) << "no disk was older than what its node had said";
}

/// Two nodes order without a third, one of the two comes back as it was before,
/// and orders with the third: the other one keeps what it has, and says so.
TEST_P(RtAmnesiaSim, WhatANodeAppliedIsNotReplaced) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    run.w.run_for(2s);
    run.w.crash("rt1");
    const auto older = tree_of(run.w.at("rt1").disk(), stream_directory("rt1"));
    run.w.restart("rt1");
    run.w.run_for(500ms);
    run.w.crash("rt2");
    run.w.run_for(3s);
    const auto before = run.w.status("rt0", "rt/market");
    for (const auto* name : {"rt0", "rt1"})
      run.w.crash(name);
    const auto kept = out_of(run, "rt0");
    auto& disk = run.w.at("rt1").disk();
    restore_tree(disk, stream_directory("rt1"), older);
    EXPECT_FALSE(disk.remove_all(stream_directory("rt1") + "/state"));
    const auto lost = out_of(run, "rt1").size() < kept.size()
                      && out_of(run, "rt2").size() < kept.size();
    for (const auto* name : {"rt1", "rt2"})
      run.w.restart(name);
    run.w.run_for(5s);
    run.w.restart("rt0");
    run.w.run_for(5s);
    std::vector<std::string> broken;
    const auto now = out_of(run, "rt0");
    if (now.size() < kept.size()
        || !std::equal(kept.begin(), kept.end(), now.begin()))
      broken.push_back("rt0 has something else than it had");
    if (lost && now != out_of(run, "rt1")
        && !has_notice(run.w, "rt0", "refused"))
      broken.push_back("rt0 does not say that it differs");
    if (!broken.empty()) {
      broken.push_back("before: " + before);
      run.ask_all(broken);
    }
    return report(seed, broken);
  });
}

TEST_P(RtAmnesiaSim, SwappedDirectoriesAreNamed) {
  for_each_seed(5, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    run.w.run_for(std::chrono::milliseconds{1000 + run.w.draw(2000)});
    std::map<std::string, file_map> trees;
    for (const auto& name : run.rt_names) {
      run.w.crash(name);
      trees[name] = tree_of(run.w.at(name).disk(), stream_directory(name));
    }
    const auto put = [&](const std::string& name, const std::string& of) {
      restore_tree(run.w.at(name).disk(), stream_directory(name), trees[of]);
    };
    put("rt1", "rt2");
    put("rt2", "rt1");
    for (const auto& name : run.rt_names)
      run.w.restart(name);
    run.w.run_for(5s);
    std::vector<std::string> broken;
    for (const auto* name : {"rt1", "rt2"})
      if (!has_notice(run.w, name, "foreign"))
        broken.push_back(std::string{name} + " does not say whose it is");
    for (const auto& name : run.rt_names) {
      run.w.crash(name);
      trees[name] = tree_of(run.w.at(name).disk(), stream_directory(name));
    }
    put("rt1", "rt2");
    put("rt2", "rt1");
    for (const auto& name : run.rt_names)
      run.w.restart(name);
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, RtAmnesiaSim, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
