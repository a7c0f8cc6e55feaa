// What the description of TorQ's processes says that each of them does: a test
// per sentence, listed in docs/torq_seed.md.
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/sim/world/world.hpp>

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

constexpr const char* two_of_each = R"([cluster]
name = "seed"
data = "/seed"
[[stream]]
name = "market"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "ex:symbol", "cond:symbol"]
[[node]]
name = "disc"
port = 7501
[[node]]
name = "rt1"
port = 7502
[[node]]
name = "rdb1"
port = 7503
[[node]]
name = "rdb2"
port = 7504
[[node]]
name = "hdb1"
port = 7505
[[node]]
name = "hdb2"
port = 7506
[[node]]
name = "gw1"
port = 7507
[[process]]
name = "discovery1"
type = "discovery"
node = "disc"
[[process]]
name = "rt1"
type = "rt"
node = "rt1"
[[process]]
name = "rdb1"
type = "rdb"
node = "rdb1"
[[process]]
name = "rdb2"
type = "rdb"
node = "rdb2"
write_down = false
[[process]]
name = "hdb1"
type = "hdb"
node = "hdb1"
[[process]]
name = "hdb2"
type = "hdb"
node = "hdb2"
[[process]]
name = "gw1"
type = "gateway"
node = "gw1"
)";

/// The trades' times are of this date.
constexpr int64_t date = 820'000'000'000'000'000 / 86'400'000'000'000;

class seed_cluster : public traded {
public:
  explicit seed_cluster(uint64_t seed) : traded{seed, configuration()} {
    // Until all have said that they are there.
    EXPECT_TRUE(w.run_until([&] { return rows("").size() >= 7; }, 30s));
  }

  /// What discovery says of a type.
  std::vector<process_row> rows(const std::string& type) {
    const auto found
      = w.ask<std::vector<process_row>>(discovery(), 5s, lookup_atom_v, type);
    return found ? std::get<0>(*found) : std::vector<process_row>{};
  }
  std::set<std::string> names(const std::string& type) {
    std::set<std::string> out;
    for (const auto& row : rows(type))
      out.insert(row.name);
    return out;
  }
  bool is_available(const std::string& process) {
    for (const auto& row : rows(""))
      if (row.name == process)
        return row.available;
    return false;
  }

  discovery_actor discovery() {
    return caf::actor_cast<discovery_actor>(w.find("disc", "discovery1"));
  }
  /// What a process counts, as `status` shows it.
  uint64_t count(const std::string& process, const std::string& what) {
    const auto status = text::parse_json(w.status(process, process));
    EXPECT_TRUE(status);
    const auto* value = status ? status->find(what) : nullptr;
    return value ? value->natural().value_or(0) : 0;
  }
  /// Rows that an rdb or hdb says that it has.
  uint64_t rows_in(const std::string& process) {
    const auto status = text::parse_json(w.status(process, process));
    EXPECT_TRUE(status) << w.status(process, process);
    return status ? status->at("rows").at("trade").natural().value_or(0) : 0;
  }

private:
  static nodes::cluster_config configuration() {
    auto made = nodes::parse_configuration(two_of_each, "seed.toml");
    EXPECT_TRUE(made) << to_string(made.failure());
    return made ? *std::move(made) : nodes::cluster_config{};
  }
};

using process_names = std::set<std::string>;

TEST(TorqSeedSim, ProcessesRegisterTheirOwnAvailability) {
  seed_cluster run{1};
  for (const auto* name : {"rdb1", "hdb1", "gw1", "rt1"})
    EXPECT_TRUE(run.w.run_until([&] { return run.is_available(name); }, 20s))
      << name;
  for (const auto& row : run.rows("rdb")) {
    EXPECT_EQ(row.node, row.name);
    EXPECT_NE(row.at.port, 0);
  }
}

TEST(TorqSeedSim, ProcessesFindOthersByType) {
  seed_cluster run{2};
  EXPECT_EQ(run.names("rdb"), (process_names{"rdb1", "rdb2"}));
  EXPECT_EQ(run.names("hdb"), (process_names{"hdb1", "hdb2"}));
  EXPECT_EQ(run.names("gateway"), process_names{"gw1"});
  EXPECT_EQ(run.names("none"), process_names{});
}

TEST(TorqSeedSim, SubscribersHearOfNewAvailabilityByType) {
  seed_cluster run{3};
  process_names told;
  caf::actor watcher;
  run.w.add_node("watcher", [&](node& me) -> error {
    watcher = me.spawn([&](caf::event_based_actor*) -> caf::behavior {
      return {[&](watch_atom, const std::vector<process_row>& rows) {
        for (const auto& row : rows)
          told.insert(row.name);
      }};
    });
    return {};
  });
  ASSERT_TRUE(run.w.ask<std::vector<process_row>>(
    run.discovery(), 5s, caf::subscribe_atom_v, std::string{"hdb"},
    caf::actor_cast<watcher_actor>(watcher)));
  for (const auto* name : {"hdb2", "rdb2"}) {
    run.w.crash(name);
    ASSERT_TRUE(run.w.run_until([&] { return !run.is_available(name); }, 20s));
    run.w.restart(name);
    ASSERT_TRUE(run.w.run_until([&] { return run.is_available(name); }, 20s));
  }
  EXPECT_EQ(told, process_names{"hdb2"});
}

TEST(TorqSeedSim, DiscoveryReturnsProcessesIrrespectiveOfTheirAvailability) {
  seed_cluster run{4};
  run.w.crash("rdb2");
  ASSERT_TRUE(run.w.run_until([&] { return !run.is_available("rdb2"); }, 20s));
  EXPECT_EQ(run.names("rdb"), (process_names{"rdb1", "rdb2"}));
}

TEST(TorqSeedSim, EachProcessManagesItsOwnConnections) {
  seed_cluster run{5};
  run.trade(50);
  run.expect_all();
  // Without the discovery they have all that they need.
  run.w.crash("disc");
  run.trade(50);
  run.expect_all();
  run.w.crash("rdb1", {.restart_after = 500ms});
  run.w.crash("rdb2", {.restart_after = 500ms});
  run.trade(10);
  run.expect_all();
  run.expect_no_defects();
}

/// Who has heard of nobody does not know that anybody is missing, however old
/// it is.
TEST(TorqSeedSim, AGatewayWaitsForTheDiscoveryThatItNeverMet) {
  seed_cluster run{8};
  run.trade(50);
  run.expect_all();
  run.w.crash("disc", {.restart_after = 25s});
  run.w.crash("gw1", {.restart_after = 100ms});
  run.w.run_for(15s);
  run.expect_all();
  run.expect_no_defects();
}

TEST(TorqSeedSim, TheHdbHoldsDataFromBeforeTheCurrentPeriod) {
  seed_cluster run{6};
  run.trade(100);
  EXPECT_EQ(run.rows_in("hdb1"), 0u);
  run.end_period(date);
  run.trade(40);
  run.expect_all();
  EXPECT_EQ(run.rows_in("hdb1"), 100u);
}

TEST(TorqSeedSim, TheHdbIsReadOnly) {
  seed_cluster run{7};
  run.trade(100);
  run.end_period(date);
  run.expect_all();
  auto& disk = run.w.at("hdb1").disk();
  const auto files = [&] {
    std::map<std::string, std::vector<std::byte>> out;
    const auto manifest
      = persistence::read_hdb_manifest(run.w.at("rt1").fs(), "/seed/hdb");
    EXPECT_TRUE(manifest) << to_string(manifest.failure());
    for (const auto& part : manifest->parts)
      for (const auto& file : part.files) {
        const auto path = "/seed/hdb/" + part.path() + "/" + file.name;
        out[path] = disk.content(path);
      }
    out["manifest"] = disk.content("/seed/hdb/manifest");
    return out;
  };
  const auto before = files();
  EXPECT_GT(before.size(), 6u);
  for (const auto* name : {"hdb1", "hdb2"}) {
    run.expect_all();
    run.w.crash(name, {.restart_after = 100ms});
    run.w.run_for(1s);
  }
  run.expect_all();
  EXPECT_EQ(files(), before);
  // Nor does it keep a writer out.
  EXPECT_TRUE(run.w.at("rt1").fs().lock_directory("/seed/hdb"));
}

TEST(TorqSeedSim, HistoricalDataIsInPartitionsAndQueriedThroughTheGateway) {
  seed_cluster run{8};
  run.trade(100);
  run.end_period(date);
  run.trade(60);
  run.end_period(date + 1);
  const auto manifest
    = persistence::read_hdb_manifest(run.w.at("hdb1").fs(), "/seed/hdb");
  ASSERT_TRUE(manifest) << to_string(manifest.failure());
  uint64_t rows = 0;
  for (const auto& part : manifest->parts) {
    rows += part.row_count;
    if (part.row_count != 0) {
      EXPECT_EQ(part.partition, persistence::date_partition_name(date));
    }
  }
  EXPECT_EQ(rows, 160u);
  run.expect_all();
}

TEST(TorqSeedSim, TheRdbCapturesAllDataOfTheCurrentPeriodInMemory) {
  seed_cluster run{9};
  for (int i = 1; i <= 5; ++i) {
    run.trade(20);
    run.expect_all();
    EXPECT_EQ(run.rows_in("rdb1"), 20u * static_cast<unsigned>(i));
  }
  // Also what came before it was there.
  run.w.crash("rdb1", {.restart_after = 100ms});
  run.w.run_for(2s);
  run.expect_all();
  EXPECT_EQ(run.rows_in("rdb1"), 100u);
}

TEST(TorqSeedSim, TheGatewayIsTheSingleInterfaceWhereverDataIs) {
  seed_cluster run{10};
  run.trade(80);
  run.expect_all();
  // The same question, of rows that are elsewhere by now, and of both.
  run.end_period(date);
  run.expect_all();
  run.trade(30);
  run.expect_all();
  run.expect_no_defects();
}

TEST(TorqSeedSim, TheGatewayBalancesLoad) {
  seed_cluster run{11};
  run.trade(50);
  run.end_period(date);
  run.trade(10);
  // Either of a kind may be slow: with turns, some questions meet the other.
  run.w.pause("rdb2");
  const auto ask = [&] {
    const auto begin = run.w.now();
    run.expect_all();
    return run.w.now() - begin;
  };
  int quick = 0;
  int slow = 0;
  for (int i = 0; i < 6; ++i)
    ++(ask() < 500ms ? quick : slow);
  run.w.resume("rdb2");
  EXPECT_GE(quick, 2);
  EXPECT_GE(slow, 1);
}

TEST(TorqSeedSim, TheGatewayHidesBackEndFailureFromClients) {
  seed_cluster run{12};
  run.trade(50);
  run.end_period(date);
  run.trade(50);
  run.expect_all();
  for (const auto* victim : {"rdb1", "hdb1", "hdb2", "rdb2"}) {
    SCOPED_TRACE(victim);
    run.w.crash(victim);
    // No second try of the client's.
    const auto got = run.ask({});
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(*got, run.expected);
    run.w.restart(victim);
    ASSERT_TRUE(run.w.run_until([&] { return run.is_available(victim); }, 20s));
  }
  run.expect_no_defects();
}

} // namespace
} // namespace millrace::sim
