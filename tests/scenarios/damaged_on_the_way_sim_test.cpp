#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "report.hpp"
#include "rt_scenario.hpp"

// Records that are damaged on their way, behind TCP's checksums: who
// refuses them says so, as often as it happened.

namespace millrace::sim {
namespace {

class DamagedOnTheWay {
public:
  DamagedOnTheWay(uint64_t seed, size_t node_count)
    : run{seed, seed % 2 == 0, node_count} {}

  /// Bits flip between two nodes, one after the other, and nothing else fails.
  void damage(const std::string& from, const std::string& to) {
    for (int i = 0; i < 3; ++i)
      run.w.after(
        std::chrono::milliseconds{400 * i + run.w.draw(300)},
        [this, from, to] { run.w.corrupt_at(from, to, 1 + run.w.draw(3)); });
  }

  /// What an actor counted.
  uint64_t counted(const std::string& node, const std::string& actor) {
    const auto said = text::parse_json(run.w.status(node, actor));
    const auto count
      = said ? said->at("damaged_records").natural() : std::nullopt;
    return count.value_or(~uint64_t{0});
  }
  uint64_t told(const std::string& node) {
    const auto& all = run.w.at(node).notices();
    return static_cast<uint64_t>(
      std::count_if(all.begin(), all.end(), [](const auto& each) {
        return each.id == "damaged_on_the_way"
               && each.text.find("refused, and asked for again")
                    != std::string::npos;
      }));
  }
  uint64_t injected() {
    const auto fired = run.w.faults_fired();
    const auto found = fired.find("corrupt");
    return found == fired.end() ? 0 : found->second;
  }

  /// Of the one that refuses, by its node and its actor.
  void check(uint64_t seed, const std::string& node, const std::string& actor,
             uint64_t& all) {
    run.w.run_for(3s);
    const auto broken_by_then = injected();
    auto broken = run.finish();
    // A lone node is down by then.
    all += broken_by_then;
    if (told(node) != injected())
      broken.push_back(node + " told of " + std::to_string(told(node)) + " of "
                       + std::to_string(injected()));
    if (run.w.find(node, actor) && counted(node, actor) != injected())
      broken.push_back(actor + " counted "
                       + std::to_string(counted(node, actor)) + " of "
                       + std::to_string(injected()));
    report(seed, broken);
  }

  rt_scenario run;
};

TEST(DamagedOnTheWaySim, AnRtNodeTellsAndCountsWhatAPublisherSent) {
  uint64_t all = 0;
  for_each_seed(20, [&](uint64_t seed) {
    DamagedOnTheWay test{seed, 1};
    test.damage("pub0", "rt0");
    test.run.w.run_for(3s);
    const auto counted = test.counted("rt0", "rt/market");
    if (counted != test.injected())
      return report(seed, {"rt0 counted " + std::to_string(counted) + " of "
                           + std::to_string(test.injected())});
    test.check(seed, "rt0", "rt/market", all);
    return !::testing::Test::HasFailure();
  });
  EXPECT_GT(all, 0u) << "nothing was damaged";
}

TEST(DamagedOnTheWaySim, ASubscriberTellsAndCountsWhatAnRtNodeSent) {
  uint64_t all = 0;
  for_each_seed(20, [&](uint64_t seed) {
    DamagedOnTheWay test{seed, 1};
    test.damage("rt0", "plain");
    test.check(seed, "plain", "subscriber", all);
    return !::testing::Test::HasFailure();
  });
  EXPECT_GT(all, 0u) << "nothing was damaged";
}

/// A member that its publishers do not reach has their bytes from the others.
TEST(DamagedOnTheWaySim, AMemberTellsAndCountsWhatAnotherOneSent) {
  uint64_t all = 0;
  for_each_seed(20, [&](uint64_t seed) {
    DamagedOnTheWay test{seed, 3};
    for (const auto& name : test.run.names)
      if (name.starts_with("pub"))
        test.run.w.cut(name, "rt1");
    test.damage("rt0", "rt1");
    test.damage("rt2", "rt1");
    test.check(seed, "rt1", "rt/market", all);
    return !::testing::Test::HasFailure();
  });
  EXPECT_GT(all, 0u) << "nothing was damaged";
}

} // namespace
} // namespace millrace::sim
