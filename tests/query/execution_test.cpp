#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/like.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <thread>

#include "counting_clock.hpp"
#include "oracle.hpp"
#include "plan_support.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;

std::vector<placed_row> trades(size_t count, int64_t first_time = 0) {
  std::vector<placed_row> rows;
  for (size_t i = 0; i < count; ++i)
    rows.push_back({{first_time + static_cast<int64_t>(i),
                     std::string(1, static_cast<char>('A' + i % 3)),
                     static_cast<double>(i) / 4, static_cast<int64_t>(i)},
                    0,
                    0});
  return rows;
}

result<table_data> merged(const logical_plan& plan,
                          std::vector<persistence::table_view> parts,
                          execution_options options = {}) {
  auto partial = execute(plan, std::move(parts), options);
  if (!partial)
    return partial.failure();
  merger merge{plan};
  if (auto fault = merge.add(std::move(*partial)))
    return fault;
  return merge.finish();
}

// Rows of one time: the later part of the stream wins `last`, the earlier
// `first`, whichever store answers and in whatever order answers arrive.
TEST(ExecutionTest, TiesOfTimeFollowTheStreamAcrossParts) {
  const auto schema = trade_schema();
  auto plan = plan_over(schema);
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::first, {"price"}, "f"},
                     {aggregate_function::last, {"price"}, "l"}};
  auto row_of = [](double price) {
    return placed_row{{int64_t{7}, std::string{"A"}, price, int64_t{1}}, 0, 0};
  };
  for (const bool sorted : {false, true}) {
    std::vector<placed_row> early{row_of(1), row_of(2)};
    std::vector<placed_row> late{row_of(3), row_of(4)};
    layout how;
    how.sorted = sorted;
    how.part_order = 5;
    const auto hdb = make_view(schema, early, how);
    how.sorted = false;
    how.part_order = ~uint64_t{0};
    const auto rdb = make_view(schema, late, how);
    for (const bool swapped : {false, true}) {
      merger merge{plan};
      for (const bool second : {swapped, !swapped})
        ASSERT_FALSE(merge.add(*execute(plan, {second ? rdb : hdb})));
      const auto cells = cells_of(*merge.finish());
      EXPECT_EQ(difference({{std::string{"A"}, 1.0, 4.0}}, cells), "");
    }
  }
}

TEST(ExecutionTest, WithoutKeysAnEmptyTableGivesOneRow) {
  auto plan = plan_over(trade_schema());
  plan.aggregates = {{aggregate_function::count, {}, "n"},
                     {aggregate_function::sum, {"size"}, "s"},
                     {aggregate_function::avg, {"price"}, "a"},
                     {aggregate_function::max, {"size"}, "m"},
                     {aggregate_function::last, {"sym"}, "l"}};
  auto none = merged(plan, {});
  ASSERT_TRUE(none) << to_string(none.failure());
  EXPECT_EQ(difference({{int64_t{0}, int64_t{0}, std::nan(""), null_long,
                         std::string{}}},
                       cells_of(*none)),
            "");
  plan.keys = {{"sym", 0, "sym"}};
  EXPECT_EQ(merged(plan, {})->row_count, 0u);
}

// A part written before a column existed, and one from when `size` was an int.
TEST(ExecutionTest, OlderPartsAreWidenedAndFilledWithNulls) {
  const auto schema = trade_schema();
  auto narrow = schema;
  narrow.columns[3].type = column_type::int_;
  auto old_rows = trades(6);
  auto int_rows = trades(6, 100);
  std::get<int64_t>(int_rows[5].cells[3]) = null_long;
  auto new_rows = trades(6, 200);
  layout how;
  how.part_order = 1;
  const auto old_part = make_view(schema, old_rows, how, 3);
  how.part_order = 2;
  how.sorted = true;
  const auto int_part = make_view(narrow, int_rows, how);
  how.part_order = 3;
  how.sorted = false;
  const auto new_part = make_view(schema, new_rows, how);
  std::vector<row> all;
  for (auto& item : old_rows) {
    item.cells[3] = null_long;
    all.push_back(item.cells);
  }
  for (const auto* rows : {&int_rows, &new_rows})
    for (const auto& item : *rows)
      all.push_back(item.cells);
  auto plan = plan_over(schema);
  plan.keys = {{"sym", 0, "sym"}, {"size", 0, "size"}};
  plan.aggregates = {{aggregate_function::count, {"size"}, "n"},
                     {aggregate_function::sum, {"size"}, "s"},
                     {aggregate_function::min, {"size"}, "m"},
                     {aggregate_function::avg, {"size"}, "a"},
                     {aggregate_function::last, {"size"}, "l"},
                     {aggregate_function::wavg, {"size", "price"}, "w"}};
  auto check = [&] {
    auto found = merged(plan, {old_part, int_part, new_part});
    ASSERT_TRUE(found) << to_string(found.failure());
    EXPECT_EQ(difference(*answer(plan, schema, all), cells_of(*found)), "")
      << to_string(plan);
  };
  check();
  plan.keys.pop_back();
  check();
  plan.filters = {{"size", predicate_op::less, false, {int64_t{4}}}};
  check();
  plan.aggregates.clear();
  plan.keys.clear();
  plan.outputs = {{"size", "size"}, {"sym", "sym"}};
  plan.ordering = {{0, true}};
  check();
  // The other way round a value could not be kept.
  auto reader = plan_over(narrow);
  reader.aggregates = {{aggregate_function::sum, {"size"}, "s"}};
  EXPECT_EQ(execute(reader, {new_part}).failure().code, errc::schema_mismatch);
}

TEST(ExecutionTest, SumsOfManyTenthsAgreeForAnySplit) {
  const auto schema = trade_schema();
  auto rows = trades(200'000);
  for (auto& item : rows) {
    item.cells[1] = std::string{"A"};
    item.cells[2] = 0.1;
  }
  auto plan = plan_over(schema);
  plan.aggregates = {{aggregate_function::sum, {"price"}, "s"},
                     {aggregate_function::wavg, {"price", "price"}, "w"}};
  for (const bool keyed : {false, true}) {
    if (keyed)
      plan.keys = {{"sym", 0, "sym"}};
    for (const uint32_t morsel : {1000u, 65536u, 200'000u}) {
      layout how;
      how.segment_rows = 65536;
      execution_options options;
      options.morsel_rows = morsel;
      auto found = merged(plan, {make_view(schema, rows, how)}, options);
      ASSERT_TRUE(found);
      const auto cells = cells_of(*found)[0];
      // 0.1 is a little more than a tenth: so is its sum, to the last bit.
      EXPECT_EQ(std::get<double>(cells[keyed ? 1 : 0]), 0.1 * 200'000);
      EXPECT_EQ(std::get<double>(cells[keyed ? 2 : 1]), 0.1 * 0.1 / 0.1);
    }
  }
}

TEST(ExecutionTest, PruningLooksAtNothingThatCannotMatch) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  layout how;
  how.segment_rows = 100;
  auto plan = plan_over(schema);
  plan.outputs = {{"size", "size"}};
  plan.range = {1000, 1049};
  const auto rdb = make_view(schema, rows, how);
  EXPECT_EQ(execute(plan, {rdb})->statistics,
            (scan_statistics{.rows_total = 3000,
                             .rows_scanned = 100,
                             .rows_matched = 50,
                             .segments_total = 30,
                             .segments_scanned = 1,
                             .parts_total = 1,
                             .parts_scanned = 1,
                             // A time and a size.
                             .bytes_scanned = 100 * (8 + 8),
                             .left_by_time = 29}));
  how.indexed = true;
  plan.symbols = {{"B"}};
  EXPECT_EQ(
    execute(plan, {make_view(schema, rows, how)})->statistics.rows_scanned,
    34u);
  how.sorted = true;
  const auto hdb = execute(plan, {make_view(schema, rows, how)});
  EXPECT_EQ(hdb->statistics.rows_scanned, hdb->statistics.rows_matched);
  EXPECT_EQ(hdb->statistics.rows_matched, 17u);
  plan.symbols = {{"nobody"}};
  EXPECT_EQ(
    execute(plan, {make_view(schema, rows, how)})->statistics.segments_scanned,
    0u);
}

TEST(ExecutionTest, FirstRowsStopTheScan) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  layout how;
  how.segment_rows = 100;
  auto plan = plan_over(schema);
  plan.outputs = {{"size", "size"}};
  plan.sublist = 5;
  execution_options options;
  options.morsel_rows = 100;
  const auto view = make_view(schema, rows, how);
  EXPECT_LE(execute(plan, {view}, options)->statistics.rows_scanned, 200u);
  const auto first = cells_of(*merged(plan, {view}, options));
  ASSERT_EQ(first.size(), 5u);
  EXPECT_EQ(first[4][0], cell{int64_t{4}});
  plan.sublist = -2;
  const auto last = cells_of(*merged(plan, {view}, options));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0][0], cell{int64_t{2998}});
}

TEST(ExecutionTest, CancelDeadlineAndMemoryStopBetweenMorsels) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  const auto view = make_view(schema, rows, {});
  auto plan = plan_over(schema);
  plan.outputs = {{"size", "size"}, {"sym", "sym"}};
  execution_options options;
  options.morsel_rows = 100;
  std::atomic<bool> cancel{false};
  options.stop.cancel = &cancel;
  test_support::manual_clock clock;
  options.stop.clock = &clock;
  options.stop.deadline_ns = 50;
  {
    execution work{plan, {view}, options};
    work.run(0);
    cancel = true;
    work.run(1);
    EXPECT_TRUE(work.failed());
    EXPECT_EQ(work.finish().failure().code, errc::cancelled);
    cancel = false;
  }
  {
    execution work{plan, {view}, options};
    work.run(0);
    clock.set(50);
    work.run(1);
    const auto failure = work.finish().failure();
    EXPECT_EQ(failure.code, errc::timeout);
    EXPECT_NE(failure.context.find("'trade'"), std::string::npos);
    clock.set(0);
  }
  options.memory_max = 10'000;
  EXPECT_EQ(execute(plan, {view}, options).failure().code,
            errc::limit_exceeded);
  options.memory_max = 0;
  plan.rows_max = 2999;
  EXPECT_EQ(merged(plan, {view}, options).failure().code, errc::limit_exceeded);
  plan.rows_max = 3000;
  EXPECT_TRUE(merged(plan, {view}, options));
  plan.bytes_max = 3000;
  EXPECT_EQ(merged(plan, {view}, options).failure().code, errc::limit_exceeded);
}

// What the merger would refuse, a back end does not build first.
TEST(ExecutionTest, LimitsActWhereTheRowsAre) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  const auto view = make_view(schema, rows, {});
  auto plan = plan_over(schema);
  plan.outputs = {{"size", "size"}};
  execution_options options;
  options.morsel_rows = 100;
  plan.rows_max = 500;
  execution work{plan, {view}, options};
  size_t ran = 0;
  while (!work.failed() && ran < work.morsel_count())
    work.run(ran++);
  EXPECT_LT(ran, 10u);
  const auto failure = work.finish().failure();
  EXPECT_EQ(failure.code, errc::limit_exceeded);
  EXPECT_NE(failure.context.find("more than 500 rows"), std::string::npos);
  // All languages can follow the advice.
  EXPECT_NE(failure.context.find("conditions, groups or a limit of rows, or "
                                 "raise rows_max of the gateway"),
            std::string::npos);
  plan.sublist = 500;
  EXPECT_TRUE(execute(plan, {view}, options));
  plan.sublist = 501;
  EXPECT_EQ(execute(plan, {view}, options).failure().code,
            errc::limit_exceeded);
  plan.sublist.reset();
  plan.outputs.clear();
  plan.keys = {{"time", 0, "time"}};
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  EXPECT_EQ(execute(plan, {view}, options).failure().code,
            errc::limit_exceeded);
}

TEST(ExecutionTest, ARefusalForMemoryTellsWhoseItIs) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  const auto view = make_view(schema, rows, {});
  auto plan = plan_over(schema);
  plan.outputs = {{"size", "size"}};
  execution_options options;
  options.memory_max = 10'000;
  options.process = "rdb7";
  const auto failure = execute(plan, {view}, options).failure();
  EXPECT_EQ(failure.code, errc::limit_exceeded);
  EXPECT_EQ(failure.context, "rdb7: the query on table 'trade' needs more than "
                             "10000 bytes of memory (query_memory_max)");
}

TEST(ExecutionTest, AMergeStopsWhenItIsTold) {
  const auto schema = trade_schema();
  auto plan = plan_over(schema);
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::med, {"price"}, "m"}};
  auto rows = trades(3000);
  const auto partial = *execute(plan, {make_view(schema, rows, {})}, {});
  std::atomic<bool> cancel{false};
  merger merge{plan, {.cancel = &cancel}};
  EXPECT_FALSE(merge.add(partial));
  cancel = true;
  EXPECT_EQ(merge.add(partial).code, errc::cancelled);
  EXPECT_EQ(merge.finish().failure().code, errc::cancelled);
}

TEST(ExecutionTest, AnOrderWithALimitKeepsNoMoreThanTheLimit) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  const auto view = make_view(schema, rows, {});
  for (const int64_t wanted : {5, -5}) {
    auto plan = plan_over(schema);
    plan.outputs = {{"sym", "sym"}, {"size", "size"}};
    plan.ordering = {{1, true}};
    plan.sublist = wanted;
    execution_options options;
    options.morsel_rows = 100;
    const auto partial = execute(plan, {view}, options);
    ASSERT_TRUE(partial);
    uint64_t kept = 0;
    for (const auto& chunk : partial->chunks)
      kept += chunk.table.row_count;
    EXPECT_EQ(kept, 5u);
  }
}

// A look at the flag comes between the filters of one vector, not after all.
TEST(ExecutionTest, ManyFiltersStopInTheMidstOfAMorsel) {
  const auto schema = trade_schema();
  auto rows = trades(3000);
  const auto view = make_view(schema, rows, {});
  auto plan = plan_over(schema);
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  for (int64_t i = 0; i < 20'000; ++i)
    plan.filters.push_back({"size", predicate_op::not_equal, false, {-1 - i}});
  counting_clock clock;
  execution_options options;
  options.stop.clock = &clock;
  options.stop.deadline_ns = 100;
  execution work{plan, {view}, options};
  work.run(0);
  EXPECT_EQ(work.finish().failure().code, errc::timeout);
  EXPECT_LT(clock.looks, 110);
}

TEST(ExecutionTest, AWholeNumberThatDoesNotFitIsAnError) {
  const auto schema = trade_schema();
  auto rows = trades(100);
  for (auto& item : rows)
    item.cells[3] = int64_t{1} << 62;
  auto plan = plan_over(schema);
  for (const auto function :
       {aggregate_function::sum, aggregate_function::sumsq,
        aggregate_function::prd}) {
    plan.aggregates = {{function, {"size"}, "s"}};
    const auto failure = merged(plan, {make_view(schema, rows, {})}).failure();
    EXPECT_EQ(failure.code, errc::overflow);
    EXPECT_NE(failure.context.find("of column 'size'"), std::string::npos);
  }
  plan.aggregates = {{aggregate_function::avg, {"size"}, "a"}};
  EXPECT_EQ(cells_of(*merged(plan, {make_view(schema, rows, {})}))[0][0],
            cell{0x1p62});
}

// The reproduction: values that nearly cancel, in any layout, grouped or not.
TEST(ExecutionTest, FloatsThatNearlyCancelHaveOneSum) {
  const auto schema = trade_schema();
  auto rows = trades(1000);
  double digits = 0.1;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].cells[1] = std::string{"A"};
    digits = digits * 1.37 + 0.011;
    if (digits > 10)
      digits /= 10;
    rows[i].cells[2] = (i % 2 ? -1 : 1) * (1e11 + digits);
  }
  auto plan = plan_over(schema);
  plan.aggregates = {{aggregate_function::sum, {"price"}, "s"},
                     {aggregate_function::dev, {"price"}, "d"},
                     {aggregate_function::avg, {"price"}, "a"}};
  std::optional<row> first;
  for (const bool keyed : {false, true})
    for (const bool sorted : {false, true})
      for (const uint32_t morsel : {7u, 100u, 5000u}) {
        if (keyed)
          plan.keys = {{"sym", 0, "sym"}};
        layout how;
        how.sorted = sorted;
        execution_options options;
        options.morsel_rows = morsel;
        auto cells
          = cells_of(*merged(plan, {make_view(schema, rows, how)}, options))[0];
        if (keyed)
          cells.erase(cells.begin());
        if (!first)
          first = cells;
        EXPECT_EQ(difference({*first}, {cells}), "") << keyed << sorted;
      }
}

TEST(ExecutionTest, DatesFollowTheTablesDay) {
  auto schema = trade_schema();
  auto rows = trades(4);
  // Midnight in New York, standard and summer time, and the ns before.
  const auto winter = 8041 * text::day_ns + 5 * text::hour_ns;
  const auto summer = 8200 * text::day_ns + 4 * text::hour_ns;
  const int64_t times[] = {winter - 1, winter, summer - 1, summer};
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].cells[0] = times[i];
  auto plan = plan_over(schema);
  plan.day_zone = "America/New_York";
  plan.keys = {{"time", 0, "date", true}};
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  for (const bool sorted : {false, true}) {
    layout how;
    how.sorted = sorted;
    const auto view = make_view(schema, rows, how);
    plan.keys = {{"time", 0, "date", true}};
    const std::vector<row> dates{{int64_t{8040}, int64_t{1}},
                                 {int64_t{8041}, int64_t{1}},
                                 {int64_t{8199}, int64_t{1}},
                                 {int64_t{8200}, int64_t{1}}};
    EXPECT_EQ(difference(dates, cells_of(*merged(plan, {view}))), "");
    // Bars of 7 hours start with the date: the last of a day is shorter.
    plan.keys = {{"time", 7 * text::hour_ns, "bar", true}};
    const std::vector<row> bars{{winter - 3 * text::hour_ns, int64_t{1}},
                                {winter, int64_t{1}},
                                {summer - 3 * text::hour_ns, int64_t{1}},
                                {summer, int64_t{1}}};
    EXPECT_EQ(difference(bars, cells_of(*merged(plan, {view}))), "");
  }
}

TEST(ExecutionTest, ManyThreadsRunMorselsInAnyOrder) {
  const auto schema = trade_schema();
  auto rows = trades(50'000);
  std::vector<row> cells;
  for (const auto& item : rows)
    cells.push_back(item.cells);
  layout how;
  how.segment_rows = 65536;
  auto plan = plan_over(schema);
  plan.keys = {{"sym", 0, "sym"}, {"time", 1000, "time"}};
  plan.aggregates = {{aggregate_function::wavg, {"size", "price"}, "w"},
                     {aggregate_function::last, {"price"}, "l"}};
  execution_options options;
  options.morsel_rows = 1000;
  execution work{plan, {make_view(schema, rows, how)}, options};
  const auto count = work.morsel_count();
  ASSERT_EQ(count, 50u);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = t; i < count; i += 4)
        work.run(count - 1 - i);
    });
  for (auto& thread : threads)
    thread.join();
  merger merge{plan};
  ASSERT_FALSE(merge.add(*work.finish()));
  EXPECT_EQ(difference(*answer(plan, schema, cells), cells_of(*merge.finish())),
            "");
}

TEST(ExecutionTest, APlanThatIsNotValidIsRefused) {
  auto plan = plan_over(trade_schema());
  plan.aggregates = {{aggregate_function::sum, {"sym"}, "s"}};
  execution work{plan, {}};
  EXPECT_EQ(work.morsel_count(), 0u);
  EXPECT_EQ(work.finish().failure().code, errc::invalid_argument);
  EXPECT_EQ(decode_plan(encode(plan)).failure().code, errc::malformed_message);
}

TEST(PartialTest, OfAnotherPlanIsRefused) {
  auto plan = plan_over(trade_schema());
  plan.outputs = {{"size", "size"}};
  auto rows = trades(5);
  const auto view = make_view(trade_schema(), rows, {});
  auto other = plan;
  other.outputs = {{"price", "price"}};
  merger merge{other};
  const auto fault = merge.add(*execute(plan, {view}));
  EXPECT_EQ(to_string(fault), "schema_mismatch: partial result for table "
                              "'trade': column 'price' is long, not float");
}

// Method: flip every bit of an encoded partial result; decoding refuses, or
// gives one that a merger may read to its end.
TEST(PartialTest, DamagedBytesNeverLeadOutOfBounds) {
  auto plan = plan_over(trade_schema());
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::last, {"sym"}, "l"}};
  auto rows = trades(4);
  const auto good
    = encode(*execute(plan, {make_view(trade_schema(), rows, {})})).at(0);
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::byte> bytes{good.bytes().begin(), good.bytes().end()};
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    auto partial = decode_partial(bytes);
    merger merge{plan};
    if (!partial || merge.add(std::move(*partial)) || !merge.finish())
      ++refused;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, good.size() * 8);
}

TEST(LikeTest, MatchesAsQ) {
  struct {
    const char* text;
    const char* pattern;
    bool matches;
  } const cases[] = {
    {"", "", true},           {"", "*", true},
    {"a", "", false},         {"abc", "a?c", true},
    {"abc", "A?c", false},    {"abc", "*c", true},
    {"abc", "*b", false},     {"aXbXc", "*X*c", true},
    {"abc", "a[bx]c", true},  {"abc", "a[^bx]c", false},
    {"abc", "a[a-c]c", true}, {"a-c", "a[x-]c", true},
    {"a]c", "a[]]c", true},   {"abc", "a[b", false},
    {"a*c", "a[*]c", true},   {"abc", "a[*]c", false},
    {"aaab", "*a*a*b", true}, {"ab", "???", false},
  };
  for (const auto& item : cases)
    EXPECT_EQ(like_pattern{item.pattern}.matches(item.text), item.matches)
      << item.text << " like " << item.pattern;
  // No pattern makes it try for ever, or go through its stars again.
  const std::string text(1'000'000, 'a');
  std::string classes = "*";
  for (int i = 0; i < 1000; ++i)
    classes += "[ab]";
  for (const auto& pattern :
       {std::string(1000, '*') + "x", "*" + std::string(5000, 'a') + "b*",
        classes + "b*", std::string(3, '*') + "?b" + std::string(9, '*')})
    EXPECT_FALSE(like_pattern{pattern}.matches(text)) << pattern.size();
}

} // namespace
} // namespace millrace::query
