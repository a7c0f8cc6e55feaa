#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "read_parts.hpp"
#include "sql_rows.hpp"

// A join that stores do by themselves has the answer that the gateway's has,
// wherever the border between earlier and later rows lies.

namespace millrace::query {
namespace {

using testing_support::placed_row;
using testing_support::read_when_asked;
using testing_support::run_in_stores;
using testing_support::run_tree;
using testing_support::sql_table;
using maker = std::mt19937_64;

size_t drawn_below(maker& draw, size_t count) {
  return std::uniform_int_distribution<size_t>{0, count - 1}(draw);
}

/// How the parts of both tables are stored.
enum class parts_kind : uint8_t {
  sorted_and_plain, ///< Three sorted ones; rows must be copied first.
  sorted_and_index, ///< Three sorted ones, and one of indexed segments.
  read,             ///< Sorted, whose values are read when asked for.
  any_sorted,       ///< Sorted or indexed each.
};

/// `late` rows lie in a later part than their time says, or have none.
struct parts_choice {
  parts_kind kind = parts_kind::sorted_and_plain;
  bool late = false;
  int64_t seconds = 20; ///< Of a day: few make many rows of equal times.
};

std::vector<placed_row> some_rows(maker& draw, bool trades, int64_t day,
                                  const parts_choice& how) {
  std::vector<placed_row> rows;
  for (auto count = drawn_below(draw, 60); count > 0; --count) {
    const auto at = how.late && drawn_below(draw, 40) == 0 ? 0 : day;
    const auto second = at * 86'400
                        + static_cast<int64_t>(
                          drawn_below(draw, static_cast<size_t>(how.seconds)));
    // Not all symbols are on both sides.
    testing_support::row cells{
      how.late && drawn_below(draw, 60) == 0
        ? null_long
        : second * testing_support::second_of_sql,
      drawn_below(draw, 9) == 0
        ? ""
        : std::string(1, (trades ? "ZAMBXY" : "ZAMBXQ")[drawn_below(draw, 6)]),
      static_cast<double>(drawn_below(draw, 1000)) / 8};
    if (trades) {
      cells.push_back(static_cast<int64_t>(10 * drawn_below(draw, 5)));
      cells.push_back(static_cast<int64_t>(drawn_below(draw, 100)));
      cells.push_back(static_cast<int64_t>(drawn_below(draw, 2)));
    }
    rows.push_back({std::move(cells)});
  }
  return rows;
}

/// Parts of a table, each of later rows than the one before.
std::vector<persistence::table_view> some_parts(maker& draw, bool trades,
                                                const parts_choice& how) {
  const auto& schema = *sql_table(trades ? "trade" : "quote");
  std::vector<persistence::table_view> out;
  uint64_t came = 0;
  for (int64_t day = 0; day < 4; ++day) {
    auto rows = some_rows(draw, trades, day, how);
    const bool sorted = how.kind == parts_kind::any_sorted
                          ? drawn_below(draw, 2) == 0
                          : day < 3 || how.kind == parts_kind::read;
    out.push_back(
      make_view(schema, rows,
                {.sorted = sorted,
                 .indexed = how.kind != parts_kind::sorted_and_plain,
                 .segment_rows = sorted ? 0u : 7u,
                 .part_order = static_cast<uint64_t>(day),
                 .order_base = came}));
    if (how.kind == parts_kind::read)
      out.back() = testing_support::read_when_asked(out.back());
    came += 100;
  }
  return out;
}

plan_node plan_of(const std::string& text) {
  const bool is_sql = text.find("join") != std::string::npos;
  if (is_sql) {
    auto request = parse_sql(text, sql_table, 0);
    EXPECT_TRUE(request) << text << '\n' << to_string(request.failure());
    return request ? std::move(request->plan) : plan_node{};
  }
  auto request = parse_qsql(text, sql_table, 0);
  EXPECT_TRUE(request) << text << '\n' << to_string(request.failure());
  return request ? std::move(request->plan) : plan_node{};
}

const std::vector<std::string> questions{
  "select count(*), avg(t.price - q.bid), sum(q.bid) from trade t asof inner "
  "join quote q on t.sym = q.sym and t.time >= q.time",
  "select t.sym, count(*), sum(q.bid), max(t.price), min(q.bid) from trade t "
  "asof join quote q on t.sym = q.sym and t.time >= q.time group by t.sym",
  "select t.sym, count(q.bid), median(q.bid) from (select * from trade where "
  "size > 10) t asof join (select * from quote where bid > 30) q on t.sym = "
  "q.sym and t.time >= q.time group by t.sym",
  "select count(*), sum(q.bid) from trade t asof join quote q on (sym) "
  "tolerance 5s",
  "select count(*), sum(q.bid) from (select * from trade where sym = 'A') t "
  "asof inner join (select * from quote where sym = 'A') q on t.sym = q.sym "
  "and t.time >= q.time",
  "select count(*) as n, stddev(q.bid) + 1 as d from trade t asof inner join "
  "quote q on t.sym = q.sym and t.time >= q.time where t.price > q.bid",
  "select n:count i, s:sum bid, d:count distinct time by sym from "
  "aj0[`sym`time;trade;quote]",
  "select s:sum bid*lot by 0D00:00:05 xbar time from "
  "aj[`sym`time;select from trade where lot<50;quote]",
  "select s:sum price by lot from aj[`sym`time;trade;select time,sym,price:bid "
  "from quote]",
  "select n:count i,s:sum bid by place from aj[`sym`time;trade;select "
  "time,sym,bid,place:sym from quote]",
  "select t.sym, count(*), sum(q.bid) from (select * from trade where time >= "
  "'2000-01-01T00:00:05' and time < '2000-01-04T00:00:03' and sym in ('A', "
  "'B', "
  "'Z')) t asof join (select * from quote where time >= '2000-01-01T00:00:07' "
  "and sym in ('A', 'Z', 'M')) q on t.sym = q.sym and t.time >= q.time group "
  "by t.sym",
};

std::string csv(const result<table_data>& table) {
  return table ? to_text(*table, result_format::csv)
               : to_string(table.failure());
}

class JoinedTablesTest : public ::testing::TestWithParam<int> {};

TEST_P(JoinedTablesTest, AnswerAsTheGatewayDoes) {
  maker draw{static_cast<uint64_t>(GetParam())};
  const bool late = GetParam() % 3 == 0;
  const parts_choice how{static_cast<parts_kind>(GetParam() % 4), late,
                         GetParam() % 5 < 2 ? 4 : 20};
  const testing_support::parts_of_tables tables{
    {"trade", some_parts(draw, true, how)},
    {"quote", some_parts(draw, false, how)}};
  for (const auto& text : questions) {
    auto plan = plan_of(text);
    ASSERT_FALSE(resolve(plan)) << text;
    const auto cut = split(plan);
    ASSERT_TRUE(cut) << text;
    ASSERT_TRUE(cut->in_stores) << text;
    const auto expected = csv(run_tree(plan, tables));
    for (size_t earlier = 0; earlier <= 4; ++earlier) {
      const auto found = run_in_stores(*cut->in_stores, tables, earlier);
      // Late rows make stores that do not follow each other.
      if (late && !found && found.failure().code == errc::moved)
        continue;
      ASSERT_EQ(csv(found), expected) << text << "\nborder " << earlier;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, JoinedTablesTest, ::testing::Range(0, 120));

/// Seconds of trades and quotes of one symbol, each side of the border.
std::string with_border(std::vector<int64_t> trades, std::vector<int64_t> late,
                        std::vector<int64_t> quotes,
                        std::vector<int64_t> late_quotes) {
  testing_support::parts_of_tables tables;
  const auto add = [&](const std::string& name, std::vector<int64_t> seconds,
                       uint64_t place) {
    std::vector<placed_row> rows;
    for (const auto second : seconds) {
      testing_support::row cells{second == null_long
                                   ? null_long
                                   : second * testing_support::second_of_sql,
                                 std::string{"A"}, double(second % 100)};
      if (name == "trade")
        for (int i = 0; i < 3; ++i)
          cells.push_back(int64_t{1});
      rows.push_back({std::move(cells)});
    }
    tables[name].push_back(
      make_view(*sql_table(name), rows,
                {.part_order = place, .order_base = 100 * place}));
  };
  add("trade", std::move(trades), 0);
  add("trade", std::move(late), 1);
  add("quote", std::move(quotes), 0);
  add("quote", std::move(late_quotes), 1);
  auto plan = plan_of("select n:count bid, s:sum bid by sym from "
                      "aj[`sym`time;trade;quote]");
  EXPECT_FALSE(resolve(plan));
  const auto found = run_in_stores(*split(plan)->in_stores, tables, 1);
  if (!found && found.failure().code == errc::moved)
    return "moved";
  EXPECT_EQ(csv(found), csv(run_tree(plan, tables)));
  return found ? "told" : csv(found);
}

TEST(JoinedTablesBorderTest, TellsWhenRowsDoNotFollowEachOther) {
  EXPECT_EQ(with_border({10, 20}, {30, 40}, {5, 15}, {35}), "told");
  // A quote of the same time as a trade on the other side is that trade's.
  EXPECT_EQ(with_border({10, 20}, {30}, {5}, {20, 35}), "moved");
  EXPECT_EQ(with_border({10, 20}, {30}, {5}, {21, 35}), "told");
  // Quotes of both sides that are mixed, and of one time.
  EXPECT_EQ(with_border({10}, {50}, {5, 40}, {35}), "moved");
  EXPECT_EQ(with_border({10}, {50}, {5, 40}, {40}), "told");
  // A trade that is late lies between the quotes of the other side.
  EXPECT_EQ(with_border({10}, {12}, {5, 15}, {35}), "moved");
  EXPECT_EQ(with_border({10}, {15}, {5, 15}, {35}), "told");
  // Nothing on a side.
  EXPECT_EQ(with_border({}, {30, 40}, {5, 15}, {}), "told");
  EXPECT_EQ(with_border({10, 20}, {}, {}, {25}), "told");
  EXPECT_EQ(with_border({10, 20}, {}, {}, {15}), "moved");
  // A quote without a time is before all.
  EXPECT_EQ(with_border({10}, {30}, {5}, {null_long, 35}), "moved");
}

/// Seconds of the rows of a symbol, and a number for each beside it.
struct told_row {
  int64_t second = 0;
  std::string symbol;
  double number = 0;
};

persistence::table_view told_part(bool trades, std::vector<told_row> told,
                                  const testing_support::layout& how) {
  std::vector<placed_row> rows;
  for (const auto& each : told) {
    testing_support::row cells{each.second == null_long
                                 ? null_long
                                 : each.second * testing_support::second_of_sql,
                               each.symbol, each.number};
    if (trades)
      for (int i = 0; i < 3; ++i)
        cells.push_back(int64_t{1});
    rows.push_back({std::move(cells)});
  }
  return make_view(*sql_table(trades ? "trade" : "quote"), rows, how);
}

/// The plan of a question that stores join.
logical_plan in_stores(const std::string& text) {
  auto plan = plan_of(text);
  EXPECT_FALSE(resolve(plan));
  return split(plan)->in_stores->fragments.at(0);
}

const std::string sum_of_bids = "select n:count bid,s:sum bid by sym from "
                                "aj[`sym`time;trade;quote]";

result<partial_result> joined(const std::vector<persistence::table_view>& trade,
                              const std::vector<persistence::table_view>& quote,
                              execution_options options = {},
                              const std::string& text = sum_of_bids) {
  join_execution work{in_stores(text), trade, quote, false, std::move(options)};
  for (size_t i = 0; i < work.morsel_count(); ++i)
    work.run(i);
  return work.finish();
}

/// Symbols, trades with a quote, and the sum of their bids.
std::string bids_of(const std::vector<persistence::table_view>& trade,
                    const std::vector<persistence::table_view>& quote,
                    const std::string& text = sum_of_bids) {
  auto partial = joined(trade, quote, {}, text);
  if (!partial)
    return to_string(partial.failure());
  merger merged{in_stores(text)};
  EXPECT_FALSE(merged.add(*std::move(partial)));
  auto table = csv(merged.finish());
  std::erase(table, '\r');
  return table.substr(table.find('\n') + 1);
}

TEST(JoinedTablesTiesTest, AreTheLastRowsInTheOrderOfParts) {
  const auto trade = told_part(true, {{10, "A", 0}}, {.sorted = true});
  const auto part = [](std::vector<told_row> rows, uint64_t place,
                       testing_support::layout how) {
    how.part_order = place;
    how.order_base = 100 * place;
    how.segment_rows = 2;
    return told_part(false, std::move(rows), how);
  };
  const testing_support::layout sorted{.sorted = true};
  const testing_support::layout indexed{.indexed = true};
  const auto expect = [&](const std::vector<persistence::table_view>& quotes,
                          const std::string& bid) {
    EXPECT_EQ(bids_of({trade}, quotes), "A,1," + bid + "\n");
  };
  for (const auto& how : {sorted, indexed}) {
    // Of one part, the one that came last.
    expect({part({{10, "A", 1}, {10, "A", 2}, {10, "A", 3}}, 0, how)}, "3");
    // Of several, that of the later part: whatever the order that they are
    // given in, and though another row of the earlier part is later.
    const auto earlier
      = part({{9, "A", 1}, {10, "A", 2}, {11, "A", 3}}, 1, how);
    const auto later = part({{10, "A", 4}, {10, "A", 5}, {10, "A", 6}}, 2, how);
    expect({earlier, later}, "6");
    expect({later, earlier}, "6");
    // Parts of which one ends when the other begins.
    const auto ends = part({{9, "A", 7}, {10, "A", 8}}, 1, how);
    expect({ends, later}, "6");
    expect({later, ends}, "6");
    // A late row of the later part is not the nearest one.
    expect({earlier, part({{8, "A", 9}, {12, "A", 9}}, 2, how)}, "2");
  }
  // A part of each kind.
  expect({part({{10, "A", 1}, {11, "A", 2}}, 2, sorted),
          part({{10, "A", 3}, {9, "A", 4}}, 1, indexed)},
         "1");
  expect({part({{10, "A", 1}, {11, "A", 2}}, 1, sorted),
          part({{10, "A", 3}, {9, "A", 4}}, 2, indexed)},
         "3");
}

TEST(JoinedTablesTiesTest, HoldForTimesThatAreNotThere) {
  const auto trade
    = told_part(true, {{null_long, "A", 0}, {null_long, "", 0}, {1, "", 0}},
                {.sorted = true});
  const auto quote = told_part(
    false, {{null_long, "A", 1}, {null_long, "A", 2}, {0, "A", 4}, {1, "", 8}},
    {.sorted = true});
  EXPECT_EQ(bids_of({trade}, {quote}), ",2,8\nA,1,2\n");
}

/// A part of trades of A at 10 and 20 s, and one of quotes of each second below
/// 100 of A and of B.
struct read_tables {
  read_tables() {
    std::vector<told_row> rows;
    for (const std::string symbol : {"A", "B"})
      for (int64_t second = 0; second < 100; ++second)
        rows.push_back({second, symbol, double(second)});
    trade = {read_when_asked(
      told_part(true, {{10, "A", 0}, {20, "A", 0}}, {.sorted = true}),
      of_trade)};
    quote
      = {read_when_asked(told_part(false, rows, {.sorted = true}), of_quote)};
  }

  using reads = testing_support::part_reads;
  std::shared_ptr<reads> of_trade = std::make_shared<reads>();
  std::shared_ptr<reads> of_quote = std::make_shared<reads>();
  std::vector<persistence::table_view> trade;
  std::vector<persistence::table_view> quote;
};

TEST(JoinedTablesReadTest, ReadsTheTimesAndWhatIsFound) {
  read_tables tables;
  const auto found = joined(tables.trade, tables.quote);
  ASSERT_TRUE(found) << to_string(found.failure());
  using range = read_tables::reads::range;
  // Of quotes the symbols by ranges, the times, bids from 10 to 20 s, and the
  // last row of each symbol for the other store.
  EXPECT_EQ(tables.of_quote->ranges, (std::vector<range>{{0, 0, 100},
                                                         {2, 10, 21},
                                                         {0, 99, 100},
                                                         {2, 99, 100},
                                                         {0, 100, 200},
                                                         {0, 199, 200},
                                                         {2, 199, 200}}));
  EXPECT_EQ(tables.of_trade->ranges, (std::vector<range>{{0, 0, 2}}));
  EXPECT_EQ(found->statistics.rows_scanned, 202u);
  EXPECT_EQ(found->statistics.rows_matched, 202u);
  EXPECT_EQ(found->statistics.segments_scanned, 2u);
  ASSERT_TRUE(found->bounds);
  EXPECT_EQ(found->bounds->left_max, 20 * testing_support::second_of_sql);
  EXPECT_EQ(found->bounds->right_min, 0);
  EXPECT_EQ(found->bounds->right_max, 99 * testing_support::second_of_sql);
}

TEST(JoinedTablesReadTest, ReadsAPartOnceThoughItsRowsTakeTurns) {
  using reads = testing_support::part_reads;
  const auto even = std::make_shared<reads>();
  const auto odd = std::make_shared<reads>();
  std::vector<told_row> trades;
  std::vector<told_row> quotes[2];
  for (int64_t second = 0; second < 100; ++second) {
    trades.push_back({second, "A", 0});
    quotes[second % 2].push_back({second, "A", double(second)});
  }
  const auto found = bids_of(
    {told_part(true, trades, {.sorted = true})},
    {read_when_asked(told_part(false, quotes[0], {.sorted = true}), even),
     read_when_asked(
       told_part(false, quotes[1], {.sorted = true, .part_order = 1}), odd)});
  EXPECT_EQ(found, "A,100,4950\n");
  EXPECT_EQ(even->ranges, (std::vector<reads::range>{{0, 0, 50}, {2, 0, 50}}));
  // The last row goes to the other store, too.
  EXPECT_EQ(odd->ranges, (std::vector<reads::range>{
                           {0, 0, 50}, {2, 0, 50}, {0, 49, 50}, {2, 49, 50}}));
}

TEST(JoinedTablesReadTest, FailsWhenWhatItLooksAtIsLost) {
  const auto code_of = [](uint32_t of_trade, uint32_t of_quote) {
    read_tables tables;
    tables.of_trade->lost = of_trade;
    tables.of_quote->lost = of_quote;
    const auto found = joined(tables.trade, tables.quote);
    return found ? errc{} : found.failure().code;
  };
  constexpr auto nothing = read_tables::reads::nothing;
  constexpr auto opened = read_tables::reads::opened;
  EXPECT_EQ(code_of(nothing, nothing), errc{});
  for (const auto lost : {0u, opened})
    EXPECT_EQ(code_of(lost, nothing), errc::corrupt) << lost;
  for (const auto lost : {0u, 2u, opened})
    EXPECT_EQ(code_of(nothing, lost), errc::corrupt) << lost;
  // Ranges tell the symbols.
  EXPECT_EQ(code_of(1, 1), errc{});
}

TEST(JoinedTablesReadTest, StopsAtItsLimits) {
  const read_tables tables;
  std::atomic<bool> cancel{true};
  execution_options options;
  options.stop.cancel = &cancel;
  auto found = joined(tables.trade, tables.quote, options);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.failure().code, errc::cancelled);
  options = {.memory_max = 8, .process = "hdb1"};
  found = joined(tables.trade, tables.quote, options);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.failure().code, errc::limit_exceeded);
  EXPECT_NE(found.failure().context.find("query_memory_max"),
            std::string::npos);
  // What an index lists is memory, though nothing of it is found.
  const auto late = told_part(true, {{1, "A", 0}}, {.indexed = true});
  std::vector<told_row> quotes;
  for (int64_t second = 2; second < 1002; ++second)
    quotes.push_back({second, "A", 1});
  const std::vector listed{told_part(false, quotes, {.indexed = true})};
  options.memory_max = 11'000;
  found = joined({late}, listed, options);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.failure().code, errc::limit_exceeded);
  options.memory_max = 100'000;
  EXPECT_TRUE(joined({late}, listed, options));
}

TEST(JoinedTablesPlanTest, StandsInItsMessage) {
  for (const auto& text : questions) {
    auto plan = plan_of(text);
    ASSERT_FALSE(resolve(plan));
    const auto cut = split(plan);
    const auto& sent = cut->in_stores->fragments.at(0);
    const auto read = decode_plan(encode(sent));
    ASSERT_TRUE(read) << to_string(read.failure());
    EXPECT_EQ(encode(*read), encode(sent)) << text;
    EXPECT_EQ(read->joined->on, sent.joined->on);
    EXPECT_EQ(read->joined->columns, sent.joined->columns);
    EXPECT_EQ(read->joined->tolerance, sent.joined->tolerance);
    EXPECT_EQ(read->joined->right_time, sent.joined->right_time);
  }
}

TEST(JoinedTablesPlanTest, LeavesOtherJoinsToTheGateway) {
  for (const std::string text :
       {"select bid from aj[`sym`time;trade;quote]",
        "select first bid from aj[`sym`time;trade;quote]",
        "select sum bid from aj[`sym`time;trade;quote;`forward]",
        "select sum bid from aj[`time;trade;quote]",
        "select sum bid from aj[`sym`time;trade;select last bid by sym,time "
        "from quote]",
        "select count(*) from trade t join quote q on t.sym = q.sym"}) {
    auto plan = plan_of(text);
    ASSERT_FALSE(resolve(plan)) << text;
    const auto cut = split(plan);
    ASSERT_TRUE(cut) << text;
    EXPECT_FALSE(cut->in_stores) << text;
  }
}

TEST(JoinedTablesPlanTest, RefusesWhatIsNoJoinOfTables) {
  auto plan = plan_of(questions[0]);
  ASSERT_FALSE(resolve(plan));
  const auto good = split(plan)->in_stores->fragments.at(0);
  const auto refused = [&](auto change) {
    auto tables = *good.joined.tables;
    auto bad = good;
    change(bad, tables);
    bad.joined.tables = std::make_shared<const joined_tables>(tables);
    return validate(bad).context;
  };
  EXPECT_EQ(refused([](auto&, auto&) {}), "");
  EXPECT_NE(refused([](auto& bad, auto&) { bad.table = "quote"; }), "");
  EXPECT_NE(refused([](auto&, auto& tables) { tables.on = {"sym"}; }), "");
  EXPECT_NE(refused([](auto&, auto& tables) { tables.left.sublist = 3; }), "");
  EXPECT_NE(refused([](auto&, auto& tables) { tables.columns.clear(); }), "");
  EXPECT_NE(refused([](auto& bad, auto&) {
              bad.aggregates[0].function = aggregate_function::last;
            }),
            "");
}

} // namespace
} // namespace millrace::query
