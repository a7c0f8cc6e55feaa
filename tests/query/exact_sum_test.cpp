#include <millrace/query/execution/exact_sum.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "long_arithmetic.hpp"
#include "oracle.hpp"

namespace millrace::query {
namespace {

using testing_support::infinity;
using testing_support::long_number;
using testing_support::nan_value;
using testing_support::same_cell;

double sum_of(const std::vector<double>& values) {
  exact_sums sums;
  sums.resize(1);
  for (const auto x : values)
    sums.add(0, x);
  return sums.value(0);
}

struct sum_case {
  const char* name;
  std::vector<double> values;
  double sum;
};

TEST(ExactSumTest, KeepsToTheRules) {
  const auto largest = std::numeric_limits<double>::max();
  const auto smallest = std::numeric_limits<double>::denorm_min();
  const std::vector<sum_case> cases{
    {"nothing", {}, 0},
    {"nulls", {nan_value, nan_value}, 0},
    {"a null is nothing", {1, nan_value, 2}, 3},
    {"negative zeros", {-0.0, -0.0}, 0},
    {"what cancels leaves the rest", {1e308, 1, 1e-300, -1e308, -1}, 1e-300},
    {"tenths", std::vector<double>(10, 0.1), 1},
    {"a tie goes to even", {1, 0x1p-53}, 1},
    {"a tie and more goes up", {1, 0x1p-53, 0x1p-1000}, 1 + 0x1p-52},
    {"subnormal", {smallest, smallest, -0x1p-1022}, 0x1p-1073 - 0x1p-1022},
    {"beyond the largest", {largest, largest}, infinity},
    {"and back", {largest, largest, -largest}, largest},
    {"an infinity", {1, -infinity}, -infinity},
    {"both", {infinity, 1, -infinity}, nan_value},
  };
  for (const auto& item : cases) {
    EXPECT_TRUE(same_cell(sum_of(item.values), item.sum)) << item.name;
    auto reversed = item.values;
    std::reverse(reversed.begin(), reversed.end());
    EXPECT_TRUE(same_cell(sum_of(reversed), item.sum)) << item.name;
  }
}

/// Values whose exponents lie within `spread` of a middle.
std::vector<double> some_values(std::mt19937_64& random, int spread) {
  std::vector<double> out(1 + random() % 300);
  const auto middle = spread > 400 ? 0 : static_cast<int>(random() % 200) - 100;
  for (auto& x : out) {
    const auto exponent
      = middle + static_cast<int>(random() % (2 * spread + 1)) - spread;
    x = std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                   exponent - 63);
    if (random() % 20 == 0)
      x = random() % 2 == 0 ? nan_value : 0;
    if (random() % 4 == 0 && &x != &out[0])
      x = -*(&x - 1);
  }
  return out;
}

// Goal: one sum for one bag of values. Method: random values near and far from
// each other, added one by one, in runs, in parts that merge, and through
// columns, beside arithmetic by hand.
TEST(ExactSumTest, AnyWayToAddIsTheSame) {
  std::mt19937_64 random{7};
  for (int round = 0; round < 600; ++round) {
    static constexpr int spreads[] = {0, 8, 20, 40, 60, 100, 480, 1000};
    auto values = some_values(random, spreads[round % 8]);
    long_number exact;
    for (const auto x : values)
      if (x == x)
        exact.add(x);
    const auto wanted = exact.rounded();
    ASSERT_TRUE(same_cell(sum_of(values), wanted)) << round;
    exact_sums parts;
    parts.resize(5);
    uint64_t present = 0;
    for (size_t i = 0; i < values.size();) {
      const auto count = std::min(1 + random() % 120, values.size() - i);
      present += parts.add_run(static_cast<uint32_t>(random() % 4),
                               values.data() + i, count);
      i += count;
    }
    ASSERT_EQ(present, static_cast<uint64_t>(
                         std::count_if(values.begin(), values.end(),
                                       [](double x) { return x == x; })));
    std::vector<column_data> columns;
    for (const auto& column : exact_sums::columns("x"))
      columns.push_back({column.name, column.type, {}, {}, {}});
    parts.save(0, 4, columns.data());
    const std::vector<uint32_t> all(4, 0);
    exact_sums loaded;
    loaded.resize(1);
    ASSERT_FALSE(loaded.load(columns, all));
    ASSERT_TRUE(same_cell(loaded.value(0), wanted)) << round;
    for (uint32_t part = 0; part < 4; ++part)
      parts.add(4, parts, part);
    ASSERT_TRUE(same_cell(parts.value(4), wanted)) << round;
  }
}

TEST(ExactSumTest, ColumnsThatHoldNoSumAreRefused) {
  exact_sums sums;
  sums.resize(1);
  sums.add(0, 1.5);
  for (const int32_t place : {0, -1, 2000, 4097, 1 << 20}) {
    std::vector<column_data> columns;
    for (const auto& column : exact_sums::columns("x"))
      columns.push_back({column.name, column.type, {}, {}, {}});
    sums.save(0, 1, columns.data());
    std::memcpy(columns[2].values.data(), &place, 4);
    const std::vector<uint32_t> target{0};
    EXPECT_EQ(sums.load(columns, target).code, errc::malformed_message);
  }
}

} // namespace
} // namespace millrace::query
