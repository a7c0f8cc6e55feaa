// Groups under faults, by seed, with the checker after every step.

#include <millrace/tests/actors/raft/raft_simulation.hpp>
#include <millrace/tests/sim/world/seeds.hpp>

#include <gtest/gtest.h>

#include <iostream>

namespace millrace::rt {
namespace {

using defect = raft_simulation::defect;

// Until the first fault. @returns what was found.
std::string run(uint64_t seed, uint64_t voters, defect broken,
                std::map<std::string, uint64_t>* marks = nullptr) {
  raft_simulation world{seed, voters, broken};
  for (int i = 0; i < 60 && world.group().faults().empty(); ++i)
    world.run_with_faults(100);
  std::string late;
  if (world.group().faults().empty())
    late = world.heal_and_settle(30'000);
  if (marks)
    for (const auto& [what, count] : world.marks())
      (*marks)[what] += count;
  return world.group().faults().empty() ? late : world.group().faults()[0];
}

void hold(uint64_t voters) {
  std::map<std::string, uint64_t> marks;
  uint64_t seeds = 0;
  sim::for_each_seed(100, [&](uint64_t seed) {
    const auto found = run(seed, voters, defect::none, &marks);
    EXPECT_EQ(found, "") << sim::replay(seed);
    ++seeds;
    return found.empty();
  });
  if (seeds < 20)
    return;
  for (const auto* what :
       {"crash", "partition", "snapshot installed", "snapshot not needed",
        "compacted", "transfer", "disk lost", "replaced"})
    EXPECT_GT(marks[what], 0u) << what << " never happened";
}

TEST(RaftSimulationTest, ThreeMembersHoldUnderFaults) { hold(3); }

TEST(RaftSimulationTest, FiveMembersHoldUnderFaults) { hold(5); }

TEST(RaftSimulationTest, OneMemberHoldsUnderFaults) {
  sim::for_each_seed(20, [&](uint64_t seed) {
    const auto found = run(seed, 1, defect::none);
    EXPECT_EQ(found, "") << sim::replay(seed);
    return found.empty();
  });
}

// A checker that finds nothing may be blind: broken drivers are found.
class RaftDefectTest : public ::testing::TestWithParam<defect> {};

TEST_P(RaftDefectTest, IsFound) {
  for (uint64_t seed = 1; seed <= 200; ++seed)
    if (const auto found = run(seed, 3, GetParam()); !found.empty()) {
      std::cout << "seed " << seed << ": " << found << "\n";
      return;
    }
  ADD_FAILURE() << "200 seeds found nothing";
}

INSTANTIATE_TEST_SUITE_P(Drivers, RaftDefectTest,
                         ::testing::Values(defect::forgets_votes,
                                           defect::reports_too_early,
                                           defect::forgets_entries,
                                           defect::ignores_bytes));

} // namespace
} // namespace millrace::rt
