#include <algorithm>
#include <optional>
#include <utility>

#include "chain_scenario.hpp"
#include "effects.hpp"
#include "report.hpp"

namespace millrace::sim {
namespace {

constexpr named_point chain_points[] = {
  {"rdb1", "rdb.before_insert"},    {"rdb1", "rdb.before_eod_mark"},
  {"rdb1", "rdb.after_flush"},      {"rdb1", "rdb.before_manifest"},
  {"rdb1", "rdb.after_manifest"},   {"rdb1", "rdb.before_notify"},
  {"rdb1", "rdb.before_purge"},     {"rdb1", "rdb.after_purge"},
  {"hdb1", "hdb.before_open"},      {"hdb1", "hdb.after_open"},
  {"gw1", "gw.before_dispatch"},    {"gw1", "gw.after_partial"},
  {"gw1", "gw.before_merge"},       {"gw1", "gw.after_reply"},
  {"disc", "disc.before_register"}, {"disc", "disc.after_register"},
  {"feed0", "pub.after_write"},     {"rt0", "rt.after_append"},
};

TEST(ChainSim, EveryAnswerIsExactWithoutFaults) {
  for_each_seed(5, [](uint64_t seed) {
    chain_scenario run{seed};
    run.w.run_for(4s);
    const auto broken = run.finish();
    // Nothing is refused once everybody knows everybody.
    EXPECT_GT(run.answers.size(), 50u);
    return report(seed, broken);
  });
}

TEST(ChainSim, CrashAtEachNamedPoint) {
  std::set<std::string> fired;
  uint64_t seeds = 0;
  for_each_seed(100, [&](uint64_t seed) {
    ++seeds;
    const auto& at = chain_points[seed % std::size(chain_points)];
    chain_scenario run{seed};
    perhaps_a_link_fault(run.w, run.names);
    const auto before = run.w.crashes();
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.crash_at(at.role, at.point, 1 + run.w.draw(4) * i, run.any_crash());
    run.w.run_for(std::chrono::milliseconds{1000 + run.w.draw(3000)});
    auto broken = run.finish();
    if (run.w.crashes() > before)
      fired.insert(at.point);
    return report(seed, broken);
  });
  if (seeds >= 2 * std::size(chain_points))
    for (const auto& at : chain_points)
      EXPECT_TRUE(fired.contains(at.point)) << at.point << " was never passed";
}

TEST(ChainSim, CrashesAtAnyTime) {
  effects seen{{effect::end, effect::loss}};
  for_each_seed(60, [&](uint64_t seed) {
    chain_scenario run{seed};
    perhaps_a_link_fault(run.w, run.names);
    const auto crashes = 1 + run.w.draw(6);
    for (uint64_t i = 0; i < crashes; ++i) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      run.w.after(std::chrono::microseconds{run.w.draw(3'500'000)},
                  [&] { seen.crash(run.w, victim, run.any_crash()); });
    }
    run.w.run_for(4s);
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST(ChainSim, LinkFaultsAtAnyTime) {
  effects seen{{effect::lost_connection}};
  for_each_seed(40, [&](uint64_t seed) {
    chain_scenario run{seed};
    for (uint64_t i = 0; i < 1 + run.w.draw(6); ++i)
      any_link_fault(run.w, run.names, 3s, 6s);
    if (run.w.chance(0.3)) {
      const auto& victim = run.names[run.w.draw(run.names.size())];
      run.w.after(std::chrono::microseconds{run.w.draw(3'500'000)},
                  [&] { run.w.crash(victim, run.any_crash()); });
    }
    run.w.run_for(std::chrono::milliseconds{2000 + run.w.draw(6000)});
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

/// Without a word of one HDB its questions go to the other one, well before
/// their deadline.
TEST(ChainSim, AQuestionGoesToAnotherHdbWhenItsConnectionIsLost) {
  duration longest{};
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    chain_scenario run{seed, {.query_timeout_ns = 8'000'000'000}};
    run.w.run_for(3s);
    run.asking = false;
    ASSERT_TRUE(
      run.w.run_until([&] { return run.returned == run.issued; }, 10s));
    run.refusals.clear();
    const auto fault = seed % 2 == 0 ? "killed" : "silent";
    // Between a question and its answer.
    int asked = 0;
    std::vector<duration> took;
    for (int i = 0; i < 6; ++i, ++asked)
      run.ask({}, 0, [&, began = run.w.now()](const error&) {
        took.push_back(run.w.now() - began);
      });
    run.w.run_for(200us);
    if (fault == std::string{"killed"})
      run.w.crash("hdb1");
    else
      run.w.half_open("gw1", "hdb1");
    EXPECT_TRUE(run.w.run_until([&] { return took.size() == 6; }, 10s));
    EXPECT_TRUE(run.refusals.empty());
    for (const auto each : took)
      EXPECT_LT(each, 4s);
    longest = std::max(longest, *std::max_element(took.begin(), took.end()));
    run.check_answers();
    EXPECT_EQ(run.broken, std::vector<std::string>{});
  }
  EXPECT_GT(longest, 500ms) << "no question lost its connection";
}

TEST(ChainSim, AnswersAreCompleteAndNeverGoBackThroughRestartsOfTheRdb) {
  effects seen{{effect::end}};
  for_each_seed(8, [&](uint64_t seed) {
    chain_scenario run{seed, {.query_timeout_ns = 5'000'000'000}};
    run.is_complete = true;
    for (int i = 0; i < 4; ++i)
      run.w.after(
        std::chrono::milliseconds{400 + 800 * i + run.w.draw(300)}, [&] {
          run.w.crash("rdb1", {.restart_after = std::chrono::milliseconds{
                                 50 + run.w.draw(600)}});
        });
    run.w.run_for(4s);
    const auto broken = run.finish();
    EXPECT_GT(run.answers.size(), 50u);
    // Who was away came back in time.
    EXPECT_TRUE(run.refusals.empty());
    seen.look(run.w, {"rdb1"});
    return report(seed, broken);
  });
}

TEST(ChainSim, AQuestionWaitsForTheLastHdbToComeBack) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    chain_scenario run{seed, {.query_timeout_ns = 8'000'000'000}};
    run.w.run_for(3s);
    run.asking = false;
    ASSERT_TRUE(
      run.w.run_until([&] { return run.returned == run.issued; }, 10s));
    run.refusals.clear();
    std::vector<duration> took;
    for (int i = 0; i < 4; ++i)
      run.ask({}, 0, [&, began = run.w.now()](const error&) {
        took.push_back(run.w.now() - began);
      });
    run.w.run_for(200us);
    for (const auto* hdb : {"hdb1", "hdb2"})
      run.w.crash(hdb, {.restart_after = 700ms});
    EXPECT_TRUE(run.w.run_until([&] { return took.size() == 4; }, 10s));
    EXPECT_TRUE(run.refusals.empty());
    for (const auto each : took)
      EXPECT_LT(each, 3s);
    EXPECT_GE(*std::max_element(took.begin(), took.end()), 700ms)
      << "no question waited";
    run.check_answers();
    EXPECT_EQ(run.broken, std::vector<std::string>{});
  }
}

/// However long ago it went: until the question's own deadline, which tells
/// what was waited for.
TEST(ChainSim, AQuestionWaitsForOneThatWentLongAgo) {
  chain_scenario run{4, {.query_timeout_ns = 5'000'000'000}};
  run.w.run_for(3s);
  run.asking = false;
  ASSERT_TRUE(run.w.run_until([&] { return run.returned == run.issued; }, 10s));
  const auto ask_after_loss = [&](duration away, duration ask_after) {
    for (const auto* hdb : {"hdb1", "hdb2"})
      run.w.crash(hdb, {.restart_after = away});
    run.w.run_for(ask_after);
    std::optional<error> said;
    const auto began = run.w.now();
    duration took{};
    run.ask({}, 0, [&](const error& fault) {
      said = fault;
      took = run.w.now() - began;
    });
    EXPECT_TRUE(run.w.run_until([&] { return said.has_value(); }, 10s));
    return std::pair{said.value_or(error{}), took};
  };
  const auto [none, soon] = ask_after_loss(14s, 12s);
  EXPECT_FALSE(none) << to_string(none);
  EXPECT_GT(soon, 1s);
  const auto [fault, late] = ask_after_loss(60s, 12s);
  EXPECT_EQ(fault.code, errc::backend_lost) << to_string(fault);
  EXPECT_NE(fault.context.find("hdb1 went 1"), std::string::npos)
    << fault.context;
  EXPECT_GE(late, 5s);
  EXPECT_LT(late, 6s);
}

/// The links that questions, writing down and looking up go over.
TEST(ChainSim, ALinkIsCutUnderQuestions) {
  const std::pair<const char*, const char*> links[]
    = {{"gw1", "rdb1"},  {"gw1", "hdb1"},  {"gw1", "hdb2"}, {"gw1", "disc"},
       {"rdb1", "disc"}, {"rdb1", "hdb1"}, {"rt0", "rdb1"}, {"rt0", "feed0"}};
  size_t noticed = 0;
  for_each_seed(32, [&](uint64_t seed) {
    chain_scenario run{seed};
    const auto& [one, other] = links[seed % std::size(links)];
    const bool is_cut = any_link_fault(run.w, one, other, 2s, 10s);
    run.w.run_for(8s);
    const auto broken = run.finish();
    noticed += is_cut
               && std::any_of(
                 run.answers.begin(), run.answers.end(),
                 [](const auto& each) { return each.at - each.asked_at > 1s; });
    return report(seed, broken);
  });
  EXPECT_TRUE(noticed > 0 || has_few_seeds()) << "no answer waited for a link";
}

} // namespace
} // namespace millrace::sim
