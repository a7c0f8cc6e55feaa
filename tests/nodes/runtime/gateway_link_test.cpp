// What the questions of a door hear while no gateway is there: why. The gateway
// that comes later takes those that still wait.

#include <millrace/messages/protocol/registration.hpp>
#include <millrace/nodes/servers/gateway/gateway_link.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

struct told_settings : caf::actor_system_config {
  told_settings() {
    messages::register_with(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

/// What each gateway's place answers; whom it was asked for, in order.
struct known_places {
  std::map<std::string, caf::actor> there;
  std::map<std::string, error> faults;
  std::vector<std::string> asked;
};

caf::behavior told_connector(caf::event_based_actor*,
                             const std::shared_ptr<known_places>& places) {
  return {[places](caf::connect_atom,
                   const endpoint& at) -> caf::result<caf::strong_actor_ptr> {
    places->asked.push_back(at.name);
    if (const auto found = places->there.find(at.name);
        found != places->there.end())
      return caf::actor_cast<caf::strong_actor_ptr>(found->second);
    return to_caf(places->faults.at(at.name));
  }};
}

/// Takes each question, and answers none.
caf::behavior silent_gateway(caf::event_based_actor* self,
                             const std::shared_ptr<size_t>& questions) {
  return {[self, questions](query_atom, const std::string&) {
    ++*questions;
    return self->make_response_promise();
  }};
}

caf::behavior door(caf::event_based_actor*) {
  return {[](caf::tick_atom) {}};
}

struct gateway_link_test : testing::Test {
  gateway_link_test() {
    world.clock = &clock;
    connector = spawn(told_connector, places);
    const auto who = spawn(door);
    self = dynamic_cast<caf::event_based_actor*>(
      caf::actor_cast<caf::abstract_actor*>(who));
    run(); // Its behavior is there.
  }
  ~gateway_link_test() override {
    for (const auto& each : all)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    run();
    places->there.clear();
    timers().cancel_all();
  }

  template <class... Ts>
  caf::actor spawn(Ts&&... what) {
    return all.emplace_back(system.spawn(std::forward<Ts>(what)...));
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  caf::detail::test_actor_clock& timers() {
    return dynamic_cast<caf::detail::test_actor_clock&>(scheduler().clock());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
    // Tests act as the door, outside of its handlers.
    self->context(system.dummy_execution_unit());
  }
  gateway_link<caf::event_based_actor>
  link_to(const std::vector<std::string>& names) {
    std::vector<endpoint> gateways;
    for (const auto& each : names)
      gateways.push_back({"127.0.0.1", 7460, each, ""});
    return {self, &world, caf::actor_cast<connector_actor>(connector),
            std::move(gateways)};
  }
  /// Asks until one second from now.
  void ask(gateway_link<caf::event_based_actor>& link) {
    gateway_errand what;
    what.deadline_ns = clock.monotonic_ns() + 1'000'000'000;
    what.fail = [this](const error& why) { failures.push_back(why); };
    link.ask(1, std::move(what));
  }

  told_settings config;
  caf::actor_system system{config};
  test_support::manual_clock clock{1'000'000'000};
  persistence::env world;
  std::vector<caf::actor> all;
  std::shared_ptr<known_places> places = std::make_shared<known_places>();
  std::shared_ptr<size_t> questions = std::make_shared<size_t>(0);
  caf::actor connector;
  caf::event_based_actor* self = nullptr;
  std::vector<error> failures;
};

using GatewayLinkTest = gateway_link_test;

TEST_F(GatewayLinkTest, TellsWhyNoGatewayAnswers) {
  places->faults["gw1"] = {errc::permission, "gw1: another cluster is there"};
  auto link = link_to({"gw1"});
  ask(link);
  link.tick();
  run();
  EXPECT_TRUE(failures.empty()) << "before its time is over";
  clock.advance(1'000'000'000);
  link.tick();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].code, errc::timeout);
  EXPECT_NE(failures[0].context.find("no gateway answers"), std::string::npos);
  EXPECT_NE(failures[0].context.find("gw1: another cluster is there"),
            std::string::npos)
    << failures[0].context;
}

TEST_F(GatewayLinkTest, TellsThatNoneIsKnown) {
  auto link = link_to({});
  ask(link);
  clock.advance(1'000'000'000);
  link.tick();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].context, "no gateway answers: none is known");
}

TEST_F(GatewayLinkTest, TriesOneAfterTheOtherUntilOneIsThere) {
  places->faults["gw1"] = {errc::unavailable, "gw1: connection refused"};
  places->there["gw2"] = spawn(silent_gateway, questions);
  auto link = link_to({"gw1", "gw2"});
  ask(link);
  link.tick();
  link.tick(); // While the first try goes on.
  run();
  EXPECT_EQ(places->asked, (std::vector<std::string>{"gw1"}));
  EXPECT_EQ(link.gateway(), "");
  link.tick();
  run();
  EXPECT_EQ(places->asked, (std::vector<std::string>{"gw1", "gw2"}));
  EXPECT_EQ(link.gateway(), "gw2");
  EXPECT_EQ(*questions, 1u) << "what waited";
  link.tick();
  run();
  EXPECT_EQ(places->asked.size(), 2u) << "one is there";
}

TEST_F(GatewayLinkTest, LooksForAnotherAtOnceWhenItsGatewayGoes) {
  places->there["gw1"] = spawn(silent_gateway, questions);
  auto link = link_to({"gw1", "gw2"});
  link.tick();
  run();
  ASSERT_EQ(link.gateway(), "gw1");
  places->faults["gw2"] = {errc::unavailable, "gw2: connection refused"};
  EXPECT_EQ(link.lost(self->address()), "") << "another actor";
  EXPECT_EQ(link.lost(places->there["gw1"].address()), "gw1");
  run();
  EXPECT_EQ(places->asked, (std::vector<std::string>{"gw1", "gw2"}));
  ask(link);
  clock.advance(1'000'000'000);
  link.tick();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_NE(failures[0].context.find("gw2: connection refused"),
            std::string::npos)
    << failures[0].context;
}

} // namespace
} // namespace millrace::nodes
