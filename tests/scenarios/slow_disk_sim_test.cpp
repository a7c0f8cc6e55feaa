// RT nodes whose disks work, and take long to do so.
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/seeds.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// Three RT nodes, and a publisher that goes on for as long as it is looked at.
class slow_disks {
public:
  explicit slow_disks(uint64_t seed, bool cached = false,
                      uint64_t messages = 1'000'000)
    : w{seed} {
    for (const auto& name : names)
      add_rt_node(plan, name, {.cached = cached, .checkpoint_bytes = 1});
    publisher_load load;
    load.messages = messages;
    load.burst_max = 2;
    add_publisher(plan, "pub0", load, book);
    w.add_cluster(plan.config, plan.options);
    EXPECT_TRUE(w.run_until([this] { return committed() > 20; }, 20s));
  }

  /// Who leads; empty: nobody does, or nobody knows.
  std::string leader() {
    for (const auto& name : names)
      if (fact(name, "\"leads\":") == "true")
        return name;
    return {};
  }
  /// What `status` says after these characters.
  std::string fact(const std::string& name, const std::string& after) {
    const auto said = w.status(name, "rt/market");
    const auto at = said.find(after);
    if (at == std::string::npos)
      return {};
    const auto begin = at + after.size();
    return said.substr(begin, said.find_first_of(",}", begin) - begin);
  }
  std::string term() { return fact(leader(), "\"term\":"); }

  uint64_t committed() const {
    uint64_t out = 0;
    for (const auto& [id, entries] : book->entries)
      out += entries.back().told == rt::ack_level::committed ? 1 : 0;
    return out;
  }
  /// Whether all that was published up to now is committed within this time.
  bool commits_within(duration limit) {
    const auto published = book->accepted;
    return w.run_until([&] { return committed() >= published; }, limit);
  }
  bool told(const std::string& name, const std::string& id) {
    const auto& notices = w.at(name).notices();
    return std::any_of(notices.begin(), notices.end(), [&](const auto& each) {
      return each.level == nodes::notice::severity::warning && each.id == id;
    });
  }

  world w;
  cluster_plan plan;
  std::vector<std::string> names{"rt0", "rt1", "rt2"};
  std::shared_ptr<ledger> book = std::make_shared<ledger>();
};

TEST(SlowDiskSim, ALeaderHandsOver) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    slow_disks run{seed};
    const auto slow = run.leader();
    ASSERT_FALSE(slow.empty());
    run.w.slow_disk(slow, 800ms);
    run.w.run_for(1s);
    EXPECT_FALSE(run.commits_within(500ms)) << "it is not slow at all";
    ASSERT_TRUE(run.w.run_until(
      [&] {
        const auto now = run.leader();
        return !now.empty() && now != slow;
      },
      25s))
      << seed << run.w.status(slow, "rt/market");
    EXPECT_TRUE(run.told(slow, "slow_disk"));
    EXPECT_TRUE(run.told(slow, "slow_lead"));
    EXPECT_EQ(run.fact(slow, "\"hand_overs\":"), "1");
    EXPECT_EQ(run.fact(slow, "\"slow\":"), "true");
    run.w.run_for(3s);
    EXPECT_TRUE(run.commits_within(500ms)) << seed;
    // And there it stays.
    const auto term = run.term();
    run.w.run_for(60s);
    EXPECT_EQ(run.term(), term) << seed;
    EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
  }
}

TEST(SlowDiskSim, ADiskThatHangsIsLeftToo) {
  slow_disks run{7};
  const auto slow = run.leader();
  run.w.slow_disk(slow, 1h);
  ASSERT_TRUE(run.w.run_until(
    [&] {
      const auto now = run.leader();
      return !now.empty() && now != slow;
    },
    25s))
    << run.w.status(slow, "rt/market");
  EXPECT_TRUE(run.commits_within(5s));
  EXPECT_TRUE(run.told(slow, "slow_lead"));
}

TEST(SlowDiskSim, WhereAllAreSlowNobodyHandsOver) {
  slow_disks run{3};
  const auto leader = run.leader();
  const auto term = run.term();
  for (const auto& name : run.names)
    run.w.slow_disk(name, 800ms);
  run.w.run_for(60s);
  EXPECT_EQ(run.leader(), leader);
  EXPECT_EQ(run.term(), term);
  EXPECT_EQ(run.fact(leader, "\"hand_overs\":"), "0");
  EXPECT_EQ(run.fact(leader, "\"slow\":"), "false");
  EXPECT_GE(std::stoll(run.fact(leader, "\"sync_ms\":")), 400);
}

TEST(SlowDiskSim, DisksThatAreSlowInTurnDoNotMakeTheLeadFlap) {
  slow_disks run{4};
  const auto before = std::stoull(run.term());
  size_t waited = 0;
  for (size_t i = 0; i < 40; ++i) {
    const bool leads = run.names[i % 3] == run.leader();
    run.w.slow_disk(run.names[i % 3], 700ms);
    run.w.run_for(1s);
    waited += leads && !run.commits_within(500ms);
    run.w.run_for(500ms);
    run.w.slow_disk(run.names[i % 3], 0ms);
  }
  EXPECT_GT(waited, 0u) << "no disk was slow";
  ASSERT_TRUE(run.w.run_until([&] { return !run.leader().empty(); }, 10s));
  EXPECT_LE(std::stoull(run.term()) - before, 6u);
}

TEST(SlowDiskSim, OneThatFollowsTakesOverAfterTheOthersOnly) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    slow_disks run{seed};
    const auto leader = run.leader();
    const auto slow = run.names[run.names[0] == leader ? 1 : 0];
    run.w.slow_disk(slow, 800ms);
    ASSERT_TRUE(run.w.run_until(
      [&] { return run.fact(slow, "\"slow\":") == "true"; }, 20s))
      << seed;
    EXPECT_EQ(run.leader(), leader);
    run.w.crash(leader);
    // With one that is slow a majority is slow.
    ASSERT_TRUE(run.w.run_until([&] { return !run.leader().empty(); }, 20s))
      << seed;
    EXPECT_NE(run.leader(), slow) << seed;
  }
}

// What one node applied it may have told to publishers and subscribers, though
// the one that leads does not have it on its disk yet.
TEST(SlowDiskSim, TheEndThatALeaderTellsIsBehindNoOthers) {
  slow_disks run{6};
  const auto slow = run.leader();
  run.w.slow_disk(slow, 300ms);
  const auto facts_of = [&](const std::string& name) {
    const auto got = run.w.ask<stream_facts>(
      caf::actor_cast<sequencer_actor>(run.w.find(name, "rt/market")), 5s,
      facts_atom_v);
    EXPECT_TRUE(got) << to_string(got.failure());
    return got ? std::get<0>(*got) : stream_facts{};
  };
  int answers = 0;
  for (int i = 0; i < 40 && run.leader() == slow; ++i) {
    run.w.run_for(70ms);
    position end;
    for (const auto& name : run.names)
      if (name != slow)
        end = std::max(end, facts_of(name).end);
    if (const auto said = facts_of(slow); said.leads) {
      EXPECT_GE(said.end, end);
      ++answers;
    }
  }
  EXPECT_GT(answers, 10);
}

TEST(SlowDiskSim, InACachedStreamNobodyWaitsForADisk) {
  slow_disks run{5, true};
  const auto term = run.term();
  run.w.slow_disk(run.leader(), 800ms);
  run.w.run_for(30s);
  EXPECT_EQ(run.term(), term);
  EXPECT_TRUE(run.commits_within(500ms));
}

/// What a node finds of an input when it starts is no sync that is under way.
TEST(SlowDiskSim, APublisherThatRestsKeepsNoRestartedNodeSlow) {
  slow_disks run{7, false, 40};
  EXPECT_TRUE(run.w.run_until([&] { return run.book->settled; }, 20s));
  for (const auto* name : {"rt0", "rt1", "rt2"}) {
    run.w.crash(name);
    run.w.restart(name);
    run.w.run_for(3s);
  }
  run.w.run_for(20s);
  for (const auto* name : {"rt0", "rt1", "rt2"}) {
    const auto sync_ms = run.fact(name, "\"sync_ms\":");
    EXPECT_TRUE(sync_ms == "null" || sync_ms == "0") << name << " " << sync_ms;
    EXPECT_FALSE(run.told(name, "slow_disk")) << name;
  }
}

} // namespace
} // namespace millrace::sim
