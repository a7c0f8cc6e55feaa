// Messages that an actor sends itself, sent by somebody else.

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/sim/world/failure_test.hpp>

#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "door_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

const auto cluster_with_doors = cluster_with_door(R"(name = "web1"
type = "http"
port = 8080
[[process]]
name = "kdb1"
type = "kdb"
node = "door"
port = 8081
[[process]]
name = "hdb1"
type = "hdb"
node = "db"
)");

/// What the world does in ten quiet seconds.
uint64_t effort_of(world& w) {
  const auto before = w.steps();
  w.run_for(10s);
  return w.steps() - before;
}

// Each of them would have begun a chain of ticks that never ends.
TEST(StrayTickSim, AStrangersTickStartsNoSecondChain) {
  const std::vector<std::pair<std::string, std::string>> all{
    {"db", "discovery1"}, {"db", "rt/market"}, {"db", "rdb1"},  {"db", "gw1"},
    {"db", "hdb1"},       {"door", "web1"},    {"door", "kdb1"}};
  world w{11};
  w.add_cluster_text(cluster_with_doors);
  w.run_for(5s);
  const auto quiet = effort_of(w);
  for (const auto& [node, name] : all) {
    SCOPED_TRACE(name);
    const auto handle = w.find(node, name);
    ASSERT_TRUE(handle);
    for (int i = 0; i < 200; ++i)
      caf::anon_send(caf::actor_cast<caf::actor>(handle), caf::tick_atom_v);
    w.run_for(2s);
    EXPECT_LT(effort_of(w), quiet + quiet / 4);
  }
  EXPECT_TRUE(w.defects().empty());
}

} // namespace
} // namespace millrace::sim
