// Tables that come to a cluster while it runs: nothing of them is lost, and
// nothing of the others, whatever was written down before and whatever fails.

#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/tests/support/cluster_text.hpp>

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// An rdb that writes down and one that does not, which names its tables.
const auto growing_cluster
  = test_support::cluster_text{"growing", "growing-data"}
      .stream("market")
      .table("trade", "market", {"time:timestamp", "sym:symbol", "size:long"})
      .node("rt1", 7501)
      .node("db", 7502)
      .node("door", 7503)
      .process("discovery1", "discovery", "rt1")
      .process("rt1", "rt", "rt1")
      .process("rdb1", "rdb", "db")
      .process("rdb2", "rdb", "db",
               "write_down = false\ntables = [\"trade\"]\n")
      .process("hdb1", "hdb", "db")
      .process("gw1", "gateway", "door", "query_timeout = \"20s\"\n")
      .text();

const std::string tick_table = R"([[table]]
name = "tick"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float"]
)";

const std::map<std::string, std::string> all_take{
  {"rdb1", "taken"}, {"rdb2", "taken"}, {"hdb1", "taken"}, {"gw1", "taken"}};

result<int64_t> count(world& w, const std::string& table) {
  const auto got
    = w.query(R"({"tablename":")" + table
              + R"(","starttime":"2000-01-01","endtime":"2100-01-01",)"
                R"("aggregations":{"count":["sym"]}})");
  if (!got)
    return got.failure();
  return got->rows.empty() ? 0 : got->rows[0][0].integer().value_or(-1);
}

TEST(TableSim, RowsAreThereBeforeAndAfterTheirPeriodIsWritten) {
  for_each_seed(12, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(growing_cluster);
    auto& trades = w.add_publisher("trades", "trade");
    trades.publish({{"sym", "A"}, {"size", 1}});
    // Some of the stream is written down, or nothing is.
    if (seed % 2 == 0) {
      w.end_period("market", 9490);
      trades.publish({{"sym", "A"}, {"size", 2}});
      w.run_for(seed % 4 == 0 ? 40s : 1s);
    }
    EXPECT_EQ(w.add_table(tick_table), all_take);
    auto& ticks = w.add_publisher("ticks", "tick");
    for (int i = 0; i < 5; ++i)
      ticks.publish({{"sym", "A"}, {"price", 1.5 * i}});
    trades.publish({{"sym", "B"}, {"size", 3}});
    w.expect_no_loss("tick");
    w.expect_no_loss("trade");
    w.end_period("market", 9491);
    w.run_for(2s);
    ticks.publish({{"sym", "B"}, {"price", 9.0}});
    w.expect_no_loss("tick");
    // Until the rows of the period have left memory, and after a new life.
    w.run_for(60s);
    w.expect_no_loss("tick");
    w.expect_no_loss("trade");
    w.kill("db", restart_after(100ms));
    w.expect_no_loss("tick");
    w.expect_no_loss("trade");
    EXPECT_TRUE(w.defects().empty());
  });
}

TEST(TableSim, WhatFailsMeanwhileIsMadeGoodByTellingAgain) {
  const fault_mix mix{.nodes = {"rt1", "db", "door"}, .within = 3s};
  for_each_fault_script(12, mix, [](uint64_t seed, const fault_script& script) {
    world w{seed};
    w.add_cluster_text(growing_cluster);
    auto& trades = w.add_publisher("trades", "trade");
    trades.publish({{"sym", "A"}, {"size", 1}});
    if (seed % 2 == 0) {
      w.end_period("market", 9490);
      w.run_for(35s);
    }
    w.play(script);
    (void)w.add_table(tick_table);
    w.run_for(5s);
    w.heal();
    auto& ticks = w.add_publisher("ticks", "tick");
    EXPECT_TRUE(w.eventually(60s, [&] {
      const auto told = w.add_table(tick_table);
      return std::all_of(told.begin(), told.end(), [](const auto& each) {
        return each.second == "known" || each.second == "taken";
      });
    }));
    for (int i = 0; i < 3; ++i)
      ticks.publish({{"sym", "A"}, {"price", 1.0 * i}});
    trades.publish({{"sym", "A"}, {"size", 2}});
    w.expect_no_loss("tick");
    w.end_period("market", 9491);
    w.run_for(60s);
    w.expect_no_loss("tick");
    w.expect_no_loss("trade");
    EXPECT_TRUE(w.defects().empty());
  });
}

/// A program that publishes a batch of a table that nobody declares.
struct early_bird {
  std::shared_ptr<rt::publisher> out;

  nodes::process_factory program() {
    return
      [this](nodes::process_host& host,
             const nodes::process_config&) -> result<nodes::hosted_process> {
        auto made = host.publish("market", {.name = "early"});
        if (!made)
          return made.failure();
        out = made->out;
        return nodes::hosted_process{
          caf::actor_cast<caf::strong_actor_ptr>(made->replicators.front())};
      };
  }
  void publish(world& w, int rows) {
    table_schema table;
    table.name = "tick";
    table.columns = {{"time", column_type::timestamp},
                     {"sym", column_type::symbol},
                     {"price", column_type::float_}};
    batch_builder batch{table};
    for (int i = 0; i < rows; ++i) {
      batch.append(0, int64_t{820'000'000'000'000'000} + i);
      batch.append_symbol(1, "E");
      batch.append(2, 0.5);
      batch.end_row();
    }
    const auto bytes = batch.encode();
    ASSERT_TRUE(w.eventually(20s, [&] {
      return bool{out->publish(bytes, {}, payload_kind::table_batch)};
    }));
    ASSERT_TRUE(w.eventually(20s, [&] {
      return out->reached(rt::ack_level::committed) >= out->appended();
    }));
  }
};

TEST(TableSim, RowsThatCameBeforeAreReadAgain) {
  for_each_seed(10, [](uint64_t seed) {
    early_bird early;
    world w{seed};
    w.add_cluster_text(growing_cluster);
    w.host("early", early.program());
    auto& trades = w.add_publisher("trades", "trade");
    trades.publish({{"sym", "A"}, {"size", 1}});
    if (seed % 2 == 0)
      w.end_period("market", 9490);
    trades.publish({{"sym", "A"}, {"size", 2}});
    early.publish(w, 3);
    const auto rejected = [&] {
      return w.status("db", "rdb1").find("\"rejected_batches\":1")
             != std::string::npos;
    };
    ASSERT_TRUE(w.eventually(20s, rejected));
    const auto told = w.add_table(tick_table);
    EXPECT_EQ(told.at("rdb1"), "reads_again");
    EXPECT_EQ(told.at("gw1"), "taken");
    ASSERT_TRUE(w.eventually(60s, [&] {
      const auto n = count(w, "tick");
      return n && *n == 3;
    }));
    w.expect_no_loss("trade");
    // Nothing of its period waits for a word any more.
    w.end_period("market", 9491);
    w.run_for(60s);
    const auto n = count(w, "tick");
    ASSERT_TRUE(n) << to_string(n.failure());
    EXPECT_EQ(*n, 3);
    w.expect_no_loss("trade");
    EXPECT_TRUE(w.defects().empty());
    early.out.reset();
  });
}

TEST(TableSim, OneThatNoRdbHoldsIsKnownAndToldOf) {
  world w{5};
  auto text = growing_cluster;
  text.insert(text.find("node = \"db\"\n[[process]]\nname = \"rdb2\""),
              "tables = [\"trade\"]\n");
  w.add_cluster_text(text);
  const auto told = w.add_table(tick_table);
  EXPECT_EQ(told.at("rdb1"), "taken");
  auto& ticks = w.add_publisher("ticks", "tick");
  ticks.publish({{"sym", "A"}, {"price", 1.0}});
  ASSERT_TRUE(w.eventually(20s, [&] {
    return w.status("db", "rdb1").find("\"unheld_batches\":1")
           != std::string::npos;
  }));
  const auto got = w.query(
    R"({"tablename":"tick","starttime":"2000-01-01","endtime":"2100-01-01"})");
  ASSERT_TRUE(got) << to_string(got.failure());
  ASSERT_FALSE(got->warnings.empty());
  EXPECT_NE(got->warnings[0].find("in the tables of no rdb"),
            std::string::npos);
}

// Nothing is written yet, of any table.
TEST(TableSim, AnHdbWithoutAManifestTellsWhoWatchesItOfATable) {
  world w{8};
  w.add_cluster_text(growing_cluster);
  std::vector<hdb_announcement> told;
  caf::actor watcher;
  w.add_node("watcher", [&](node& me) -> error {
    watcher = me.spawn([&](caf::event_based_actor*) -> caf::behavior {
      return {[&](announce_atom, const hdb_announcement& news) {
        told.push_back(news);
      }};
    });
    return {};
  });
  caf::anon_send(caf::actor_cast<hdb_actor>(w.find("db", "hdb1")),
                 caf::subscribe_atom_v,
                 caf::actor_cast<hdb_watcher_actor>(watcher));
  ASSERT_TRUE(w.eventually(5s, [&] { return told.size() == 1; }));
  EXPECT_EQ(told[0].manifest, manifest_version{});
  EXPECT_EQ(w.add_table(tick_table), all_take);
  EXPECT_TRUE(w.eventually(5s, [&] { return told.size() == 2; }));
}

TEST(TableSim, AnRdbThatNamesItsTablesIsToldToHoldIt) {
  world w{6};
  w.add_cluster_text(growing_cluster);
  EXPECT_EQ(w.add_table(tick_table, {"rdb2"}), all_take);
  auto& ticks = w.add_publisher("ticks", "tick");
  ticks.publish({{"sym", "A"}, {"price", 1.0}});
  w.expect_no_loss("tick");
  for (const auto* rdb : {"rdb1", "rdb2"})
    EXPECT_TRUE(w.eventually(20s,
                             [&] {
                               return w.status("db", rdb).find("\"tick\":1")
                                      != std::string::npos;
                             }))
      << rdb;
  for (const auto& [process, state] : w.add_table(tick_table, {"rdb2"}))
    EXPECT_EQ(state, "known") << process;
}

/// More than a file of the stream holds, in a period that is written down.
void fill_a_period(world& w, table_publisher& trades, int64_t period) {
  std::vector<table_row> rows;
  for (int i = 0; i < 400; ++i)
    rows.push_back({{"sym", "A" + std::to_string(i)}, {"size", i}});
  for (int i = 0; i < 4; ++i)
    trades.publish_all(rows, rt::ack_level::committed);
  w.end_period("market", period);
}

// What a table that comes late would have had of the periods that were ended is
// not in the stream any more; neither are the ends of these periods.
TEST(TableSim, OneThatComesAfterTheStreamsOldestFilesWentStopsNoOther) {
  for_each_seed(4, [](uint64_t seed) {
    world w{seed};
    auto text = growing_cluster;
    const std::string name = "name = \"market\"\n";
    text.insert(text.find(name) + name.size(), "roll_size = \"64KiB\"\n");
    w.add_cluster_text(text);
    auto& trades = w.add_publisher("trades", "trade");
    const auto facts = [&] {
      const auto got = w.ask<stream_facts>(
        caf::actor_cast<sequencer_actor>(w.find("rt1", "rt/market")), 5s,
        facts_atom_v);
      return got ? std::get<0>(*got) : stream_facts{};
    };
    fill_a_period(w, trades, 9490);
    const auto first_end = facts().last_period_end;
    fill_a_period(w, trades, 9491);
    trades.publish({{"sym", "B"}, {"size", 2}}, rt::ack_level::committed);
    // The RDBs let these rows go, so that the files that hold them may.
    w.run_for(60s);
    const auto archived = w.ask<status_facts>(
      caf::actor_cast<operated_stream_actor>(w.find("rt1", "rt/market")), 10s,
      archive_atom_v, facts().end, cut_mode::careful);
    ASSERT_TRUE(archived) << to_string(archived.failure());
    ASSERT_TRUE(w.eventually(30s, [&] {
      return first_file(*persistence::list_log_files(
               w.at("rt1").disk(), "/growing-data/rt/rt1/market/out"))
             > first_end;
    }));
    // While it is added they are away, or not.
    if (seed % 2 == 0)
      w.kill("db");
    (void)w.add_table(tick_table);
    if (seed % 2 == 0)
      w.restart("db");
    auto& ticks = w.add_publisher("ticks", "tick");
    for (int i = 0; i < 3; ++i)
      ticks.publish({{"sym", "A"}, {"price", 1.0 * i}});
    const auto expect_counts = [&](int64_t of_trades, int64_t of_ticks) {
      EXPECT_TRUE(w.eventually(60s, [&] {
        const auto held = count(w, "trade");
        const auto fresh = count(w, "tick");
        return held && fresh && *held == of_trades && *fresh == of_ticks;
      }));
    };
    expect_counts(3201, 3);
    w.end_period("market", 9492);
    trades.publish({{"sym", "B"}, {"size", 3}});
    expect_counts(3202, 3);
    w.run_for(60s);
    const auto manifest
      = persistence::read_hdb_manifest(w.at("db").disk(), "/growing-data/hdb");
    ASSERT_TRUE(manifest) << to_string(manifest.failure());
    for (const auto* table : {"trade", "tick"})
      EXPECT_EQ(manifest->cutover("market", table), facts().last_period_end);
    for (const auto& each : w.at("db").notices())
      EXPECT_EQ(each.text.find("overlaps"), std::string::npos) << each.text;
    w.kill("db", restart_after(100ms));
    expect_counts(3202, 3);
    EXPECT_TRUE(w.defects().empty());
  });
}

} // namespace
} // namespace millrace::sim
