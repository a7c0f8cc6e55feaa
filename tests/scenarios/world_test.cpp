#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/world.hpp>

#include <caf/stateful_actor.hpp>
#include <gtest/gtest.h>

#include <set>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

// What a user writes first: a cluster, a fault, a check.
TEST(World, FirstTest) {
  sim::world w{42};
  auto book = std::make_shared<ledger>();
  auto read = std::make_shared<reading>();
  cluster_plan plan;
  add_rt_node(plan, "rt0");
  add_publisher(plan, "feedA", {.messages = 500}, book);
  add_subscriber(plan, "reader", {}, read);
  w.add_cluster(plan.config, plan.options);
  w.crash_at("rt0", "rt.after_append", 3, {.restart_after = 2s});
  ASSERT_TRUE(w.run_until([&] { return book->settled; }, 60s));
  w.run_for(1s);
  EXPECT_EQ(read->lives[0].items.size(), 500u);
}

/// Hears of its messages, and of those it was given after its death.
node::boot_function counting(std::shared_ptr<std::vector<int>> seen) {
  return [seen](node& me) -> error {
    me.put("counter",
           me.spawn([seen](caf::event_based_actor*) -> caf::behavior {
             return {[seen](int x) { seen->push_back(x); }};
           }));
    return {};
  };
}

TEST(World, KilledActorHandlesNothingMore) {
  world w{1};
  auto seen = std::make_shared<std::vector<int>>();
  w.add_node("a", counting(seen));
  auto counter = caf::actor_cast<caf::actor>(w.find("a", "counter"));
  ASSERT_TRUE(counter);
  for (int i = 0; i < 100; ++i)
    caf::anon_send(counter, i);
  ASSERT_TRUE(w.run_until([&] { return seen->size() == 10; }, 1s));
  EXPECT_EQ(seen->size(), 10u);
  w.crash("a");
  EXPECT_EQ(seen->size(), 10u);
  w.run_for(1s);
  EXPECT_EQ(seen->size(), 10u);
  EXPECT_FALSE(w.at("a").alive());
}

TEST(World, PausedNodeStandsStillAndGoesOn) {
  world w{1};
  auto seen = std::make_shared<std::vector<int>>();
  w.add_node("a", counting(seen));
  auto counter = caf::actor_cast<caf::actor>(w.find("a", "counter"));
  w.pause("a");
  caf::anon_send(counter, 1);
  w.run_for(10s);
  EXPECT_TRUE(seen->empty());
  w.resume("a");
  w.run_for(1s);
  EXPECT_EQ(*seen, std::vector<int>{1});
}

TEST(World, ChildrenDieWithTheirNode) {
  world w{1};
  auto alive = std::make_shared<int>(0);
  w.add_node("a", [alive](node& me) -> error {
    me.put("parent",
           me.spawn([alive](caf::event_based_actor* self) -> caf::behavior {
             std::vector<caf::actor> children;
             for (int i = 0; i < 3; ++i) {
               children.push_back(
                 self->spawn([](caf::event_based_actor*) -> caf::behavior {
                   return {[](int) {}};
                 }));
               ++*alive;
               children.back()->attach_functor([alive] { --*alive; });
             }
             return {[children](int) {}};
           }));
    return {};
  });
  w.run_for(1s);
  EXPECT_EQ(*alive, 3);
  w.crash("a");
  EXPECT_EQ(*alive, 0);
}

TEST(World, CrashPointEndsTheProcessThere) {
  world w{1};
  auto steps = std::make_shared<std::vector<std::string>>();
  w.add_node("a", [steps](node& me) -> error {
    me.spawn([steps, &me](caf::event_based_actor*) -> caf::behavior {
      steps->push_back("before");
      me.env().crash_point("here");
      steps->push_back("after");
      return {[](int) {}};
    });
    return {};
  });
  w.add_crash_point("here");
  w.crash_at("a", "here", 1, {.restart_after = 1s});
  w.run_for(500ms);
  EXPECT_EQ(*steps, std::vector<std::string>{"before"});
  EXPECT_EQ(w.at("a").lives(), 1u);
  w.run_for(1s);
  EXPECT_EQ(*steps, (std::vector<std::string>{"before", "before", "after"}));
  EXPECT_TRUE(w.defects().empty());
  EXPECT_EQ(w.points_passed().at("here"), 2u);
}

TEST(World, TheDiskOfADeadProcessRefusesEverything) {
  world w{1};
  auto& a = w.add_node("a", [](node&) -> error { return {}; });
  auto& old = a.env();
  auto file = old.fs->open("/x", persistence::open_mode::write);
  ASSERT_TRUE(file);
  w.crash("a", {.power = true, .left = survival::nothing});
  EXPECT_TRUE((*file)->write_at(0, bytes_of("late")));
  EXPECT_FALSE(old.fs->open("/y", persistence::open_mode::write));
  w.restart("a");
  EXPECT_FALSE(a.fs().exists("/x")) << "never synced";
  EXPECT_FALSE(a.fs().exists("/y"));
}

TEST(World, AnActorThatThrowsIsADefect) {
  world w{1};
  w.add_node("a", [](node& me) -> error {
    me.spawn([](caf::event_based_actor* self) -> caf::behavior {
      self->send(self, 1);
      return {[](int) { throw std::runtime_error("bad"); }};
    });
    return {};
  });
  w.run_for(1s);
  ASSERT_EQ(w.defects().size(), 1u);
  EXPECT_EQ(w.defects()[0].substr(0, 2), "a:");
}

TEST(World, TimeJumpsFromTimerToTimer) {
  world w{7};
  auto ticks = std::make_shared<int>(0);
  w.add_node("a", [ticks](node& me) -> error {
    me.spawn([ticks](caf::event_based_actor* self) -> caf::behavior {
      self->delayed_send(self, caf::timespan{1s}, caf::tick_atom_v);
      return {[ticks, self](caf::tick_atom) {
        ++*ticks;
        self->delayed_send(self, caf::timespan{1s}, caf::tick_atom_v);
      }};
    });
    return {};
  });
  w.run_for(1h);
  EXPECT_NEAR(*ticks, 3600, 5);
  EXPECT_LT(w.steps(), 4000u);
}

TEST(World, SameSeedSameTraceOtherSeedOther) {
  const auto run = [](uint64_t seed) {
    world w{seed};
    auto book = std::make_shared<ledger>();
    auto read = std::make_shared<reading>();
    cluster_plan plan;
    add_rt_node(plan, "rt0");
    add_publisher(plan, "a", {.messages = 50}, book);
    subscriber_load load;
    load.local_copy = "/c";
    add_subscriber(plan, "s", load, read);
    w.add_cluster(plan.config, plan.options);
    w.after(300ms, [&] { w.crash("rt0", {.restart_after = 1s}); });
    w.run_for(5s);
    return w.trace_hash();
  };
  std::set<uint64_t> traces;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    traces.insert(run(seed));
    EXPECT_EQ(run(seed), run(seed)) << seed;
  }
  EXPECT_EQ(traces.size(), 5u);
}

} // namespace
} // namespace millrace::sim
