// What a publisher is made of, each part alone.

#include <millrace/actors/rt/publish/id_rule.hpp>
#include <millrace/actors/rt/publish/origin_doubt.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace millrace::rt {
namespace {

TEST(IdRuleTest, EachIdFollowsTheLastOfItsOrigin) {
  struct id_case {
    std::string name;
    std::string origin;
    int64_t given;
    int64_t expected; ///< 0: refused.
  };
  // "own" ended at 7, "other" at -3, "new" was never seen.
  const id_rule rule{"own", {{"own", 7}, {"other", -3}}, id_policy::strict};
  const std::vector<id_case> cases{
    {"unset, own", "own", null_long, 8},
    {"unset, after a negative one", "other", null_long, 4},
    {"unset, unseen", "new", null_long, 1},
    {"next", "own", 8, 8},
    {"next, negative", "own", -8, -8},
    {"again", "own", 7, 0},
    {"gap", "own", 9, 0},
    {"zero", "own", 0, 0},
    {"zero, unseen", "new", 0, 0},
    {"any first one", "new", 41, 41},
    {"any first one, negative", "new", -41, -41},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const auto id = rule.next(each.origin, each.given);
    if (each.expected == 0)
      EXPECT_EQ(id.failure().code, errc::bad_id);
    else
      EXPECT_EQ(*id, each.expected);
  }
}

TEST(IdRuleTest, MonotonicIdsRiseInStepsOfAnySize) {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  struct id_case {
    std::string name;
    std::string origin;
    int64_t given;
    int64_t expected; ///< 0: refused.
  };
  const id_rule rule{"own",
                     {{"own", 7}, {"below", -3}, {"edge", -1}, {"full", most}},
                     id_policy::monotonic};
  const std::vector<id_case> cases{
    {"unset", "own", null_long, 8},
    {"unset, after a negative one", "below", null_long, -2},
    {"unset, past 0, which names none", "edge", null_long, 1},
    {"unset, unseen", "new", null_long, 1},
    {"unset, none is left", "full", null_long, 0},
    {"a step", "own", 8, 8},
    {"a jump", "own", 1'000'000, 1'000'000},
    {"the last there is", "own", most, most},
    {"again", "own", 7, 0},
    {"back", "own", 6, 0},
    {"a larger magnitude, and back", "own", -8, 0},
    {"a smaller magnitude, and on", "below", -2, -2},
    {"from below to above", "below", 5, 5},
    {"zero", "below", 0, 0},
    {"any first one", "new", most, most},
    {"any first one, the least there is", "new", -most, -most},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const auto id = rule.next(each.origin, each.given);
    if (each.expected != 0) {
      ASSERT_TRUE(id) << to_string(id.failure());
      EXPECT_EQ(*id, each.expected);
      continue;
    }
    ASSERT_FALSE(id);
    EXPECT_EQ(id.failure().code, errc::bad_id);
    EXPECT_NE(
      id.failure().context.find(std::to_string(rule.last_id(each.origin))),
      std::string::npos)
      << id.failure().context;
  }
}

TEST(IdRuleTest, NoIdFollowsTheLastThereIs) {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  const id_rule rule{"own", {{"own", -most}}, id_policy::strict};
  for (const auto id : {null_long, most, int64_t{1}, -most})
    EXPECT_EQ(rule.next("own", id).failure().code, errc::bad_id) << id;
}

TEST(IdRuleTest, WhatIsMergedIsPublishedAgainOnlyByWhoSaysSo) {
  id_rule rule{"own", {{"own", 20}, {"other", 3}}, id_policy::strict};
  rule.set_merged(20);
  for (const int64_t behind : {1, -19, 20}) {
    const auto refused = rule.next("own", behind);
    ASSERT_FALSE(refused) << behind;
    EXPECT_EQ(refused.failure().code, errc::id_behind);
    const auto& text = refused.failure().context;
    EXPECT_NE(text.find("id " + std::to_string(behind)), std::string::npos);
    EXPECT_NE(text.find("20"), std::string::npos) << text;
  }
  EXPECT_EQ(rule.next("own", 22).failure().code, errc::bad_id);
  EXPECT_EQ(rule.next("own", 0).failure().code, errc::bad_id);
  EXPECT_EQ(rule.next("other", 2).failure().code, errc::bad_id);
  EXPECT_EQ(*rule.next("own", -21), -21);

  id_rule again{"own", {{"own", 20}}, id_policy::strict, true};
  again.set_merged(30);
  EXPECT_EQ(*again.next("own", null_long), 21) << "its own log decides";
  EXPECT_EQ(again.next("own", 32).failure().code, errc::bad_id);
  // Others published what its own log does not have.
  for (const int64_t known : {22, -30, 31})
    EXPECT_EQ(*again.next("own", known), known);
  EXPECT_EQ(*again.next("own", 5), 5);
  again.took("own", 5);
  EXPECT_EQ(*again.next("own", null_long), 6);
  EXPECT_EQ(*again.next("own", -6), -6);
  for (const int64_t bad : {5, 4, 7})
    EXPECT_EQ(again.next("own", bad).failure().code, errc::bad_id) << bad;
}

TEST(IdRuleTest, GoesOnFromWhatWasTaken) {
  id_rule rule{"own", {}, id_policy::strict};
  EXPECT_EQ(rule.last_id(), 0);
  rule.took("own", -1);
  rule.took("other", 5);
  EXPECT_EQ(rule.last_id(), -1);
  EXPECT_EQ(*rule.next("own", null_long), 2);
  EXPECT_EQ(*rule.next("other", null_long), 6);
  rule.set_last_id(100);
  EXPECT_EQ(*rule.next("own", null_long), 101);
  EXPECT_EQ(*rule.next("other", null_long), 6);
}

constexpr auto mark = "pub/.unverified";

struct doubt_case {
  std::string name;
  bool asks_rt = true;
  bool exists = true; ///< The directory, before.
  bool marked = false;
  bool known = true;
  bool clean = true;
  // After settle:
  bool verified = false;
  bool counts_survivors = false;
  bool mark_stays = false;
  bool wants_fence = false;
};

const std::vector<doubt_case> doubts{
  {.name = "a new directory asks", .exists = false, .known = false},
  {.name = "one to which nothing was written asks", .known = false},
  {.name = "one whose all a power cut may have taken asks",
   .known = false,
   .clean = false,
   .mark_stays = true,
   .wants_fence = true},
  {.name = "a whole history numbers by itself", .verified = true},
  {.name = "a lost tail asks",
   .clean = false,
   .counts_survivors = true,
   .mark_stays = true,
   .wants_fence = true},
  {.name = "the doubt of an earlier life goes on",
   .marked = true,
   .counts_survivors = true,
   .mark_stays = true,
   .wants_fence = true},
  {.name = "so it does in a directory without ids",
   .marked = true,
   .known = false,
   .mark_stays = true,
   .wants_fence = true},
  {.name = "nobody to ask",
   .asks_rt = false,
   .known = false,
   .clean = false,
   .verified = true},
  {.name = "nobody to ask, a mark is left alone",
   .asks_rt = false,
   .marked = true,
   .verified = true,
   .mark_stays = true},
};

class OriginDoubtTest : public ::testing::Test {
protected:
  void prepare(bool exists, bool marked) {
    if (exists) {
      ASSERT_FALSE(disk.create_directories("pub"));
    }
    if (marked) {
      ASSERT_TRUE(disk.open(mark, persistence::open_mode::write));
    }
  }
  sim::memory_file_system disk{1};
};

TEST(OriginDoubtCasesTest, EachDirectoryIsSettled) {
  for (const auto& each : doubts) {
    SCOPED_TRACE(each.name);
    sim::memory_file_system disk{1};
    if (each.exists)
      ASSERT_FALSE(disk.create_directories("pub"));
    if (each.marked)
      ASSERT_TRUE(disk.open(mark, persistence::open_mode::write));
    origin_doubt doubt{disk, "pub", each.asks_rt};
    // A death before the log is mended leaves the doubt behind, and none where
    // nothing is to be mended.
    EXPECT_EQ(disk.exists(mark), each.marked);
    if (!each.clean) {
      ASSERT_FALSE(doubt.suspect());
      EXPECT_EQ(disk.exists(mark), each.marked || each.asks_rt);
    }
    EXPECT_EQ(doubt.settle(each.known, each.clean), each.counts_survivors);
    EXPECT_EQ(doubt.verified(), each.verified);
    EXPECT_EQ(disk.exists(mark), each.mark_stays);
    EXPECT_EQ(doubt.wants_fence(), each.wants_fence);
  }
}

TEST_F(OriginDoubtTest, EndsWhenTheLogHoldsALaterIdThanRt) {
  prepare(true, true);
  origin_doubt doubt{disk, "pub", true};
  EXPECT_TRUE(doubt.settle(true, true));
  doubt.written();
  EXPECT_TRUE(disk.exists(mark));
  doubt.verify();
  EXPECT_TRUE(doubt.verified());
  EXPECT_TRUE(disk.exists(mark)) << "RT's answer alone ends no doubt";
  doubt.appended();
  EXPECT_TRUE(disk.exists(mark)) << "what is buffered is not in the log";
  doubt.written();
  EXPECT_FALSE(disk.exists(mark));
}

TEST_F(OriginDoubtTest, TheMarkOfAnEarlierLifeStays) {
  prepare(true, true);
  {
    origin_doubt doubt{disk, "pub", true};
    EXPECT_FALSE(doubt.suspect());
  }
  EXPECT_TRUE(disk.exists(mark));
}

} // namespace
} // namespace millrace::rt
