// Programs without a configuration, and a node between them.

#include <millrace/nodes/node/node.hpp>
#include <millrace/tests/support/free_port.hpp>
#include <millrace/tests/support/scoped_variable.hpp>

#include "rt_fixture.hpp"

namespace millrace::rt {
namespace {

using test_support::scoped_variable;

class RtPlacesTest : public ::testing::Test {
protected:
  void SetUp() override {
    port = test_support::free_port();
    auto config = nodes::parse_configuration(
      R"(
        [cluster]
        name = "far"
        data = ")"
        + root.string() + R"(/data"
        [[stream]]
        name = "quotes"
        [[node]]
        name = "n1"
        port = )"
        + std::to_string(port) + R"(
        [[process]]
        name = "rt1"
        type = "rt"
        node = "n1")",
      (root / "far.toml").string());
    ASSERT_TRUE(config) << to_string(config.failure());
    auto started = nodes::node::start({*std::move(config), "n1"});
    ASSERT_TRUE(started) << to_string(started.failure());
    served = *std::move(started);
    auto made = nodes::runtime::create({});
    ASSERT_TRUE(made) << to_string(made.failure());
    host = *std::move(made);
    at.rt = {"127.0.0.1:" + std::to_string(port)};
  }

  test_support::temporary_directory home;
  std::filesystem::path root{home.path()};
  scoped_variable log_path{"RT_LOG_PATH", (root / "pub").string()};
  scoped_variable prefix{"RT_TOPIC_PREFIX", {}};
  scoped_variable cluster{"MILLRACE_CLUSTER", {}};
  uint16_t port = 0;
  std::unique_ptr<nodes::node> served;
  std::unique_ptr<nodes::runtime> host;
  nodes::named_places at;
  inbox seen;
};

TEST_F(RtPlacesTest, AProgramWithoutAConfigurationPublishesAndSubscribes) {
  const scoped_variable named{"MILLRACE_CLUSTER", "far"};
  auto made = host->publish("quotes", {.name = "mine", .at = at});
  ASSERT_TRUE(made) << to_string(made.failure());
  const auto running = host->subscribe("quotes", seen.handlers(), {.at = at});
  ASSERT_TRUE(running) << to_string(running.failure());
  ASSERT_FALSE(made->out->wait_verified(20s));
  const std::string text{"one"};
  const auto token
    = made->out->publish(std::as_bytes(std::span{text.data(), text.size()}));
  ASSERT_TRUE(token) << to_string(token.failure());
  EXPECT_FALSE(made->out->wait(*token, ack_level::committed, 20s));
  ASSERT_TRUE(seen.wait_for(1));
  EXPECT_EQ(seen.payloads.front(), "one");
  // Nothing of the cluster is founded here.
  EXPECT_FALSE(std::filesystem::exists(root / "pub" / ".cluster"));
  host.reset();
}

TEST_F(RtPlacesTest, ANodeOfAnotherClusterIsNamedAtOnce) {
  at.cluster = "near";
  const auto running = host->subscribe("quotes", seen.handlers(), {.at = at});
  ASSERT_TRUE(running) << to_string(running.failure());
  {
    std::unique_lock lock{seen.mutex};
    ASSERT_TRUE(
      seen.changed.wait_for(lock, 20s, [&] { return !seen.failures.empty(); }));
    const auto& said = seen.failures.front().context;
    EXPECT_NE(said.find("is of cluster 'far'"), std::string::npos) << said;
    EXPECT_NE(said.find("of cluster 'near'"), std::string::npos) << said;
  }
  auto made = host->publish("quotes", {.name = "mine", .at = at});
  ASSERT_TRUE(made) << to_string(made.failure());
  const auto refused = made->out->wait_verified(20s);
  EXPECT_EQ(refused.code, errc::config) << to_string(refused);
  host.reset();
}

} // namespace
} // namespace millrace::rt
