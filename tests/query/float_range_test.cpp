#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/rows_view.hpp>
#include <millrace/query/plan/bar.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "oracle.hpp"

// Aggregates of floats at both ends of their range, and bars of infinite times.

namespace millrace::query {
namespace {

using namespace testing_support;
using range_fn = aggregate_function;

/// One aggregate of a column x, and of x and y.
double aggregate_of(range_fn function, const std::vector<double>& xs,
                    const std::vector<double>& ys) {
  table_data table;
  table.row_count = xs.size();
  column_data x{"x", column_type::float_, {}, {}, {}};
  column_data y{"y", column_type::float_, {}, {}, {}};
  for (size_t i = 0; i < xs.size(); ++i) {
    x.push(xs[i]);
    y.push(ys[i]);
  }
  table.columns = {x, y};
  logical_plan plan;
  plan.table = ".rows";
  plan.order_column = ".time";
  plan.types = {{".time", column_type::timestamp},
                {"x", column_type::float_},
                {"y", column_type::float_}};
  plan.aggregates = {{function, {"x"}, "a"}};
  if (takes_pairs(function))
    plan.aggregates[0].columns.push_back("y");
  merger merged{plan};
  auto partial = execute(plan, {*view_of(table)});
  EXPECT_TRUE(partial);
  // States travel.
  for (const auto& message : encode(*partial))
    EXPECT_FALSE(merged.add(*decode_partial(message.bytes())));
  return merged.finish()->columns[0].as<double>()[0];
}

double aggregate_of(range_fn function, const std::vector<double>& xs) {
  return aggregate_of(function, xs, xs);
}

TEST(FloatRangeTest, DeviationsOfLargeAndSmallNumbers) {
  EXPECT_EQ(aggregate_of(range_fn::dev, {1e200, -1e200}), 1e200);
  EXPECT_DOUBLE_EQ(aggregate_of(range_fn::dev, {1e-170, 3e-170}), 1e-170);
  EXPECT_EQ(aggregate_of(range_fn::cor, {1e-170, 3e-170}), 1);
  EXPECT_EQ(aggregate_of(range_fn::cor, {1e200, -1e200}), 1);
  const std::vector<double> same(5, 1.7e-158);
  EXPECT_EQ(aggregate_of(range_fn::dev, same), 0);
  EXPECT_FALSE(std::signbit(aggregate_of(range_fn::dev, same)));
  EXPECT_FALSE(std::signbit(aggregate_of(range_fn::var, same)));
  EXPECT_EQ(aggregate_of(range_fn::var, {1e200, -1e200}), infinity);
  EXPECT_TRUE(std::isnan(aggregate_of(range_fn::dev, {1, infinity})));
}

TEST(FloatRangeTest, MeansOfSumsThatDoNotFit) {
  EXPECT_EQ(aggregate_of(range_fn::avg, {1.7e308, 1.7e308}), 1.7e308);
  // As that of smaller ones, whose sum fits.
  const std::vector<double> large(3, -1.7e308);
  const std::vector<double> small(3, -1.7e308 / 16);
  EXPECT_EQ(aggregate_of(range_fn::avg, large),
            16 * aggregate_of(range_fn::avg, small));
  EXPECT_EQ(aggregate_of(range_fn::avg, {1.7e308, infinity}), infinity);
  EXPECT_EQ(aggregate_of(range_fn::sum, {1.7e308, 1.7e308}), infinity);
}

/// A power of two scales every value, and so the answer, to the last bit.
TEST(FloatRangeTest, ScaleDoesNotMatter) {
  std::mt19937_64 random{7};
  for (int round = 0; round < 200; ++round) {
    std::vector<double> xs;
    std::vector<double> ys;
    const auto count = 2 + random() % 6;
    for (size_t i = 0; i < count; ++i) {
      xs.push_back(static_cast<double>(random() % 4096) / 4096 + 1);
      ys.push_back(static_cast<double>(random() % 4096) / 4096 - 1);
    }
    const int scale = static_cast<int>(random() % 1900) - 950;
    auto scaled = [&](std::vector<double> values, int by) {
      for (auto& each : values)
        each = std::ldexp(each, by);
      return values;
    };
    const auto large = scaled(xs, scale);
    EXPECT_EQ(aggregate_of(range_fn::dev, large),
              std::ldexp(aggregate_of(range_fn::dev, xs), scale));
    EXPECT_EQ(aggregate_of(range_fn::sdev, large),
              std::ldexp(aggregate_of(range_fn::sdev, xs), scale));
    EXPECT_EQ(aggregate_of(range_fn::cov, large, scaled(ys, -scale)),
              aggregate_of(range_fn::cov, xs, ys));
    const auto cor = aggregate_of(range_fn::cor, xs, ys);
    const auto same = aggregate_of(range_fn::cor, large, scaled(ys, scale / 2));
    EXPECT_TRUE(same_cell(cor, same)) << cor << " " << same;
  }
}

TEST(BarStartTest, InfinitiesStay) {
  for (const auto time : {inf_long, -inf_long, null_long})
    EXPECT_EQ(bar_start(time, 60), time);
  EXPECT_EQ(bar_start(-1, 60), -60);
}

} // namespace
} // namespace millrace::query
