#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// A feed whose rows need several times the memory that the RDB may use.
struct full_rdb {
  static constexpr uint64_t memory_max = 120'000;

  full_rdb() {
    rt_node_options rt;
    rt.period_grace_ns = 100'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    load.rows = 6'000; // 30 s of them.
    add_feed(plan, "feed0", load, progress);
    add_hdb(plan, "hdb1", database);
    database.memory_max_bytes = memory_max;
    add_rdb(plan, "rdb1", database);
    add_gateway(plan, "gw1", database);
    w.add_cluster(plan.config, plan.options);
  }

  rdb_facts rdb() {
    const auto facts = facts_of_rdb(w, "rdb1");
    EXPECT_TRUE(facts) << to_string(facts.failure());
    return facts ? *facts : rdb_facts{};
  }

  bool stalls(duration limit) {
    return w.run_until([this] { return !rdb().stalled.empty(); }, limit);
  }

  position stream_end() {
    const auto rows
      = rows_in_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    return rows && !rows->empty() ? rows->back().first : position{};
  }

  position end_period(int64_t period) {
    auto got = w.ask<position>(
      caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market")), 5s,
      end_period_atom_v, period_id{period});
    EXPECT_TRUE(got) << to_string(got.failure());
    return got ? std::get<0>(*got) : position{};
  }

  /// Asks as `eop` does: again and again.
  error wait_installed(int64_t period, position end) {
    for (int i = 0; i < 10; ++i) {
      const auto report = w.ask<period_report>(
        caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 20s,
        installed_atom_v, period_id{period}, end, false);
      if (!report)
        return report.failure();
      if (std::get<0>(*report).served)
        return {};
    }
    return {errc::timeout, "no hdb serves it"};
  }

  result<std::vector<trade_row>> ask(position at_least) {
    const nlohmann::json parameters{
      {"tablename", "trade"},
      {"starttime", "2000-01-01"},
      {"endtime", "2100-01-01"},
      {"columns", {"time", "sym", "seq", "size"}},
      {"at_least", std::to_string(at_least.value)}};
    auto got = w.ask<bundle, query_cut>(
      caf::actor_cast<gateway_actor>(w.find("gw1", "gw1")), 6s, query_atom_v,
      parameters.dump());
    if (!got)
      return got.failure();
    return rows_of(std::get<0>(*got).here);
  }

  world w{11};
  cluster_plan plan;
  feed_load load;
  database_options database;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
};

TEST(RdbMemorySim, AFullRdbStandsStillSaysSoAndHoldsNobodyUp) {
  full_rdb run;
  ASSERT_TRUE(run.stalls(30s));
  const auto stalled_at = run.rdb().end;
  // The stream goes on without it.
  EXPECT_TRUE(
    run.w.run_until([&] { return run.progress->merged.load(); }, 60s));
  EXPECT_LT(stalled_at, run.stream_end());
  const auto facts = run.rdb();
  EXPECT_NE(facts.stalled.find("memory_max is 120000"), std::string::npos)
    << facts.stalled;
  // A margin for what comes between two looks at the memory.
  EXPECT_LT(facts.bytes, 2 * run.memory_max);
  const auto refused = run.ask(run.stream_end());
  EXPECT_EQ(refused.failure().code, errc::limit_exceeded);
  EXPECT_NE(refused.failure().context.find("memory_max is 120000"),
            std::string::npos)
    << to_string(refused.failure());
}

TEST(RdbMemorySim, WhoGaveUpWaitingLeavesTheLimitInForce) {
  full_rdb run;
  ASSERT_TRUE(run.stalls(30s));
  // Nobody can reach this position: rows are applied in vain for a while.
  const auto handle = run.w.find("rdb1", "rdb1");
  const auto answer = run.w.ask<period_report>(
    caf::actor_cast<rdb_actor>(handle), 20s, installed_atom_v, period_id{8000},
    position{~uint64_t{0}}, false);
  ASSERT_TRUE(answer) << to_string(answer.failure());
  EXPECT_FALSE(std::get<0>(*answer).reached);
  EXPECT_FALSE(std::get<0>(*answer).served);
  EXPECT_TRUE(run.stalls(1s));
}

TEST(RdbMemorySim, EndsOfPeriodsFreeMemoryAndNothingIsLost) {
  full_rdb run;
  int64_t period = 8000;
  uint64_t stalls = 0;
  while (!run.progress->merged && run.stalls(30s)) {
    ++stalls;
    // The marker comes after rows that there is no memory for: a wait for the
    // partition lets the RDB reach it.
    run.w.run_for(1s);
    const auto end = run.end_period(period);
    EXPECT_LT(run.rdb().end, end);
    const auto fault = run.wait_installed(period++, end);
    ASSERT_FALSE(fault) << to_string(fault);
    ASSERT_TRUE(run.w.run_until([&] { return run.rdb().begin >= end; }, 10s));
    EXPECT_TRUE(
      run.w.run_until([&] { return run.rdb().stalled.empty(); }, 10s));
  }
  EXPECT_GE(stalls, 2u);
  const auto fault = run.wait_installed(period, run.end_period(period));
  ASSERT_FALSE(fault) << to_string(fault);
  std::vector<trade_row> expected;
  for (uint64_t row = 0; row < run.load.rows; ++row)
    expected.push_back(row_of(run.load.feed, row));
  std::sort(expected.begin(), expected.end());
  const auto got = run.ask(run.stream_end());
  ASSERT_TRUE(got) << to_string(got.failure());
  EXPECT_EQ(*got, expected);
  EXPECT_TRUE(run.w.defects().empty());
}

} // namespace
} // namespace millrace::sim
