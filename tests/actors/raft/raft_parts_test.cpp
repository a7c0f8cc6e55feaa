// The parts of a core alone: its log, what of it is durable, one peer.

#include <millrace/tests/actors/raft/raft_scenario.hpp>

#include <random>

namespace millrace::rt {
namespace {

using ::testing::ElementsAre;
using phase = raft_peer::phase_type;
using answer = raft_peer::answer_type;

raft_append_response lacks(uint64_t previous, const raft_place& hint) {
  return {{}, {}, raft_append_response::missing{entry_index{previous}, hint}};
}

raft_entry members_entry(uint64_t term, uint64_t node) {
  return {raft_term{term},
          raft_entry_kind::configuration,
          {},
          raft_configuration{{{{node, 1}, true}}}};
}

TEST(RaftLogTest, TermsAreKnownFromTheBaseOn) {
  raft_log log{{place(5, 2), {}}, entries_of({2, 3, 3})};
  EXPECT_EQ(log.term_at(entry_index{4}), std::nullopt);
  EXPECT_EQ(log.term_at(entry_index{5}), raft_term{2});
  EXPECT_EQ(log.term_at(entry_index{8}), raft_term{3});
  EXPECT_EQ(log.term_at(entry_index{9}), std::nullopt);
  EXPECT_EQ(log.last(), place(8, 3));
}

TEST(RaftLogTest, TheLastPlaceOfAtMostATerm) {
  const raft_log log{{place(1, 1), {}}, entries_of({2, 2, 4, 4})};
  EXPECT_EQ(log.last_at_most(entry_index{9}, raft_term{9}), place(5, 4));
  EXPECT_EQ(log.last_at_most(entry_index{5}, raft_term{3}), place(3, 2));
  EXPECT_EQ(log.last_at_most(entry_index{2}, raft_term{3}), place(2, 2));
  EXPECT_EQ(log.last_at_most(entry_index{5}, raft_term{1}), place(1, 1));
  EXPECT_EQ(log.last_at_most(entry_index{0}, raft_term{0}), place(1, 1));
}

TEST(RaftLogTest, MembersFollowTheEntriesThatNameThem) {
  raft_log log{{place(0, 0), members_entry(0, 1).members}, entries_of({1})};
  log.append(members_entry(1, 2));
  log.append(payload(1, "a"));
  log.append(members_entry(1, 3));
  EXPECT_EQ(log.members(), members_entry(0, 3).members);
  EXPECT_EQ(log.members_index(), entry_index{4});
  EXPECT_EQ(log.members_at(entry_index{3}), members_entry(0, 2).members);
  EXPECT_EQ(log.members_at(entry_index{1}), members_entry(0, 1).members);
  log.cut(entry_index{4});
  EXPECT_EQ(log.members(), members_entry(0, 2).members);
  log.compact(entry_index{3});
  EXPECT_EQ(log.base().members, members_entry(0, 2).members);
  EXPECT_EQ(log.members_index(), entry_index{3});
  log.append(members_entry(2, 4));
  log.cut(entry_index{4});
  EXPECT_EQ(log.members(), members_entry(0, 2).members);
}

TEST(RaftLogTest, BytesAreCountedAcrossCutsAndCompaction) {
  raft_log log{{}, {}};
  std::mt19937 random{1};
  for (int i = 0; i < 2000; ++i) {
    const auto base = log.base().at.index;
    const auto size = log.last_index().value - base.value;
    if (const auto what = random() % 10; what < 7)
      log.append(payload(1, std::string(random() % 50, 'x')));
    else if (what < 9 && size > 0)
      log.cut(entry_index{base.value + 1 + random() % size});
    else if (size > 0)
      log.compact(entry_index{base.value + random() % (size + 1)});
    const entry_index after{log.base().at.index.value + random() % (size + 2)};
    uint64_t expected = 0;
    for (auto each = after.next(); each <= log.last_index(); each = each.next())
      expected += log.at(each).bytes();
    ASSERT_EQ(log.bytes_after(after), expected);
  }
}

TEST(RaftDurabilityTest, AReportCountsForWhatStandsSince) {
  raft_durability durable{entry_index{3}};
  durable.keep(entry_index{3}); // 4 to 6 are appended.
  const auto first = durable.begin(false);
  durable.keep(entry_index{4}); // 5 and 6 are replaced, and 7 follows.
  const auto second = durable.begin(false);
  EXPECT_EQ(durable.index(), entry_index{3});
  EXPECT_TRUE(durable.done(first, entry_index{6}, entry_index{7}));
  EXPECT_EQ(durable.index(), entry_index{4});
  EXPECT_TRUE(durable.done(second, entry_index{6}, entry_index{7}));
  EXPECT_EQ(durable.index(), entry_index{6}); // The bytes of 7 are missing.
  EXPECT_TRUE(durable.done(second, entry_index{7}, entry_index{7}));
  EXPECT_EQ(durable.index(), entry_index{7});
}

TEST(RaftDurabilityTest, WhatIsDurableIsGoneAtOnceWhenItIsCut) {
  raft_durability durable{entry_index{9}};
  durable.keep(entry_index{4});
  EXPECT_EQ(durable.index(), entry_index{4});
  (void)durable.begin(false);
  EXPECT_EQ(durable.index(), entry_index{4});
}

TEST(RaftDurabilityTest, VotesCountByTheTicketAlone) {
  raft_durability durable{entry_index{0}};
  EXPECT_TRUE(durable.vote_is_durable());
  durable.keep(entry_index{0});
  const auto vote = durable.begin(true);
  durable.keep(entry_index{1});
  const auto entries = durable.begin(false);
  EXPECT_FALSE(durable.vote_is_durable());
  EXPECT_TRUE(durable.done(vote, entry_index{0}, entry_index{2}));
  EXPECT_TRUE(durable.vote_is_durable());
  EXPECT_FALSE(durable.done(vote - 1, entry_index{0}, entry_index{2}));
  EXPECT_FALSE(durable.done(entries + 1, entry_index{0}, entry_index{2}));
  EXPECT_FALSE(durable.done(entries, entry_index{3}, entry_index{2}));
}

TEST(RaftDurabilityTest, NumbersOfTicketsAreNotPartOfIt) {
  raft_durability one{entry_index{0}};
  raft_durability other{entry_index{0}};
  EXPECT_TRUE(one.done(one.begin(true), entry_index{0}, entry_index{0}));
  EXPECT_EQ(one, other);
  one.keep(entry_index{0});
  other.keep(entry_index{0});
  (void)one.begin(true);
  EXPECT_NE(one, other);
  (void)other.begin(true);
  EXPECT_EQ(one, other);
}

TEST(RaftPeerTest, ItProbesThenReplicates) {
  raft_peer peer{{2, 1}, entry_index{5}, 0};
  EXPECT_EQ(peer.window(8), 8u);
  peer.sent(entry_index{6});
  EXPECT_EQ(peer.window(8), 0u);
  EXPECT_EQ(peer.next(), entry_index{5});
  EXPECT_TRUE(peer.accepted(entry_index{4}, entry_index{6}));
  EXPECT_EQ(peer.phase(), phase::replicating);
  EXPECT_EQ(peer.next(), entry_index{7});
  peer.sent(entry_index{10});
  EXPECT_EQ(peer.window(8), 2u); // 5 to 10 are under way.
  EXPECT_FALSE(peer.accepted(entry_index{4}, entry_index{6}));
  EXPECT_TRUE(peer.accepted(entry_index{9}, entry_index{10}));
  EXPECT_EQ(peer.window(8), 7u);
}

TEST(RaftPeerTest, OldRefusalsChangeNothing) {
  const raft_log log{{}, entries_of({1, 1, 1, 1, 1, 1, 1, 1})};
  raft_peer peer{{2, 1}, entry_index{5}, 0};
  (void)peer.accepted(entry_index{4}, entry_index{4});
  peer.sent(entry_index{8});
  EXPECT_EQ(peer.missed(lacks(4, place(2, 1)), log), answer::old);
  EXPECT_EQ(peer.missed(lacks(7, place(5, 1)), log), answer::news);
  EXPECT_EQ(peer.next(), entry_index{6});
  EXPECT_EQ(peer.missed(lacks(6, place(4, 1)), log), answer::old);
  EXPECT_EQ(peer.next(), entry_index{6});
}

TEST(RaftPeerTest, ItNeverGoesBackBeforeWhatIsDurable) {
  const raft_log log{{}, entries_of({1, 1, 1, 2, 2, 2})};
  raft_peer peer{{2, 1}, entry_index{3}, 0};
  (void)peer.accepted(entry_index{3}, entry_index{3});
  peer.sent(entry_index{6});
  EXPECT_EQ(peer.missed(lacks(6, place(1, 1)), log), answer::news);
  EXPECT_EQ(peer.next(), entry_index{4});
}

TEST(RaftPeerTest, WhatItDeniesAgainAndAgainItDoesNotHold) {
  const raft_log log{{}, entries_of({1, 1, 1, 1, 1, 1})};
  raft_peer peer{{2, 1}, entry_index{3}, 0};
  (void)peer.accepted(entry_index{5}, entry_index{5});
  const auto denies = [&] {
    auto denial = lacks(5, place(2, 1));
    denial.durable = entry_index{1};
    return peer.missed(denial, log);
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(denies(), answer::old);
    EXPECT_EQ(peer.durable(), entry_index{5});
    // It was an old one: it holds all.
    (void)peer.accepted(entry_index{1}, entry_index{5});
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(denies(), answer::old);
  EXPECT_EQ(denies(), answer::forgets);
  EXPECT_EQ(peer.durable(), entry_index{1});
  EXPECT_EQ(peer.next(), entry_index{3});
}

TEST(RaftPeerTest, ASnapshotEndsWithAnAcknowledgementOrAReport) {
  raft_peer peer{{2, 1}, entry_index{3}, 0};
  peer.begin_snapshot(entry_index{10});
  EXPECT_EQ(peer.window(8), 0u);
  EXPECT_FALSE(peer.accepted(entry_index{0}, entry_index{0}));
  EXPECT_EQ(peer.phase(), phase::snapshot);
  EXPECT_TRUE(peer.accepted(entry_index{12}, entry_index{12}));
  EXPECT_EQ(peer.phase(), phase::replicating);
  EXPECT_EQ(peer.next(), entry_index{13});
  peer.end_snapshot(false); // Late.
  EXPECT_EQ(peer.phase(), phase::replicating);
}

} // namespace
} // namespace millrace::rt
