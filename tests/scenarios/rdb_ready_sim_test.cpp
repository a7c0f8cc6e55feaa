// What an rdb says of itself to those that would ask it.
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

bool is_available(world& w, const std::string& name) {
  const auto rows = w.ask<std::vector<process_row>>(
    caf::actor_cast<discovery_actor>(w.find("disc", "disc")), 2s, lookup_atom_v,
    std::string{});
  EXPECT_TRUE(rows) << to_string(rows.failure());
  return rows
         && std::any_of(std::get<0>(*rows).begin(), std::get<0>(*rows).end(),
                        [&](const process_row& row) {
                          return row.name == name && row.available;
                        });
}

// Overnight nothing comes after the end of a period.
TEST(RdbReadySim, AStreamThatEndsWithAPeriodMakesItReadyForEverybody) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    world w{seed};
    cluster_plan plan;
    database_options database;
    feed_load load;
    const auto progress = std::make_shared<torq::feed_progress>();
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0");
    load.rows = 200;
    add_feed(plan, "feed0", load, progress);
    // Nobody takes the period up: it is replayed by each life.
    add_rdb(plan, "rdb1", database);
    w.add_cluster(plan.config, plan.options);
    ASSERT_TRUE(w.run_until([&] { return progress->merged.load(); }, 60s));
    const auto end = w.ask<position>(
      caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market")), 10s,
      end_period_atom_v, period_id{8000});
    ASSERT_TRUE(end) << to_string(end.failure());
    w.crash("rdb1");
    w.restart("rdb1");
    ASSERT_TRUE(w.run_until(
      [&] {
        const auto facts = facts_of_rdb(w, "rdb1");
        return facts && facts->ready && facts->end >= std::get<0>(*end);
      },
      30s));
    EXPECT_TRUE(w.run_until([&] { return is_available(w, "rdb1"); }, 2s));
  }
}

} // namespace
} // namespace millrace::sim
