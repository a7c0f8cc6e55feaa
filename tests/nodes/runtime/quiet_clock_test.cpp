#include <millrace/nodes/node/quiet_clock.hpp>
#include <millrace/nodes/node/scheduling.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

struct timed_config : caf::actor_system_config {
  timed_config() {
    load<quietly_timed<chained_scheduling>>();
    set("scheduler.max-threads", size_t{2});
  }
};

quiet_clock& clock_of(caf::actor_system& system) {
  return dynamic_cast<quiet_clock&>(system.scheduler().clock());
}

caf::behavior echo() {
  return {[](uint64_t number) { return number; }};
}

TEST(QuietClockTest, SleepsWhileTimersAreSetThatAreFarOff) {
  timed_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto other = system.spawn(echo);
  const auto ask = [&](size_t times) {
    for (size_t i = 0; i < times; ++i)
      self->request(other, 30s, uint64_t{i})
        .receive([](uint64_t) {}, [](const caf::error&) { FAIL(); });
  };
  ask(1);
  const auto before = clock_of(system).wakes();
  ask(quiet_clock::untold_max / 2);
  EXPECT_LE(clock_of(system).wakes() - before, 1u);
  // What it was told is bounded.
  ask(4 * quiet_clock::untold_max);
  EXPECT_LE(clock_of(system).wakes() - before, 6u);
}

TEST(QuietClockTest, WakesForWhatIsDueBefore) {
  timed_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  self->delayed_send(self, 20s, uint64_t{9});
  self->delayed_send(self, 40ms, uint64_t{2});
  self->delayed_send(self, 5ms, uint64_t{1});
  self->delayed_send(self, 100ms, uint64_t{3});
  for (uint64_t wanted = 1; wanted <= 3; ++wanted)
    self->receive([=](uint64_t got) { EXPECT_EQ(got, wanted); });
}

TEST(QuietClockTest, NothingIsDueEarlyAndTheFarIsDueTogether) {
  timed_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i)
    self->delayed_send(self, 70ms + i * 100us, uint64_t{1});
  self->receive([](uint64_t) {});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 70ms);
  for (int i = 1; i < 20; ++i)
    self->receive([](uint64_t) {});
  // Twenty times within two milliseconds are one or two of the grid's, and one
  // is when it heard of them.
  EXPECT_LE(clock_of(system).wakes(), 4u);
}

TEST(QuietClockTest, ARequestThatNobodyAnswersFails) {
  timed_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto mute = system.spawn([](caf::event_based_actor* me) {
    auto held = std::make_shared<std::vector<caf::response_promise>>();
    return caf::behavior{[=](uint64_t) {
      held->push_back(me->make_response_promise());
      return held->back();
    }};
  });
  bool failed = false;
  self->request(mute, 5ms, uint64_t{1})
    .receive([](uint64_t) {},
             [&](const caf::error& fault) {
               failed = fault == caf::sec::request_timeout;
             });
  EXPECT_TRUE(failed);
  // Its promises hold it.
  self->send_exit(mute, caf::exit_reason::kill);
}

} // namespace
} // namespace millrace::nodes
