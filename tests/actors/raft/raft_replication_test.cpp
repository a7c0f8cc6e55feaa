// Appending, acknowledging and committing: what is sent, and what counts.

#include <millrace/tests/actors/raft/raft_scenario.hpp>

#include <numeric>

namespace millrace::rt {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Method: each request to a member that is probed brings something new, which
// its disk does not have for long.
TEST(RaftReplicationTest, AProbedMemberIsHeardWhateverItsDiskTakes) {
  raft_group group{{1, 2, 3}};
  group.crash(group.at(3));
  group.elect_unheard(1);
  group.persists = false;
  auto& leader = group.at(1);
  constexpr int64_t ms = 1'000'000;
  for (int64_t now = 0; now < 4 * election_ns; now += ms) {
    group.step(leader, raft_core::propose{{text_chunk("x")}});
    group.tick(1, ms);
    group.tick(2, ms);
    group.run_jobs(leader);
    group.report(leader);
    group.deliver();
  }
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(2).leader(), leader.id);
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, EveryMemberAppliesInOrder) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  for (const auto* text : {"a", "b", "c"})
    group.propose(1, text);
  for (const uint64_t node : {1, 2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a", "b", "c"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

// A follower answers entries and heartbeats, and not what only tells it that
// they are committed: that would be a message per message.
TEST(RaftReplicationTest, WhatIsCommittedIsToldAndNotAnswered) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  forget(group);
  group.propose(1, "a");
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
  EXPECT_THAT(said<raft_append_response>(group, 2), SizeIs(1));
  forget(group);
  group.elapse(2 * heartbeat_ns);
  EXPECT_GE(said<raft_append_response>(group, 2).size(), 1u);
  // One that lacks what is committed says so.
  forget(group);
  group.cut(1, 2);
  group.propose(1, "b");
  group.heal();
  group.network.push_back(message(1, 2, 1,
                                  raft_append_request{place(3, 1),
                                                      entry_index{3},
                                                      {},
                                                      0,
                                                      /*notice*/ true}));
  group.deliver();
  EXPECT_THAT(group.at(2).applied, ElementsAre("a", "b"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, AProposalIsToldItsIndexesAndTerm) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.step(group.at(1),
             raft_core::propose{{text_chunk("a"), text_chunk("b")}});
  const auto told = group.told<raft_core::proposed>(1);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].first, entry_index{2});
  EXPECT_EQ(told[0].last, entry_index{3});
  EXPECT_EQ(told[0].term, raft_term{1});
}

TEST(RaftReplicationTest, OnlyTheLeaderTakesProposals) {
  raft_group group{{1, 2, 3}};
  group.step(group.at(2), raft_core::propose{{text_chunk("a")}});
  group.elect(1);
  group.step(group.at(2), raft_core::propose{{text_chunk("a")}});
  const auto told = group.told<raft_core::declined>(2);
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].leader, std::nullopt);
  EXPECT_EQ(told[1].why, raft_core::reason::not_leader);
  EXPECT_EQ(told[1].leader, (member_id{1, 1}));
}

TEST(RaftReplicationTest, NothingIsCommittedWithoutAMajority) {
  raft_group group{{1, 2, 3, 4, 5}};
  group.elect(1);
  for (const uint64_t node : {3, 4, 5})
    group.cut(1, node);
  group.propose(1, "a");
  EXPECT_THAT(group.at(1).applied, IsEmpty());
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_THAT(group.at(1).applied, ElementsAre("a"));
}

// Entries of earlier leaders are committed by the first one of the new leader.
TEST(RaftReplicationTest, ANewLeaderCommitsWhatWasLeft) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(1);
  group.heal();
  group.cut(1, 3);
  group.step(group.at(1), raft_core::propose{{text_chunk("a")}});
  group.deliver_once(); // Member 2 has it; its answer is lost.
  group.crash(group.at(1));
  group.network.clear();
  group.heal();
  group.elect_unheard(2);
  EXPECT_THAT(group.at(2).applied, IsEmpty());
  group.tick(2, heartbeat_ns);
  group.deliver();
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

TEST(RaftReplicationTest, TheLeaderCountsItselfWhenItIsDurable) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.crash(group.at(3));
  auto& leader = group.at(1);
  leader.lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  EXPECT_EQ(group.core(1).peers()[0].durable(), entry_index{2});
  EXPECT_THAT(leader.applied, IsEmpty());
  leader.lacking.clear();
  group.report(leader);
  EXPECT_THAT(leader.applied, ElementsAre("a"));
}

// Two followers are a majority. The leader may apply it when it is durable
// there, too.
TEST(RaftReplicationTest, FollowersCommitWithoutTheLeadersDisk) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  auto& leader = group.at(1);
  leader.lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
  EXPECT_THAT(leader.applied, IsEmpty());
  leader.lacking.clear();
  group.report(leader);
  EXPECT_THAT(leader.applied, ElementsAre("a"));
}

TEST(RaftReplicationTest, AFollowerAcknowledgesWhatIsDurable) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  auto& follower = group.at(2);
  group.cut(1, 3);
  follower.lacking = {{entry_index{3}, raft_term{1}}};
  forget(group);
  for (const auto* text : {"a", "b", "c"})
    group.propose(1, text);
  EXPECT_EQ(group.core(1).peers()[0].durable(), entry_index{2});
  EXPECT_THAT(group.at(1).applied, ElementsAre("a"));
  EXPECT_EQ(follower.disk.log.last_index(), entry_index{4});
  follower.lacking.clear();
  group.report(follower);
  group.deliver();
  EXPECT_THAT(group.at(1).applied, ElementsAre("a", "b", "c"));
  EXPECT_THAT(follower.applied, ElementsAre("a", "b", "c"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, AFollowerThatWaitsForBytesIsStillHeard) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  for (const uint64_t node : {2, 3})
    group.at(node).lacking.insert({entry_index{2}, raft_term{1}});
  group.propose(1, "a");
  group.elapse(5'000'000'000);
  EXPECT_EQ(group.core(1).role(), role::leader);
  EXPECT_EQ(group.core(1).term(), raft_term{1});
  EXPECT_THAT(group.at(1).applied, IsEmpty());
  for (const uint64_t node : {2, 3}) {
    group.at(node).lacking.clear();
    group.report(group.at(node));
  }
  group.deliver();
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

// An entry is written when a new leader replaces it: its report must not vouch
// for the other one.
TEST(RaftReplicationTest, ALateReportDoesNotVouchForAReplacement) {
  raft_group group{{1, 2, 3}};
  group.persists = false;
  auto& host = group.at(1);
  const auto run_all = [&] {
    group.run_jobs(host);
    group.report(host);
  };
  group.receive(message(2, 1, 1, raft_append_request{{}, {}, entries_of({1})}));
  run_all();
  group.receive(
    message(2, 1, 1, raft_append_request{place(1, 1), {}, entries_of({1, 1})}));
  group.run_jobs(host); // Written, and not told yet.
  const auto written = host.ticket_done;
  group.receive(message(
    3, 1, 2, raft_append_request{place(1, 1), {}, entries_of({2, 2, 2})}));
  group.network.clear();
  group.step(host, raft_core::persisted{written, entry_index{3}});
  EXPECT_EQ(group.core(1).durable_index(), entry_index{1});
  EXPECT_THAT(group.network, IsEmpty());
  run_all();
  EXPECT_EQ(group.core(1).durable_index(), entry_index{4});
  ASSERT_FALSE(group.network.empty());
  const auto& last = body_of<raft_append_response>(group.network.back());
  EXPECT_EQ(last.durable, entry_index{4});
  EXPECT_EQ(group.network.back().term, raft_term{2});
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, ReportsOutOfOrderAreRefused) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  forget(group);
  auto& host = group.at(1);
  group.step(host, raft_core::persisted{host.ticket_done - 1, entry_index{1}});
  group.step(host, raft_core::persisted{host.ticket_done + 1, entry_index{1}});
  group.step(host, raft_core::persisted{host.ticket_done, entry_index{99}});
  EXPECT_THAT(refusals(group, 1), SizeIs(3));
  EXPECT_THAT(refusals(group, 1),
              Each(raft_core::refusal::report_out_of_order));
}

TEST(RaftReplicationTest, OldRequestsDoNotCutTheLog) {
  raft_group group{{1, 2, 3}};
  const raft_append_request first{{}, {}, entries_of({1, 1})};
  const raft_append_request second{place(2, 1), {}, entries_of({1, 1})};
  for (const auto& each : {first, second, first, second, first})
    group.receive(message(2, 1, 1, each));
  EXPECT_THAT(terms_of(group.core(1).log()), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(group.told<raft_core::persist>(1), SizeIs(2));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, AFollowerCommitsWhatAgreesAndNoMore) {
  struct commit_case {
    raft_append_request request;
    uint64_t expected = 0;
  };
  const std::vector<commit_case> cases{
    {{place(1, 1), entry_index{9}, {}}, 1},
    {{place(1, 1), entry_index{9}, entries_of({2})}, 2},
    {{place(2, 1), entry_index{1}, entries_of({2})}, 1},
    {{place(2, 1), entry_index{3}, entries_of({2})}, 3},
    {{place(0, 0), entry_index{2}, {}}, 0}, // Says nothing of the log.
    {{place(5, 2), entry_index{3}, {}}, 0}, // Is not there.
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    raft_group group{{1, 2, 3}};
    begin_with(group, 1, {1, 1});
    group.receive(message(2, 1, 2, cases[i].request));
    EXPECT_EQ(group.core(1).commit_index(), entry_index{cases[i].expected});
  }
}

TEST(RaftReplicationTest, WhatIsCommittedIsNotReplaced) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1, 1});
  group.receive(
    message(2, 1, 2, raft_append_request{place(2, 1), entry_index{2}, {}}));
  forget(group);
  group.receive(
    message(3, 1, 3, raft_append_request{place(1, 1), {}, entries_of({3, 3})}));
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::against_committed));
  EXPECT_THAT(terms_of(group.core(1).log()), ElementsAre(1, 1));
}

/// An entry with these bytes.
raft_entry saying(uint64_t term, std::string_view what) {
  return {raft_term{term}, raft_entry_kind::payload,
          chunk::copy_of(std::as_bytes(std::span{what}))};
}

// A member that is an older copy of itself votes twice in a term: two leaders
// of it, and two entries of one index and term.
TEST(RaftReplicationTest, AnotherEntryOfTheSameTermIsTold) {
  raft_group group{{1, 2, 3}};
  const auto mine = saying(1, "mine");
  const auto other = saying(1, "other");
  group.receive(
    message(2, 1, 1, raft_append_request{{}, entry_index{1}, {mine}}));
  ASSERT_EQ(group.core(1).commit_index(), entry_index{1});
  forget(group);
  // What is the same is the same, by its bytes and by its sum.
  group.receive(
    message(2, 1, 1, raft_append_request{place(1, 1), {}, {mine}, mine.sum()}));
  EXPECT_THAT(refusals(group, 1), SizeIs(0));
  // The other leader's, before new entries and among them.
  group.receive(message(
    3, 1, 2, raft_append_request{place(1, 1), {}, {mine}, other.sum()}));
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::against_committed));
  group.receive(message(3, 1, 2, raft_append_request{{}, {}, {other}}));
  EXPECT_THAT(refusals(group, 1), SizeIs(2));
  EXPECT_EQ(group.core(1).log().at(entry_index{1}), mine);
}

TEST(RaftReplicationTest, AnotherEntryThatIsNotCommittedIsReplaced) {
  raft_group group{{1, 2, 3}};
  const auto mine = saying(1, "mine");
  const auto other = saying(1, "other");
  group.receive(message(2, 1, 1, raft_append_request{{}, {}, {mine}}));
  forget(group);
  group.receive(
    message(3, 1, 2, raft_append_request{place(1, 1), {}, {}, other.sum()}));
  const auto answers = said<raft_append_response>(group, 1);
  ASSERT_THAT(answers, SizeIs(1));
  const auto said_no = body_of<raft_append_response>(answers[0]);
  ASSERT_TRUE(said_no.refusal);
  EXPECT_EQ(said_no.refusal->hint.index, entry_index{});
  group.receive(message(3, 1, 2, raft_append_request{{}, {}, {other}}));
  EXPECT_THAT(refusals(group, 1), SizeIs(0));
  EXPECT_EQ(group.core(1).log().at(entry_index{1}), other);
}

TEST(RaftReplicationTest, RequestsThatMakeNoSenseAreRefused) {
  raft_group group{{1, 2, 3}};
  group.receive(message(2, 1, 3, raft_append_request{}));
  forget(group);
  const std::vector<raft_append_request> bad{
    {{}, {}, entries_of({2, 1})},       // Terms go back.
    {{}, {}, entries_of({4})},          // Of a later term than its sender.
    {place(1, 3), {}, entries_of({2})}, // The same, at the seam.
    {{}, {}, {{raft_term{1}, raft_entry_kind::configuration}}}, // For nobody.
  };
  for (const auto& each : bad)
    group.receive(message(2, 1, 3, each));
  EXPECT_THAT(refusals(group, 1), SizeIs(bad.size()));
  EXPECT_THAT(refusals(group, 1), Each(raft_core::refusal::malformed));
}

TEST(RaftReplicationTest, ALeaderOfAnEarlierTermHearsOfTheLaterOne) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1}, {raft_term{4}, {}});
  group.receive(message(2, 1, 2, raft_append_request{place(1, 1), {}, {}}));
  const auto answers = said<raft_append_response>(group, 1);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].term, raft_term{4});
  EXPECT_EQ(group.core(1).leader(), std::nullopt);
}

// A thousand entries that differ, of a few terms, are passed in a few requests.
TEST(RaftReplicationTest, ItGoesBackByTerms) {
  raft_group group{{1, 2, 3}};
  std::vector<uint64_t> mine(1000);
  std::vector<uint64_t> theirs(1000);
  for (size_t i = 0; i < mine.size(); ++i) {
    mine[i] = i < 10 ? 1 : 4 + i / 500;
    theirs[i] = i < 10 ? 1 : 2 + i / 500;
  }
  begin_with(group, 1, mine, {raft_term{6}, {}});
  begin_with(group, 2, theirs, {raft_term{6}, {}});
  begin_with(group, 3, mine, {raft_term{6}, {}});
  group.elect(1);
  ASSERT_EQ(group.core(1).role(), role::leader);
  group.elapse(heartbeat_ns);
  size_t refusals_seen = 0;
  for (const auto& each : said<raft_append_response>(group, 2))
    refusals_seen += body_of<raft_append_response>(each).refusal.has_value();
  EXPECT_LE(refusals_seen, 4u);
  EXPECT_EQ(terms_of(group.core(2).log()), terms_of(group.core(1).log()));
  EXPECT_THAT(group.faults(), IsEmpty());
}

struct leader_with_peer : raft_group {
  explicit leader_with_peer(uint32_t requests = 8) : raft_group{{1, 2, 3}} {
    crash(at(3));
    at(1).options.entries_in_flight_max = 8;
    at(1).options.append_bytes_max = 200;
    at(1).options.requests_in_flight_max = requests;
    restart(1);
    elect(1);
    // The only messages now are those to member 2.
    network.clear();
    forget(*this);
  }
  std::vector<size_t> batches() {
    std::vector<size_t> out;
    for (const auto& each : said<raft_append_request>(*this, 1))
      if (each.to.node.value == 2)
        out.push_back(body_of<raft_append_request>(each).entries.size());
    forget(*this);
    return out;
  }
  void propose_quietly(size_t count, size_t bytes) {
    std::vector<chunk> all(count, text_chunk(std::string(bytes, 'x')));
    step(at(1), raft_core::propose{std::move(all)});
  }
};

TEST(RaftReplicationTest, RequestsAreBoundedInBytes) {
  leader_with_peer group;
  group.propose_quietly(5, 60); // With their allowance, two fit.
  EXPECT_THAT(group.batches(), ElementsAre(2, 2, 1));
}

TEST(RaftReplicationTest, EntriesGatherWhileTwoRequestsAreUnderWay) {
  leader_with_peer group{2};
  for (int i = 0; i < 5; ++i)
    group.propose_quietly(1, 10);
  EXPECT_THAT(group.batches(), ElementsAre(1, 1));
  group.deliver();
  // The rest at once, and what is committed after it.
  const auto then = group.batches();
  ASSERT_FALSE(then.empty());
  EXPECT_EQ(then.front(), 3u);
  EXPECT_EQ(terms_of(group.core(2).log()), terms_of(group.core(1).log()));
  EXPECT_EQ(group.core(2).commit_index(), group.core(1).commit_index());
  EXPECT_EQ(group.core(1).commit_index(), group.core(1).log().last_index());
}

TEST(RaftReplicationTest, ALargeEntryGoesAlone) {
  leader_with_peer group;
  std::vector<chunk> all{text_chunk("a"), text_chunk(std::string(5000, 'x')),
                         text_chunk("b")};
  group.step(group.at(1), raft_core::propose{std::move(all)});
  EXPECT_THAT(group.batches(), ElementsAre(1, 1, 1));
}

TEST(RaftReplicationTest, EntriesInFlightAreBounded) {
  leader_with_peer group;
  group.propose_quietly(30, 10);
  auto sent = group.batches();
  EXPECT_EQ(std::accumulate(sent.begin(), sent.end(), size_t{0}), 8u);
  group.deliver();
  sent = group.batches();
  EXPECT_EQ(std::accumulate(sent.begin(), sent.end(), size_t{0}), 22u);
  EXPECT_EQ(group.core(1).peers()[0].durable(), entry_index{31});
}

TEST(RaftReplicationTest, RequestsDoNotWaitForEachOther) {
  leader_with_peer group;
  for (int i = 0; i < 3; ++i)
    group.propose_quietly(1, 10);
  EXPECT_THAT(group.batches(), ElementsAre(1, 1, 1));
}

TEST(RaftReplicationTest, WhatIsLostIsSentAgain) {
  leader_with_peer group;
  group.propose_quietly(2, 10);
  group.network.clear();
  group.propose_quietly(1, 10); // Cannot be placed: it is refused.
  group.deliver();
  EXPECT_EQ(group.core(1).peers()[0].durable(), entry_index{4});
  group.propose_quietly(1, 10);
  group.network.clear(); // Nothing follows it but the heartbeat.
  group.tick(1, heartbeat_ns);
  group.deliver();
  EXPECT_EQ(group.core(1).peers()[0].durable(), entry_index{5});
}

TEST(RaftReplicationTest, OneProbeAtATime) {
  leader_with_peer group;
  group.propose_quietly(2, 10);
  group.network.clear();
  group.propose_quietly(1, 10);
  group.deliver_once();
  forget(group);
  group.deliver_once(); // The refusal: it probes now.
  group.network.clear();
  EXPECT_EQ(group.core(1).peers()[0].phase(), raft_peer::phase_type::probing);
  EXPECT_THAT(group.batches(), SizeIs(1));
  group.propose_quietly(3, 10);
  EXPECT_THAT(group.batches(), IsEmpty());
  group.tick(1, heartbeat_ns);
  EXPECT_THAT(group.batches(), SizeIs(1));
  group.deliver();
  EXPECT_EQ(group.core(1).peers()[0].phase(),
            raft_peer::phase_type::replicating);
}

TEST(RaftReplicationTest, CommitsAreToldAtOnce) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a"); // Without a tick after it.
  for (const uint64_t node : {2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a"));
}

TEST(RaftReplicationTest, CommitsAreToldWhileEntriesAreUnderWay) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.cut_one_way(3, 1); // It takes in all, and is not heard.
  group.propose(1, "a");
  EXPECT_THAT(group.at(3).applied, ElementsAre("a"));
}

// A disk that was put back is no crash: what was acknowledged is gone.
TEST(RaftReplicationTest, AFollowerWithAnOlderDiskIsFilledUpAgain) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  const auto older = group.at(2).disk;
  group.propose(1, "b");
  group.crash(group.at(2));
  // What comes meanwhile is under way to it, and it lacks that as well.
  for (const auto* each : {"c", "d", "e"})
    group.propose(1, each);
  group.at(2).disk = older;
  group.restart(2);
  group.elapse(8 * heartbeat_ns);
  EXPECT_THAT(refusals(group, 1), ElementsAre(raft_core::refusal::forgot));
  EXPECT_EQ(group.core(2).log().last_index(), group.core(1).log().last_index());
  // It counts again where a third one is gone.
  group.isolate(3);
  group.propose(1, "f");
  EXPECT_EQ(group.at(1).applied.back(), "f");
  EXPECT_EQ(group.at(2).applied.back(), "f");
}

TEST(RaftReplicationTest, WhatIsNotCommittedIsBounded) {
  raft_group group{{1, 2, 3}};
  group.at(1).options.uncommitted_bytes_max = 1000;
  group.restart(1);
  group.elect(1);
  group.isolate(1);
  for (int i = 0; i < 5; ++i)
    group.propose(1, std::string(400, 'x'));
  EXPECT_THAT(reasons(group, 1),
              ElementsAre(raft_core::reason::too_much_uncommitted,
                          raft_core::reason::too_much_uncommitted));
  group.heal();
  group.tick(1, heartbeat_ns);
  group.deliver();
  group.propose(1, "b");
  EXPECT_EQ(group.at(3).applied.back(), "b");
}

TEST(RaftReplicationTest, AFollowerThatLostItsTailIsFilledUp) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.persists = false;
  group.step(group.at(1), raft_core::propose{{text_chunk("a")}});
  group.deliver_once();
  group.crash(group.at(2)); // Nothing of it was written.
  group.restart(2);
  group.persists = true;
  group.run_jobs(group.at(1));
  group.report(group.at(1));
  group.elapse(2 * heartbeat_ns);
  EXPECT_THAT(group.at(2).applied, ElementsAre("a"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftReplicationTest, AGroupThatRestartsKeepsWhatWasCommitted) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  for (const uint64_t node : {1, 2, 3})
    group.crash(group.at(node));
  for (const uint64_t node : {1, 2, 3})
    group.restart(node);
  group.elapse(2'000'000'000);
  for (const uint64_t node : {1, 2, 3})
    EXPECT_THAT(group.at(node).applied, ElementsAre("a"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

} // namespace
} // namespace millrace::rt
