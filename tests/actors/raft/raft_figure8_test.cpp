// Figure 8 of Raft's paper: an entry of an earlier term that a majority holds
// is not committed by that, and may still be replaced.

#include <millrace/tests/actors/raft/raft_group.hpp>

#include <gmock/gmock.h>

namespace millrace::rt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Until (c): S1 led and its entry A reached S2 only; S5 led and kept its entry
// B to itself; now S1 leads again, and A reaches S3, too: a majority.
raft_group until_a_majority_holds_a() {
  raft_group group{{1, 2, 3, 4, 5}};
  group.elect(1);
  group.propose(1, "first");
  for (const uint64_t node : {3, 4, 5})
    group.cut(1, node);
  group.propose(1, "A");
  group.crash(group.at(1));

  group.heal();
  group.elect_unheard(5);
  group.propose(5, "B");
  group.crash(group.at(5));

  group.restart(1);
  group.at(1).options.append_bytes_max = 1; // One entry per request.
  group.restart(1);
  group.elect_unheard(1); // Hears of S5's term.
  group.elect_unheard(1);
  for (const uint64_t node : {2, 5})
    group.cut(1, node);
  group.tick(1, group.at(1).options.heartbeat_ns);
  while (!group.network.empty()
         && group.at(3).disk.log.last_index() < entry_index{3})
    group.deliver_once();
  group.deliver_once(); // S1 hears that S3 and S4 have A.
  return group;
}

// Is a majority enough for S1 to call A committed?
void expect_not_committed(raft_group& group) {
  const auto& leader = group.core(1);
  EXPECT_EQ(leader.role(), raft_core::role_type::leader);
  size_t known = 1;
  for (const auto& each : leader.peers())
    known += each.durable() == entry_index{3};
  EXPECT_GE(known, leader.members().majority());
  EXPECT_LT(leader.commit_index(), entry_index{3});
}

TEST(RaftFigure8Test, AnEarlierTermsEntryIsNotCommittedByCounting) {
  auto group = until_a_majority_holds_a();
  for (const uint64_t node : {1, 2, 3, 4})
    EXPECT_EQ(content_of(group.at(node).disk.log.at(entry_index{3})), "2:A");
  expect_not_committed(group);
}

// The same with three: S1 and S3 have A, S2 has B.
TEST(RaftFigure8Test, NorIsItInAGroupOfThree) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "first");
  group.isolate(1);
  group.propose(1, "A");
  group.crash(group.at(1));
  group.heal();
  group.elect_unheard(2);
  group.propose(2, "B");
  group.crash(group.at(2));
  group.at(1).options.append_bytes_max = 1;
  group.restart(1);
  group.elect_unheard(1); // Hears of S2's term.
  group.elect_unheard(1);
  group.tick(1, group.at(1).options.heartbeat_ns);
  while (!group.network.empty()
         && group.at(3).disk.log.last_index() < entry_index{3})
    group.deliver_once();
  group.deliver_once();
  expect_not_committed(group);

  group.network.clear();
  group.crash(group.at(1));
  group.restart(2);
  group.elect(2);
  group.elect(2);
  group.restart(1);
  group.elapse(200'000'000);
  for (const uint64_t node : {1, 2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("first", "B"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// (d): S1 dies, S5 leads, and B replaces A everywhere.
TEST(RaftFigure8Test, ItIsReplacedWhenItsLeaderDies) {
  auto group = until_a_majority_holds_a();
  group.network.clear();
  group.crash(group.at(1));
  group.heal();
  group.restart(5);
  group.elect(5); // Hears of S1's term.
  group.elect(5);
  group.propose(5, "after");
  group.restart(1);
  group.elapse(200'000'000);
  for (const uint64_t node : {1, 2, 3, 4, 5})
    EXPECT_EQ(group.at(node).disk.log.last(), group.at(5).disk.log.last());
  EXPECT_EQ(group.at(1).applied.back(), "after");
  EXPECT_THAT(group.at(5).applied, ElementsAre("first", "B", "after"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// (e): an entry of S1's own term reaches a majority, which commits A with it,
// and S5 cannot lead.
TEST(RaftFigure8Test, ItIsCommittedByAnEntryOfTheLeadersTerm) {
  auto group = until_a_majority_holds_a();
  group.heal();
  group.tick(1, group.at(1).options.heartbeat_ns);
  group.deliver();
  EXPECT_EQ(group.core(1).commit_index(), entry_index{4});
  group.crash(group.at(1));
  group.restart(5);
  group.elect(5);
  group.elect(5);
  EXPECT_NE(group.core(5).role(), raft_core::role_type::leader);
  group.elect(2);
  EXPECT_THAT(group.at(5).applied, ElementsAre("first", "A"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

} // namespace
} // namespace millrace::rt
