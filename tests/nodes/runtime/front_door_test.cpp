// Two processes with sockets between them: one hosts a node of a cluster, the
// other looks for its actors.

#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

constexpr auto loopback = "127.0.0.1";

class FrontDoorTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto made = runtime::create(cluster_config{});
    ASSERT_TRUE(made) << to_string(made.failure());
    host = *std::move(made);
    made = runtime::create(cluster_config{});
    ASSERT_TRUE(made) << to_string(made.failure());
    guest = *std::move(made);
    const auto door = host->spawn(
      front_door, cluster_key{"market", cluster_id{7}}, std::string{"/data"},
      std::string{"rt0"}, host->locals(),
      [](const std::string& process) {
        return error{errc::not_found, process};
      },
      process_keeper_actor{}, std::function<status_facts()>{});
    host->put("rt/trade", door);
    host->put("door", door);
    const auto opened = host->open_port(
      caf::actor_cast<caf::strong_actor_ptr>(door), 0, loopback);
    ASSERT_TRUE(opened);
    port = *opened;
  }

  std::unique_ptr<runtime> host;
  std::unique_ptr<runtime> guest;
  uint16_t port = 0;
};

TEST_F(FrontDoorTest, HandsOutItsActorsToItsOwnCluster) {
  const auto found = guest->find({loopback, port, "rt/trade", "market"}, 0ms);
  EXPECT_TRUE(found) << to_string(found.failure());
  const auto missing = guest->find({loopback, port, "rt/quote", "market"}, 0ms);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.failure().context.find("hosts no 'rt/quote'"),
            std::string::npos)
    << missing.failure().context;
}

TEST_F(FrontDoorTest, RefusesAStrangerByBothNames) {
  for (const std::string stranger : {"demo", ""}) {
    const auto found = guest->find({loopback, port, "rt/trade", stranger}, 0ms);
    ASSERT_FALSE(found);
    const auto& said = found.failure().context;
    EXPECT_NE(said.find("is of cluster 'market'"), std::string::npos) << said;
    EXPECT_NE(said.find("of cluster '" + stranger + "'"), std::string::npos)
      << said;
  }
}

TEST_F(FrontDoorTest, RefusesOneOfOtherDataByTheDirectory) {
  struct {
    cluster_id asks;
    bool taken;
  } const cases[]{
    {cluster_id{7}, true},
    {cluster_id{8}, false},
    {cluster_id{}, true}, // It does not know its own yet.
  };
  for (const auto& [asks, taken] : cases) {
    caf::scoped_actor self{guest->system()};
    std::string said;
    self
      ->request(caf::actor_cast<front_door_actor>(host->locals()->find("door")),
                caf::timespan{5s}, resolve_atom_v, std::string{"rt/trade"},
                cluster_key{"market", asks})
      .receive(
        [](const caf::strong_actor_ptr&) {},
        [&](const caf::error& fault) { said = from_caf(fault).context; });
    EXPECT_EQ(said.empty(), taken) << to_string(asks) << ": " << said;
    if (!taken) {
      EXPECT_NE(said.find("another cluster 'market'"), std::string::npos)
        << said;
      EXPECT_NE(said.find("/data"), std::string::npos) << said;
    }
  }
}

} // namespace
} // namespace millrace::nodes
