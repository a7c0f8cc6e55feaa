#include <millrace/query/execution/group_keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace millrace::query {
namespace {

/// Groups of (text code, number), found as a group_set finds them.
class dense_groups {
public:
  /// @returns the key's group; none when the table serves no more.
  std::optional<uint32_t> find(uint64_t code, int64_t number) {
    const uint64_t key[] = {code, static_cast<uint64_t>(number)};
    auto* place = keys_.find(key);
    if (!place)
      return std::nullopt;
    if (*place == 0)
      keys_.put(place, count++);
    return *place - 1;
  }
  [[nodiscard]] const dense_keys& keys() const { return keys_; }
  uint32_t count = 0;

private:
  dense_keys keys_{{0, 1}};
};

// Goal: a table that grows in both directions keeps what it has, and gives the
// groups in the order of their keys. Method: random pairs against a map.
TEST(DenseKeysTest, FindsWhatAMapFinds) {
  std::mt19937_64 random{11};
  dense_groups groups;
  std::map<std::pair<uint64_t, int64_t>, uint32_t> wanted;
  for (int i = 0; i < 20'000; ++i) {
    // Later pairs have larger codes, and numbers on both sides of zero.
    const auto code = random() % static_cast<uint64_t>(1 + i / 40);
    const auto number = static_cast<int64_t>(random() % 200) - 100;
    const auto next = static_cast<uint32_t>(wanted.size());
    const auto [at, fresh] = wanted.emplace(std::pair{code, number}, next);
    const auto found = groups.find(code, number);
    ASSERT_TRUE(found);
    ASSERT_EQ(*found, at->second);
  }
  // Ranks are the codes backwards.
  std::vector<uint32_t> by_rank(500);
  std::iota(by_rank.rbegin(), by_rank.rend(), 0u);
  for (const bool texts_first : {true, false}) {
    auto keys = std::vector<std::pair<uint64_t, int64_t>>{};
    for (const auto& [key, group] : wanted)
      keys.push_back(key);
    std::sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
      const auto text = a.first > b.first;
      return texts_first ? (a.first != b.first ? text : a.second < b.second)
                         : (a.second != b.second ? a.second < b.second : text);
    });
    const auto order = groups.keys().in_order(by_rank, texts_first);
    ASSERT_TRUE(order);
    ASSERT_EQ(order->size(), keys.size());
    for (size_t i = 0; i < keys.size(); ++i)
      ASSERT_EQ((*order)[i], wanted.at(keys[i]));
  }
}

TEST(DenseKeysTest, GivesUpWhenFewPlacesWouldBeTaken) {
  dense_groups groups;
  // Each number has places for a thousand texts, and uses one.
  ASSERT_TRUE(groups.find(1000, 0));
  std::optional<uint32_t> found{0};
  int64_t number = 1;
  for (; found && number < 1'000'000; ++number)
    found = groups.find(0, number);
  EXPECT_FALSE(found);
  EXPECT_LE(groups.keys().byte_count(), size_t{64} << 20);
}

TEST(DenseKeysTest, HoldsOnWhenPlacesAreTaken) {
  dense_groups groups;
  uint32_t wanted = 0;
  for (int64_t number = 0; number < 3000; ++number)
    for (uint64_t code = 0; code < 1000; ++code)
      ASSERT_EQ(groups.find(code, number), wanted++);
}

TEST(GroupIndexTest, LooksForAdoptedKeysOnlyWhenAsked) {
  group_index index{2};
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t key[] = {i, 2 * i};
    index.adopt(key, 1);
  }
  EXPECT_TRUE(index.adopts());
  const uint64_t old_key[] = {7, 14};
  const uint64_t new_key[] = {7, 15};
  EXPECT_EQ(index.find_or_add(old_key), 7u);
  EXPECT_EQ(index.find_or_add(new_key), 1000u);
  EXPECT_FALSE(index.adopts());
}

} // namespace
} // namespace millrace::query
