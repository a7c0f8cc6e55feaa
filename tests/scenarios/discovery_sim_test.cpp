#include <millrace/sim/world/world.hpp>

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// One watcher of several types, and the names that it was told, in order.
struct watching {
  world w{7};
  discovery_actor discovery;
  caf::actor watcher;
  std::vector<std::string> told;

  watching() {
    // Alone: a node would register it with itself.
    w.add_node("disc", [](node& me) -> error {
      const auto made = nodes::start_discovery(me, {});
      me.put("discovery", made->actor);
      return {};
    });
    discovery = caf::actor_cast<discovery_actor>(w.find("disc", "discovery"));
    w.add_node("watcher", [this](node& me) -> error {
      watcher = me.spawn([this](caf::event_based_actor*) -> caf::behavior {
        return {[this](watch_atom, const std::vector<process_row>& rows) {
          for (const auto& row : rows)
            told.push_back(row.name);
        }};
      });
      return {};
    });
  }

  /// @returns names of the rows that are known already.
  std::vector<std::string> subscribe(const std::string& type) {
    auto rows = w.ask<std::vector<process_row>>(
      discovery, 1s, caf::subscribe_atom_v, type,
      caf::actor_cast<watcher_actor>(watcher));
    EXPECT_TRUE(rows) << to_string(rows.failure());
    std::vector<std::string> names;
    if (rows)
      for (const auto& row : std::get<0>(*rows))
        names.push_back(row.name);
    return names;
  }

  void enroll(const std::string& name, const std::string& type,
              const text::json_value& attributes = {}) {
    process_row row;
    row.name = name;
    row.type = type;
    row.attributes = attributes;
    caf::anon_send(discovery, register_atom_v, row);
    w.run_for(10ms);
  }

  std::string status() { return w.status("disc", "discovery"); }
};

using names = std::vector<std::string>;

TEST(DiscoverySim, AWatcherOfTwoTypesHearsOfBothAndOfNoOther) {
  watching run;
  run.enroll("rdb0", "rdb");
  EXPECT_EQ(run.subscribe("rdb"), names{"rdb0"});
  EXPECT_EQ(run.subscribe("hdb"), names{});
  run.enroll("gw1", "gateway");
  run.enroll("hdb1", "hdb");
  run.enroll("rdb1", "rdb");
  EXPECT_EQ(run.told, (names{"hdb1", "rdb1"}));
}

TEST(DiscoverySim, ASignOfLifeIsNoNewsButAReturnAndAChangeAre) {
  watching run;
  run.subscribe("rdb");
  run.subscribe("hdb");
  run.enroll("rdb1", "rdb");
  run.enroll("rdb1", "rdb");
  EXPECT_EQ(run.told, names{"rdb1"});
  run.enroll("rdb1", "rdb", {{"stream", "other"}});
  EXPECT_EQ(run.told, (names{"rdb1", "rdb1"}));
  // Longer than the silence after which it counts as gone.
  run.w.run_for(3s);
  EXPECT_NE(run.status().find("\"available\":0"), std::string::npos)
    << run.status();
  run.enroll("rdb1", "rdb", {{"stream", "other"}});
  EXPECT_EQ(run.told, (names{"rdb1", "rdb1", "rdb1"}));
}

TEST(DiscoverySim, AvailabilityDoesNotGoByTheWallClock) {
  watching run;
  run.subscribe("rdb");
  run.enroll("rdb1", "rdb");
  // On: it lives all the same. Back: it is gone all the same.
  run.w.set_wall_clock(1h);
  run.w.run_for(1s);
  EXPECT_NE(run.status().find("\"available\":1"), std::string::npos)
    << run.status();
  run.enroll("rdb1", "rdb");
  run.w.set_wall_clock(-2h);
  run.w.run_for(3s);
  EXPECT_NE(run.status().find("\"available\":0"), std::string::npos)
    << run.status();
}

TEST(DiscoverySim, OneThatLeavesIsGoneAtOnceAndOneThatIsNotReadyToo) {
  watching run;
  run.subscribe("rdb");
  run.enroll("rdb1", "rdb");
  process_row row;
  row.name = "rdb1";
  row.type = "rdb";
  caf::anon_send(run.discovery, caf::leave_atom_v, row);
  run.w.run_for(10ms);
  EXPECT_NE(run.status().find("\"available\":0"), std::string::npos);
  row.ready = false;
  for (int i = 0; i < 3; ++i) {
    caf::anon_send(run.discovery, register_atom_v, row);
    run.w.run_for(500ms);
    EXPECT_NE(run.status().find("\"available\":0"), std::string::npos);
  }
  row.ready = true;
  caf::anon_send(run.discovery, register_atom_v, row);
  run.w.run_for(10ms);
  EXPECT_NE(run.status().find("\"available\":1"), std::string::npos);
  // It came, it came back without being ready, and it became ready.
  EXPECT_EQ(run.told, (names{"rdb1", "rdb1", "rdb1"}));
}

TEST(DiscoverySim, AskingAgainDoesNotDoubleTheNews) {
  watching run;
  for (int i = 0; i < 3; ++i) {
    run.subscribe("rdb");
    run.subscribe("hdb");
  }
  run.enroll("hdb1", "hdb");
  run.enroll("rdb1", "rdb");
  EXPECT_EQ(run.told, (names{"hdb1", "rdb1"}));
  EXPECT_NE(run.status().find("\"watchers\":2"), std::string::npos)
    << run.status();
}

TEST(DiscoverySim, AWatcherThatDiedIsForgottenWithAllItsTypes) {
  watching run;
  run.subscribe("rdb");
  run.subscribe("hdb");
  run.watcher = nullptr;
  run.w.crash("watcher");
  run.w.run_for(10ms);
  EXPECT_NE(run.status().find("\"watchers\":0"), std::string::npos)
    << run.status();
}

} // namespace
} // namespace millrace::sim
