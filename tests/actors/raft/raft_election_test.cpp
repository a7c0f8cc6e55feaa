// Elections: who stands, who votes for whom, and who stops to lead.

#include <millrace/tests/actors/raft/raft_scenario.hpp>

namespace millrace::rt {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RaftElectionTest, ThreeMembersElectOne) {
  raft_group group{{1, 2, 3}};
  group.elapse(1'000'000'000);
  const auto* leader = group.leader();
  ASSERT_NE(leader, nullptr);
  for (const uint64_t node : {1, 2, 3}) {
    EXPECT_EQ(group.core(node).leader(), leader->id);
    EXPECT_EQ(group.core(node).commit_index(), entry_index{1});
  }
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftElectionTest, OneOfThreeMayBeAway) {
  raft_group group{{1, 2, 3}};
  group.crash(group.at(3));
  group.elect(1);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(2).leader(), (member_id{1, 1}));
}

TEST(RaftElectionTest, WithoutAMajorityNobodyLeadsAndNoTermPasses) {
  raft_group group{{1, 2, 3, 4, 5}};
  for (const uint64_t node : {3, 4, 5})
    group.crash(group.at(node));
  group.elapse(3'000'000'000);
  EXPECT_EQ(group.leader(), nullptr);
  EXPECT_EQ(group.core(1).term(), raft_term{});
}

TEST(RaftElectionTest, AGroupOfOneLeadsWithItsFirstTick) {
  raft_group group{{1}};
  group.tick(1, 0);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).commit_index(), entry_index{1});
  group.propose(1, "a");
  EXPECT_THAT(group.at(1).applied, ElementsAre("a"));
  group.crash(group.at(1));
  group.restart(1);
  group.tick(1, 0);
  EXPECT_EQ(group.core(1).term(), raft_term{2});
  EXPECT_THAT(group.at(1).applied, ElementsAre("a"));
}

TEST(RaftElectionTest, AGroupOfOneCommitsWhatIsDurable) {
  raft_group group{{1}};
  group.persists = false;
  auto& host = group.at(1);
  group.tick(1, 0);
  EXPECT_EQ(group.core(1).role(), role::candidate);
  group.tick(1, 10 * election_ns); // A slow disk is no reason for a new term.
  EXPECT_EQ(group.core(1).term(), raft_term{1});
  group.run_jobs(host);
  group.report(host);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).commit_index(), entry_index{});
  group.run_jobs(host);
  group.report(host);
  EXPECT_EQ(group.core(1).commit_index(), entry_index{1});
}

// Method: of two that are left, one takes three election time-outs for a sync.
TEST(RaftElectionTest, AVoteThatTakesLongerThanAnElectionIsWaitedFor) {
  raft_group group{{1, 2, 3}};
  group.crash(group.at(3));
  group.persists = false;
  auto& quick = group.at(1);
  auto& slow = group.at(2);
  group.step(slow, raft_core::disk{false});
  constexpr int64_t ms = 1'000'000;
  size_t in_sync = 0; // Jobs that the sync under way covers.
  int64_t ends_ns = 0;
  for (int64_t now = 0; now < 40 * election_ns && !group.leader(); now += ms) {
    group.tick(1, ms);
    group.tick(2, ms);
    group.run_jobs(quick);
    group.report(quick);
    if (in_sync != 0 && now >= ends_ns) {
      group.run_jobs(slow, std::exchange(in_sync, 0));
      group.report(slow);
    }
    if (in_sync == 0 && !slow.jobs.empty()) {
      in_sync = slow.jobs.size();
      ends_ns = now + 3 * election_ns;
    }
    group.deliver();
  }
  ASSERT_NE(group.leader(), nullptr);
  EXPECT_EQ(group.leader()->id.node, node_id{1});
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftElectionTest, EachMemberCanLeadInTurn) {
  raft_group group{{1, 2, 3}};
  for (const uint64_t node : {1, 2, 3, 1}) {
    group.elect(node);
    EXPECT_EQ(group.core(node).role(), role::leader);
    for (const uint64_t other : {1, 2, 3})
      EXPECT_EQ(group.core(other).leader(), (member_id{node, 1}));
  }
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftElectionTest, TimeOutsAreDrawnWithinTheirBounds) {
  std::set<int64_t> drawn;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    raft_group group{{1, 2, 3}, seed};
    int64_t waited = 0;
    while (group.core(1).role() == role::follower) {
      group.tick(1, 1'000'000);
      waited += 1'000'000;
    }
    EXPECT_GE(waited, election_ns);
    EXPECT_LE(waited, 2 * election_ns);
    drawn.insert(waited);
  }
  EXPECT_GT(drawn.size(), 30u);
}

TEST(RaftElectionTest, ACandidateThatIsNotAnsweredTriesAgain) {
  raft_group group{{1, 2, 3}};
  group.elect_unheard(1);
  group.crash(group.at(1));
  group.restart(1);
  // Pre-votes are granted, votes are lost.
  group.tick(1, 2 * election_ns);
  group.deliver_once();
  for (const uint64_t node : {2, 3})
    group.at(node).now_ns += 2 * election_ns;
  group.tick(1, 2 * election_ns);
  group.deliver_once();
  group.deliver_once();
  EXPECT_EQ(group.core(1).role(), role::candidate);
  EXPECT_EQ(group.core(1).term(), raft_term{2});
  group.network.clear();
  group.elect(1);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).term(), raft_term{3});
}

struct vote_case {
  raft_vote before;
  raft_place asked;
  uint64_t term = 0;
  bool granted = false;
};

// The voter's log has entries of terms 1 and 2.
TEST(RaftElectionTest, VotesFollowTermLogAndEarlierVotes) {
  const raft_term two{2};
  const std::vector<vote_case> cases{
    {{two, {}}, place(2, 2), 2, true},
    {{two, {}}, place(3, 2), 2, true},
    {{two, {}}, place(1, 3), 3, true}, // A later term beats a longer log.
    {{two, {}}, place(1, 2), 2, false},
    {{two, {}}, place(9, 1), 3, false},
    {{two, {}}, place(0, 0), 3, false},
    {{two, {2, 1}}, place(2, 2), 2, true}, // The same one asks again.
    {{two, {3, 1}}, place(9, 2), 2, false},
    {{two, {3, 1}}, place(2, 2), 3, true}, // A term later.
    {{raft_term{5}, {}}, place(9, 4), 4, false},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    raft_group group{{1, 2, 3}};
    begin_with(group, 1, {1, 2}, cases[i].before);
    group.receive(message(2, 1, cases[i].term,
                          raft_vote_request{false, false, cases[i].asked}));
    const auto answers = said<raft_vote_response>(group, 1);
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(body_of<raft_vote_response>(answers[0]).granted,
              cases[i].granted);
    EXPECT_EQ(answers[0].term,
              std::max(raft_term{cases[i].term}, cases[i].before.term));
    EXPECT_THAT(group.faults(), IsEmpty());
  }
}

TEST(RaftElectionTest, APreVoteChangesNothing) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1, 2});
  const auto before = group.at(1).disk.vote;
  group.receive(message(2, 1, 9, raft_vote_request{true, false, place(2, 2)}));
  const auto answers = said<raft_vote_response>(group, 1);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(body_of<raft_vote_response>(answers[0]).granted);
  EXPECT_EQ(answers[0].term, raft_term{9});
  EXPECT_EQ(group.core(1).term(), raft_term{2});
  EXPECT_EQ(group.at(1).disk.vote, before);
}

TEST(RaftElectionTest, ItMayOpineForOneAndVoteForAnother) {
  raft_group group{{1, 2, 3}};
  group.receive(message(2, 1, 1, raft_vote_request{true, false, {}}));
  group.receive(message(3, 1, 1, raft_vote_request{false, false, {}}));
  EXPECT_EQ(group.at(1).disk.vote, (raft_vote{raft_term{1}, {3, 1}}));
}

TEST(RaftElectionTest, AVoteIsSaidWhenItIsDurable) {
  raft_group group{{1, 2, 3}};
  group.persists = false;
  group.receive(message(2, 1, 1, raft_vote_request{false, false, {}}));
  EXPECT_THAT(group.network, IsEmpty());
  group.run_jobs(group.at(1));
  EXPECT_THAT(group.network, IsEmpty());
  group.report(group.at(1));
  ASSERT_THAT(group.network, SizeIs(1));
  EXPECT_TRUE(body_of<raft_vote_response>(group.network[0]).granted);
}

TEST(RaftElectionTest, WhatIsHeldBackForAWriteStaysBounded) {
  raft_group group{{1, 2, 3}};
  group.persists = false;
  for (int i = 0; i < 100; ++i) {
    group.receive(message(2, 1, 1, raft_vote_request{false, false, {}}));
    group.receive(message(3, 1, 1, raft_vote_request{false, false, {}}));
  }
  group.run_jobs(group.at(1));
  group.report(group.at(1));
  EXPECT_THAT(group.network, SizeIs(2));
}

TEST(RaftElectionTest, ACandidateStandsAndCountsItselfWhenThatIsDurable) {
  raft_group group{{1, 2, 3}};
  group.crash(group.at(3));
  group.tick(1, 2 * election_ns);
  group.persists = false;
  group.deliver_once();
  group.deliver_once(); // The pre-vote is won.
  EXPECT_EQ(group.core(1).role(), role::candidate);
  EXPECT_THAT(group.network, IsEmpty());
  group.run_jobs(group.at(1));
  group.report(group.at(1));
  EXPECT_THAT(group.network, SizeIs(2));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftElectionTest, ItRefusesVotesWhileItHearsALeader) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  forget(group);
  const raft_vote_request good{false, false, place(9, 9)};
  group.receive(message(3, 2, 9, good));
  EXPECT_THAT(said<raft_vote_response>(group, 2), IsEmpty());
  EXPECT_EQ(group.core(2).term(), raft_term{1});
  group.receive(message(3, 1, 9, good)); // Nor does the leader listen.
  EXPECT_EQ(group.core(1).role(), role::leader);
  group.at(2).now_ns += election_ns;
  group.receive(message(3, 2, 9, good));
  EXPECT_EQ(group.core(2).term(), raft_term{9});
  EXPECT_THAT(said<raft_vote_response>(group, 2), SizeIs(1));
}

TEST(RaftElectionTest, AMemberThatWasCutOffDoesNotDisturb) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(3);
  group.elapse(5'000'000'000);
  EXPECT_EQ(group.core(3).role(), role::pre_candidate);
  EXPECT_EQ(group.core(3).term(), raft_term{1});
  group.propose(1, "a");
  group.heal();
  group.elapse(200'000'000);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(3).leader(), (member_id{1, 1}));
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

TEST(RaftElectionTest, ACandidateFollowsALeaderOfItsTerm) {
  raft_group group{{1, 2, 3}};
  group.persists = false;
  group.tick(1, 2 * election_ns);
  group.deliver_once();
  group.deliver_once();
  ASSERT_EQ(group.core(1).role(), role::candidate);
  group.receive(message(2, 1, 1, raft_append_request{}));
  EXPECT_EQ(group.core(1).role(), role::follower);
  EXPECT_EQ(group.core(1).leader(), (member_id{2, 1}));
  EXPECT_EQ(group.core(1).term(), raft_term{1});
}

TEST(RaftElectionTest, ACandidateGivesUpWhenAMajorityRefuses) {
  raft_group group{{1, 2, 3}};
  for (const uint64_t node : {2, 3})
    begin_with(group, node, {1});
  group.tick(1, 2 * election_ns);
  group.deliver();
  EXPECT_EQ(group.core(1).role(), role::follower);
  group.elapse(2'000'000'000);
  ASSERT_NE(group.leader(), nullptr);
  EXPECT_NE(group.leader()->id.node.value, 1u);
}

TEST(RaftElectionTest, ALeaderStepsDownForALaterTerm) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.receive(message(2, 1, 4, raft_append_response{}));
  EXPECT_EQ(group.core(1).role(), role::follower);
  EXPECT_EQ(group.at(1).disk.vote, (raft_vote{raft_term{4}, {}}));
}

TEST(RaftElectionTest, ALeaderThatHearsNoMajorityStepsDown) {
  raft_group group{{1, 2, 3, 4, 5}};
  group.elect(1);
  group.cut(1, 2);
  group.cut(1, 3);
  group.elapse(2 * election_ns);
  EXPECT_EQ(group.core(1).role(), role::leader); // Two answer.
  group.cut(1, 4);
  group.elapse(election_ns + heartbeat_ns);
  EXPECT_NE(group.core(1).role(), role::leader);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftElectionTest, EntriesOfALeaderThatWasCutOffAreReplaced) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  group.isolate(1);
  for (const auto* text : {"lost", "lost as well", "lost, too"})
    group.propose(1, text);
  group.elect(2);
  group.propose(2, "b");
  group.heal();
  group.elapse(200'000'000);
  EXPECT_EQ(group.core(1).leader(), (member_id{2, 1}));
  for (const uint64_t node : {1, 2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a", "b"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// A member with a later term than its leader cannot be reached by that leader,
// and a leader that is heard is not replaced: it must hear of the term.
TEST(RaftElectionTest, AMemberOfALaterTermIsFreed) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  group.crash(group.at(3));
  group.at(3).disk.vote = {raft_term{9}, {3, 1}};
  group.restart(3);
  group.elapse(3'000'000'000);
  ASSERT_NE(group.leader(), nullptr);
  EXPECT_GT(group.leader()->core->term(), raft_term{9});
  group.propose(group.leader()->id.node.value, "b");
  for (const uint64_t node : {1, 2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a", "b"));
}

// One has the better log and an earlier term, the other a later term: neither
// would win if opinions were refused for the term alone.
TEST(RaftElectionTest, AMemberOfAnEarlierTermWithABetterLogCanWin) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.cut(2, 3);
  group.cut(1, 3);
  group.propose(1, "a");
  group.crash(group.at(1));
  group.heal();
  group.crash(group.at(3));
  group.at(3).disk.vote = {raft_term{7}, {3, 1}};
  group.restart(3);
  group.elapse(3'000'000'000);
  EXPECT_EQ(group.core(2).role(), role::leader);
  EXPECT_GT(group.core(2).term(), raft_term{7});
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

TEST(RaftElectionTest, ASplitVoteIsResolved) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.crash(group.at(1));
  for (const uint64_t node : {2, 3})
    group.at(node).now_ns += 2 * election_ns;
  // Both are ready at once.
  group.tick(2, 0);
  group.tick(3, 0);
  group.deliver();
  group.elapse(3'000'000'000);
  ASSERT_NE(group.leader(), nullptr);
  group.propose(group.leader()->id.node.value, "a");
  EXPECT_THAT(group.leader()->applied, ElementsAre("a"));
}

// Members 1 and 2 have an entry of term 1, member 3 one of term 2, 4 and 5
// voted for it and got nothing. Either may win, and replaces what the other
// has.
TEST(RaftElectionTest, AnElectedLogReplacesEntriesOfLaterTerms) {
  raft_group group{{1, 2, 3, 4, 5}};
  begin_with(group, 1, {1});
  begin_with(group, 2, {1});
  begin_with(group, 3, {2}, {raft_term{2}, {3, 1}});
  begin_with(group, 4, {}, {raft_term{2}, {3, 1}});
  begin_with(group, 5, {}, {raft_term{2}, {3, 1}});
  group.elect(1); // Hears of term 2.
  group.elect(1);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).term(), raft_term{3});
  group.elapse(200'000'000);
  for (const uint64_t node : {1, 2, 3, 4, 5})
    EXPECT_THAT(terms_of(group.at(node).disk.log), ElementsAre(1, 3));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// Figure 7 of the paper: logs that a leader of term 8 may meet.
TEST(RaftElectionTest, ALeaderBringsEveryLogIntoLine) {
  const std::vector<uint64_t> leader{1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
  const std::vector<std::vector<uint64_t>> followers{
    {1, 1, 1, 4, 4, 5, 5, 6, 6},
    {1, 1, 1, 4},
    {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
    {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
    {1, 1, 1, 4, 4, 4, 4},
    {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
  };
  for (const auto& each : followers) {
    raft_group group{{1, 2, 3}};
    begin_with(group, 1, leader, {raft_term{7}, {}});
    begin_with(group, 2, each, {raft_term{7}, {}});
    group.elect(1); // With the vote of 3.
    ASSERT_EQ(group.core(1).role(), role::leader);
    group.elapse(200'000'000);
    auto expected = leader;
    expected.push_back(8);
    EXPECT_EQ(terms_of(group.at(2).disk.log), expected);
    EXPECT_EQ(terms_of(group.at(3).disk.log), expected);
    EXPECT_THAT(group.faults(), IsEmpty());
  }
}

TEST(RaftElectionTest, ALearnerDoesNotStand) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.add({4, 1});
  group.change(1, {member_change::kind_type::add_learner, {4, 1}});
  group.elapse(100'000'000);
  ASSERT_TRUE(group.core(4).members().contains({4, 1}));
  for (const uint64_t node : {1, 2, 3})
    group.crash(group.at(node));
  forget(group);
  group.elapse(5'000'000'000);
  EXPECT_EQ(group.core(4).role(), role::follower);
  EXPECT_THAT(group.told<raft_core::send>(4), IsEmpty());
}

// It may be a voter already, and not have heard of it.
TEST(RaftElectionTest, ALearnerVotesWhenItIsAsked) {
  raft_group group{{1, 2, 3}};
  group.add({4, 1});
  group.receive(message(2, 4, 5, raft_vote_request{false, false, place(3, 1)}));
  const auto answers = said<raft_vote_response>(group, 4);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(body_of<raft_vote_response>(answers[0]).granted);
}

TEST(RaftElectionTest, AnswersOfStrangersAreRefused) {
  raft_group group{{1, 2, 3}};
  group.tick(1, 2 * election_ns);
  forget(group);
  raft_message granted{
    {2, 9}, {1, 1}, raft_term{1}, raft_vote_response{true, true}};
  group.step(group.at(1), raft_core::received{granted});
  EXPECT_EQ(group.core(1).role(), role::pre_candidate);
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::not_a_member));
  granted.from = {2, 1};
  group.step(group.at(1), raft_core::received{granted});
  EXPECT_EQ(group.core(1).role(), role::candidate);
}

TEST(RaftElectionTest, AnotherLifeIsNotAnswered) {
  raft_group group{{1, 2, 3}};
  group.step(
    group.at(1),
    raft_core::received{
      {{2, 1}, {1, 8}, raft_term{5}, raft_vote_request{false, false, {}}}});
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::not_for_this_member));
  EXPECT_EQ(group.core(1).term(), raft_term{});
  EXPECT_THAT(group.network, IsEmpty());
}

TEST(RaftElectionTest, ASecondLeaderOfATermIsRefused) {
  raft_group group{{1, 2, 3}};
  group.receive(message(2, 1, 1, raft_append_request{}));
  forget(group);
  group.receive(message(3, 1, 1, raft_append_request{}));
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::second_leader));
  EXPECT_EQ(group.core(1).leader(), (member_id{2, 1}));
}

// What it holds and could not make durable, a crash would have taken.
TEST(RaftElectionTest, ACandidateDropsWhatIsNotDurable) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.at(2).lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  EXPECT_EQ(group.core(2).log().last_index(), entry_index{2});
  EXPECT_EQ(group.core(2).durable_index(), entry_index{1});
  group.crash(group.at(1));
  forget(group);
  group.elect(2); // Member 3 has the entry, and refuses.
  EXPECT_NE(group.core(2).role(), role::leader);
  for (const auto& each : said<raft_vote_request>(group, 2))
    EXPECT_EQ(body_of<raft_vote_request>(each).last, place(1, 1));
  group.elect(3);
  EXPECT_EQ(group.core(3).role(), role::leader);
  EXPECT_THAT(group.faults(), IsEmpty());
}

// Both survivors hold an entry whose bytes went down with the leader.
TEST(RaftElectionTest, BytesThatNobodyHasDoNotStopElections) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  for (const uint64_t node : {2, 3})
    group.at(node).lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  group.crash(group.at(1));
  group.elect(2);
  EXPECT_EQ(group.core(2).role(), role::leader);
  group.propose(2, "b");
  EXPECT_THAT(group.at(3).applied, ElementsAre("b"));
  group.restart(1);
  group.elapse(200'000'000);
  EXPECT_THAT(group.at(1).applied, ElementsAre("b"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

} // namespace
} // namespace millrace::rt
