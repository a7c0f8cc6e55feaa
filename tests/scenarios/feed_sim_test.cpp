#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <memory>

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

} // namespace
} // namespace millrace::sim
