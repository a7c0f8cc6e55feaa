// Batches that no table of the RDB fits: nothing is lost of them, whatever the
// disk says, and their period waits for somebody's word.
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// A cluster whose RDB declares a table that lacks a column of what comes.
struct narrow_table {
  narrow_table() {
    rt_node_options rt;
    rt.period_grace_ns = 100'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    add_feed(plan, "feed0", load, progress);
    add_hdb(plan, "hdb1", database);
    add_rdb(plan, "rdb1", database);
    auto& columns = plan.config.tables.front().schema.columns;
    std::erase_if(columns, [](const auto& each) { return each.name == "seq"; });
    w.add_cluster(plan.config, plan.options);
  }

  rdb_facts rdb() {
    auto facts = facts_of_rdb(w, "rdb1");
    EXPECT_TRUE(facts) << to_string(facts.failure());
    return facts ? *std::move(facts) : rdb_facts{};
  }

  period_report report(period_id period, position at, bool accepts) {
    const auto got
      = w.ask<period_report>(caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")),
                             20s, installed_atom_v, period, at, accepts);
    EXPECT_TRUE(got) << to_string(got.failure());
    return got ? std::get<0>(*got) : period_report{};
  }

  /// Lines of the file of letters.
  int64_t letters() {
    const auto bytes = persistence::read_file(
      w.at("rdb1").disk(), plan.config.data_directory + "/rejects/rdb1",
      64u << 20);
    if (!bytes)
      return 0;
    return std::count(bytes->begin(), bytes->end(), std::byte{'\n'});
  }

  world w{7};
  cluster_plan plan;
  feed_load load;
  database_options database;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
};

TEST(DeadLetterSim, AreKeptOnceAndHoldTheirPeriod) {
  narrow_table run;
  ASSERT_TRUE(
    run.w.run_until([&] { return run.progress->merged.load(); }, 60s));
  const auto end = run.w.ask<position>(
    caf::actor_cast<sequencer_actor>(run.w.find("rt0", "rt/market")), 5s,
    end_period_atom_v, period_id{9490});
  ASSERT_TRUE(end) << to_string(end.failure());
  const auto at = std::get<0>(*end);
  auto said = run.report(period_id{9490}, at, false);
  EXPECT_TRUE(said.held);
  EXPECT_FALSE(said.served);
  EXPECT_EQ(said.end, at);
  const auto rejects = said.rejected_batches;
  EXPECT_GT(rejects, 0u);
  EXPECT_EQ(run.letters(), static_cast<int64_t>(rejects));
  EXPECT_FALSE(run.rdb().held.empty());

  // A new life meets them again.
  run.w.crash("rdb1", {});
  run.w.restart("rdb1");
  ASSERT_TRUE(run.w.run_until(
    [&] {
      const auto facts = facts_of_rdb(run.w, "rdb1");
      return facts && facts->end >= at;
    },
    30s));
  said = run.report(period_id{9490}, at, false);
  EXPECT_TRUE(said.held);
  EXPECT_EQ(said.rejected_batches, rejects);
  EXPECT_EQ(run.letters(), static_cast<int64_t>(rejects));

  for (int i = 0; i < 20 && !said.served; ++i)
    said = run.report(period_id{9490}, at, true);
  EXPECT_TRUE(said.served);
  EXPECT_FALSE(said.held);
  EXPECT_EQ(said.rows["trade"].size(), 0u);
  EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
}

TEST(DeadLetterSim, WhatCannotBeKeptComesAgain) {
  narrow_table run;
  ASSERT_TRUE(run.w.run_until([&] { return run.letters() > 0; }, 60s));
  run.w.at("rdb1").disk().set_quota(0);
  ASSERT_TRUE(run.w.run_until([&] { return !run.rdb().stalled.empty(); }, 30s));
  EXPECT_NE(run.rdb().stalled.find("cannot be kept"), std::string::npos)
    << run.rdb().stalled;
  const auto stood = run.rdb().end;
  run.w.run_for(3s);
  EXPECT_EQ(run.rdb().end, stood);
  EXPECT_TRUE(run.w.at("rdb1").alive());
  run.w.at("rdb1").disk().set_quota(std::nullopt);
  ASSERT_TRUE(run.w.run_until(
    [&] {
      return run.progress->merged.load()
             && run.letters()
                  == static_cast<int64_t>(run.rdb().rejected_batches)
             && run.rdb().stalled.empty();
    },
    60s));
  EXPECT_GT(run.rdb().end, stood);
  EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
}

// Method: it is there before the first batch comes that fits no table.
TEST(DeadLetterSim, ADirectoryInTheirPlaceIsMovedAsideAndTold) {
  narrow_table run;
  auto& disk = run.w.at("rdb1").disk();
  const auto path = run.plan.config.data_directory + "/rejects/rdb1";
  ASSERT_FALSE(disk.create_directories(path + "/inside"));
  ASSERT_TRUE(run.w.run_until(
    [&] {
      return run.progress->merged.load() && run.letters() > 0
             && run.letters()
                  == static_cast<int64_t>(run.rdb().rejected_batches);
    },
    60s));
  EXPECT_EQ(run.rdb().stalled, "");
  EXPECT_TRUE(disk.exists(path + ".aside.1/inside"));
  const auto& notices = run.w.at("rdb1").notices();
  EXPECT_TRUE(
    std::any_of(notices.begin(), notices.end(), [&](const auto& each) {
      return each.level == nodes::notice::severity::warning
             && each.id == "set_aside"
             && each.text.find(path) != std::string::npos;
    }));
  EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
}

} // namespace
} // namespace millrace::sim
