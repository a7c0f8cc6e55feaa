#include <millrace/messages/data/ids.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <unordered_set>

namespace millrace {
namespace {

static_assert(!std::convertible_to<uint64_t, flow_id>);
static_assert(!std::convertible_to<flow_id, uint64_t>);
static_assert(!std::equality_comparable_with<flow_id, entry_index>);

TEST(IdsTest, AreOrderedAndPrinted) {
  EXPECT_LT(period_id::before_all(), period_id{-1});
  EXPECT_EQ(input_id{3}.next(), input_id{4});
  EXPECT_EQ(flow_id{}, flow_id{0});
  EXPECT_EQ(to_string(period_id{-7}), "1999-12-25");
  EXPECT_EQ(to_string(period_id::before_all()), "no period");
}

TEST(IdsTest, AreKeysOfHashedContainers) {
  const std::unordered_set<manifest_version> seen{manifest_version{1}};
  EXPECT_TRUE(seen.contains(manifest_version{1}));
  EXPECT_FALSE(seen.contains(manifest_version{2}));
}

} // namespace
} // namespace millrace
