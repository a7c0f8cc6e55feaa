// Which fragments are asked when, as text: "2@130" asks fragment 2 for rows up
// to place 130, "2" for the newest.
#include <millrace/actors/torq/gateway/plan_cuts.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

constexpr lineage_id plan_life{{1, 1}};

std::string fragments_of(const std::vector<plan_cuts::ask>& what) {
  std::string out;
  for (const auto& [fragment, upto] : what) {
    out += (out.empty() ? "" : " ") + std::to_string(fragment);
    if (upto.at != newest) {
      out += "@" + std::to_string(upto.at.value);
      EXPECT_EQ(upto.life, plan_life);
    }
  }
  return out;
}

stream_place reached(uint64_t place) { return {{place}, plan_life}; }

TEST(PlanCutsTest, OneFragmentIsAskedForTheNewest) {
  plan_cuts cuts{{{"market", true}}};
  EXPECT_EQ(fragments_of(cuts.start()), "0");
  EXPECT_FALSE(cuts.complete());
  EXPECT_EQ(fragments_of(cuts.answered(0, reached(130))), "");
  EXPECT_TRUE(cuts.complete());
}

TEST(PlanCutsTest, AllOfAStreamEndWhereTheFirstDid) {
  plan_cuts cuts{{{"market", true}, {"market", true}, {"market", true}}};
  EXPECT_EQ(fragments_of(cuts.start()), "0");
  EXPECT_EQ(fragments_of(cuts.answered(0, reached(130))), "1@130 2@130");
  EXPECT_EQ(fragments_of(cuts.answered(2, reached(130))), "");
  EXPECT_FALSE(cuts.complete());
  EXPECT_EQ(fragments_of(cuts.answered(1, reached(130))), "");
  EXPECT_TRUE(cuts.complete());
}

TEST(PlanCutsTest, OneOfEachOtherStreamGoesFirst) {
  plan_cuts cuts{
    {{"market", true}, {"news", true}, {"market", true}, {"news", true}}};
  EXPECT_EQ(fragments_of(cuts.start()), "0");
  EXPECT_EQ(fragments_of(cuts.answered(0, reached(130))), "1 2@130");
  EXPECT_EQ(fragments_of(cuts.answered(2, reached(130))), "");
  EXPECT_EQ(fragments_of(cuts.answered(1, reached(70))), "3@70");
  EXPECT_EQ(fragments_of(cuts.answered(3, reached(70))), "");
  EXPECT_TRUE(cuts.complete());
}

/// What only partitions hold says nothing of where a stream stands.
TEST(PlanCutsTest, TablesThatDoNotGrowBindNobody) {
  plan_cuts cuts{{{"market", false}, {"market", true}, {"market", true}}};
  EXPECT_EQ(fragments_of(cuts.start()), "0");
  EXPECT_EQ(fragments_of(cuts.answered(0, reached(90))), "1");
  EXPECT_EQ(fragments_of(cuts.answered(1, reached(130))), "2@130");
  EXPECT_EQ(fragments_of(cuts.answered(2, reached(130))), "");
  EXPECT_TRUE(cuts.complete());
}

} // namespace
} // namespace millrace::torq
