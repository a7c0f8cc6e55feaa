#include <millrace/query/execution/execution.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "oracle.hpp"
#include "plan_support.hpp"

// Segments whose smallest and largest values say that a condition holds for all
// rows, beside those that have a null, or one value beyond; and the rows of
// several symbols of an index, few and many of them.

namespace millrace::query {
namespace {

using namespace testing_support;

constexpr int64_t time_step_of_whole = 10;

/// Rows by time, in segments of `segment_rows`. In every third one a row has a
/// null or a value of its own: a time, or a size.
std::vector<row> rows_of_whole(uint64_t seed, size_t count,
                               size_t segment_rows) {
  std::mt19937_64 random{seed};
  std::vector<row> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back({static_cast<int64_t>(i) * time_step_of_whole,
                   std::string(1, static_cast<char>('A' + random() % 9)),
                   static_cast<double>(random() % 1000) / 8,
                   static_cast<int64_t>(10 + random() % 90)});
  for (size_t begin = 0; begin < count; begin += 3 * segment_rows) {
    const auto at
      = begin + random() % std::min<size_t>(segment_rows, count - begin);
    switch (random() % 4) {
      case 0:
        out[at][0] = null_long;
        break;
      case 1:
        out[at][3] = null_long;
        break;
      case 2:
        out[at][3] = int64_t{1000};
        break;
      default:
        out[at][0] = static_cast<int64_t>(count) * 2 * time_step_of_whole;
        break;
    }
  }
  return out;
}

/// Conditions that hold for whole segments, and for parts of others.
std::vector<predicate> conditions_of_whole(uint64_t seed, size_t count) {
  const auto end = static_cast<int64_t>(count) * time_step_of_whole;
  const predicate begins{"time", predicate_op::greater_equal, false, {end / 5}};
  const predicate ends{"time", predicate_op::less, false, {end * 4 / 5}};
  predicate sizes{
    "size", predicate_op::within, false, {int64_t{5}, int64_t{200}}};
  switch (seed % 4) {
    case 0:
      return {begins, ends};
    case 1:
      return {sizes, ends};
    case 2:
      sizes.negated = true;
      return {begins, ends, sizes};
    default:
      // A null is below every size.
      return {{"size", predicate_op::less_equal, false, {int64_t{200}}},
              begins};
  }
}

std::vector<std::string> symbols_of_whole(uint64_t seed) {
  switch (seed % 3) {
    case 0:
      return {"C"};
    case 1:
      return {"H", "A"};
    default:
      return {"I", "B", "A", "D", "E", "F", "?"};
  }
}

void expect_whole(const logical_plan& plan, const std::vector<row>& rows,
                  const layout& how) {
  const auto schema = trade_schema();
  std::vector<placed_row> placed;
  for (const auto& each : rows)
    placed.push_back({each, 0, 0});
  const auto wanted = testing_support::answer(plan, schema, rows);
  ASSERT_TRUE(wanted);
  for (const uint32_t morsel_rows : {50u, 5000u}) {
    auto found = execute(plan, {make_view(schema, placed, how)},
                         {.morsel_rows = morsel_rows});
    ASSERT_TRUE(found) << to_string(found.failure());
    merger merged{plan};
    ASSERT_FALSE(add_sent(*found, merged));
    const auto table = merged.finish();
    ASSERT_TRUE(table) << to_string(table.failure());
    ASSERT_EQ(difference(*wanted, cells_of(*table)), "");
  }
}

class WholeSegmentsTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(WholeSegmentsTest, AnswerAsTheOracle) {
  const auto seed = GetParam();
  // Few rows of an index are sorted, many are marked.
  const uint32_t segment_rows = seed % 2 == 0 ? 40 : 1500;
  const size_t count = segment_rows * 7 + 3;
  const auto rows = rows_of_whole(seed, count, segment_rows);
  auto plan = plan_over(trade_schema());
  plan.filters = conditions_of_whole(seed, count);
  for (const bool indexed : {false, true}) {
    const layout how{.indexed = indexed, .segment_rows = segment_rows};
    auto grouped = plan;
    grouped.keys = {{"sym", 0, "sym"}};
    grouped.aggregates = {{aggregate_function::count, {}, "n"},
                          {aggregate_function::last, {"price"}, "c"},
                          {aggregate_function::sum, {"size"}, "v"}};
    auto counted = plan;
    counted.aggregates = {{aggregate_function::count, {}, "n"}};
    auto listed = plan;
    listed.outputs = {{"time", "time"}, {"sym", "sym"}, {"size", "size"}};
    for (auto asked : {grouped, counted, listed}) {
      expect_whole(asked, rows, how);
      asked.symbols = symbols_of_whole(seed);
      expect_whole(asked, rows, how);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WholeSegmentsTest,
                         ::testing::Range<uint64_t>(0, 24));

} // namespace
} // namespace millrace::query
