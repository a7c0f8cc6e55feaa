// What throws where nothing should: in the body of a run, in actors, factories
// and jobs. Each fails the run and says of which seed, of whom and what it was.

#include <millrace/sim/world/failure_test.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <unistd.h>

#include "own_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

class Exceptions : public OwnCluster {};

bool is_recorded(const world& w, const std::string& part) {
  const auto& all = w.record();
  return std::any_of(all.begin(), all.end(), [&](const auto& each) {
    return each.text.find(part) != std::string::npos;
  });
}

// -- exceptions in the body of a run ------------------------------------------

constexpr const char* throwing_wanted = "MILLRACE_TEST_THROWING";

// Run by the test below, as another process.
TEST(ThrowingRuns, OfSeeds) {
  if (std::getenv(throwing_wanted) == nullptr)
    GTEST_SKIP() << "only with " << throwing_wanted;
  for_each_seed(5, [](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    if (seed == 3)
      (void)std::vector<int>{}.at(5);
  });
}

TEST(ThrowingRuns, OfScripts) {
  if (std::getenv(throwing_wanted) == nullptr)
    GTEST_SKIP() << "only with " << throwing_wanted;
  const fault_mix mix{.nodes = {"rt1", "db"}, .within = 1s};
  for_each_fault_script(5, mix, [](uint64_t, const fault_script& script) {
    world w{1};
    w.add_cluster(own_cluster);
    w.play(script);
    w.run_for(3s);
    if (w.at("rt1").lives() > 1)
      throw std::runtime_error{"rt1 died"};
  });
}

TEST(ThrowingRuns, OfNobody) {
  if (std::getenv(throwing_wanted) == nullptr)
    GTEST_SKIP() << "only with " << throwing_wanted;
  for_each_seed(2, [](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    (void)w.at("moon");
  });
}

/// What a test of this program says in a process of its own.
std::string said_by(const std::string& test) {
  const auto command = std::string{throwing_wanted}
                       + "=1 GTEST_TOTAL_SHARDS=1 GTEST_SHARD_INDEX=0 /proc/"
                       + std::to_string(::getpid())
                       + "/exe --gtest_filter=" + test + " 2>&1";
  std::string out;
  auto* said = ::popen(command.c_str(), "r");
  EXPECT_NE(said, nullptr);
  char line[256];
  while (said != nullptr && std::fgets(line, sizeof line, said) != nullptr)
    out += line;
  EXPECT_NE(::pclose(said), 0) << out;
  return out;
}

// Whatever ends a run, it is run again with its seed.
TEST(ExceptionsOfOthers, AnExceptionIsToldWithSeedAndTimeline) {
  const auto said = said_by("ThrowingRuns.OfSeeds");
  for (const auto* part :
       {"an exception ends the run: vector::_M_range_check", "with seed 3\n",
        "replay: cd /", "MILLRACE_SIM_SEED=3 ", "life 1 begins"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  const auto nobody = said_by("ThrowingRuns.OfNobody");
  for (const auto* part : {"at: there is no node 'moon'", "with seed 1\n"})
    EXPECT_NE(nobody.find(part), std::string::npos) << part << "\n" << nobody;
}

TEST(ExceptionsOfOthers, AnExceptionIsShrunkToTheFaultsThatMakeIt) {
  const auto said = said_by("ThrowingRuns.OfScripts");
  for (const auto* part : {"an exception ends the run: rt1 died",
                           "these are enough:\nat ", "with seed "})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
}

// -- exceptions of actors, factories and jobs ---------------------------------

using factory_result = result<nodes::hosted_process>;

/// A process of an actor that is sent one number.
nodes::process_factory process_of(std::function<void(int)> handler) {
  return [handler](nodes::process_host& host,
                   const nodes::process_config&) -> factory_result {
    auto me = host.spawn([handler](caf::event_based_actor*) -> caf::behavior {
      return {handler, [](status_atom) { return status_facts{{"x", 1}}; }};
    });
    caf::anon_send(me, 1);
    return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
  };
}

TEST_F(Exceptions, AFactoryThatThrowsOrIsEmptyFailsTheRunByName) {
  expect_failures();
  world w{6};
  w.add_cluster(own_cluster);
  w.host(
    "bad",
    [](nodes::process_host&, const nodes::process_config&) -> factory_result {
      throw std::runtime_error{"factory boom"};
    });
  w.host("odd",
         [](nodes::process_host&,
            const nodes::process_config&) -> factory_result { throw 5; });
  w.host("empty", nodes::process_factory{});
  ASSERT_EQ(caught.size(), 3u);
  EXPECT_EQ(caught[0], "process 'bad' does not come up: internal: process "
                       "'bad': its factory threw: factory boom");
  EXPECT_EQ(caught[1], "process 'odd' does not come up: internal: an exception "
                       "that is no std::exception");
  EXPECT_EQ(caught[2], "process 'empty' does not come up: internal: process "
                       "'empty': its factory is an empty function");
  w.run_for(5s);
  EXPECT_GT(w.at("bad").lives(), 3u) << "it is started again as any other";
}

TEST_F(Exceptions, AJobThatThrowsFailsTheRunByName) {
  expect_failures();
  world w{6};
  w.add_cluster(own_cluster);
  auto& env = w.at("rt1").env();
  env.io->submit([] { throw std::runtime_error{"job boom"}; });
  env.io->submit({});
  w.run_for(1s);
  EXPECT_EQ(caught, (std::vector<std::string>{
                      "submit: a job of rt1 is empty",
                      "rt1: a job of env.io or env.pool threw: job boom"}));
}

// It would abort: steps do not nest.
TEST_F(Exceptions, AHandlerThatRunsTheWorldFailsTheRun) {
  expect_failures();
  world w{6};
  w.add_cluster(own_cluster);
  w.host("loop", process_of([&](int) { w.run_for(1ms); }));
  w.run_for(1s);
  ASSERT_FALSE(caught.empty());
  EXPECT_EQ(caught[0], "the world cannot run from within a step of its own");
}

TEST_F(Exceptions, WhatIsSaidOfExceptionsIsNone) {
  world w{4};
  w.add_cluster(own_cluster);
  w.host("shouter",
         process_of([](int) { std::cout << "no exception so far\n"; }));
  w.run_for(1s);
  EXPECT_TRUE(w.defects().empty());
  w.expect_no_loss("trade");
}

const auto dies = process_of([](int) { throw std::runtime_error{"boom"}; });

// A test that asks for something else must not be green by that.
TEST_F(Exceptions, AnExceptionOfAnActorFailsTheRunAtItsEnd) {
  expect_failures();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.host("mine", dies);
    w.run_for(500ms);
    EXPECT_TRUE(is_recorded(w, "an actor died by an exception: "));
  }
  // It was started again, and each of its lives ended so.
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_TRUE(caught[0].starts_with("mine: an actor died by an exception: "))
    << caught[0];
  EXPECT_NE(caught[0].find("boom\n  and 2 more"), std::string::npos)
    << caught[0];
}

TEST_F(Exceptions, AnExceptionIsToldOnceAndNotWhereItIsExpected) {
  expect_failures();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.host("mine", dies);
    w.run_for(500ms);
    EXPECT_FALSE(w.defects().empty());
  }
  EXPECT_TRUE(caught.empty()) << caught.front();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.allow_exceptions();
    w.host("mine", dies);
    w.run_for(500ms);
    w.expect_no_loss("trade");
    EXPECT_FALSE(w.defects().empty());
    w.run_for(1s);
  }
  EXPECT_TRUE(caught.empty()) << caught.front();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.host("mine", dies);
    w.run_for(500ms);
    EXPECT_TRUE(has_text(w.losses("trade"), "mine: an actor died"));
    w.kill("mine");
  }
  EXPECT_TRUE(caught.empty()) << caught.front();
}

// Where a callback throws no actor need die by it.
TEST_F(Exceptions, ANoticeOfACallbackThatThrewCounts) {
  expect_failures();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.at("db").tell({nodes::notice::severity::error, "rdb", "rdb1", "threw",
                     "a callback threw: boom"});
    w.at("db").tell(
      {nodes::notice::severity::info, "rdb", "rdb1", "threw", "no more"});
  }
  EXPECT_EQ(caught, std::vector<std::string>{
                      "db: rdb1 ERR threw: a callback threw: boom"});
}

} // namespace
} // namespace millrace::sim
