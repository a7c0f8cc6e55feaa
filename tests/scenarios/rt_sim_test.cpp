#include <set>

#include "effects.hpp"
#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

constexpr named_point rt_points[] = {
  {"pub", "pub.before_write"},
  {"pub", "pub.after_write"},
  {"pub", "pub.before_roll"},
  {"pub", "pub.after_create"},
  {"pub", "pub.after_dirsync"},
  {"pub", "pub.before_send"},
  {"pub", "pub.after_send"},
  {"rt", "rt.before_append"},
  {"rt", "rt.after_append"},
  {"rt", "rt.before_ack"},
  {"rt", "rt.after_ack"},
  {"rt", "rt.before_snapshot"},
  {"rt", "rt.after_snapshot_rename"},
  {"rt", "rt.before_truncate"},
  {"copy", "sub.before_apply"},
  {"copy", "sub.after_apply"},
  {"plain", "sub.before_apply"},
  {"saved", "sub.before_checkpoint"},
  {"saved", "sub.after_checkpoint"},
};
/// Passed only where a stream syncs.
constexpr named_point synced_points[] = {
  {"rt", "rt.before_sync"},
  {"rt", "rt.after_sync"},
  {"rt", "rt.before_commit"},
  {"rt", "rt.after_commit"},
};

class RtSim : public ::testing::TestWithParam<bool> {
protected:
  bool cached() const { return GetParam(); }
};

TEST_P(RtSim, NothingIsLostWithoutFaults) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    const auto broken = run.finish();
    EXPECT_FALSE(has_notice(run.w, "rt0", "publisher_ended"))
      << "what faults are known by happens without any";
    return report(seed, broken);
  });
}

TEST_P(RtSim, CrashAtEachNamedPoint) {
  std::vector<named_point> all{std::begin(rt_points), std::end(rt_points)};
  if (!cached())
    all.insert(all.end(), std::begin(synced_points), std::end(synced_points));
  std::set<std::string> fired;
  uint64_t seeds = 0;
  for_each_seed(100, [&](uint64_t seed) {
    ++seeds;
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    const auto& at = all[seed % all.size()];
    auto node_name = std::string{at.role};
    if (node_name == "pub")
      node_name += std::to_string(run.w.draw(run.books.size()));
    if (node_name == "rt")
      node_name = "rt0";
    // A restart passes some points only if there was a life before.
    if (at.point == std::string{"rt.before_truncate"}
        || at.point == std::string{"pub.after_dirsync"})
      run.w.after(500ms, [&] { run.w.crash(node_name, run.any_crash()); });
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.crash_at(node_name, at.point, 1 + run.w.draw(6) * i,
                     run.any_crash());
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    const auto broken = run.finish();
    // The scenario itself ends one life: that of the node it looks into.
    if (run.w.crashes() > 1)
      fired.insert(at.point);
    return report(seed, broken);
  });
  if (seeds >= 3 * all.size())
    for (const auto& at : all)
      EXPECT_TRUE(fired.contains(at.point)) << at.point << " was never passed";
}

TEST_P(RtSim, CrashesAtAnyTime) {
  effects seen{cached() ? std::vector{effect::end}
                        : std::vector{effect::end, effect::loss}};
  for_each_seed(100, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    const auto crashes = 1 + run.w.draw(6);
    for (uint64_t i = 0; i < crashes; ++i) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      run.w.after(std::chrono::microseconds{run.w.draw(3'000'000)},
                  [&] { seen.crash(run.w, victim, run.any_crash()); });
    }
    run.w.run_for(4s);
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST_P(RtSim, StoppedProcessesGoOn) {
  effects seen{{effect::stop}};
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      const auto begin = std::chrono::milliseconds{run.w.draw(2000)};
      const auto pause = std::chrono::milliseconds{100 + run.w.draw(9000)};
      run.w.after(begin, [&] { seen.pause(run.w, victim); });
      run.w.after(begin + pause, [&] { run.w.resume(victim); });
    }
    run.w.run_for(8s);
    return report(seed, run.finish());
  });
}

TEST_P(RtSim, LinkFaultsAtAnyTime) {
  effects seen{{effect::lost_connection}};
  for_each_seed(60, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    for (uint64_t i = 0; i < 1 + run.w.draw(6); ++i)
      any_link_fault(run.w, run.names, 2500ms, 6s);
    if (run.w.chance(0.3)) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      run.w.after(std::chrono::milliseconds{run.w.draw(2500)},
                  [&] { run.w.crash(victim, run.any_crash()); });
    }
    run.w.run_for(std::chrono::milliseconds{1000 + run.w.draw(8000)});
    const auto broken = run.finish();
    seen.look(run.w, run.names, 1);
    return report(seed, broken);
  });
}

/// Each link of the RT node in turn, cut in both ways, in one, or half-open.
TEST_P(RtSim, AMinuteWithoutALink) {
  std::map<uint64_t, uint64_t> noticed; // By what became of the link.
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    const auto& other = run.names[(seed / 4) % (run.names.size() - 1)];
    run.w.after(std::chrono::milliseconds{run.w.draw(600)}, [&] {
      switch (seed % 4) {
        case 0:
          return run.w.cut("rt0", other);
        case 1:
          return run.w.cut_one_way("rt0", other);
        case 2:
          return run.w.cut_one_way(other, "rt0");
        default:
          return run.w.half_open("rt0", other);
      }
    });
    run.w.run_for(60s);
    if (!run.settled() || !run.caught_up()
        || has_notice(run.w, "rt0", "publisher_ended"))
      ++noticed[seed % 4];
    if (seed % 4 == 3)
      // It noticed by itself, and went on.
      EXPECT_TRUE(run.settled() && run.caught_up()) << replay(seed);
    return report(seed, run.finish());
  });
  if (!has_few_seeds())
    for (uint64_t kind = 0; kind < 4; ++kind)
      EXPECT_GT(noticed[kind], 0u) << "nobody missed a link of kind " << kind;
}

TEST_P(RtSim, FullDiskComesBack) {
  effects seen{{effect::refusal}};
  for_each_seed(40, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    const auto& victim = run.names[run.w.draw(run.names.size())];
    auto& disk = run.w.at(victim).disk();
    run.w.after(std::chrono::milliseconds{run.w.draw(600)},
                [&] { disk.leave_free(run.w.draw(8000)); });
    if (run.w.chance(0.3))
      run.w.after(std::chrono::milliseconds{run.w.draw(2000)},
                  [&] { run.w.crash(victim, run.any_crash()); });
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(3000)});
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST_P(RtSim, FailedSyncFencesAndLosesNothing) {
  effects seen{{effect::refusal}};
  for_each_seed(40, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    const auto& victim = run.names[run.w.draw(run.names.size())];
    // A local copy that cannot be synced ends its subscription.
    run.expected_failures = {errc::storage_failed, errc::closed};
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(1500)}, [&] {
        run.w.at(victim).disk().fail(disk_call::sync, 1 + run.w.draw(5));
      });
    // What the failed sync left only in the cache goes with the power.
    run.w.after(std::chrono::milliseconds{500 + run.w.draw(3000)}, [&] {
      auto style = run.any_crash();
      style.left = survival::nothing;
      run.w.crash(victim, style);
    });
    run.w.run_for(4s);
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

// What ends a sequencer does not end its node: RT begins another life there.
TEST_P(RtSim, AFailedSyncStartsRtAgainInItsNode) {
  size_t ended = 0;
  for_each_seed(60, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(1500)}, [&] {
        run.w.at("rt0").disk().fail(disk_call::sync, 1 + run.w.draw(5));
      });
    run.w.run_for(4s);
    auto broken = run.finish();
    if (const auto lives = run.w.at("rt0").lives(); lives != 1)
      broken.push_back("the node has had " + std::to_string(lives) + " lives");
    for (const auto& each : run.w.at("rt0").notices())
      ended += each.id == "ended" ? 1 : 0;
    return report(seed, broken);
  });
  EXPECT_GT(ended, 0u) << "no sequencer ended";
}

TEST_P(RtSim, SameSeedSameRun) {
  const auto trace = [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    perhaps_a_link_fault(run.w, run.names);
    for (uint64_t i = 0; i < 4; ++i) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      run.w.after(std::chrono::microseconds{run.w.draw(3'000'000)},
                  [&] { run.w.crash(victim, run.any_crash()); });
    }
    run.w.run_for(4s);
    (void)run.finish();
    return std::pair{run.w.trace_hash(), run.w.steps()};
  };
  for (uint64_t seed = 1; seed <= 5; ++seed)
    EXPECT_EQ(trace(seed), trace(seed)) << seed;
}

INSTANTIATE_TEST_SUITE_P(Modes, RtSim, ::testing::Values(false, true),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
