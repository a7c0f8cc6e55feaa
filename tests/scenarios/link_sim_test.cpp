// What the world's links do to plain actors: a caller at node "a", a receiver
// at node "b", and what each of them is told.
#include <millrace/sim/world/world.hpp>

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

struct pair_state {
  pair_state() = default;
  caf::actor peer;
  bool over = true; ///< There is none, or it is gone.
};

/// Both ends in one: connects to its like at another node, sends it numbers,
/// and notes what it hears.
caf::behavior speaker(caf::stateful_actor<pair_state>* self, node* me,
                      std::string other, words* heard) {
  self->set_down_handler([=](caf::down_msg&) {
    self->state.over = true;
    heard->push_back("down");
  });
  return {
    [=](caf::connect_atom) {
      self
        ->request(me->connector(), caf::infinite, caf::connect_atom_v,
                  endpoint{other, 0, "speaker", ""})
        .then(
          [=](const caf::strong_actor_ptr& found) {
            self->state.peer = caf::actor_cast<caf::actor>(found);
            self->state.over = false;
            self->monitor(self->state.peer);
            self->send(self->state.peer, caf::join_atom_v);
            heard->push_back("up");
          },
          [=](const caf::error& fault) {
            heard->push_back(to_string(from_caf(fault)));
          });
    },
    // The other end learns who speaks to it.
    [=](caf::join_atom) {
      if (!std::exchange(self->state.over, false))
        return;
      self->state.peer = caf::actor_cast<caf::actor>(self->current_sender());
      self->monitor(self->state.peer);
    },
    [=](caf::put_atom, const std::string& text) {
      self->send(self->state.peer, text);
    },
    [=](const std::string& text) { heard->push_back(text.substr(0, 8)); },
    [=](caf::get_atom) { return self->state.peer; },
    [=](caf::link_atom) { self->link_to(self->state.peer); },
    // Takes over whom another end speaks to.
    [=](caf::redirect_atom) {
      self->request(self->state.peer, caf::infinite, caf::get_atom_v)
        .then([=](const caf::actor& beyond) {
          self->monitor(beyond);
          self->state.peer = beyond;
        });
    },
    [=](caf::close_atom) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

struct spoken {
  explicit spoken(uint64_t seed = 1, world_options options = {})
    : w{seed, options} {
    add("a", "b");
    add("b", "a");
  }

  void add(const std::string& name, const std::string& other) {
    auto* heard = &told[name];
    w.add_node(name, [heard, other](node& me) -> error {
      me.put("speaker", me.spawn(speaker, &me, other, heard));
      return {};
    });
  }

  template <class... Ts>
  void tell(const std::string& name, Ts... xs) {
    caf::anon_send(caf::actor_cast<caf::actor>(w.find(name, "speaker")), xs...);
  }
  void say(const std::string& name, const std::string& text) {
    tell(name, caf::put_atom_v, text);
  }
  void connect(const std::string& from = "a") {
    tell(from, caf::connect_atom_v);
    w.run_for(50ms);
    ASSERT_EQ(told[from].back(), "up");
    told[from].clear();
  }
  void forget() {
    for (auto& [name, heard] : told)
      heard.clear();
  }
  /// How long until this end hears of something.
  duration waits(const std::string& name, duration limit) {
    const auto begin = w.now();
    EXPECT_TRUE(w.run_until([&] { return !told[name].empty(); }, limit));
    return w.now() - begin;
  }

  std::map<std::string, words> told;
  world w;
};

TEST(LinkSim, MessagesTravelForAWhileAndKeepTheirOrder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    spoken run{seed};
    run.connect();
    run.w.delay("a", "b", {5ms, 50ms});
    words expected;
    for (int i = 0; i < 50; ++i) {
      expected.push_back(std::to_string(i));
      run.say("a", expected.back());
    }
    EXPECT_GE(run.waits("b", 1s), 5ms);
    run.w.run_for(1s);
    EXPECT_EQ(run.told["b"], expected);
  }
}

TEST(LinkSim, ACutHoldsUpAndHealingLetsGo) {
  spoken run;
  run.connect();
  run.w.cut("a", "b");
  run.say("a", "one");
  run.say("b", "two");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["a"], words{});
  EXPECT_EQ(run.told["b"], words{});
  run.w.heal("a", "b");
  run.say("a", "three");
  // TCP waits as long again.
  run.w.run_for(3s);
  EXPECT_EQ(run.told["a"], words{"two"});
  EXPECT_EQ(run.told["b"], (words{"one", "three"}));
}

TEST(LinkSim, ALongCutEndsTheConnectionAtBothEnds) {
  spoken run;
  run.connect();
  run.w.cut("a", "b");
  run.say("a", "lost");
  const auto noticed = run.waits("a", 10s);
  EXPECT_GE(noticed, 2500ms);
  EXPECT_LE(noticed, 3s);
  run.w.run_for(1s);
  EXPECT_EQ(run.told["a"], words{"down"});
  EXPECT_EQ(run.told["b"], words{"down"});
  // A proxy that ended is nobody's.
  run.say("a", "nobody");
  run.w.heal("a", "b");
  run.w.run_for(10s);
  EXPECT_EQ(run.told["b"], words{"down"});
  run.connect();
  run.say("a", "again");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["b"], (words{"down", "again"}));
}

TEST(LinkSim, AOneWayCutLetsTheOtherDirectionPass) {
  spoken run;
  run.connect();
  run.w.cut_one_way("a", "b");
  run.say("a", "one");
  run.say("b", "two");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["a"], words{"two"});
  EXPECT_EQ(run.told["b"], words{});
  // The end that hears nothing gives up, and the other hears of that.
  run.w.run_for(3s);
  EXPECT_EQ(run.told["a"], (words{"two", "down"}));
  EXPECT_EQ(run.told["b"], words{"down"});
}

TEST(LinkSim, AHalfOpenConnectionIsGivenUpAndOpenedAnew) {
  spoken run;
  run.connect();
  run.w.half_open("a", "b");
  run.say("a", "lost");
  run.w.run_for(1s);
  // CAF goes on with the connection that it has.
  run.tell("a", caf::connect_atom_v);
  run.w.run_for(2500ms);
  EXPECT_EQ(run.told["b"], words{"down"});
  ASSERT_EQ(run.told["a"].size(), 2u);
  EXPECT_NE(std::find(run.told["a"].begin(), run.told["a"].end(), "down"),
            run.told["a"].end());
  run.connect();
  run.say("a", "again");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["b"], (words{"down", "again"}));
}

TEST(LinkSim, AResetLosesWhatIsUnderWayAndTellsBoth) {
  spoken run;
  run.connect();
  run.w.delay("a", "b", {20ms, 20ms});
  run.say("a", "lost");
  run.w.run_for(10ms);
  run.w.reset_connection("a", "b");
  run.w.run_for(1ms);
  EXPECT_EQ(run.told["a"], words{"down"});
  EXPECT_EQ(run.told["b"], words{"down"});
  run.w.heal("a", "b");
  run.connect();
  run.say("a", "again");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["b"], (words{"down", "again"}));
}

TEST(LinkSim, AResetComesAtAnyMessage) {
  spoken run;
  run.connect();
  run.w.reset_connection_at("b", "a", 3);
  for (const auto* text : {"1", "2", "3", "4"})
    run.say("a", text);
  run.w.run_for(1s);
  EXPECT_EQ(run.told["b"].back(), "down");
  EXPECT_LE(run.told["b"].size(), 3u);
  EXPECT_EQ(run.told["a"], words{"down"});
}

TEST(LinkSim, ASlowLinkTakesItsTimePerByte) {
  spoken run;
  run.connect();
  run.w.slow("a", "b", 1000);
  for (int i = 0; i < 10; ++i)
    run.say("a", std::string(1000, 'x'));
  run.w.run_for(9s);
  const auto so_far = run.told["b"].size();
  EXPECT_GE(so_far, 7u);
  EXPECT_LE(so_far, 9u);
  // What waits goes at the new pace.
  run.w.slow("a", "b", 0);
  run.w.run_for(10ms);
  EXPECT_EQ(run.told["b"].size(), 10u);
}

TEST(LinkSim, WhereNobodyListensAConnectIsRefusedAtOnce) {
  spoken run;
  run.w.crash("b");
  run.tell("a", caf::connect_atom_v);
  EXPECT_LE(run.waits("a", 10s), 10ms);
  EXPECT_NE(run.told["a"][0].find("nobody there"), std::string::npos);
}

TEST(LinkSim, WhereNothingPassesAConnectWaitsForItsDeadline) {
  for (const auto* fault : {"cut", "one way", "stopped", "no power"}) {
    SCOPED_TRACE(fault);
    spoken run;
    if (fault == std::string{"cut"})
      run.w.cut("a", "b");
    if (fault == std::string{"one way"})
      run.w.cut_one_way("b", "a");
    if (fault == std::string{"stopped"})
      run.w.pause("b");
    if (fault == std::string{"no power"})
      run.w.crash("b", {.power = true});
    run.tell("a", caf::connect_atom_v);
    EXPECT_GE(run.waits("a", 10s), 2s);
    EXPECT_NE(run.told["a"][0].find("no answer"), std::string::npos);
  }
}

TEST(LinkSim, AKilledProcessIsMissedAtOnceOneWithoutPowerLater) {
  spoken killed;
  killed.connect();
  killed.w.crash("b");
  EXPECT_LE(killed.waits("a", 10s), 10ms);
  EXPECT_EQ(killed.told["a"], words{"down"});
  spoken dark;
  dark.connect();
  dark.w.crash("b", {.power = true, .restart_after = 1s});
  const auto noticed = dark.waits("a", 10s);
  EXPECT_GE(noticed, 2500ms);
  EXPECT_LE(noticed, 3s);
}

TEST(LinkSim, AShortStopIsNotNoticedALongOneIs) {
  for (const auto& [stop, ends] : {std::pair{2s, false}, std::pair{5s, true}}) {
    spoken run;
    run.connect();
    run.w.pause("b");
    run.say("a", "one");
    run.w.run_for(stop);
    EXPECT_EQ(run.told["a"], ends ? words{"down"} : words{});
    EXPECT_EQ(run.told["b"], words{});
    run.w.resume("b");
    run.w.run_for(1s);
    EXPECT_EQ(run.told["b"].back(), ends ? "down" : "one");
  }
}

TEST(LinkSim, ADeathIsToldAcrossALink) {
  spoken run;
  run.connect();
  run.tell("b", caf::close_atom_v);
  run.w.run_for(10ms);
  EXPECT_EQ(run.told["a"], words{"down"});
}

TEST(LinkSim, LinkedActorsEndWithTheirConnection) {
  spoken run;
  run.connect();
  run.tell("a", caf::link_atom_v);
  run.w.run_for(10ms);
  run.w.reset_connection("a", "b");
  run.w.run_for(10ms);
  run.forget();
  const auto sees = [&](const char* name) {
    run.tell(name, std::string{"alive"});
    run.w.run_for(10ms);
    return !run.told[name].empty();
  };
  EXPECT_FALSE(sees("a"));
  EXPECT_FALSE(sees("b"));
}

TEST(LinkSim, AHandleFromAThirdNodeIsRelayedByIt) {
  spoken run;
  run.add("c", "a");
  run.connect("a");
  run.connect("c");
  run.tell("c", caf::redirect_atom_v);
  run.w.run_for(50ms);
  run.say("c", "through");
  run.w.run_for(50ms);
  EXPECT_EQ(run.told["b"], words{"through"});
  run.w.partition({{"a"}, {"b"}});
  run.say("c", "in vain");
  run.w.run_for(1s);
  EXPECT_EQ(run.told["b"], words{"through"});
}

TEST(LinkSim, APartitionCutsBetweenItsGroupsOnly) {
  spoken run;
  run.add("c", "b");
  run.add("d", "a");
  run.connect("a");
  run.connect("c");
  run.connect("d");
  run.forget();
  run.w.partition({{"a", "d"}, {"b"}});
  run.w.run_for(5s);
  EXPECT_EQ(run.told["a"], words{"down"});
  EXPECT_EQ(run.told["b"], words{"down"});
  EXPECT_EQ(run.told["c"], words{});
  EXPECT_EQ(run.told["d"], words{});
  run.w.heal_all_links();
  run.w.run_for(10s);
  run.connect("a");
}

TEST(LinkSim, SameSeedSameRunWithFaults) {
  const auto trace = [](uint64_t seed) {
    spoken run{seed, {.faults_may_miss = true}};
    run.connect();
    for (int i = 0; i < 100; ++i) {
      run.say(run.w.chance(0.5) ? "a" : "b", std::to_string(i));
      run.w.run_for(std::chrono::milliseconds{run.w.draw(200)});
      switch (run.w.draw(6)) {
        case 0:
          run.w.cut("a", "b");
          break;
        case 1:
          run.w.half_open("a", "b");
          break;
        case 2:
          run.w.reset_connection("a", "b");
          break;
        case 3:
          run.tell("a", caf::connect_atom_v);
          break;
        default:
          run.w.heal("a", "b");
      }
    }
    return std::pair{run.w.trace_hash(), run.told};
  };
  for (uint64_t seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(trace(seed), trace(seed)) << seed;
  EXPECT_NE(trace(1), trace(2));
}

TEST(LinkTable, WhatACutHeldGoesOnWithTcpsNextTry) {
  for (const auto& [cut, again] :
       {std::pair{100ms, 200ms}, std::pair{500ms, 600ms},
        std::pair{601ms, 1400ms}, std::pair{13'000ms, 25'400ms}}) {
    link_table links{1, {1ms, 1ms}};
    links.cut(0, 1, 0ms);
    links.send(0, 1, {.number = 1}, 0ms);
    links.send(1, 0, {.number = 2}, 0ms);
    links.heal(0, 1, link_table::next_try(0ms, cut));
    links.send(0, 1, {.number = 3}, cut);
    ASSERT_EQ(links.arrived(again - 1ms)->number, 2u);
    EXPECT_FALSE(links.arrived(again - 1ms));
    EXPECT_EQ(links.arrived(again)->number, 1u);
    EXPECT_EQ(links.arrived(again + 1ms)->number, 3u);
    EXPECT_FALSE(links.arrived(again + 1ms));
    EXPECT_FALSE(links.next_due());
  }
}

} // namespace
} // namespace millrace::sim
