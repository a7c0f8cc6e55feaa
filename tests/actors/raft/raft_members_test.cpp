// Changes of members, and of the leader.

#include <millrace/tests/actors/raft/raft_scenario.hpp>

namespace millrace::rt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using kind = member_change::kind_type;
using why = raft_core::reason;

raft_configuration voters(const std::vector<uint64_t>& nodes) {
  std::vector<raft_member> out;
  for (const auto node : nodes)
    out.push_back({{node, 1}, true});
  return raft_configuration{std::move(out)};
}

void add_voter(raft_group& group, uint64_t leader, const member_id& id) {
  group.change(leader, {kind::add_learner, id});
  group.elapse(2 * heartbeat_ns);
  group.change(leader, {kind::promote, id});
  group.elapse(2 * heartbeat_ns);
}

TEST(RaftConfigurationTest, ChangesThatMakeNoSense) {
  raft_configuration members{
    {{{1, 1}, true}, {{2, 1}, false}, {{1, 2}, false}}};
  EXPECT_FALSE(members.after({kind::add_learner, {1, 1}}));
  EXPECT_FALSE(members.after({kind::add_learner, {2, 1}}));
  EXPECT_FALSE(members.after({kind::promote, {1, 1}}));
  EXPECT_FALSE(members.after({kind::promote, {3, 1}}));
  EXPECT_FALSE(members.after({kind::promote, {1, 2}})); // Two votes of a node.
  EXPECT_FALSE(members.after({kind::remove, {3, 1}}));
  EXPECT_FALSE(members.after({kind::remove, {1, 1}})); // The last voter.
  EXPECT_TRUE(members.after({kind::promote, {2, 1}})->votes({2, 1}));
  EXPECT_FALSE(members.after({kind::remove, {2, 1}})->contains({2, 1}));
}

TEST(RaftConfigurationTest, AReplacementGoesByWhatIsThere) {
  auto members = voters({1, 2, 3});
  const auto run = [&](member_id leaving, member_id joining) {
    std::string out;
    while (const auto step = next_replacement_step(members, leaving, joining)) {
      out += step->kind == kind::add_learner ? "a"
             : step->kind == kind::promote   ? "p"
                                             : "r";
      members = *members.after(*step);
    }
    return out;
  };
  EXPECT_EQ(run({1, 1}, {1, 2}), "arp"); // Its vote is lost for ever.
  EXPECT_EQ(run({2, 1}, {4, 1}), "apr");
  EXPECT_EQ(run({2, 1}, {4, 1}), "");
  members = voters({1});
  EXPECT_EQ(run({1, 1}, {2, 1}), "apr");
}

TEST(RaftMembersTest, ALearnerReceivesAndDoesNotCount) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  group.add({4, 1});
  group.change(1, {kind::add_learner, {4, 1}});
  group.elapse(2 * heartbeat_ns);
  EXPECT_THAT(group.at(4).applied, ElementsAre("a"));
  group.crash(group.at(2));
  group.crash(group.at(3));
  group.propose(1, "b");
  EXPECT_THAT(group.at(1).applied, ElementsAre("a"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, ALearnerIsPromotedAndCounts) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.add({4, 1});
  add_voter(group, 1, {4, 1});
  EXPECT_EQ(group.core(4).members(), voters({1, 2, 3, 4}));
  group.crash(group.at(3));
  group.propose(1, "a");
  EXPECT_THAT(group.at(4).applied, ElementsAre("a"));
  group.elect(4);
  EXPECT_EQ(group.core(4).role(), role::leader);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, ALearnerThatIsBehindIsNotPromoted) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.change(1, {kind::add_learner, {4, 1}}); // It is not there yet.
  group.change(1, {kind::promote, {4, 1}});
  EXPECT_THAT(reasons(group, 1), ElementsAre(why::not_caught_up));
  group.add({4, 1});
  group.elapse(2 * heartbeat_ns);
  group.change(1, {kind::promote, {4, 1}});
  EXPECT_TRUE(group.core(1).members().votes({4, 1}));
}

TEST(RaftMembersTest, OneChangeAtATime) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(1);
  group.change(1, {kind::add_learner, {4, 1}});
  group.change(1, {kind::add_learner, {5, 1}});
  EXPECT_THAT(reasons(group, 1), ElementsAre(why::change_under_way));
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  group.change(1, {kind::add_learner, {5, 1}});
  EXPECT_TRUE(group.core(1).members().contains({5, 1}));
}

// The fault of the first published rules: a leader that committed nothing of
// its own term may not know of another leader's change.
TEST(RaftMembersTest, NoChangeBeforeTheLeaderCommittedOfItsTerm) {
  raft_group group{{1, 2, 3}};
  group.elect_unheard(1);
  group.step(group.at(1), raft_core::change{{kind::add_learner, {4, 1}}});
  EXPECT_THAT(reasons(group, 1), ElementsAre(why::change_under_way));
  group.tick(1, heartbeat_ns);
  group.deliver();
  group.change(1, {kind::add_learner, {4, 1}});
  EXPECT_TRUE(group.core(1).members().contains({4, 1}));
}

TEST(RaftMembersTest, ChangesAreDeclinedByFollowersAndWhenSenseless) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.change(2, {kind::add_learner, {4, 1}});
  EXPECT_THAT(reasons(group, 2), ElementsAre(why::not_leader));
  group.change(1, {kind::remove, {4, 1}});
  EXPECT_THAT(reasons(group, 1), ElementsAre(why::no_such_change));
}

TEST(RaftMembersTest, AFollowerIsRemovedAndHearsOfIt) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.change(1, {kind::remove, {3, 1}});
  EXPECT_EQ(group.core(3).members(), voters({1, 2}));
  EXPECT_THAT(group.core(1).peers(), SizeIs(1));
  group.propose(1, "a");
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
  EXPECT_THAT(group.at(3).applied, IsEmpty());
  group.elapse(3'000'000'000);
  EXPECT_EQ(group.core(3).role(), role::follower);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, ARemovedMemberThatDoesNotKnowItDoesNotDisturb) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.change(1, {kind::remove, {3, 1}});
  group.heal();
  group.elapse(5'000'000'000);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).term(), raft_term{1});
  EXPECT_TRUE(group.core(3).members().contains({3, 1}));
}

TEST(RaftMembersTest, ARemovedMemberGetsNoSnapshot) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  group.step(group.at(1), raft_core::compacted{entry_index{2}});
  forget(group);
  group.cut(1, 2); // The removal is not committed at once.
  group.change(1, {kind::remove, {3, 1}});
  group.tick(1, heartbeat_ns);
  EXPECT_THAT(group.told<raft_core::snapshot_needed>(1), IsEmpty());
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_THAT(group.core(1).peers(), SizeIs(1));
}

TEST(RaftMembersTest, ALeaderThatRemovesItselfLeadsUntilThatIsCommitted) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(1);
  group.change(1, {kind::remove, {1, 1}});
  EXPECT_EQ(group.core(1).role(), role::leader);
  group.propose(1, "a");
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_EQ(group.core(1).role(), role::follower);
  ASSERT_NE(group.leader(), nullptr); // It asked one to take over at once.
  group.elapse(2 * heartbeat_ns);
  EXPECT_THAT(group.leader()->applied, ElementsAre("a"));
  EXPECT_EQ(group.core(2).members(), voters({2, 3}));
  group.elapse(3'000'000'000);
  EXPECT_EQ(group.core(1).role(), role::follower);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, ARemovedLeaderDoesNotCountItself) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.crash(group.at(3));
  group.change(1, {kind::remove, {1, 1}}); // 2 of {2, 3} are wanted.
  group.elapse(2 * heartbeat_ns);
  EXPECT_EQ(group.core(1).commit_index(), entry_index{1});
  group.restart(3);
  group.elapse(2 * election_ns);
  EXPECT_EQ(group.core(1).role(), role::follower);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, AChangeIsUndoneWhenItsEntryIsCut) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(1);
  group.change(1, {kind::remove, {3, 1}});
  EXPECT_EQ(group.core(1).members(), voters({1, 2}));
  group.elect(2);
  group.heal();
  group.elapse(2 * heartbeat_ns);
  EXPECT_EQ(group.core(1).members(), voters({1, 2, 3}));
  EXPECT_EQ(group.told<raft_core::configured>(1).back().members,
            voters({1, 2, 3}));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// What a larger group had not committed, the smaller one has.
TEST(RaftMembersTest, ARemovalCommitsWhatWaitedForTheMember) {
  raft_group group{{1, 2}};
  group.elect(1);
  group.propose(1, "a");
  group.crash(group.at(2));
  group.propose(1, "b");
  group.change(1, {kind::remove, {2, 1}});
  EXPECT_THAT(group.at(1).applied, ElementsAre("a", "b"));
  EXPECT_EQ(group.core(1).members(), voters({1}));
}

TEST(RaftMembersTest, AWipedMemberReturnsAsAnother) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  const auto& wiped = group.wipe({3, 1});
  EXPECT_EQ(wiped.id, (member_id{3, 2}));
  while (const auto step
         = next_replacement_step(group.core(1).members(), {3, 1}, {3, 2})) {
    group.change(1, *step);
    group.elapse(2 * heartbeat_ns);
  }
  EXPECT_FALSE(group.core(1).members().contains({3, 1}));
  EXPECT_TRUE(group.core(1).members().votes({3, 2}));
  group.crash(group.at(2));
  group.propose(1, "b");
  EXPECT_THAT(group.at({3, 2}).applied, ElementsAre("a", "b"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// A member that was away knows the leader under its earlier incarnation only.
TEST(RaftMembersTest, AMemberThatIsBehindFollowsALeaderThatItDoesNotKnow) {
  raft_group group{{1, 2, 3, 4, 5}};
  group.elect(2);
  group.isolate(3);
  group.wipe({1, 1});
  group.change(2, {kind::remove, {1, 1}});
  add_voter(group, 2, {1, 2});
  group.step(group.at(2), raft_core::transfer{member_id{1, 2}});
  group.deliver();
  ASSERT_EQ(group.at({1, 2}).core->role(), role::leader);
  group.heal();
  group.elapse(5 * heartbeat_ns);
  EXPECT_EQ(group.core(3).leader(), (member_id{1, 2}));
  EXPECT_TRUE(group.core(3).members().votes({1, 2}));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, AGroupGrowsFromOneToFive) {
  raft_group group{{1}};
  group.tick(1, 0);
  group.propose(1, "a");
  for (const uint64_t node : {2, 3, 4, 5}) {
    group.add({node, 1});
    add_voter(group, 1, {node, 1});
  }
  EXPECT_EQ(group.core(5).members(), voters({1, 2, 3, 4, 5}));
  group.crash(group.at(1));
  group.elapse(2'000'000'000);
  ASSERT_NE(group.leader(), nullptr);
  group.propose(group.leader()->id.node.value, "b");
  for (const uint64_t node : {2, 3, 4, 5})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a", "b"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftMembersTest, AGroupOfOneMovesToAnotherNode) {
  raft_group group{{1}};
  group.tick(1, 0);
  group.propose(1, "a");
  group.add({2, 1});
  while (const auto step
         = next_replacement_step(group.core(1).members(), {1, 1}, {2, 1})) {
    if (group.core(1).role() != role::leader)
      break;
    group.change(1, *step);
    group.elapse(2 * heartbeat_ns);
  }
  EXPECT_EQ(group.core(2).role(), role::leader);
  EXPECT_EQ(group.core(2).members(), voters({2}));
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
}

// -- transfer -----------------------------------------------------------------

void transfer(raft_group& group, uint64_t from, std::optional<member_id> to) {
  group.step(group.at(from), raft_core::transfer{to});
  group.deliver();
}

TEST(RaftTransferTest, ToAMemberThatHasEverything) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  transfer(group, 1, member_id{3, 1});
  EXPECT_EQ(group.core(3).role(), role::leader);
  EXPECT_EQ(group.core(3).term(), raft_term{2});
  EXPECT_EQ(group.core(1).leader(), (member_id{3, 1}));
  transfer(group, 3, member_id{1, 1}); // And back.
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftTransferTest, ToAMemberThatIsBehindAfterItCaughtUp) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  transfer(group, 1, member_id{3, 1});
  EXPECT_EQ(group.core(1).role(), role::leader);
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_EQ(group.core(3).role(), role::leader);
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

TEST(RaftTransferTest, ToAMemberThatNeedsASnapshot) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  group.step(group.at(1), raft_core::compacted{entry_index{2}});
  group.heal();
  transfer(group, 1, member_id{3, 1});
  group.tick(1, heartbeat_ns);
  group.deliver();
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_EQ(group.core(3).role(), role::leader);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftTransferTest, ToTheFurthestWhenNobodyIsNamed) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(2);
  group.propose(1, "a");
  group.heal();
  transfer(group, 1, std::nullopt);
  EXPECT_EQ(group.core(3).role(), role::leader);
}

TEST(RaftTransferTest, NotToItselfALearnerOrAStranger) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.add({4, 1});
  group.change(1, {kind::add_learner, {4, 1}});
  for (const member_id id : {member_id{1, 1}, {4, 1}, {5, 1}, {2, 9}})
    transfer(group, 1, id);
  EXPECT_THAT(reasons(group, 1), SizeIs(4));
  EXPECT_EQ(group.core(1).role(), role::leader);
  transfer(group, 2, std::nullopt);
  EXPECT_THAT(reasons(group, 2), ElementsAre(why::not_leader));
}

TEST(RaftTransferTest, NothingIsProposedMeanwhile) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  transfer(group, 1, member_id{3, 1});
  group.propose(1, "b");
  group.change(1, {kind::add_learner, {4, 1}});
  EXPECT_THAT(reasons(group, 1),
              ElementsAre(why::transferring, why::transferring));
}

TEST(RaftTransferTest, ItIsGivenUpAfterATimeOut) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  transfer(group, 1, member_id{3, 1});
  group.elapse(election_ns);
  ASSERT_THAT(group.told<raft_core::transfer_failed>(1), SizeIs(1));
  EXPECT_EQ(group.core(1).role(), role::leader);
  group.propose(1, "b");
  EXPECT_THAT(group.at(2).applied, ElementsAre("a", "b"));
}

TEST(RaftTransferTest, AnotherMemberMayBeNamedMeanwhile) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  transfer(group, 1, member_id{3, 1});
  transfer(group, 1, member_id{2, 1});
  EXPECT_EQ(group.core(2).role(), role::leader);
}

// The disk of the leader takes nothing any more.
TEST(RaftTransferTest, ALeaderWhoseDiskFailsHandsOver) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  auto& leader = group.at(1);
  leader.lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  transfer(group, 1, std::nullopt);
  ASSERT_NE(group.leader(), nullptr);
  EXPECT_NE(group.leader()->id.node.value, 1u);
  EXPECT_THAT(group.leader()->applied, ElementsAre("a"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftTransferTest, OnlyTheLeaderMayAskForIt) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.receive(message(3, 2, 1, raft_timeout_now{}));
  EXPECT_EQ(group.core(2).role(), role::follower);
  group.receive(message(1, 2, 0, raft_timeout_now{}));
  EXPECT_EQ(group.core(2).role(), role::follower);
  EXPECT_EQ(group.core(2).term(), raft_term{1});
}

TEST(RaftTransferTest, ARemovedMemberDoesNotTakeOver) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.change(1, {kind::remove, {3, 1}});
  group.receive(message(1, 3, 1, raft_timeout_now{}));
  EXPECT_EQ(group.core(3).role(), role::follower);
}

} // namespace
} // namespace millrace::rt
