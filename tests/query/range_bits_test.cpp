#include <millrace/query/execution/range_bits.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace millrace::query {
namespace {

constexpr auto infinite = std::numeric_limits<double>::infinity();
constexpr auto not_there = std::numeric_limits<double>::quiet_NaN();

/// Values of all kinds, some of them at the bounds.
template <class Value>
std::vector<Value> values_of_range(std::mt19937_64& random, Value low,
                                   Value high) {
  constexpr bool floats = std::numeric_limits<Value>::has_infinity;
  const std::vector<Value> odd
    = {low,
       high,
       Value{0},
       std::numeric_limits<Value>::lowest(),
       std::numeric_limits<Value>::max(),
       floats ? std::numeric_limits<Value>::infinity() : low,
       floats ? std::numeric_limits<Value>::quiet_NaN() : high};
  std::vector<Value> out(1024);
  for (auto& each : out)
    each = random() % 4 == 0
             ? odd[random() % odd.size()]
             : static_cast<Value>(static_cast<int64_t>(random() % 200) - 100);
  return out;
}

/// Bits that were clear stay so, and those beyond the values are as they were
/// but for the last word's.
template <class Value, class Keep, class Passes>
void expect_bits(std::mt19937_64& random, const std::vector<Value>& values,
                 Keep keep, Passes passes) {
  for (const uint32_t count : {0u, 1u, 63u, 64u, 65u, 200u, 1000u, 1024u}) {
    std::vector<uint64_t> bits(17);
    for (auto& word : bits)
      word = random();
    const auto before = bits;
    keep(values.data(), count, bits.data());
    for (uint32_t i = 0; i < bits.size() * 64; ++i) {
      const bool was = before[i / 64] >> i % 64 & 1;
      const bool is = bits[i / 64] >> i % 64 & 1;
      const bool wanted = i < count ? was && passes(values[i])
                                    : was && i >= (count + 63) / 64 * 64;
      ASSERT_EQ(is, wanted) << "value " << i << " of " << count;
    }
  }
}

TEST(RangeBitsTest, FloatsAndTheirNulls) {
  std::mt19937_64 random{3};
  for (const auto& [low, high] : {std::pair{-7.0, 40.0},
                                  {5.0, 5.0},
                                  {9.0, 2.0},
                                  {-infinite, 3.0},
                                  {-infinite, infinite},
                                  {not_there, 1.0}}) {
    const auto values = values_of_range(random, low, high);
    for (const bool nulls : {false, true})
      expect_bits(
        random, values,
        [&, low = low, high = high](auto* from, uint32_t count, auto* bits) {
          keep_in_range(from, count, low, high, nulls, bits);
        },
        [&, low = low, high = high](double x) {
          return (low <= x && x <= high) || (nulls && x != x);
        });
  }
}

template <class Value>
void expect_whole_numbers() {
  std::mt19937_64 random{4};
  constexpr auto least = std::numeric_limits<Value>::min();
  constexpr auto most = std::numeric_limits<Value>::max();
  for (const auto& [low, high] :
       std::vector<std::pair<Value, Value>>{{Value{-7}, Value{40}},
                                            {Value{1}, Value{0}},
                                            {least, Value{3}},
                                            {least, most},
                                            {most, most},
                                            {Value(least + 1), most}})
    expect_bits(
      random, values_of_range(random, low, high),
      [low = low, high = high](auto* from, uint32_t count, auto* bits) {
        keep_in_range(from, count, low, high, bits);
      },
      [low = low, high = high](Value x) { return low <= x && x <= high; });
}

TEST(RangeBitsTest, WholeNumbersOfBothWidths) {
  expect_whole_numbers<int32_t>();
  expect_whole_numbers<int64_t>();
}

} // namespace
} // namespace millrace::query
