// Two processes with sockets between them: one hosts a node of a cluster, the
// other looks for its actors.

#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <caf/io/middleman.hpp>
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
    auto made = runtime::create({});
    ASSERT_TRUE(made) << to_string(made.failure());
    host = *std::move(made);
    made = runtime::create({});
    ASSERT_TRUE(made) << to_string(made.failure());
    guest = *std::move(made);
    const auto door
      = host->spawn(front_door, std::string{"market"}, std::string{"rt0"},
                    host->locals(), [](const std::string& process) {
                      return error{errc::not_found, process};
                    },
                    process_keeper_actor{});
    host->put("rt/trade", door);
    const auto opened = host->system().middleman().publish(door, 0, loopback);
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

} // namespace
} // namespace millrace::nodes
