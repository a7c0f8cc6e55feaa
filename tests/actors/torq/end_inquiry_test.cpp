#include <millrace/actors/torq/gateway/end_inquiry.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace millrace::torq {
namespace {

using ids = std::vector<uint64_t>;
constexpr lineage_id first{{1, 1}};
constexpr lineage_id second{{2, 2}};

end_inquiry::answer at(uint64_t end, bool leads = true,
                       lineage_id life = first) {
  return {{{end}, life}, leads};
}

TEST(EndInquiryTest, OneInquiryServesAllThatWaitWhenItBegins) {
  end_inquiry ends;
  ends.connected(0);
  const auto begun = ends.ask(1);
  EXPECT_EQ(begun.number, 1u);
  EXPECT_EQ(begun.nodes, std::set<size_t>{0});
  // These were asked after it began: its answer may be older than they are.
  EXPECT_EQ(ends.ask(2).number, 0u);
  EXPECT_EQ(ends.ask(3).number, 0u);
  auto done = ends.answered(1, 0, at(100));
  EXPECT_EQ(done.resolved, ids{1});
  EXPECT_EQ(ends.floor(), (stream_place{{100}, first}));
  EXPECT_EQ(done.number, 2u);
  done = ends.answered(2, 0, at(130));
  EXPECT_EQ(done.resolved, (ids{2, 3}));
  EXPECT_EQ(done.number, 0u);
  EXPECT_EQ(ends.floor().at.value, 130u);
}

TEST(EndInquiryTest, WithoutANodeNobodyWaits) {
  end_inquiry ends;
  const auto done = ends.ask(1);
  EXPECT_EQ(done.resolved, ids{1});
  EXPECT_FALSE(ends.end());
}

TEST(EndInquiryTest, AllNodesAreAskedAndTheOneThatLeadsIsEnough) {
  end_inquiry ends;
  for (size_t node = 0; node < 3; ++node)
    ends.connected(node);
  EXPECT_EQ(ends.ask(1).nodes.size(), 3u);
  EXPECT_TRUE(ends.answered(1, 2, at(90, false)).resolved.empty());
  EXPECT_EQ(ends.answered(1, 1, at(100)).resolved, ids{1});
  EXPECT_EQ(ends.end()->at.value, 100u);
  // Late.
  EXPECT_TRUE(ends.answered(1, 0, at(500, false)).resolved.empty());
  EXPECT_EQ(ends.end()->at.value, 100u);
}

/// Goal: a node that does not lead may lag: what it tells is no end until it is
/// sure that nobody knows a later one.
TEST(EndInquiryTest, WithoutALeaderItIsAskedAgain) {
  end_inquiry ends;
  for (size_t node = 0; node < 3; ++node)
    ends.connected(node);
  const auto begun = ends.ask(1);
  for (size_t node = 0; node < 3; ++node) {
    EXPECT_FALSE(ends.is_undecided());
    EXPECT_TRUE(
      ends.answered(begun.number, node, at(70, false)).resolved.empty());
  }
  ASSERT_TRUE(ends.is_undecided());
  auto next = ends.again();
  EXPECT_EQ(next.nodes.size(), 3u);
  EXPECT_FALSE(ends.is_undecided());
  // Of the first time.
  EXPECT_TRUE(ends.answered(begun.number, 1, at(500)).resolved.empty());
  EXPECT_EQ(ends.answered(next.number, 1, at(100)).resolved, ids{1});
  EXPECT_EQ(ends.end()->at.value, 100u);
  EXPECT_TRUE(ends.is_sure());
  // All go while it is put again.
  next = ends.ask(2);
  for (size_t node = 0; node < 3; ++node)
    (void)ends.answered(next.number, node, at(120, false));
  for (size_t node = 0; node < 3; ++node)
    ends.lost(node);
  EXPECT_EQ(ends.again().resolved, ids{2});
  EXPECT_FALSE(ends.end());
  EXPECT_FALSE(ends.is_sure());
}

TEST(EndInquiryTest, WithoutALeaderTheFarthestCountsInTheEnd) {
  end_inquiry ends;
  for (size_t node = 0; node < 3; ++node)
    ends.connected(node);
  (void)ends.ask(1);
  EXPECT_TRUE(ends.answered(1, 0, at(90, false)).resolved.empty());
  EXPECT_TRUE(ends.failed(1, 1).resolved.empty());
  EXPECT_TRUE(ends.answered(1, 2, at(70, false)).resolved.empty());
  ASSERT_TRUE(ends.is_undecided());
  EXPECT_EQ(ends.settle().resolved, ids{1});
  EXPECT_EQ(ends.end()->at.value, 90u);
  EXPECT_FALSE(ends.is_sure());
}

TEST(EndInquiryTest, WhereNobodyAnswersTheFloorStays) {
  end_inquiry ends;
  ends.connected(0);
  (void)ends.ask(1);
  (void)ends.answered(1, 0, at(100));
  ends.gave({{120}, first});
  (void)ends.ask(2);
  EXPECT_EQ(ends.failed(2, 0).resolved, ids{2});
  EXPECT_FALSE(ends.end());
  EXPECT_EQ(ends.floor(), (stream_place{{120}, first}));
  // An answer that was computed before does not lower it.
  ends.gave({{110}, first});
  EXPECT_EQ(ends.floor().at.value, 120u);
}

TEST(EndInquiryTest, AnotherLifeOfTheStreamBeginsAnew) {
  end_inquiry ends;
  ends.connected(0);
  (void)ends.ask(1);
  (void)ends.answered(1, 0, at(100));
  // An answer alone, of an RDB that lags, changes nothing.
  ends.gave({{30}, second});
  EXPECT_EQ(ends.floor(), (stream_place{{100}, first}));
  EXPECT_EQ(ends.new_lives(), 0u);
  (void)ends.ask(2);
  (void)ends.answered(2, 0, at(20, true, second));
  EXPECT_EQ(ends.floor(), (stream_place{{20}, second}));
  EXPECT_EQ(ends.new_lives(), 1u);
  ends.gave({{100}, first});
  EXPECT_EQ(ends.floor(), (stream_place{{20}, second}));
}

end_inquiry::answer sole(uint64_t end) { return {{{end}, first}, true, true}; }

TEST(EndInquiryTest, AnOlderCopyOfTheLogLowersTheFloor) {
  end_inquiry ends;
  ends.connected(0);
  (void)ends.ask(1);
  (void)ends.answered(1, 0, sole(100));
  (void)ends.ask(2);
  // Rows that came while it was asked: the stream went on.
  ends.gave({{120}, first});
  (void)ends.answered(2, 0, sole(110));
  EXPECT_EQ(ends.floor(), (stream_place{{120}, first}));
  EXPECT_EQ(ends.set_backs(), 0u);
  (void)ends.ask(3);
  EXPECT_EQ(ends.answered(3, 0, sole(90)).resolved, ids{3});
  EXPECT_EQ(ends.floor(), (stream_place{{90}, first}));
  EXPECT_EQ(ends.set_backs(), 1u);
}

TEST(EndInquiryTest, OneOfSeveralNodesMayLagAndLowersNothing) {
  end_inquiry ends;
  ends.connected(0);
  (void)ends.ask(1);
  (void)ends.answered(1, 0, at(100));
  (void)ends.ask(2);
  (void)ends.answered(2, 0, at(90));
  EXPECT_EQ(ends.floor(), (stream_place{{100}, first}));
  EXPECT_EQ(ends.set_backs(), 0u);
}

} // namespace
} // namespace millrace::torq
