// What a claim of an origin waits for, by hand.

#include <millrace/actors/rt/sequence/claim_wait.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

constexpr copy_id fenced_log{1};
constexpr int64_t one_second = 1'000'000'000;

/// All logs are merged up to there.
std::function<position(copy_id)> merged_to(uint64_t end) {
  return [end](copy_id) { return position{end}; };
}

TEST(ClaimWaitTest, NobodyIsFencedAndNothingIsWaitedFor) {
  const claim_wait wait{{}, {node_id{2}, node_id{3}}, 0};
  EXPECT_TRUE(wait.is_over(0, merged_to(0)));
}

TEST(ClaimWaitTest, WhatTheNodesHoldIsMergedFirst) {
  claim_wait wait{{{fenced_log, position{100}}}, {node_id{2}, node_id{3}}, 0};
  EXPECT_FALSE(wait.is_over(0, merged_to(100))) << "others may hold more";
  wait.heard(node_id{2},
             {{fenced_log, position{180}}, {copy_id{7}, position{900}}});
  EXPECT_FALSE(wait.is_over(0, merged_to(180)));
  wait.heard(node_id{3}, {});
  EXPECT_EQ(wait.until().size(), 1u);
  EXPECT_EQ(wait.until().at(fenced_log), position{180});
  EXPECT_FALSE(wait.is_over(0, merged_to(179)));
  EXPECT_TRUE(wait.is_over(0, merged_to(180)));
}

TEST(ClaimWaitTest, WhatComesAfterANodeHasSpokenIsTooLate) {
  claim_wait wait{{{fenced_log, position{100}}}, {node_id{2}}, 0};
  wait.heard(node_id{2}, {{fenced_log, position{120}}});
  wait.heard(node_id{2}, {{fenced_log, position{500}}});
  wait.heard(node_id{3},
             {{fenced_log, position{500}}}); // Not there when it began.
  EXPECT_EQ(wait.until().at(fenced_log), position{120});
}

TEST(ClaimWaitTest, NoNodeIsWaitedForForLongAndNoBytesForEver) {
  const claim_wait wait{
    {{fenced_log, position{100}}}, {node_id{2}}, 5 * one_second};
  EXPECT_FALSE(wait.is_over(6 * one_second - 1, merged_to(100)));
  EXPECT_TRUE(wait.is_over(6 * one_second, merged_to(100)));
  EXPECT_FALSE(wait.is_over(7 * one_second - 1, merged_to(99)));
  EXPECT_TRUE(wait.is_over(7 * one_second, merged_to(99)));
}

} // namespace
} // namespace millrace::rt
