#include <millrace/query/plan/filter_placement.hpp>

#include <gmock/gmock.h>

#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::sql_table;

/// A plan's operators as they are below each other, outermost last, with the
/// conditions of filters.
std::string placed(std::string_view text) {
  auto request = parse_sql(text, sql_table, 0);
  if (!request)
    return request.failure().context;
  auto plan = std::move(request->plan);
  if (auto fault = resolve(plan))
    return fault.context;
  std::string out;
  const auto lines = to_string(with_filters_placed(std::move(plan)));
  for (size_t at = 0; at < lines.size();) {
    const auto end = lines.find('\n', at);
    const auto begin = lines.find_first_not_of(' ', at);
    const auto line = lines.substr(begin, end - begin);
    const auto word = line.substr(0, line.find(' '));
    if (word == "filter" || word == "scan")
      out += line + "/";
    else if (word != "project")
      out += word + "/";
    at = end + 1;
  }
  return out;
}

TEST(FilterPlacementTest, PutsConditionsOnTheRowsThatTheyAreAbout) {
  struct {
    std::string_view text;
    std::string_view plan;
  } const cases[] = {
    {"select t.lot from trade t join quote q on t.sym = q.sym where t.date = "
     "'2024-01-02' and q.date = '2024-01-03'",
     "scan trade/filter (date[time;\"UTC\";0]=2024-01-02)/scan quote/filter "
     "not[null[sym]] (date[time;\"UTC\";0]=2024-01-03)/inner/"},
    {"select t.lot from trade t left join quote q on t.sym = q.sym where t.lot "
     "= 2 and q.bid > 1",
     "scan trade/filter (lot=2)/scan quote/filter not[null[sym]]/left/filter "
     "(q.bid>1)/"},
    {"select t.lot from trade t full join quote q on t.sym = q.sym where t.lot "
     "= 2",
     "scan trade/scan quote/full/filter (lot=2)/"},
    {"select t.lot from trade t asof join quote q on t.sym = q.sym and t.time "
     ">= q.time where t.lot = 2 and q.bid > 1",
     "scan trade/filter (lot=2)/scan quote/filter not[null[sym]] "
     "not[null[time]] not[null[time]]/as-of/filter (q.bid>1)/"},
    {"select * from (select sym, sum(size) as s from trade group by sym) x "
     "where sym = 'A' and s > 1",
     "scan trade/filter (sym=`A)/aggregate/filter (s>1)/"},
    {"select sum(size) from trade having 1 = 2",
     "scan trade/aggregate/filter (1=2)/"},
    {"select * from (select sym, lot, row_number() over (partition by sym "
     "order by time) as n from trade) x where sym = 'A' and n = 1",
     "scan trade/filter (sym=`A)/over/filter (n=1)/"},
    {"select * from (select sym, time from trade union all select sym, time "
     "from quote) x where sym = 'A'",
     "scan trade/filter (sym=`A)/scan quote/filter (sym=`A)/union/"},
    {"select * from (select sym, lot from trade order by lot) x where lot = 2",
     "scan trade/filter (lot=2)/order/"},
    {"select * from (select sym, lot from trade order by lot limit 3) x where "
     "lot = 2",
     "scan trade/order/limit/filter (lot=2)/"},
    {"select sym from trade where lot = (select max(lot) from trade) and sym = "
     "'A'",
     "scan trade/filter not[null[lot]] (sym=`A)/scan "
     "trade/aggregate/limit/left/filter (lot=~q2)/"},
  };
  for (const auto& [text, plan] : cases)
    EXPECT_EQ(placed(text), plan) << text;
}

// Of no rows there is one group, whatever the condition says of a constant.
TEST(FilterPlacementTest, WhatIsAboutNoColumnStays) {
  for (const auto* text :
       {"select * from (select 1 as k, count(*) as c from trade) s where k = 2",
        "select * from (select 'x' as k, sum(lot) as c from trade) s where k = "
        "'y'",
        "select * from (select true as k, sum(lot) as c from trade) s where "
        "not k"})
    EXPECT_EQ(testing_support::sql_rows(text), "") << text;
  EXPECT_EQ(testing_support::q_rows(
              "select from (select k:1, c:count i from trade) where k=2"),
            "");
}

// 0.0 and -0.0 are one where rows are matched and grouped.
TEST(FilterPlacementTest, WhatTellsZeroesApartStays) {
  const auto price = [] {
    auto out = column_of("price");
    out.type = column_type::float_;
    return out;
  };
  const auto one
    = [] { return constant_of(column_type::float_, literal{1.0}); };
  using fn = scalar_function;
  EXPECT_TRUE(tells_zeroes_apart(
    call_of(fn::greater, {call_of(fn::divide, {one(), price()}), one()})));
  EXPECT_FALSE(tells_zeroes_apart(
    call_of(fn::lesser,
            {call_of(fn::greater, {price(), one()}),
             call_of(fn::logical_not, {call_of(fn::is_null, {price()})})})));
  const auto* counted = "select * from (select price, count(*) as n from trade "
                        "group by price) x where ";
  EXPECT_EQ(placed(std::string{counted} + "price > 1"),
            "scan trade/filter (price>1)/aggregate/");
  EXPECT_THAT(placed(std::string{counted} + "1 / price > 0"),
              testing::StartsWith("scan trade/aggregate/filter "));
}

TEST(FilterPlacementTest, WhatMayFailOfARowStaysBehindTheJoinThatLeavesItOut) {
  const auto left = "scan trade/scan quote/filter not[null[sym]]/inner/";
  const std::string join
    = "select t.lot from trade t join quote q on t.sym = q.sym where ";
  EXPECT_EQ(placed(join + "t.size * 2 > 7"),
            left + std::string{"filter ((size*2)>7)/"});
  EXPECT_EQ(placed(join + "t.price * 2 > 7"),
            "scan trade/filter ((price*`float$[2])>7)/scan quote/filter "
            "not[null[sym]]/inner/");
  // Sizes of other symbols are too large for it.
  EXPECT_EQ(testing_support::sql_rows(
              "select t.size from trade t join quote q on t.sym = q.sym and "
              "q.bid = 6 where t.size * 400000000000000000 > 7"),
            "20");
}

} // namespace
} // namespace millrace::query
