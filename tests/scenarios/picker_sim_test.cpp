// Who runs next: each policy is the same run again with the same seed, lets
// nobody wait for ever, and finds what the others do not.

#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/rt_nodes.hpp>

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

constexpr pick_policy all_policies[]
  = {pick_policy::uniform, pick_policy::starve, pick_policy::sticky,
     pick_policy::priorities, pick_policy::newest};

/// A node that hosts what is put there.
node& empty_node(world& w) {
  return w.add_node("a", [](node&) -> error { return {}; });
}

uint64_t trace_of_a_cluster(pick_policy policy, uint64_t seed) {
  world w{seed, {.pick = policy}};
  auto book = std::make_shared<ledger>();
  auto read = std::make_shared<reading>();
  cluster_plan plan;
  add_rt_node(plan, "rt0");
  add_publisher(plan, "feed", {.messages = 50}, book);
  add_subscriber(plan, "reader", {}, read);
  w.add_cluster(plan.config, plan.options);
  w.after(300ms, [&] { w.crash("rt0", {.restart_after = 1s}); });
  EXPECT_TRUE(w.run_until([&] { return book->settled; }, 60s));
  w.run_for(1s);
  EXPECT_EQ(read->lives[0].items.size(), 50u);
  return w.trace_hash();
}

TEST(PickerSim, EachPolicyMakesTheSameRunAgain) {
  std::set<uint64_t> traces;
  for (const auto policy : all_policies)
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(to_string(policy));
      const auto trace = trace_of_a_cluster(policy, seed);
      EXPECT_EQ(trace_of_a_cluster(policy, seed), trace) << seed;
      traces.insert(trace);
    }
  EXPECT_EQ(traces.size(), 3 * std::size(all_policies));
}

// Each has its share of the seeds, and a run that failed says which one it had.
TEST(PickerSim, ASeedDrawsOneAndTheRecordNamesIt) {
  std::map<pick_policy, int> drawn;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const world w{seed};
    ++drawn[w.picks()];
    ASSERT_FALSE(w.record().empty());
    EXPECT_EQ(w.record().front().text,
              "who runs next: " + std::string{to_string(w.picks())});
    EXPECT_NE(w.story().find(std::string{to_string(w.picks())}),
              std::string::npos);
    EXPECT_EQ(world{seed}.picks(), w.picks());
  }
  for (const auto policy : all_policies)
    EXPECT_NEAR(drawn[policy], policy < pick_policy::priorities ? 100 : 50, 25)
      << to_string(policy);
  for (const auto policy : all_policies)
    EXPECT_EQ((world{1, {.pick = policy}}.picks()), policy);
}

// -- what only some orders show -----------------------------------------------

/// Two actors and a number. One adds to it, step by step. The other reads it,
/// and writes what it read, and one more, a step later, if so much happened
/// meanwhile that this undoes much: a bug of two orders, since its read must
/// come before many steps of the first, and its write after them.
bool loses_an_update(pick_policy policy, uint64_t seed) {
  world w{seed, {.pick = policy}};
  auto& where = empty_node(w);
  struct shared {
    int value = 0;
    int most_lost = 0;
  };
  auto all = std::make_shared<shared>();
  constexpr int turns = 40;
  const auto adder = [all](caf::event_based_actor* self) -> caf::behavior {
    self->send(self, 0);
    return {[all, self](int turn) {
      ++all->value;
      if (turn < turns)
        self->send(self, turn + 1);
    }};
  };
  const auto writer = [all](caf::event_based_actor* self) -> caf::behavior {
    self->send(self, 0, 0);
    return {[all, self](int turn, int seen) {
      if (turn % 2 == 1) {
        all->most_lost = std::max(all->most_lost, all->value - seen);
        all->value = seen + 1;
      }
      if (turn < turns)
        self->send(self, turn + 1, all->value);
    }};
  };
  where.spawn(adder);
  where.spawn(writer);
  w.run_for(1s);
  return all->most_lost >= 20;
}

// What two actors do is mixed well by chance: twenty steps of one between two
// of the other are the work of a million seeds. Priorities that change once
// need no more than some.
TEST(PickerSim, PrioritiesFindABugOfTwoOrders) {
  std::map<pick_policy, int> found;
  for (const auto policy : {pick_policy::uniform, pick_policy::priorities})
    for (uint64_t seed = 1; seed <= 300; ++seed)
      found[policy] += loses_an_update(policy, seed) ? 1 : 0;
  EXPECT_EQ(found[pick_policy::uniform], 0);
  EXPECT_GE(found[pick_policy::priorities], 15);
  std::cout << "[  found   ] priorities: " << found[pick_policy::priorities]
            << " of 300 seeds, uniform: " << found[pick_policy::uniform]
            << "\n";
}

/// In which order so many actors run that are asked one after the other.
std::vector<int> order_of_the_asked(pick_policy policy, uint64_t seed) {
  world w{seed, {.pick = policy}};
  auto& where = empty_node(w);
  auto order = std::make_shared<std::vector<int>>();
  auto asked = std::make_shared<std::vector<caf::actor>>();
  for (int i = 0; i < 8; ++i)
    asked->push_back(
      where.spawn([order, i](caf::event_based_actor*) -> caf::behavior {
        return {[order, i](int) { order->push_back(i); }};
      }));
  w.run_for(1s);
  where.spawn([asked](caf::event_based_actor* self) -> caf::behavior {
    for (const auto& each : *asked)
      self->send(each, 1);
    return {[](int) {}};
  });
  w.run_for(1s);
  return *order;
}

TEST(PickerSim, TheNewestRunsFirst) {
  int fair = 0;
  int newest = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const auto some = order_of_the_asked(pick_policy::uniform, seed);
    const auto last = order_of_the_asked(pick_policy::newest, seed);
    ASSERT_EQ(some.size(), 8u);
    ASSERT_EQ(last.size(), 8u);
    fair += some.front() == 7 ? 1 : 0;
    newest += last.front() == 7 ? 1 : 0;
  }
  EXPECT_LE(fair, 30);
  EXPECT_GE(newest, 70);
}

// An actor that always has something to do takes all there is from nobody.
TEST(PickerSim, NobodyWaitsForEver) {
  for (const auto policy : all_policies)
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(std::string{to_string(policy)} + std::to_string(seed));
      world w{seed, {.pick = policy}};
      auto& where = empty_node(w);
      auto turns = std::make_shared<int>(0);
      for (int i = 0; i < 3; ++i)
        where.spawn([](caf::event_based_actor* self) -> caf::behavior {
          self->send(self, 1);
          return {[self](int) { self->send(self, 1); }};
        });
      where.spawn([turns](caf::event_based_actor* self) -> caf::behavior {
        self->send(self, 1);
        return {[self, turns](int) {
          ++*turns;
          self->send(self, 1);
        }};
      });
      for (int i = 1; i <= 2; ++i) {
        const auto before = *turns;
        w.run_for(500ms);
        EXPECT_GT(*turns, before) << "after " << i << " half seconds";
      }
    }
}

} // namespace
} // namespace millrace::sim
