#include <millrace/query/execution/group_merge.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "oracle.hpp"
#include "plan_support.hpp"

// Groups of a symbol and a bar, of days that are sorted and written down and of
// rows as they came, in morsels whose borders lie anywhere.

namespace millrace::query {
namespace {

using namespace testing_support;

constexpr int64_t bar_of_runs = 60;
constexpr int64_t day_of_runs = 100 * bar_of_runs;

logical_plan bars_of_runs(bool texts_first) {
  auto plan = plan_over(trade_schema());
  plan.keys = {{"sym", 0, "sym"}, {"time", bar_of_runs, "bar"}};
  if (!texts_first)
    std::swap(plan.keys[0], plan.keys[1]);
  plan.aggregates = {{aggregate_function::first, {"price"}, "o"},
                     {aggregate_function::max, {"price"}, "h"},
                     {aggregate_function::last, {"price"}, "c"},
                     {aggregate_function::sum, {"size"}, "v"},
                     {aggregate_function::wavg, {"size", "price"}, "w"},
                     {aggregate_function::med, {"price"}, "m"},
                     {aggregate_function::distinct, {"sym"}, "n"}};
  plan.alone = true;
  return plan;
}

/// Days of rows in the order in which they came, by time but for `late` ones.
std::vector<std::vector<row>> days_of_runs(uint64_t seed, bool late) {
  std::mt19937_64 random{seed};
  std::vector<std::vector<row>> out(4);
  for (size_t day = 0; day < out.size(); ++day) {
    const auto begin = static_cast<int64_t>(day) * day_of_runs;
    for (int64_t i = 0; i < 400; ++i) {
      // A day begins in the middle of a bar, and symbols come and go.
      auto time = begin + 30 + i * (day_of_runs - 100) / 400;
      if (late && random() % 50 == 0)
        time = static_cast<int64_t>(random() % day_of_runs);
      out[day].push_back(
        {time,
         std::string(1, static_cast<char>('A' + random() % (3 + 2 * day))),
         static_cast<double>(random() % 1000) / 8,
         static_cast<int64_t>(random() % 100)});
    }
  }
  return out;
}

std::vector<persistence::table_view>
parts_of_runs(const std::vector<std::vector<row>>& days, bool sorted) {
  std::vector<persistence::table_view> out;
  for (size_t day = 0; day < days.size(); ++day) {
    std::vector<placed_row> placed;
    for (const auto& each : days[day])
      placed.push_back({each, 0, 0});
    out.push_back(
      make_view(trade_schema(), placed,
                {.sorted = sorted, .segment_rows = 64, .part_order = day + 1}));
  }
  return out;
}

struct run_case {
  bool sorted;
  bool late;
  bool texts_first;
};

constexpr run_case run_cases[]
  = {{true, false, true},  {true, false, false},  {true, true, true},
     {false, false, true}, {false, false, false}, {false, true, true}};

TEST(GroupRunsTest, AnswerAsTheOracleWhereverMorselsEnd) {
  const auto schema = trade_schema();
  for (const auto& each : run_cases)
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      const auto days = days_of_runs(seed, each.late);
      std::vector<row> rows;
      for (const auto& day : days)
        rows.insert(rows.end(), day.begin(), day.end());
      auto plan = bars_of_runs(each.texts_first);
      // All of them, some, and in an order of their own.
      if (seed % 4 == 2)
        plan.sublist = -17;
      if (seed % 4 == 3)
        plan.ordering = {{3, true}};
      const auto wanted = answer(plan, schema, rows);
      ASSERT_TRUE(wanted);
      for (const uint32_t morsel_rows : {1u, 7u, 50u, 5000u}) {
        auto found = execute(plan, parts_of_runs(days, each.sorted),
                             {.morsel_rows = morsel_rows});
        ASSERT_TRUE(found) << to_string(found.failure());
        ASSERT_TRUE(found->finished);
        ASSERT_EQ(found->chunks.size(), 1u);
        ASSERT_EQ(difference(*wanted, cells_of(found->chunks[0].table)), "")
          << "seed " << seed << ", morsels of " << morsel_rows;
      }
    }
}

/// What number_groups says of all morsels' groups.
class numbered_runs {
public:
  numbered_runs(const std::vector<std::vector<row>>& days, bool sorted)
    : setup_{bars_of_runs(true)} {
    setup_.parts = parts_of_runs(days, sorted);
    EXPECT_FALSE(prepare(setup_, 7));
    for (size_t i = 0; i + 1 < setup_.morsels.size(); ++i)
      outputs_.push_back(
        scan(setup_,
             std::span{setup_.units}.subspan(
               setup_.morsels[i], setup_.morsels[i + 1] - setup_.morsels[i])));
    auto made = number_groups({setup_, outputs_, options_, values_});
    EXPECT_TRUE(made);
    if (made)
      groups.emplace(*std::move(made));
  }

  std::optional<numbered_groups> groups;

private:
  scan_setup setup_;
  execution_options options_;
  std::vector<morsel_output> outputs_;
  std::vector<std::vector<column_ref>> values_;
};

TEST(GroupRunsTest, SortedDaysAreStrungTogether) {
  const auto days = days_of_runs(5, false);
  numbered_runs sorted{days, true};
  numbered_runs arrived{days, false};
  // Their order comes without a look at what is in it.
  ASSERT_TRUE(sorted.groups->order);
  EXPECT_FALSE(arrived.groups->order);
  EXPECT_EQ(sorted.groups->set.size(), arrived.groups->set.size());
  auto order = *sorted.groups->order;
  EXPECT_EQ(order, sorted.groups->set.key_order());
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < order.size(); ++i)
    ASSERT_EQ(order[i], i);
}

TEST(GroupRunsTest, DaysWithRowsOfEachOtherAreNot) {
  numbered_runs sorted{days_of_runs(5, true), true};
  EXPECT_FALSE(sorted.groups->order);
}

// Goal: keys that come after adopted ones are told apart whatever table looks
// them up, also when the dense one gives up over the adopted ones: one text per
// number has far more places than groups. Method: a map.
TEST(GroupRunsTest, KeysAfterManyAdoptedOnesAreFound) {
  const plan_shape shape{bars_of_runs(true)};
  ASSERT_EQ(shape.key_words, 2u);
  group_set groups{shape};
  constexpr uint64_t adopted = 60'000;
  const auto number_of = [](uint64_t i) { return i % 900 * bar_of_runs; };
  std::vector<uint64_t> keys;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> wanted;
  for (uint64_t i = 0; i < adopted; ++i) {
    keys.insert(keys.end(), {i, number_of(i)});
    wanted.emplace(std::pair{i, number_of(i)}, static_cast<uint32_t>(i));
  }
  groups.adopt(keys.data(), adopted);
  // The first one finds the table too large; its own place would be there.
  const uint64_t first[] = {0, number_of(1)};
  wanted.emplace(std::pair{first[0], first[1]}, static_cast<uint32_t>(adopted));
  ASSERT_EQ(groups.add(first), adopted);
  std::mt19937_64 random{3};
  for (int i = 0; i < 20'000; ++i) {
    const auto code = random() % adopted;
    const uint64_t key[] = {code, number_of(code + random() % 2)};
    const auto next = static_cast<uint32_t>(wanted.size());
    const auto group = wanted.emplace(std::pair{key[0], key[1]}, next);
    ASSERT_EQ(groups.add(key), group.first->second) << i;
    ASSERT_EQ(groups.size(), wanted.size());
  }
}

// What a part of a group's rows cannot be finished as, all of them are.
TEST(GroupRunsTest, GroupsOfSeveralMorselsAreFinishedAsAWhole) {
  const auto schema = trade_schema();
  const int64_t large = int64_t{3} << 61;
  std::vector<row> rows;
  for (const auto size : {large, large, -large, -large, int64_t{7}})
    rows.push_back({int64_t{10}, std::string{"A"}, 1.0, size});
  for (int64_t i = 0; i < 20; ++i)
    rows.push_back({(i + 1) * bar_of_runs, std::string{"A"}, 1.0, i});
  const auto plan = bars_of_runs(true);
  const auto wanted = answer(plan, schema, rows);
  ASSERT_TRUE(wanted);
  const auto found
    = execute(plan, parts_of_runs({rows}, false), {.morsel_rows = 2});
  ASSERT_TRUE(found) << to_string(found.failure());
  EXPECT_EQ(difference(*wanted, cells_of(found->chunks[0].table)), "");
  // And what overflows as a whole is told.
  rows.resize(2);
  EXPECT_EQ(execute(plan, parts_of_runs({rows}, false), {.morsel_rows = 1})
              .failure()
              .code,
            errc::overflow);
}

// A bar that would begin before 64 bits do is none of an infinity's.
TEST(GroupRunsTest, ABarBeforeTheFirstOneIsRefused) {
  for (const bool by_symbol : {true, false})
    for (const bool sorted : {true, false}) {
      const auto run = [&](int64_t first) {
        const std::vector<row> rows{
          {first, std::string{"A"}, 1.0, int64_t{1}},
          {int64_t{10}, std::string{"A"}, 1.0, int64_t{1}}};
        return execute(bars_of_runs(by_symbol), parts_of_runs({rows}, sorted),
                       {.morsel_rows = 1});
      };
      EXPECT_EQ(run(-inf_long + 1).failure().code, errc::overflow);
      EXPECT_TRUE(run(-inf_long));
      EXPECT_TRUE(run(-inf_long + 1 + bar_of_runs));
    }
}

// A result that is finished is no part of another one.
TEST(GroupRunsTest, WhatIsFinishedMergesWithNothing) {
  const auto plan = bars_of_runs(true);
  auto found = execute(plan, parts_of_runs(days_of_runs(1, false), true));
  ASSERT_TRUE(found);
  merger merge{plan};
  EXPECT_EQ(merge.add(*std::move(found)).code, errc::schema_mismatch);
}

} // namespace
} // namespace millrace::query
