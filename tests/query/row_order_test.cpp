#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "sql_tables.hpp"

// One question has one answer wherever its rows lie: in the order in which they
// came, or written by symbol and time, in as many parts as there are.

namespace millrace::query {
namespace {

using testing_support::placed_row;
using testing_support::sql_table;

using maker = std::mt19937_64;

size_t below(maker& draw, size_t count) {
  return std::uniform_int_distribution<size_t>{0, count - 1}(draw);
}

const std::string& one_of(maker& draw, const std::vector<std::string>& list) {
  return list[below(draw, list.size())];
}

/// Few times and symbols: many rows have the same ones. Some are late.
std::vector<placed_row> rows_as_they_came(maker& draw, bool trades) {
  std::vector<placed_row> out;
  const auto count = 8 + below(draw, 30);
  for (size_t i = 0; i < count; ++i) {
    const auto day = below(draw, 5) == 0 ? 0 : i * 3 / count;
    const auto second = static_cast<int64_t>(day * 86'400 + below(draw, 6));
    testing_support::row cells{
      second * testing_support::second_of_sql,
      below(draw, 9) == 0 ? "" : std::string(1, "ZAMB"[below(draw, 4)]),
      static_cast<double>(i)};
    if (trades) {
      cells.push_back(static_cast<int64_t>(10 * below(draw, 5)));
      cells.push_back(static_cast<int64_t>(i));
      cells.push_back(static_cast<int64_t>(below(draw, 2)));
    }
    out.push_back({std::move(cells)});
  }
  return out;
}

int64_t day_of(const placed_row& row) {
  return std::get<int64_t>(row.cells[0])
         / (86'400 * testing_support::second_of_sql);
}

/// The rows after `periods` ends of a period, each of which writes what came
/// before it, a part of each date.
std::vector<persistence::table_view>
parts_after(const table_schema& schema, const std::vector<placed_row>& rows,
            size_t periods) {
  std::vector<persistence::table_view> out;
  size_t begin = 0;
  for (size_t period = 1; period <= periods; ++period) {
    const auto end = rows.size() * period / (periods + 1);
    for (int64_t day = 0; day < 3; ++day) {
      std::vector<placed_row> some;
      for (auto i = begin; i < end; ++i)
        if (day_of(rows[i]) == day)
          some.push_back(rows[i]);
      if (!some.empty())
        out.push_back(make_view(
          schema, some,
          {.sorted = true, .part_order = period, .order_base = begin}));
    }
    begin = end;
  }
  std::vector<placed_row> rest{
    rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.end()};
  out.push_back(make_view(
    schema, rest,
    {.segment_rows = 7, .part_order = UINT64_MAX, .order_base = begin}));
  return out;
}

struct question {
  std::string text;
  bool is_sql = false;
  bool ordered = true; ///< Whether its rows have an order.
};

std::string answer(const question& asked, const parts_of_tables& parts) {
  auto failed = [&](const error& why) {
    ADD_FAILURE() << asked.text << '\n' << to_string(why);
    return std::string{};
  };
  plan_node plan;
  if (asked.is_sql) {
    auto request = parse_sql(asked.text, sql_table, 0);
    if (!request)
      return failed(request.failure());
    plan = std::move(request->plan);
  } else {
    auto request = parse_qsql(asked.text, sql_table, 0);
    if (!request)
      return failed(request.failure());
    plan = std::move(request->plan);
  }
  auto table = testing_support::run_tree(std::move(plan), parts);
  if (!table)
    return failed(table.failure());
  auto text = to_text(*table, result_format::csv);
  if (asked.ordered)
    return text;
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  std::sort(lines.begin() + 1, lines.end());
  std::string out;
  for (const auto& line : lines)
    out += line + '\n';
  return out;
}

/// Rows of q with columns time, sym, price, size and lot, and perhaps bid.
std::string q_rows(maker& draw, int depth) {
  const auto left
    = depth > 0 && below(draw, 3) == 0
        ? q_rows(draw, depth - 1)
        : one_of(draw, {"(select from trade)", "trade",
                        "(select from trade where size>10)",
                        "(select time,sym,price,size,lot from trade)"});
  const auto way
    = one_of(draw, {"", ";`forward", ";`nearest", ";`nearest;0D00:00:01"});
  const auto where = way.substr(0, way.find(";0D"));
  const auto join = one_of(draw, {"aj", "aj0"});
  const auto window = one_of(draw, {"wj", "wj1"})
                      + "[-0D00:00:01 0D00:00:01+\\:exec time from trade;";
  return one_of(
    draw,
    {left, join + "[`sym`time;" + left + ";quote" + way + "]",
     join + "[`time;" + left + ";select time,bid from quote" + way + "]",
     "aj[`size;" + left + ";select size,bid:price from trade" + where + "]",
     "aj[`sym`size;" + left + ";select sym,size,bid:price from trade" + where
       + "]",
     "aj[`sym`time;" + left
       + ";select time:0D00:00:02 xbar time,sym,bid from quote]",
     "ej[`sym;" + left + ";select sym,bid from quote]",
     "(" + left + " lj `sym xkey select sym,bid from quote)",
     "(" + left + " lj select last bid by sym from quote)",
     "(" + left + " ij `time xkey select time,bid from quote)",
     "(" + left + " uj select time,sym,price:bid from quote)",
     "(" + left + "," + left + ")", "(0!" + left + ")",
     window + "`time;" + left + ";(quote;(first;`bid))]",
     window + "`time;" + left + ";(quote;(last;`bid))]",
     window + "`sym`time;" + left + ";(quote;(last;`bid))]",
     window + "`time;" + left + ";(quote;(sum;`bid))]",
     "(update bid:sums price from " + left + ")",
     "(select from " + left + " where size>=prev size)"});
}

question q_question(maker& draw) {
  const auto rows = q_rows(draw, 2);
  const bool is_table
    = rows == "trade" || rows.starts_with("(select from trade")
      || rows.starts_with("(select time") || rows.starts_with("(0!");
  switch (below(draw, is_table ? 17 : 20)) {
    // A text that is computed, and a limit.
    case 15:
      return {"select[3;>u] from select u:`none^sym,price from " + rows};
    case 16:
      return {"2#`u xasc select u:`none^sym,lot from " + rows};
    case 0:
      return {"select first price, last price, last lot from " + rows};
    case 1:
      return {"select first price, last lot by sym from " + rows};
    case 2:
      return {"update s:sums size, p:prev price from " + rows};
    case 3:
      return {"update d:deltas lot by sym from " + rows};
    case 4:
      return {"select lot, price from " + rows + " where i<4"};
    case 5:
      return {"`size xasc " + rows};
    case 6:
      return {"`time xdesc " + rows};
    case 7:
      return {"select[3;>size] from " + rows};
    case 8:
      return {"select x:last price+size from " + rows};
    case 9:
      return {"select from " + rows + " where price=(first;price) fby sym"};
    case 10:
      return {"select last price, first lot by 0D00:00:02 xbar time from "
              + rows};
    case 11:
      return {"select s:sums price from select price from " + rows};
    case 12:
      return {"select last price from select price from select[4;<size] from "
              + rows};
    case 13:
      return {"update r:rank size, f:fills size, m:2 mavg size from " + rows};
    case 14:
      return {"select from " + rows, false, false};
    case 17:
      return {"last " + rows};
    case 18:
      return {"3#" + rows};
    default:
      return {"-2 sublist " + rows};
  }
}

/// Tables of SQL under the name t, with time, sym, price, size and lot.
std::string sql_rows(maker& draw, int depth) {
  const auto inner = depth > 0 && below(draw, 3) == 0
                       ? "(select t.* from " + sql_rows(draw, depth - 1) + ") t"
                       : std::string{"trade t"};
  const auto cut = [](std::string text) {
    return "(select time, sym, price, size, lot from (" + text + ") x) t";
  };
  return one_of(
    draw,
    {inner, inner + " asof join quote q",
     inner + " asof join quote q on t.sym = q.sym and t.time >= q.time",
     inner + " asof join quote q on t.time <= q.time",
     inner + " asof inner join quote q on t.time > q.time",
     inner + " asof join quote q on (sym) tolerance 2s",
     inner + " join quote q on t.sym = q.sym",
     inner + " left join quote q on t.sym = q.sym and q.bid > 5",
     inner + " left join quote q on t.time = q.time",
     inner + " join quote q on t.lot < q.bid",
     cut("select * from trade union all select * from trade where size > 10"),
     cut("select time, sym, price, size, lot from trade union all select time, "
         "sym, bid, 5, 6 from quote"),
     cut("select *, row_number() over (partition by sym) as n from trade")});
}

question sql_question(maker& draw) {
  const auto rows = sql_rows(draw, 2);
  const bool is_table = rows == "trade t";
  const auto list = [](std::string columns, const std::string& from) {
    return "select " + std::move(columns) + " from " + from;
  };
  switch (below(draw, is_table ? 13 : 15)) {
    case 11:
      return {list("t.lot, case when t.size > 10 then 'big' else 'small' end "
                   "as k",
                   rows)
                + " order by k desc limit 3",
              true};
    case 12:
      return {list("t.lot, t.price", rows)
                + " order by coalesce(t.sym, 'none'), 'x' limit 4",
              true};
    case 0:
      return {list("first(t.price), last(t.price), last(t.lot)", rows), true};
    case 1:
      return {list("t.sym, first(t.price), last(t.lot)", rows)
                + " group by t.sym order by t.sym",
              true};
    case 2:
      return {list("t.lot, t.price", rows) + " order by t.time limit 2", true};
    case 3:
      return {list("t.lot, t.price", rows) + " order by t.size desc limit 3",
              true};
    case 4:
      return {list("t.lot, lag(t.price) over (order by t.time) as p", rows),
              true};
    case 5:
      return {list("t.lot, row_number() over (partition by t.sym order by "
                   "t.size) as p",
                   rows),
              true};
    case 6:
      return {list("t.lot, first_value(t.price) over (partition by t.time) "
                   "as p",
                   rows),
              true};
    case 7:
      return {list("distinct on (t.sym) t.sym, t.lot", rows)
                + " order by t.sym, t.time",
              true};
    case 8:
      return {list("last(p) as p from (select t.price as p", rows) + ") x",
              true};
    case 9:
      return {list("t.lot, t.price, t.sym", rows) + " where t.size > 0", true,
              false};
    case 10:
      return {"select last(lot + size) from (select t.lot, t.size from " + rows
                + " order by t.price limit 5) x",
              true};
    case 13:
      return {list("t.lot, t.price", rows) + " limit 3", true};
    default:
      return {list("t.lot, t.price", rows) + " limit -2", true};
  }
}

class RowOrderTest : public ::testing::TestWithParam<int> {
protected:
  RowOrderTest() : draw_{static_cast<uint64_t>(GetParam())} {
    const auto trades = rows_as_they_came(draw_, true);
    const auto quotes = rows_as_they_came(draw_, false);
    for (size_t periods = 0; periods < 4; ++periods)
      stores_.push_back(
        {{"trade", parts_after(*sql_table("trade"), trades, periods)},
         {"quote", parts_after(*sql_table("quote"), quotes, periods)}});
  }

  void expect_one_answer(const question& asked) {
    const auto in_memory = answer(asked, stores_[0]);
    for (size_t periods = 1; periods < stores_.size(); ++periods)
      ASSERT_EQ(answer(asked, stores_[periods]), in_memory)
        << asked.text << "\nafter " << periods << " ends of a period";
  }

  maker draw_;
  std::vector<parts_of_tables> stores_;
};

TEST_P(RowOrderTest, OfQuestionsInQ) {
  for (int i = 0; i < 20; ++i)
    expect_one_answer(q_question(draw_));
}

TEST_P(RowOrderTest, OfQuestionsInSql) {
  for (int i = 0; i < 20; ++i)
    expect_one_answer(sql_question(draw_));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RowOrderTest, ::testing::Range(0, 60));

/// What is joined may be of the day before, whatever hour is asked for.
TEST(AsofJoinTest, ConditionsOnPartsOfATimeAreOfTheLeftAlone) {
  const auto at = [](int64_t hour, double value) {
    return placed_row{
      {hour * 3600 * testing_support::second_of_sql, std::string{"A"}, value}};
  };
  std::vector<placed_row> trades{at(25, 1)};
  for (const int64_t value : {1, 1, 1})
    trades[0].cells.push_back(value);
  std::vector<placed_row> quotes{at(2, 8), at(23, 9)};
  const parts_of_tables parts{
    {"trade", {make_view(*sql_table("trade"), trades, {})}},
    {"quote", {make_view(*sql_table("quote"), quotes, {})}}};
  const question cases[] = {
    {"select bid from aj[`sym`time;select from trade where time.hh<12;quote]"},
    {"select bid from aj[`sym`time;select from trade where time.hh=1;quote]"},
    {"select bid from aj[`sym`time;select from trade where 12>time.hh;quote]"},
    {"select bid from aj[`sym`time;select from trade where time.second within "
     "00:30 03:00;quote]"},
    {"select bid from aj[`sym`time;select from trade where "
     "date=2000.01.02;quote]"},
    {"select bid from aj[`sym`time;select from trade where "
     "time<2000.01.02D02;quote]"},
    {"select q.bid from (select * from trade where extract(hour from time) < "
     "12) t asof join quote q on t.sym = q.sym and t.time >= q.time",
     true},
  };
  for (const auto& each : cases)
    EXPECT_EQ(answer(each, parts), "bid\n9\n") << each.text;
}

/// Texts that are computed are grouped by at the gateway.
TEST(ComputedKeyTest, FirstAndLastOfGroupsGoByTime) {
  std::vector<placed_row> rows;
  for (const auto* sym : {"Z", "A", "M"})
    rows.push_back(
      {{static_cast<int64_t>(rows.size()) * testing_support::second_of_sql,
        std::string{sym}, static_cast<double>(rows.size()), int64_t{1},
        int64_t{1}, int64_t{1}}});
  for (const bool sorted : {false, true})
    EXPECT_EQ(
      answer({"select case when size > 0 then 'x' else 'y' end as k, "
              "first(price) as f, last(price) as l from trade group by "
              "case when size > 0 then 'x' else 'y' end",
              true},
             {{"trade",
               {make_view(*sql_table("trade"), rows, {.sorted = sorted})}}}),
      "k,f,l\nx,0,2\n");
}

} // namespace
} // namespace millrace::query
