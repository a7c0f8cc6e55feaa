#include <millrace/query/execution/execution.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "oracle.hpp"
#include "plan_support.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;

// A day of a clock that is set back has 25 hours, and is one bar; bars of two
// days begin with an even date.
TEST(DayBarsTest, BarsOfWholeDaysAreDates) {
  constexpr int64_t hour = 3'600'000'000'000;
  const auto schema = trade_schema();
  // 2024-11-03 begins at 2024-11-02T21:00Z, and has 25 hours.
  const auto begin = int64_t{9072} * 24 * hour + 21 * hour;
  std::vector<placed_row> rows;
  for (const auto at : {begin - 1, begin, begin + 24 * hour,
                        begin + 25 * hour - 1, begin + 25 * hour}) {
    rows.push_back({{at, std::string{"A"}, 1.5, int64_t{1}}, 0, 0});
  }
  auto plan = plan_over(schema);
  plan.day_zone = "America/New_York";
  plan.day_offset_ns = -7 * hour;
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  const auto bars = [&](int64_t days) {
    plan.keys = {{"time", days * 24 * hour, "time", true}};
    auto merged = merger{plan};
    auto partial = execute(plan, {make_view(schema, rows, {})});
    EXPECT_TRUE(partial);
    EXPECT_FALSE(merged.add(*std::move(partial)));
    const auto table = merged.finish();
    EXPECT_TRUE(table);
    std::vector<std::pair<int64_t, int64_t>> out;
    for (size_t row = 0; row < table->row_count; ++row)
      out.emplace_back(table->columns[0].as<int64_t>()[row],
                       table->columns[1].as<int64_t>()[row]);
    return out;
  };
  using found = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(
    bars(1),
    (found{{begin - 24 * hour, 1}, {begin, 3}, {begin + 25 * hour, 1}}));
  // Date number 9073 is 2024-11-03.
  EXPECT_EQ(bars(2), (found{{begin - 24 * hour, 4}, {begin + 25 * hour, 1}}));
}

} // namespace
} // namespace millrace::query
