#include <gtest/gtest.h>

#include <random>

#include "sql_rows.hpp"

// A join that stores do by themselves has the answer that the gateway's has,
// wherever the border between earlier and later rows lies.

namespace millrace::query {
namespace {

using testing_support::placed_row;
using testing_support::run_in_stores;
using testing_support::run_tree;
using testing_support::sql_table;
using maker = std::mt19937_64;

size_t drawn_below(maker& draw, size_t count) {
  return std::uniform_int_distribution<size_t>{0, count - 1}(draw);
}

/// Parts of a table, each of later rows than the one before; `late` rows lie in
/// a later part than their time says.
std::vector<persistence::table_view> some_parts(maker& draw, bool trades,
                                                bool late) {
  const auto& schema = *sql_table(trades ? "trade" : "quote");
  std::vector<persistence::table_view> out;
  uint64_t came = 0;
  for (int64_t day = 0; day < 4; ++day) {
    std::vector<placed_row> rows;
    for (auto count = drawn_below(draw, 60); count > 0; --count) {
      const auto at = late && drawn_below(draw, 40) == 0 ? 0 : day;
      const auto second
        = at * 86'400 + static_cast<int64_t>(drawn_below(draw, 20));
      testing_support::row cells{
        second * testing_support::second_of_sql,
        drawn_below(draw, 9) == 0
          ? ""
          : std::string(1, "ZAMBXY"[drawn_below(draw, 6)]),
        static_cast<double>(drawn_below(draw, 1000)) / 8};
      if (trades) {
        cells.push_back(static_cast<int64_t>(10 * drawn_below(draw, 5)));
        cells.push_back(static_cast<int64_t>(drawn_below(draw, 100)));
        cells.push_back(static_cast<int64_t>(drawn_below(draw, 2)));
      }
      rows.push_back({std::move(cells)});
    }
    const bool sorted = day < 3;
    out.push_back(make_view(schema, rows,
                            {.sorted = sorted,
                             .segment_rows = sorted ? 0u : 7u,
                             .part_order = static_cast<uint64_t>(day),
                             .order_base = came}));
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
};

std::string csv(const result<table_data>& table) {
  return table ? to_text(*table, result_format::csv)
               : to_string(table.failure());
}

class JoinedTablesTest : public ::testing::TestWithParam<int> {};

TEST_P(JoinedTablesTest, AnswerAsTheGatewayDoes) {
  maker draw{static_cast<uint64_t>(GetParam())};
  const bool late = GetParam() % 3 == 0;
  const testing_support::parts_of_tables tables{
    {"trade", some_parts(draw, true, late)},
    {"quote", some_parts(draw, false, late)}};
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

INSTANTIATE_TEST_SUITE_P(Seeds, JoinedTablesTest, ::testing::Range(0, 40));

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
