// What a run says that fails, whatever the reason: calls that make no sense,
// programs that abort, variables that are no numbers; and what is pasted to run
// it again.

#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>
#include <tuple>

#include "own_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

class Misused : public OwnCluster {};

// Who mistypes a name reads which one, and no test after it is lost.
TEST_F(Misused, AWrongCallFailsTheRunAndNamesItself) {
  expect_failures();
  const auto said = [](auto&& call) {
    caught.clear();
    call();
    return caught.empty() ? std::string{"nothing"} : caught.front();
  };
  world w{1};
  EXPECT_EQ(said([&] { w.add_publisher("feed", "trade").publish({}); }),
            "add_publisher 'feed': there is no cluster: 'add_cluster' comes "
            "before it");
  EXPECT_EQ(
    said([&] { EXPECT_TRUE(w.host("mine", vwap).status("x").is_null()); }),
    "host 'mine': there is no cluster: 'add_cluster' comes before it");
  EXPECT_EQ(said([&] { EXPECT_FALSE(w.query("{}")); }),
            "query: there is no cluster: 'add_cluster' comes before it");
  EXPECT_EQ(said([&] { w.add_table(""); }),
            "add_table: there is no cluster: 'add_cluster' comes before it");
  EXPECT_EQ(said([&] { w.add_cluster(own_cluster); }), "nothing");
  EXPECT_EQ(said([&] { w.add_cluster(own_cluster); }),
            "add_cluster: the world has a cluster already, of " + own_cluster);
  EXPECT_EQ(said([&] { w.expect_no_loss("trades"); }),
            "expect_no_loss: " + own_cluster
              + ": no [[table]] is named 'trades'");
  EXPECT_EQ(said([&] { (void)w.expect_true_answer("trades"); }),
            "expect_true_answer: " + own_cluster
              + ": no [[table]] is named 'trades'");
  EXPECT_EQ(said([&] { w.add_publisher("feed", "trades"); }),
            "add_publisher 'feed': " + own_cluster
              + ": no [[table]] is named 'trades'");
  EXPECT_EQ(said([&] { w.add_publisher("rt1", "trade"); }),
            "add_publisher 'rt1': there is a node 'rt1' already");
  EXPECT_EQ(said([&] { w.host("rt1", vwap); }),
            "host 'rt1': there is a node 'rt1' already");
  EXPECT_EQ(said([&] { w.end_period("markt", 9000); }),
            "end_period: " + own_cluster + ": no [[stream]] is named 'markt'");
  EXPECT_EQ(said([&] { w.crash("rt9"); }), "crash: there is no node 'rt9'");
  EXPECT_EQ(said([&] { w.slow("rt1", "rt9", 5); }),
            "slow rt1 <-> rt9 5: there is no node 'rt9'");
  auto& feed = w.add_publisher("feed", "trade");
  EXPECT_EQ(said([&] { feed.publish_all({}); }),
            "feed cannot publish: there is no row");
  EXPECT_EQ(said([&] {
              feed.publish({{"sym", "A"}, {"size", 1}});
            }),
            "nothing");
  EXPECT_EQ(said([&] { w.expect_no_loss("trade"); }), "nothing");
}

void abort_in_a_run() {
  for_each_seed(1, [](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    w.kill("db");
    const bool holds = seed == 0;
    MILLRACE_ASSERT(holds);
  });
}

// Nothing would be known of the run: no test goes on after that.
TEST(MisusedDeathTest, WhoAbortsSaysSeedAndTimelineBefore) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(abort_in_a_run(),
               "broken invariant: holds(.|\n)*replay: cd /.* && "
               "MILLRACE_SIM_SEED=1 .*sim_test "
               "--gtest_filter=MisusedDeathTest.WhoAborts(.|\n)*"
               "a world of seed 1\n(.|\n)*db(.|\n)*ends");
}

void hang_in_a_run() {
  for_each_seed(1, [](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    // As somebody does who has waited long enough, more than once, and whatever
    // thread hears of it.
    std::thread{[] {
      for (int i = 0; i < 3; ++i)
        (void)::raise(SIGTERM);
    }}.join();
    for (;;)
      std::this_thread::yield();
  });
}

TEST(MisusedDeathTest, WhoIsEndedSaysSeedAndTimelineBefore) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(hang_in_a_run(), ::testing::KilledBySignal(SIGTERM),
              "MILLRACE_SIM_SEED=1 (.|\n)*a world of seed 1\n");
}

TEST_F(Misused, NobodyIsAskedInVain) {
  world w{1};
  w.add_cluster(own_cluster);
  const auto nobody = caf::actor_cast<status_actor>(w.find("rt1", "moon"));
  const auto got = w.ask<status_facts>(nobody, 5s, status_atom_v);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.failure().code, errc::not_found);
}

/// Sets a variable of the environment, and takes it back.
class environment_variable {
public:
  environment_variable(const char* name, const char* value) : name_{name} {
    if (const char* old = std::getenv(name))
      before_ = old;
    ::setenv(name, value, 1);
  }
  ~environment_variable() {
    before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_);
  }
  environment_variable(const environment_variable&) = delete;
  environment_variable& operator=(const environment_variable&) = delete;

private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(Seeds, WhatIsNoNumberIsRefusedByName) {
  const auto failure = [](const char* name, const char* value) {
    const environment_variable set{name, value};
    const auto got = seeds_wanted(5);
    return got ? std::to_string(got->first) + "-" + std::to_string(got->last)
               : to_string(got.failure());
  };
  const environment_variable no_seed{"MILLRACE_SIM_SEED", ""};
  const environment_variable no_seeds{"MILLRACE_SIM_SEEDS", ""};
  EXPECT_EQ(failure("MILLRACE_SIM_SEED", ""), "1-5");
  EXPECT_EQ(failure("MILLRACE_SIM_SEED", "17"), "17-17");
  EXPECT_EQ(failure("MILLRACE_SIM_SEED", "0"), "0-0");
  EXPECT_EQ(failure("MILLRACE_SIM_SEEDS", "9"), "1-9");
  for (const auto& [name, value, told] :
       {std::tuple{"MILLRACE_SIM_SEED", "abc", "abc is not a number"},
        {"MILLRACE_SIM_SEEDS", "1O", "1O is not a number"},
        {"MILLRACE_SIM_SEEDS", "-1", "-1 is not a number"},
        {"MILLRACE_SIM_SEEDS", "0", "0 runs nothing"}})
    EXPECT_EQ(failure(name, value),
              std::string{"invalid_argument: "} + name + "=" + told);
}

// What is printed is pasted.
TEST(Seeds, AReplayLineIsOneForAShell) {
  const environment_variable script{"MILLRACE_SIM_SCRIPT", "/a b/it's.faults"};
  const auto line = gtest_glue::replay_line(12);
  EXPECT_TRUE(line.starts_with("replay: cd /")) << line;
  EXPECT_NE(line.find(" && MILLRACE_SIM_SEED=12 "
                      "MILLRACE_SIM_SCRIPT='/a b/it'\\''s.faults' "),
            std::string::npos)
    << line;
  EXPECT_TRUE(line.ends_with(" --gtest_filter=Seeds.AReplayLineIsOneForAShell"))
    << line;
  EXPECT_EQ(in_shell("a/b_c-1.2"), "a/b_c-1.2");
  EXPECT_EQ(in_shell(""), "''");
  EXPECT_EQ(in_shell("$x"), "'$x'");
}

TEST(Timeline, HasAColumnPerNode) {
  using namespace std::chrono;
  const std::vector<happening> all{{0s, "rt1", "life 1 begins"},
                                   {1500ms, "a", "x"},
                                   {2s, {}, "FAILED: no"},
                                   {3s, "rt1", "says no more"}};
  EXPECT_EQ(timeline(all, 10), "time         rt1            a\n"
                               "    0.000 s  life 1 begins\n"
                               "    1.500 s                 x\n"
                               "    2.000 s  FAILED: no\n"
                               "    3.000 s  says no more\n");
  const std::string left = "are left out, none of them a fault; all: "
                           "MILLRACE_SIM_TIMELINE=all)\n";
  EXPECT_EQ(timeline(all, 1), "(3 happenings " + left
                                + "time         rt1\n"
                                  "    3.000 s  says no more\n");
  auto some = all;
  some[0].is_kept = true;
  const environment_variable last{"MILLRACE_SIM_TIMELINE", "1"};
  EXPECT_EQ(recorded_runs::timeline_of(some), timeline(some, 1));
  const environment_variable whole{"MILLRACE_SIM_TIMELINE", "all"};
  EXPECT_EQ(recorded_runs::timeline_of(all), timeline(all, 10));
  const environment_variable odd{"MILLRACE_SIM_TIMELINE", "8O"};
  EXPECT_TRUE(recorded_runs::timeline_of(all).starts_with(
    "MILLRACE_SIM_TIMELINE=8O is neither"));
  EXPECT_EQ(timeline(some, 1), "(2 happenings " + left
                                 + "time         rt1\n"
                                   "    0.000 s  life 1 begins\n"
                                   "    3.000 s  says no more\n");
}

// The line of one node has room where others have nothing to say.
TEST(Timeline, OfManyNodesIsNoWiderThanAScreen) {
  using namespace std::chrono;
  std::vector<happening> all;
  const std::string said = "a batch of twelve words that is as long as the "
                           "texts of nodes are";
  for (int i = 0; i < 11; ++i)
    all.push_back({seconds{i}, "node" + std::to_string(i), said});
  const auto text = timeline(all, all.size());
  size_t widest = 0;
  for (size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    widest = std::max(widest, end - begin);
    begin = end + 1;
  }
  EXPECT_LE(widest, 160u) << text;
  EXPECT_NE(text.find("    0.000 s  " + said + "\n"), std::string::npos)
    << text;
}

} // namespace
} // namespace millrace::sim
