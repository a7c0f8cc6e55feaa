// What an RDB and an HDB refuse on their own, asked without a gateway.
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// The sizes of all trades, or of one symbol.
chunk plan_of(const std::string& more) {
  const auto schema = trade_table();
  const auto request = query::parse_getdata(
    R"({"tablename":"trade","starttime":"2000-01-01","endtime":"2100-01-01",)"
    R"("columns":["time","sym","seq","size"])"
      + more + "}",
    [&](std::string_view) { return &schema; });
  EXPECT_TRUE(request) << to_string(request.failure());
  return chunk::copy_of(encode(request->plan));
}

/// A cluster whose RDB and HDB let a query hold less than all rows take, with
/// all rows published.
struct narrow_stores {
  static constexpr uint64_t query_memory_max = 6'000;

  /// @param each, all what one query, and all of them, may hold; 0: no limit
  explicit narrow_stores(uint64_t each = query_memory_max, uint64_t all = 0) {
    rt_node_options rt;
    rt.period_grace_ns = 100'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    add_feed(plan, "feed0", load, progress);
    database.query_memory_max_bytes = each;
    database.queries_memory_max_bytes = all;
    add_hdb(plan, "hdb1", database);
    add_rdb(plan, "rdb1", database);
    w.add_cluster(plan.config, plan.options);
    EXPECT_TRUE(w.run_until([this] { return progress->merged.load(); }, 60s));
  }

  result<std::vector<trade_row>> ask_rdb(const chunk& what) {
    return rows_in(w.ask<bundle, rdb_cut>(
      caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 5s, query_atom_v,
      what, rows_after{{}, facts_of_rdb(w, "rdb1")->end}));
  }
  result<std::vector<trade_row>> ask_hdb(const chunk& what) {
    return rows_in(w.ask<bundle, partition_cut>(
      caf::actor_cast<hdb_actor>(w.find("hdb1", "hdb1")), 5s, query_atom_v,
      what));
  }

  template <class Answer>
  result<std::vector<trade_row>> rows_in(const Answer& got) {
    if (!got)
      return got.failure();
    return rows_of(std::get<0>(*got).here);
  }

  /// Ends the period, and waits until the HDB serves its rows.
  void write_down() {
    auto end = w.ask<position>(
      caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market")), 5s,
      end_period_atom_v, period_id{9490});
    ASSERT_TRUE(end) << to_string(end.failure());
    const auto report = w.ask<period_report>(
      caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 20s, installed_atom_v,
      period_id{9490}, std::get<0>(*end), false);
    ASSERT_TRUE(report) << to_string(report.failure());
    EXPECT_TRUE(std::get<0>(*report).served);
  }

  std::vector<trade_row> rows_of_symbol(const std::string& symbol) const {
    std::vector<trade_row> out;
    for (uint64_t row = 0; row < load.rows; ++row)
      if (auto one = row_of(load.feed, row); one.sym == symbol)
        out.push_back(std::move(one));
    std::sort(out.begin(), out.end());
    return out;
  }

  world w{5};
  cluster_plan plan;
  feed_load load;
  database_options database;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
};

/// What all queries of a store hold there, as `status` says.
uint64_t queries_memory_of(world& w, const std::string& name) {
  const auto facts = w.ask<status_facts>(
    caf::actor_cast<status_actor>(w.find(name, name)), 5s, status_atom_v);
  EXPECT_TRUE(facts);
  return facts ? std::get<0>(*facts)
                   .at("queries_memory")
                   .at("bytes")
                   .natural()
                   .value_or(~uint64_t{0})
               : 0;
}

void expect_over_the_limit(const result<std::vector<trade_row>>& got) {
  ASSERT_FALSE(got);
  EXPECT_EQ(got.failure().code, errc::limit_exceeded);
  for (const auto* fact : {"trade", "query_memory_max", "6000"})
    EXPECT_NE(got.failure().context.find(fact), std::string::npos)
      << got.failure().context;
}

TEST(StoreRefusalSim, AQueryOverItsMemoryIsRefusedAndTheNextOneServed) {
  narrow_stores run;
  const auto all = plan_of("");
  const auto some = plan_of(R"(,"instruments":"C")");
  const auto expected = run.rows_of_symbol("C");
  ASSERT_FALSE(expected.empty());
  expect_over_the_limit(run.ask_rdb(all));
  auto served = run.ask_rdb(some);
  ASSERT_TRUE(served) << to_string(served.failure());
  EXPECT_EQ(*served, expected);

  run.write_down();
  expect_over_the_limit(run.ask_hdb(all));
  served = run.ask_hdb(some);
  ASSERT_TRUE(served) << to_string(served.failure());
  EXPECT_EQ(*served, expected);
  EXPECT_TRUE(run.w.defects().empty());
}

TEST(StoreRefusalSim, WhatAllQueriesHoldIsBoundedAndGivenBack) {
  constexpr uint64_t all_max = 6'000;
  narrow_stores run{0, all_max};
  const auto all = plan_of("");
  const auto some = plan_of(R"(,"instruments":"C")");
  const auto expected = run.rows_of_symbol("C");
  const auto expect_refused
    = [&](const result<std::vector<trade_row>>& got, const char* name) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.failure().code, errc::limit_exceeded);
        for (const auto* fact : {"trade", "queries_memory_max", "6000", name})
          EXPECT_NE(got.failure().context.find(fact), std::string::npos)
            << got.failure().context;
        EXPECT_EQ(queries_memory_of(run.w, name), 0u);
      };
  expect_refused(run.ask_rdb(all), "rdb1");
  auto served = run.ask_rdb(some);
  ASSERT_TRUE(served) << to_string(served.failure());
  EXPECT_EQ(*served, expected);
  EXPECT_EQ(queries_memory_of(run.w, "rdb1"), 0u);

  run.write_down();
  expect_refused(run.ask_hdb(all), "hdb1");
  served = run.ask_hdb(some);
  ASSERT_TRUE(served) << to_string(served.failure());
  EXPECT_EQ(*served, expected);
  EXPECT_EQ(queries_memory_of(run.w, "hdb1"), 0u);
  EXPECT_TRUE(run.w.defects().empty());
}

TEST(StoreRefusalSim, AnHdbThatCannotReadItsManifestSaysSo) {
  world w{3};
  cluster_plan plan;
  add_hdb(plan, "hdb1", {});
  w.add_cluster(plan.config, plan.options);
  const auto ask = [&] {
    return w.ask<bundle, partition_cut>(
      caf::actor_cast<hdb_actor>(w.find("hdb1", "hdb1")), 5s, query_atom_v,
      plan_of(""), manifest_version{});
  };
  const auto before = ask();
  ASSERT_TRUE(before) << to_string(before.failure());
  EXPECT_EQ(std::get<1>(*before).manifest, manifest_version{});

  auto& disk = w.at("hdb1").disk();
  const auto path
    = std::string{"/hdb/"} + std::string{persistence::hdb_manifest_name};
  ASSERT_FALSE(disk.create_directories("/hdb"));
  ASSERT_FALSE(
    persistence::replace_file(disk, path, bytes_of("nobody wrote this")));
  ASSERT_FALSE(disk.create_directories("/hdb/2025.12.24"));
  // Asked for what was before the first partition: there may be one now.
  const auto unread = ask();
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.failure().code, errc::corrupt);
  EXPECT_NE(unread.failure().context.find(path), std::string::npos)
    << unread.failure().context;
  EXPECT_TRUE(w.at("hdb1").alive());

  ASSERT_FALSE(disk.remove_all("/hdb"));
  const auto after = ask();
  EXPECT_TRUE(after) << to_string(after.failure());
  EXPECT_TRUE(w.defects().empty());
}

} // namespace
} // namespace millrace::sim
