// Compaction, and members that need a snapshot.

#include <millrace/tests/actors/raft/raft_scenario.hpp>

namespace millrace::rt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using phase = raft_peer::phase_type;

// Member 3 was away, and what it missed is compacted.
struct behind : raft_group {
  behind() : raft_group{{1, 2, 3}} {
    delivers_snapshots = false;
    elect(1);
    isolate(3);
    for (const auto* text : {"a", "b", "c"})
      propose(1, text);
    step(at(1), raft_core::compacted{entry_index{3}});
    heal();
    tick(1, heartbeat_ns);
    deliver_once();
    deliver_once();
  }
  [[nodiscard]] const raft_peer& peer() { return core(1).peers()[1]; }
  void beat() {
    tick(1, heartbeat_ns);
    deliver_once();
    deliver_once();
  }
};

TEST(RaftSnapshotTest, AMemberThatNeedsWhatIsGoneGetsASnapshot) {
  behind group;
  ASSERT_THAT(group.snapshots, SizeIs(1));
  const auto& needed = group.snapshots[0].second;
  EXPECT_EQ(needed.to, (member_id{3, 1}));
  EXPECT_EQ(needed.base.at, place(3, 1));
  EXPECT_EQ(needed.base.members, group.core(1).members());
  EXPECT_EQ(needed.term, raft_term{1});
  EXPECT_EQ(group.peer().phase(), phase::snapshot);
  group.delivers_snapshots = true;
  group.deliver();
  group.elapse(2 * heartbeat_ns);
  EXPECT_EQ(group.peer().phase(), phase::replicating);
  EXPECT_EQ(group.core(3).commit_index(), entry_index{4});
  EXPECT_EQ(group.core(3).log().base().at, place(3, 1));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftSnapshotTest, NothingIsSentMeanwhileButSignsOfLife) {
  behind group;
  forget(group);
  group.propose(1, "d");
  for (int i = 0; i < 10; ++i)
    group.beat();
  for (const auto& each : said<raft_append_request>(group, 1))
    if (each.to.node.value == 3)
      EXPECT_EQ(body_of<raft_append_request>(each), raft_append_request{});
  EXPECT_THAT(group.snapshots, SizeIs(1));
  EXPECT_EQ(group.core(3).leader(), (member_id{1, 1}));
}

TEST(RaftSnapshotTest, AFailedOneIsAskedForAgainWithTheNextHeartbeat) {
  behind group;
  group.step(group.at(1), raft_core::snapshot_sent{{3, 1}, false});
  EXPECT_THAT(group.snapshots, SizeIs(1));
  EXPECT_EQ(group.peer().phase(), phase::probing);
  group.beat();
  EXPECT_THAT(group.snapshots, SizeIs(2));
}

TEST(RaftSnapshotTest, AfterADeliveredOneEntriesFollow) {
  behind group;
  group.step(group.at(1), raft_core::snapshot_sent{{3, 1}, true});
  EXPECT_EQ(group.peer().next(), entry_index{4});
  forget(group);
  group.tick(1, heartbeat_ns);
  const auto sent = said<raft_append_request>(group, 1);
  EXPECT_EQ(body_of<raft_append_request>(sent.back()).previous, place(3, 1));
}

TEST(RaftSnapshotTest, OneThatWasDeliveredInVainIsAskedForAgain) {
  behind group; // It never arrives at member 3.
  group.step(group.at(1), raft_core::snapshot_sent{{3, 1}, true});
  group.beat();
  group.beat();
  EXPECT_THAT(group.snapshots, SizeIs(2));
}

/// Goal: a member that has what the snapshot is of, and whose leader does not
/// know, is no member that waits for ever: it says so when one is offered.
TEST(RaftSnapshotTest, OneThatHasItsLastEntrySaysSo) {
  raft_group group{{1, 2, 3}};
  group.delivers_snapshots = false;
  group.elect(1);
  for (const auto* text : {"a", "b", "c"})
    group.step(group.at(1), raft_core::propose{{text_chunk(text)}});
  // What goes to member 3 comes late.
  std::vector<raft_message> late;
  std::erase_if(group.network, [&](const raft_message& each) {
    if (each.to.node.value != 3)
      return false;
    late.push_back(each);
    return true;
  });
  group.deliver();
  group.step(group.at(1), raft_core::compacted{entry_index{3}});
  group.tick(1, heartbeat_ns);
  group.deliver();
  ASSERT_THAT(group.snapshots, SizeIs(1));
  for (const auto& each : late)
    group.receive(each);
  ASSERT_GE(group.core(3).log().last_index(), entry_index{3});
  // Its answers are lost, and it does not know in its next life what it was
  // that agreed.
  group.network.clear();
  group.crash(group.at(3));
  group.restart(3);
  const auto& peer = group.core(1).peers()[1];
  const auto beat = [&] {
    group.tick(1, heartbeat_ns);
    group.deliver();
  };
  beat();
  beat();
  ASSERT_EQ(peer.phase(), phase::snapshot);
  const auto needed = group.snapshots[0].second;
  for (const auto& [at, term] :
       {std::pair{place(3, 2), needed.term}, // Not what it has.
        std::pair{place(3, 1), raft_term{9}}}) {
    group.step(group.at(3), raft_core::snapshot_offered{at, term});
    beat();
    ASSERT_EQ(peer.phase(), phase::snapshot);
  }
  group.step(group.at(3),
             raft_core::snapshot_offered{needed.base.at, needed.term});
  beat();
  EXPECT_EQ(peer.phase(), phase::replicating);
  EXPECT_EQ(group.core(3).commit_index(), entry_index{4});
  EXPECT_THAT(group.faults(), IsEmpty());
}

/// Goal: a member that holds entries and cannot keep them, of which the others
/// need nothing any more, gets the state: time alone does not help it.
TEST(RaftSnapshotTest, OneThatCannotKeepWhatIsGoneGetsOne) {
  raft_group group{{1, 2, 3}};
  group.delivers_snapshots = false;
  group.elect(1);
  auto& host = group.at(3);
  // The bytes that it names are nowhere.
  host.lacking.insert({entry_index{2}, raft_term{1}});
  for (const auto* text : {"a", "b"})
    group.propose(1, text);
  ASSERT_EQ(host.core->log().last_index(), entry_index{3});
  const auto& peer = group.core(1).peers()[1];
  ASSERT_LT(peer.durable(), entry_index{2});
  group.step(group.at(1), raft_core::compacted{entry_index{3}});
  group.elapse(5 * election_ns);
  EXPECT_THAT(group.snapshots, IsEmpty()) << "it may still come on";
  group.elapse(10 * election_ns);
  ASSERT_THAT(group.snapshots, SizeIs(1));
  const auto needed = group.snapshots[0].second;
  EXPECT_EQ(needed.to, host.id);
  EXPECT_EQ(peer.phase(), phase::snapshot);
  host.lacking.clear(); // They are in what was copied.
  group.step(host, raft_core::snapshot_installed{needed.base, needed.term});
  group.elapse(2 * heartbeat_ns);
  EXPECT_EQ(peer.phase(), phase::replicating);
  EXPECT_GE(peer.durable(), entry_index{3});
  EXPECT_EQ(group.core(3).commit_index(), entry_index{3});
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftSnapshotTest, ItIsAcknowledgedWhenItsBaseIsDurable) {
  behind group;
  group.persists = false;
  auto& host = group.at(3);
  const auto needed = group.snapshots[0].second;
  forget(group);
  group.step(host, raft_core::snapshot_installed{needed.base, needed.term});
  EXPECT_THAT(said<raft_append_response>(group, 3), IsEmpty());
  group.run_jobs(host);
  group.report(host);
  const auto answers = said<raft_append_response>(group, 3);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(body_of<raft_append_response>(answers[0]).durable, entry_index{3});
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftSnapshotTest, WithoutADurableBaseItDoesNotStand) {
  behind group;
  group.persists = false;
  const auto needed = group.snapshots[0].second;
  auto& host = group.at(3);
  group.step(host, raft_core::snapshot_installed{needed.base, needed.term});
  forget(group);
  group.tick(3, 3 * election_ns);
  EXPECT_EQ(group.core(3).role(), role::follower);
  EXPECT_THAT(group.told<raft_core::send>(3), IsEmpty());
}

TEST(RaftSnapshotTest, AnOlderOneChangesNothing) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  for (const auto* text : {"a", "b"})
    group.propose(1, text);
  forget(group);
  const raft_base old{place(2, 1), group.core(1).members()};
  group.step(group.at(2), raft_core::snapshot_installed{old, raft_term{1}});
  EXPECT_EQ(group.core(2).log().base().at, place(0, 0));
  EXPECT_THAT(group.told<raft_core::persist>(2), IsEmpty());
}

TEST(RaftSnapshotTest, EntriesThatFollowItAreKept) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1, 1, 1});
  group.receive(message(2, 1, 1, raft_append_request{}));
  const raft_base base{place(2, 1), group.core(1).members()};
  group.step(group.at(1), raft_core::snapshot_installed{base, raft_term{1}});
  EXPECT_EQ(group.core(1).log().base().at, place(2, 1));
  EXPECT_EQ(group.core(1).log().last(), place(3, 1));
  EXPECT_EQ(group.core(1).commit_index(), entry_index{2});
  EXPECT_EQ(group.at(1).disk.log.last(), place(3, 1));
}

TEST(RaftSnapshotTest, EntriesThatContradictItGo) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1, 1, 1});
  const raft_base base{place(2, 2), group.core(1).members()};
  group.step(group.at(1), raft_core::snapshot_installed{base, raft_term{2}});
  EXPECT_EQ(group.core(1).log().last(), place(2, 2));
  EXPECT_EQ(group.core(1).term(), raft_term{2});
  EXPECT_EQ(group.at(1).disk.log.last(), place(2, 2));
}

// One that a later leader gave makes this member leave the term of an earlier
// one, which may hold another entry at that index.
TEST(RaftSnapshotTest, ItsTermCounts) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1});
  group.receive(message(2, 1, 3, raft_append_request{}));
  forget(group);
  const raft_base base{place(2, 2), group.core(1).members()};
  group.step(group.at(1), raft_core::snapshot_installed{base, raft_term{4}});
  EXPECT_EQ(group.core(1).term(), raft_term{4});
  EXPECT_EQ(group.core(1).leader(), std::nullopt);
  EXPECT_THAT(said<raft_append_response>(group, 1), IsEmpty());
}

TEST(RaftSnapshotTest, MembersOfASnapshotAreInForce) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.propose(1, "a");
  group.step(group.at(1), raft_core::compacted{entry_index{2}});
  group.add({4, 1});
  group.change(1, {member_change::kind_type::add_learner, {4, 1}});
  group.step(group.at(1), raft_core::compacted{group.core(1).commit_index()});
  group.elapse(3 * heartbeat_ns);
  EXPECT_EQ(group.core(4).members(), group.core(1).members());
  EXPECT_EQ(group.told<raft_core::configured>(4).back().members,
            group.core(1).members());
  group.crash(group.at(4));
  group.restart(4);
  EXPECT_EQ(group.core(4).members(), group.core(1).members());
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftSnapshotTest, OnlyWhatIsCommittedIsCompacted) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  group.isolate(1);
  group.propose(1, "a");
  forget(group);
  group.step(group.at(1), raft_core::compacted{entry_index{2}});
  EXPECT_THAT(refusals(group, 1),
              ElementsAre(raft_core::refusal::not_committed));
  EXPECT_EQ(group.core(1).log().base().at, place(0, 0));
}

TEST(RaftSnapshotTest, ARestartBeginsAtTheBase) {
  raft_group group{{1, 2, 3}};
  group.elect(1);
  for (const auto* text : {"a", "b", "c"})
    group.propose(1, text);
  for (const uint64_t node : {1, 2, 3})
    group.step(group.at(node), raft_core::compacted{entry_index{3}});
  for (const uint64_t node : {1, 2, 3}) {
    group.crash(group.at(node));
    group.restart(node);
    EXPECT_EQ(group.core(node).commit_index(), entry_index{3});
    EXPECT_EQ(group.core(node).log().base().at, place(3, 1));
  }
  group.elapse(2'000'000'000);
  EXPECT_THAT(group.at(2).applied, ElementsAre("c"));
  EXPECT_THAT(group.faults(), IsEmpty());
}

TEST(RaftSnapshotTest, RequestsFromBeforeTheBaseAreTaken) {
  raft_group group{{1, 2, 3}};
  begin_with(group, 1, {1, 1, 1});
  group.receive(
    message(2, 1, 1, raft_append_request{place(3, 1), entry_index{3}, {}}));
  group.step(group.at(1), raft_core::compacted{entry_index{3}});
  forget(group);
  group.receive(message(
    2, 1, 1,
    raft_append_request{place(1, 1), entry_index{3}, entries_of({1, 1, 1})}));
  EXPECT_EQ(group.core(1).log().last(), place(4, 1));
  group.receive(
    message(2, 1, 1, raft_append_request{place(0, 0), {}, entries_of({1})}));
  EXPECT_EQ(group.core(1).log().last(), place(4, 1));
  EXPECT_THAT(refusals(group, 1), IsEmpty());
}

} // namespace
} // namespace millrace::rt
