#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// The end of a period waits for a publisher that stands still; meanwhile the
/// feed that asked for it loses its RT node.
TEST(FeedSim, AnEndOfAPeriodIsAskedForAnewWhenTheStreamIsLost) {
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed);
    auto book = std::make_shared<ledger>();
    auto progress = std::make_shared<torq::feed_progress>();
    cluster_plan plan;
    add_rt_node(plan, "rt0", {.period_grace_ns = 3'000'000'000});
    add_publisher(plan, "idle", {.messages = 1}, book);
    feed_load load;
    load.rows = 600;
    load.rows_per_period = 400;
    add_feed(plan, "feed0", load, progress);
    world w{5};
    w.add_cluster(plan.config, plan.options);
    ASSERT_TRUE(w.run_until([&] { return book->settled; }, 5s));
    w.pause("idle");
    ASSERT_TRUE(w.run_until([&] { return progress->rows >= 400; }, 10s));
    w.run_for(1s);
    const auto rows = progress->rows.load();
    EXPECT_LT(rows, 500u) << "it waits for the end of its period";
    if (killed)
      w.crash("rt0", {.restart_after = 500ms});
    else
      w.half_open("feed0", "rt0");
    EXPECT_TRUE(w.run_until([&] { return progress->merged.load(); }, 20s));
    EXPECT_EQ(progress->rows.load(), load.rows);
    EXPECT_TRUE(w.defects().empty());
  }
}

// What a full disk keeps in memory is read, and not recorded: who is told
// how much is in the log relies on it.
TEST(FeedSim, RowsThatAFullDiskKeepsOutAreNotRecorded) {
  auto progress = std::make_shared<torq::feed_progress>();
  cluster_plan plan;
  add_rt_node(plan, "rt0", {});
  feed_load load;
  load.rows = 600;
  add_feed(plan, "feed0", load, progress);
  world w{5};
  w.add_cluster(plan.config, plan.options);
  const auto recorded = [&] { return progress->recorded.up_to({}); };
  ASSERT_TRUE(w.run_until([&] { return recorded() >= 100; }, 10s));
  const auto script = parse_fault_script("at 0ms: full feed0 0\n", "script");
  ASSERT_TRUE(script);
  w.play(*script);
  w.run_for(2s);
  const auto rows = progress->rows.load();
  EXPECT_LT(recorded(), rows);
  EXPECT_LT(rows, load.rows) << "no more is taken in";
  w.heal();
  EXPECT_TRUE(w.run_until([&] { return progress->merged.load(); }, 20s));
  EXPECT_EQ(progress->rows.load(), load.rows);
  EXPECT_EQ(recorded(), load.rows);
}

TEST(FeedSim, APublisherThatDoesNotMarkTheEndOfAPeriodIsNamed) {
  auto book = std::make_shared<ledger>();
  cluster_plan plan;
  add_rt_node(plan, "rt0", {.period_grace_ns = 500'000'000});
  add_publisher(plan, "idle", {.messages = 1}, book);
  world w{5};
  w.add_cluster(plan.config, plan.options);
  ASSERT_TRUE(w.run_until([&] { return book->settled; }, 5s));
  const auto sequencer
    = caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market"));
  const auto end = [&](int64_t period) {
    const auto got
      = w.ask<position>(sequencer, 5s, end_period_atom_v, period_id{period});
    EXPECT_TRUE(got) << to_string(got.failure());
    const auto facts = w.ask<stream_facts>(sequencer, 1s, facts_atom_v);
    EXPECT_TRUE(facts) << to_string(facts.failure());
    return facts ? std::get<0>(*facts).last_period_absent
                 : std::vector<std::string>{"no facts"};
  };
  EXPECT_EQ(end(8000), std::vector<std::string>{}) << "it lives";
  w.pause("idle");
  const auto absent = end(8001);
  ASSERT_EQ(absent.size(), 1u);
  EXPECT_NE(absent[0].find("idle"), std::string::npos) << absent[0];
}

} // namespace
} // namespace millrace::sim
