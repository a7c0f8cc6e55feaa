// All that a group of three can do within limits. MILLRACE_EXHAUSTIVE=1 for the
// long run.

#include <millrace/tests/actors/raft/raft_explorer.hpp>
#include <millrace/tests/support/effort.hpp>

#include <gtest/gtest.h>

#include <iostream>

namespace millrace::rt {
namespace {

void explore(const std::string& name, raft_explorer::limits within) {
  raft_explorer all{within};
  const auto fault = all.run();
  EXPECT_EQ(fault, "");
  std::cout << name << ": " << all.state_count() << " states, "
            << all.step_count() << " steps\n";
}

TEST(RaftExhaustiveTest, TwoTermsWithAProposalAndACrash) {
  explore("two terms, a proposal, a crash", {.messages_max = 2});
}

TEST(RaftExhaustiveTest, ThreeMessagesUnderWayAndACrash) {
  explore("three messages under way, a crash", {.entries_max = 2,
                                                .proposals_max = 0,
                                                .messages_max = 3,
                                                .heartbeats_max = 0});
}

TEST(RaftExhaustiveTest, ThreeTerms) {
  explore(
    "three terms",
    {.term_max = 3, .proposals_max = 0, .crashes_max = 0, .messages_max = 2});
}

TEST(RaftExhaustiveTest, WritesUnderWayInACrash) {
  explore(
    "writes under way in a crash",
    {.term_max = 1, .entries_max = 2, .messages_max = 2, .slow_disks = true});
}

TEST(RaftExhaustiveTest, MinutesOfStates) {
  if (!test_support::exhaustive())
    GTEST_SKIP() << "MILLRACE_EXHAUSTIVE=1 runs it";
  explore("two terms, a proposal, a crash, three messages",
          {.messages_max = 3});
  explore(
    "three terms, three messages",
    {.term_max = 3, .proposals_max = 0, .crashes_max = 0, .messages_max = 3});
  explore("two terms, writes under way in a crash", {.entries_max = 2,
                                                     .proposals_max = 0,
                                                     .messages_max = 2,
                                                     .slow_disks = true});
  explore("one term, four messages",
          {.term_max = 1, .entries_max = 2, .messages_max = 4});
}

// That it sees something: members that forget their vote in a crash.
TEST(RaftExhaustiveTest, AForgottenVoteIsFound) {
  raft_explorer all{{.term_max = 1,
                     .entries_max = 1,
                     .proposals_max = 0,
                     .messages_max = 4,
                     .heartbeats_max = 0,
                     .forgets_votes = true}};
  const auto fault = all.run();
  EXPECT_EQ(fault.substr(0, 11), "two leaders") << fault;
  std::cout << fault << "\n";
}

} // namespace
} // namespace millrace::rt
