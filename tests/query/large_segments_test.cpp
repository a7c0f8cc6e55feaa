#include <millrace/query/execution/execution.hpp>

#include <gtest/gtest.h>

#include <random>

#include "oracle.hpp"
#include "plan_support.hpp"

// Segments of many vectors: what is left of some rows decides which of the
// later ones are looked at.

namespace millrace::query {
namespace {

using namespace testing_support;

constexpr size_t rows_of_large = 20'000;

/// Few prices and times, so that many rows are equal in the first terms.
std::vector<row> large_rows(uint64_t seed, bool rising) {
  std::mt19937_64 random{seed};
  std::vector<row> out;
  for (size_t i = 0; i < rows_of_large; ++i) {
    const auto price
      = random() % 40 == 0
          ? nan_value
          : static_cast<double>(rising ? i / 100 : random() % 50) - 20;
    out.push_back({static_cast<int64_t>(random() % 1000),
                   std::string(1, static_cast<char>('A' + random() % 5)), price,
                   static_cast<int64_t>(random() % 7)});
  }
  return out;
}

logical_plan plan_of_large() {
  return plan_over(trade_schema(column_type::int_));
}

std::string differs(const logical_plan& plan, const std::vector<row>& rows,
                    bool sorted) {
  const auto schema = trade_schema(column_type::int_);
  std::vector<placed_row> placed;
  for (const auto& each : rows)
    placed.push_back({each, 0, 0});
  std::vector<persistence::table_view> parts;
  parts.push_back(make_view(
    schema, placed,
    {.sorted = sorted, .segment_rows = rows_of_large, .part_order = 1}));
  const auto wanted = answer(plan, schema, rows);
  const auto partial = execute(plan, std::move(parts));
  if (!wanted || !partial)
    return "no answer";
  merger merge{plan};
  if (merge.add(*partial))
    return "no merge";
  const auto found = merge.finish();
  return found ? difference(*wanted, cells_of(*found)) : "no result";
}

TEST(LargeSegmentsTest, FirstRowsOfAnOrderAreFoundVectorByVector) {
  for (const bool sorted : {false, true})
    for (const bool rising : {false, true})
      for (const int64_t wanted : {1, 10, 3000, -10}) {
        const auto rows = large_rows(8, rising);
        auto plan = plan_of_large();
        for (const auto& column : plan.types)
          plan.outputs.push_back({column.name, column.name});
        plan.sublist = wanted;
        for (const auto& ordering :
             std::vector<std::vector<order_term>>{{{2, true}, {0, false}},
                                                  {{3, false}, {2, true}},
                                                  {{1, false}, {2, false}},
                                                  {{2, false}}}) {
          plan.ordering = ordering;
          ASSERT_EQ(differs(plan, rows, sorted), "")
            << sorted << rising << wanted << to_string(plan);
        }
      }
}

TEST(LargeSegmentsTest, RangesOfTwoColumnsLeaveWhatPassesBoth) {
  const auto rows = large_rows(9, false);
  for (const bool sorted : {false, true})
    for (const bool grouped : {false, true}) {
      auto plan = plan_of_large();
      plan.aggregates = {{aggregate_function::count, {}, "n"}};
      if (grouped)
        plan.aggregates.push_back({aggregate_function::max, {"price"}, "m"});
      for (const auto& filters : std::vector<std::vector<predicate>>{
             {{"price", predicate_op::greater, false, {1.5}},
              {"size", predicate_op::less, false, {int64_t{5}}}},
             {{"price", predicate_op::less, false, {1.5}},
              {"time", predicate_op::greater_equal, false, {int64_t{500}}}},
             {{"size", predicate_op::greater, false, {int64_t{6}}}},
             {{"size", predicate_op::greater_equal, false, {int64_t{0}}}},
             {{"size", predicate_op::within, true, {int64_t{2}, int64_t{4}}},
              {"price", predicate_op::greater, false, {-100.0}}}}) {
        plan.filters = filters;
        ASSERT_EQ(differs(plan, rows, sorted), "") << to_string(plan);
      }
    }
}

} // namespace
} // namespace millrace::query
