#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::expect_rows;
using testing_support::q_rows;
using testing_support::sql_rows;

TEST(SqlExecutionTest, TextsThatAreComputedAreWhole) {
  // Of a column, of constants of two lengths, and of both.
  expect_rows({
    {"select case when lot > 0 then 'high' else 'low' end from trade",
     "high/low/low/high/low/low"},
    {"select coalesce(sym, 'none') from trade where lot = 2", "none"},
  });
  EXPECT_EQ(q_rows("select x:?[lot>0;\"high\";\"low\"] from trade"),
            "high/low/low/high/low/low");
  EXPECT_EQ(q_rows("select x:\"long enough\" from trade where lot>0"),
            "long enough/long enough");
}

TEST(SqlExecutionTest, ValuesThatDoNotFitAreRefused) {
  const auto refused = [](std::string_view what) {
    return "a value of " + std::string{what}
           + " does not fit its type: compute it of floats";
  };
  EXPECT_EQ(sql_rows("select size * 100000000000000000 from trade where "
                     "size = 300"),
            refused("(size*100000000000000000)"));
  EXPECT_EQ(q_rows("select x:size*100000000000000000 from trade"),
            refused("(size*100000000000000000)"));
  EXPECT_EQ(q_rows("select x:`int$1e10+price from trade where lot=7"),
            refused("`int$[(1e+10+price)]"));
  EXPECT_EQ(q_rows("select max x from select x:lot*3000000000 from trade where "
                   "lot>0"),
            "21000000000");
  // What passes no condition is not computed; infinities stay ones.
  EXPECT_EQ(sql_rows("select size * 40000000000000000 from trade where "
                     "size = 40"),
            "1600000000000000000");
  EXPECT_EQ(q_rows("select x:1+?[lot=7;0W;1] from trade where sym=`A"),
            "9223372036854775807/2");
}

TEST(SqlExecutionTest, RowsOfOneTimeStandAsTheyCame) {
  const auto& schema = sql_tables()[1];
  using testing_support::placed_row;
  parts_of_tables parts;
  std::vector<placed_row> rows;
  for (const auto* sym : {"B", "A", "C", "A"})
    rows.push_back({{second_of_sql, std::string{sym},
                     static_cast<double>(rows.size() + 1)}});
  parts["quote"].push_back(testing_support::make_view(schema, rows, {}));
  const auto of = [&](std::string_view text) {
    auto request = parse_qsql(text, sql_table, 0);
    auto table = testing_support::run_tree(std::move(request->plan), parts);
    return table ? to_text(*table, result_format::csv)
                 : table.failure().context;
  };
  EXPECT_EQ(of("select last bid from quote"), "bid\n4\n");
  EXPECT_EQ(of("select bid:sums bid from quote"), "bid\n1\n3\n6\n10\n");
  EXPECT_EQ(of("select last bid from select bid:sums bid from quote"),
            "bid\n10\n");
  EXPECT_EQ(of("select bid from `time xasc quote"), "bid\n1\n2\n3\n4\n");
}

TEST(SqlExecutionTest, RunningSumsThatDoNotFitAreRefused) {
  EXPECT_EQ(q_rows("select x:sums 5000000000000000000+0*size from trade where "
                   "lot=7"),
            "5000000000000000000");
  const auto of = [](std::string function) {
    return q_rows("select x:" + function
                  + " 5000000000000000000+0*lot from trade where lot<>0N");
  };
  EXPECT_EQ(of("sums"), "a value of 'sums' does not fit a long of 64 bits");
  EXPECT_EQ(of("prds"), "a value of 'prds' does not fit a long of 64 bits");
  EXPECT_EQ(of("2 msum"), "a value of 'msum' does not fit a long of 64 bits");
  EXPECT_EQ(q_rows("select x:sums (?[lot=7;0W;1]) from trade where sym=`A"),
            "9223372036854775807/9223372036854775807");
}

TEST(SqlExecutionTest, KnowsWhatIsUnknown) {
  expect_rows({
    {"select lot from trade where price > 5", "7/-7/-2"},
    {"select lot from trade where not (price > 6)", "-7/2"},
    {"select lot from trade where price < 6", "-7/2"},
    {"select lot from trade where 6 > price", "-7/2"},
    {"select lot from trade where price <> 10", "-7/2/-2"},
    {"select lot from trade where price = 10 or size = 20", "7/-2"},
    {"select lot from trade where not (price = 10 or size = 20)", "2"},
    {"select lot from trade where not (price > 1 and size > 50)", "2/-2"},
    {"select time from trade where price is null and sym is not null",
     "2000-01-01T00:00:03.000000000Z/2000-01-01T00:01:02.000000000Z"},
    {"select lot from trade where (price > 6) is unknown", "/0"},
    {"select lot from trade where (price > 6) is not true", "-7//2/0"},
    {"select lot from trade where price = null", ""},
    {"select lot from trade where size in (100, 20, null)", "7/-2"},
    {"select lot from trade where size not in (100, 20)", "/2"},
    {"select lot from trade where size not in (100, null)", ""},
    {"select lot from trade where price between 5 and 7", "-7/-2"},
    {"select lot from trade where price not between 5 and 7", "7/2"},
    {"select lot from trade where size between 100 and lot * 20", "7"},
    {"select lot from trade where sym like '%'", "7/-7//0/-2"},
    {"select lot from trade where sym not like 'A%'", "-7/0/-2"},
    {"select lot from trade where sym ilike 'a'", "7/"},
    {"select lot from trade where sym is distinct from 'A'", "-7/2/0/-2"},
    {"select lot from trade where price is not distinct from null", "/0"},
    {"select lot from trade where ok", "7//-2"},
    {"select lot from trade where not ok", "-7/2/0"},
    {"select lot from trade where ok is false", "-7/2/0"},
    {"select lot from trade where size = lot", ""},
    {"select lot from trade where size <> lot", "7/2/-2"},
  });
}

TEST(SqlExecutionTest, ComputesValues) {
  expect_rows({
    {"select lot / 2, lot % 2, lot / -2, 7 / 2, -7 / 2, 7.0 / 2 from trade",
     "3,1,-3,3,-3,3.5/-3,-1,3,3,-3,3.5/,,,3,-3,3.5/1,0,-1,3,-3,3.5/"
     "0,0,0,3,-3,3.5/-1,0,1,3,-3,3.5"},
    {"select -5, 0, - -5, -(5), 12345678901, 1.5e3 from trade limit 1",
     "-5,0,5,-5,12345678901,1500"},
    {"select price + size, price * 2 from trade where lot = 7", "110,20"},
    {"select coalesce(price, size, -1) from trade", "10/5.5/300/2.5/-1/6.5"},
    {"select greatest(lot, 1), least(lot, 1), nullif(lot, 7) from trade",
     "7,1,/1,-7,-7/1,1,/2,1,2/1,0,0/1,-2,-2"},
    {"select case when price > 6 then 'high' when price > 0 then 'low' end "
     "from trade",
     "high/low//low//high"},
    {"select case sym when 'A' then 1 when 'B' then 2 else 3 end from trade",
     "1/2/1/3/3/2"},
    {"select round(price), floor(price), ceil(price), trunc(-price), "
     "price::bigint from trade",
     "10,10,10,-10,10/6,5,6,-5,6/,,,,/2,2,3,-2,2/,,,,/6,6,7,-6,6"},
    {"select abs(lot), sign(price), mod(lot, 3), sqrt(size) from trade where "
     "lot = 7",
     "7,1,1,10"},
    {"select time::date, date, extract(second from time), extract(minute from "
     "time), extract(epoch from time), extract(year from time), extract(dow "
     "from time), extract(doy from time), extract(day from time) from trade "
     "where lot = -2",
     "2000-01-01,2000-01-01,3,1,946684863,2000,6,1,1"},
    {"select date_trunc('minute', time), date_trunc('year', time), time + "
     "interval '1 day 00:00:01' from trade where lot = -2",
     "2000-01-01T00:01:00.000000000Z,2000-01-01T00:00:00.000000000Z,"
     "2000-01-02T00:01:04.000000000Z"},
    {"select date_bin('10 seconds', time, '2000-01-01 00:00:03'), "
     "time_bucket('7 days', time), xbar('7 days', time) from trade where lot "
     "= -2",
     "2000-01-01T00:01:03.000000000Z,1999-12-27T00:00:00.000000000Z,"
     "2000-01-01T00:00:00.000000000Z"},
    {"select lot from trade where time >= '2000-01-01 00:00:02' and time < "
     "timestamp '2000-01-01 00:01:02'",
     "-7//2"},
    {"select lot from trade where time in '2000-01-01T00:01'", "2/0/-2"},
    {"select lot from trade where time in (date '2000-01-02', timestamp "
     "'2000-01-01 00:00:01')",
     "7"},
    {"select lot from trade where time > now() + interval '62 seconds'", "-2"},
    {"select count(*) from trade where date = '2000-01-01'", "6"},
    {"select ok::int, price > 6 from trade where lot >= 0", "1,1/0,0/0,0"},
  });
}

TEST(SqlExecutionTest, CastsHeedTheirPrecision) {
  expect_rows({
    {"select price::numeric(4,0), price::numeric(5,1), (-price)::numeric(3) "
     "from trade where price is not null",
     "10,10,-10/6,5.5,-6/3,2.5,-3/7,6.5,-7"},
    {"select cast(price as numeric(4,0)) as p, count(*) from trade where "
     "price is not null group by 1 order by 1",
     "3,1/6,1/7,1/10,1"},
    {"select avg(price)::numeric(10,2), avg(price / 3)::numeric(10,1) from "
     "trade",
     "6.13,2"},
    // Halves of decimal digits, which a float has not.
    {"select 1.005::numeric(5,2), -1.005::numeric(5,2), 114.93006::numeric(9,2)"
     ", 0.4999999995::numeric(5,0), 12345.678::numeric(6,1), "
     "'12345.678'::numeric(6,1), 4503599627370497::numeric(16,0), "
     "null::numeric(5,1) from trade limit 1",
     "1.01,-1.01,114.93,0,12345.7,12345.7,4503599627370497,"},
    // More digits before the point than p leaves.
    {"select price::numeric(3,2) from trade where price < 9 order by price",
     "2.5/5.5/6.5"},
    {"select 9.996::numeric(3,2) from trade limit 1",
     "a number has more digits before its point than p - s of numeric(p, s)"},
    {"select (-1000)::numeric(3) from trade limit 1",
     "a number has more digits before its point than p - s of numeric(p, s)"},
    {"select 'inf'::float8::numeric(30,2) from trade limit 1",
     "a number has more digits before its point than p - s of numeric(p, s)"},
    {"select max(price)::numeric(2,1) from trade",
     "a number has more digits before its point than p - s of numeric(p, s)"},
    {"select round(price, 0), round(price * 100 / 7, 2), round(size, -2) from "
     "trade where lot = -7",
     "6,78.57,"},
    {"select round(price / 0, 2) from trade where lot = 7", "inf"},
    {"select (time + interval '0.5 seconds')::timestamp(0), "
     "(time + '0.1234565 seconds'::interval)::timestamp(6) from trade where "
     "lot = 7",
     "2000-01-01T00:00:02.000000000Z,2000-01-01T00:00:01.123457000Z"},
    {"select timestamp(0) '2000-01-01 00:00:00.7', "
     "current_timestamp(0)::date from trade limit 1",
     "2000-01-01T00:00:01.000000000Z,2000-01-01"},
    {"select 'abc\xc3\xa9"
     "fg'::varchar(4), 'ab'::varchar(3) from trade limit 1",
     "abc\xc3\xa9,ab"},
  });
}

TEST(SqlExecutionTest, TimesOfSecondsSince1970) {
  expect_rows({
    {"select to_timestamp(946684800), to_timestamp(946684801.5), "
     "to_timestamp(1704275400.000001), to_timestamp(null) from trade limit 1",
     "2000-01-01T00:00:00.000000000Z,2000-01-01T00:00:01.500000000Z,"
     "2024-01-03T09:50:00.000001000Z,"},
    {"select lot from trade where time > to_timestamp(946684802)", "/2/0/-2"},
    {"select to_timestamp(floor(extract(epoch from time) / 60) * 60) as t, "
     "count(*) from trade group by 1 order by 1",
     "2000-01-01T00:00:00.000000000Z,3/2000-01-01T00:01:00.000000000Z,3"},
    {"select clock_timestamp() = now() from trade limit 1", "1"},
  });
}

TEST(SqlExecutionTest, FoldsGroups) {
  expect_rows({
    {"select count(*), count(price), sum(size), avg(price), min(price), "
     "max(size) from trade",
     "6,4,460,6.125,2.5,300"},
    {"select count(*), count(price), sum(size), avg(price) from trade where "
     "sym = 'Z'",
     "0,0,,"},
    {"select sym, count(*), sum(size), sum(price) from trade group by sym "
     "order by sym",
     "A,2,400,10/B,2,20,12/C,1,,/,1,40,2.5"},
    {"select sum(size) as s, sym from trade group by 2 having sum(size) > 30 "
     "order by s desc",
     "400,A/40,"},
    {"select sym from trade group by sym having count(*) = 1 order by sym",
     "C/"},
    {"select count(*) filter (where ok), sum(size) filter (where price > 6), "
     "min(lot) filter (where ok) from trade",
     "3,120,-2"},
    {"select count(*) filter (where size > 1000), sum(size) filter (where "
     "size > 1000) from trade",
     "0,"},
    {"select median(price), var_pop(price), vwap(price, size), "
     "percentile_cont(0.5) within group (order by size) from trade",
     "6,7.171875,7.6875,70"},
    {"select percentile_cont(0.25) within group (order by size), "
     "percentile_cont(1) within group (order by size), percentile_disc(0.25) "
     "within group (order by size), percentile_disc(0.9) within group (order "
     "by "
     "price) from trade",
     "35,300,20,10"},
    {"select percentile_disc(0.5) within group (order by size), "
     "percentile_cont(0.1) within group (order by price) from trade where sym "
     "= "
     "'C'",
     ","},
    {"select sym, percentile_disc(0) within group (order by lot), "
     "count(distinct "
     "lot), count(distinct ok) from trade group by sym order by sym",
     "A,7,1,1/B,-7,2,2/C,0,1,1/,2,1,1"},
    {"select count(distinct sym), count(distinct price), count(distinct size) "
     "filter (where ok), count(*), max(distinct lot) from trade",
     "3,4,3,6,7"},
    {"select count(distinct sym) from trade where size > 1000", "0"},
    {"select stddev(price) from trade where lot = 7", ""},
    {"select time_bucket('1 minute', time) as bar, count(*) from trade group "
     "by bar",
     "2000-01-01T00:00:00.000000000Z,3/2000-01-01T00:01:00.000000000Z,3"},
    {"select time, sum(lot) from trade sample by 1m",
     "2000-01-01T00:00:00.000000000Z,0/2000-01-01T00:01:00.000000000Z,0"},
    {"select lot / 2 as half, count(*) * 10 as n from trade group by lot / 2 "
     "order by half",
     "-3,10/-1,10/0,10/1,10/3,10/,10"},
    {"select first(price), last(price), last(lot) from trade", "10,6.5,-2"},
    {"select size from trade where size > 50 and size < 50", ""},
    {"select sum(s) from (select sym, sum(size) as s from trade group by sym) "
     "t",
     "460"},
  });
}

TEST(SqlExecutionTest, CountsRowsBesideEach) {
  expect_rows({
    {"select lot, row_number() over (order by price) from trade",
     "7,4/-7,2/,5/2,1/0,6/-2,3"},
    {"select lot, rank() over (order by sym), dense_rank() over (order by sym "
     "desc) from trade",
     "7,1,4/-7,3,3/,1,4/2,6,1/0,5,2/-2,3,3"},
    {"select lot, percent_rank() over (order by sym), cume_dist() over (order "
     "by "
     "sym), ntile(4) over (order by time) from trade where sym is not null",
     "7,0,0.4,1/-7,0.5,0.8,1/,0,0.4,2/0,1,1,3/-2,0.5,0.8,4"},
    {"select lot, lag(lot) over (order by time), lead(size, 2, -1) over (order "
     "by time) from trade",
     "7,,300/-7,7,40/,-7,/2,,20/0,2,-1/-2,0,-1"},
    {"select sym, lot, first_value(lot) over w, last_value(lot) over w, "
     "nth_value(lot, 2) over w from trade where sym < 'C' window w as "
     "(partition "
     "by sym order by time)",
     "A,7,7,7,/B,-7,-7,-7,/A,,7,,/B,-2,-7,-2,-2"},
    {"select lot, sum(size) over (order by time rows between 1 preceding and 1 "
     "following), min(price) over (order by time rows 1 preceding), count(*) "
     "over (order by time rows between 2 following and 3 following) from trade",
     "7,100,10,2/-7,400,5.5,2/,340,5.5,2/2,340,2.5,1/0,60,2.5,0/-2,20,6.5,0"},
    // Distances of values; nulls are beside each other.
    {"select lot, count(*) over (order by time range interval '1 second' "
     "preceding), sum(size) over (order by time range between interval '2 "
     "seconds' following and unbounded following) from trade",
     "7,1,360/-7,2,60/,2,60/2,1,20/0,2,/-2,2,"},
    {"select lot, count(*) over (order by lot range between 4 preceding and 3 "
     "following), min(size) over (order by lot desc range between 5 preceding "
     "and 5 following) from trade",
     "7,1,40/-7,1,20/,1,300/2,3,20/0,3,20/-2,2,20"},
    {"select lot, sum(size) over (order by sym), avg(price) over (partition by "
     "sym), median(size) over () from trade",
     "7,400,10,70/-7,420,6,70/,400,10,70/2,460,2.5,70/0,420,,70/-2,420,6,70"},
    {"select lot, max(price) over (order by time desc rows unbounded "
     "preceding) "
     "from trade where ok",
     "7,10/,6.5/-2,6.5"},
    {"select sym, sum(size) as s, rank() over (order by sum(size) desc nulls "
     "last) as r, sum(count(*)) over () as n from trade group by sym order by "
     "r",
     "A,400,1,6/,40,2,6/B,20,3,6/C,,4,6"},
    {"select lot from trade order by row_number() over (order by lot nulls "
     "first) limit 2",
     "/-7"},
    {"select sum(price) over (order by time rows between 3 following and 2 "
     "following) from trade where lot = 7",
     ""},
  });
}

TEST(SqlExecutionTest, AsksQueriesWithinExpressions) {
  expect_rows({
    {"select lot from trade where sym in (select sym from quote)", "7/-7//-2"},
    // A null among the values: of none it is known that it is not there.
    {"select lot from trade where sym not in (select sym from quote)", ""},
    {"select lot from trade where sym not in (select sym from quote where sym "
     "is "
     "not null)",
     "0"},
    {"select lot from trade where sym not in (select sym from quote where bid "
     "> "
     "100)",
     "7/-7//2/0/-2"},
    {"select lot from trade where not sym in (select sym from quote where bid "
     "= "
     "6)",
     "7//0"},
    {"select lot from trade where price > (select avg(price) from trade)",
     "7/-2"},
    {"select lot from trade where price > (select bid from quote where bid > "
     "100)",
     ""},
    {"select lot from trade where exists (select * from quote where bid > 9.2) "
     "and size > 50",
     "7/"},
    {"select lot from trade where not exists (select 1 from quote)", ""},
    {"select lot, price - (select min(bid) from quote) from trade where lot > "
     "1",
     "7,9/2,1.5"},
    {"select sym, sum(size), (select count(*) from quote) from trade group by "
     "sym "
     "having sum(size) > (select avg(size) from trade) order by sym",
     "A,400,4"},
    {"select lot from trade where sym in (select sym from trade where price = "
     "(select max(price) from trade))",
     "7/"},
    {"select sym, sym in (select sym from quote where bid > 5) from trade "
     "where "
     "lot is not null",
     "A,1/B,1/,0/C,0/B,1"},
  });
  auto asked = parse_sql("select lot from trade where price > (select bid from "
                         "quote)",
                         sql_table, 0);
  ASSERT_TRUE(asked);
  const auto found
    = testing_support::run_tree(std::move(asked->plan), sql_parts());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.failure().context,
            "a query that stands for a value has more than one row");
}

TEST(SqlExecutionTest, OrdersAndLimits) {
  expect_rows({
    {"select price from trade order by price", "2.5/5.5/6.5/10//"},
    {"select price from trade order by price desc", "//10/6.5/5.5/2.5"},
    {"select price from trade order by price nulls first", "//2.5/5.5/6.5/10"},
    {"select price from trade order by price desc nulls last",
     "10/6.5/5.5/2.5//"},
    {"select lot from trade order by -size, lot", "/7/2/-2/-7/0"},
    {"select price as p from trade order by p limit 2 offset 1", "5.5/6.5"},
    {"select price from trade order by 1 offset 4", "/"},
    {"select price from trade order by price limit 2 offset 9", ""},
    {"select lot from trade limit -2", "0/-2"},
    {"select lot from trade limit 0", ""},
    {"select distinct sym from trade order by sym", "A/B/C/"},
    {"select distinct on (sym) sym, price from trade order by sym, time desc",
     "A,/B,6.5/C,/,2.5"},
    {"select sym, lot from trade latest on time partition by sym order by sym",
     "A,/B,-2/C,0/,2"},
    {"select sym, lot from (select * from trade where size is not null) t "
     "latest on time partition by sym order by sym",
     "A,/B,-2/,2"},
    {"select lot from trade where ok union all select size from trade where "
     "not ok order by 1",
     "-2/7/40///"},
    {"select sym from trade union select sym from quote order by sym",
     "A/B/C/"},
    // Nulls are alike here, and each row is there once.
    {"select sym from trade intersect select sym from quote order by sym",
     "A/B/"},
    {"select sym from trade except select sym from quote", "C"},
    {"select sym, ok from trade except select sym, true from quote order by "
     "sym, ok",
     "B,0/C,0/,0"},
    {"select sym from trade intersect all select sym from quote",
     "line 1, column 1: INTERSECT ALL is not there"},
  });
}

TEST(SqlExecutionTest, Joins) {
  expect_rows({
    {"select t.lot, q.bid from trade t asof join quote q on t.sym = q.sym and "
     "t.time >= q.time",
     "7,9/-7,/,9.5/2,/0,/-2,6"},
    {"select t.lot, q.bid from trade t asof join quote q on (sym) order by "
     "t.time",
     "7,9/-7,/,9.5/2,/0,/-2,6"},
    {"select t.lot, q.bid from trade t asof inner join quote q using (sym, "
     "time)",
     "7,9/,9.5/-2,6"},
    {"select t.lot, q.bid from trade t asof join quote q on t.sym = q.sym and "
     "t.time >= q.time tolerance 500T",
     "7,/-7,/,/2,/0,/-2,"},
    {"select t.lot, q.bid from trade t asof join quote q on t.sym = q.sym and "
     "t.time > q.time where t.sym = 'A'",
     "7,9/,9.5"},
    {"select t.lot, q.time from trade t asof join quote q on q.time >= t.time "
     "and q.sym = t.sym where lot = 7",
     "7,2000-01-01T00:00:02.000000000Z"},
    {"with best as (select sym, max(bid) as bid from quote group by sym) "
     "select t.lot, b.bid, b.sym from trade t left join best b on t.sym = "
     "b.sym order by t.time",
     "7,9.5,A/-7,6,B/,9.5,A/2,,/0,,/-2,6,B"},
    {"select t.lot, b.bid from trade t join (select sym, max(bid) as bid from "
     "quote group by sym) b using (sym) where t.price > b.bid order by t.time",
     "7,9.5/-2,6"},
    {"select t.lot from (select sym, max(bid) as bid from quote group by sym) "
     "b right join trade t on t.sym = b.sym and b.bid > 7 where b.bid is null "
     "order by t.time",
     "-7/2/0/-2"},
  });
}

/// The same question in two languages. Where q and SQL differ by definition
/// docs/sql.md says so.
/// Two of one column: neither is lost.
TEST(SqlExecutionTest, WindowJoinsNameWhatTheyFold) {
  EXPECT_EQ(
    q_rows("select bid,bid1 from wj1[-0D00:00:10 0D00:00:00+\\:exec time from "
           "trade;`sym`time;trade;(quote;(min;`bid);(max;`bid))]"),
    "9,9/,/9,9.5/,/,/6,6");
}

TEST(SqlExecutionTest, AnswersAsQDoes) {
  struct pair_of_questions {
    std::string_view sql;
    std::string_view q;
    bool differs = false;
  };
  for (
    const auto& [sql, q, differs] : std::vector<pair_of_questions>{
      {"select time, price from trade where sym = 'A' and size >= 100",
       "select time, price from trade where sym=`A, size>=100"},
      {"select sym, max(price) from trade where price > 0 and sym is not null "
       "group by sym "
       "order by sym",
       "select max price by sym from trade where price>0, not null sym"},
      {"select time_bucket('1 minute', time) t, count(*) from trade group "
       "by t",
       "select count i by 0D00:01 xbar time from trade"},
      {"select vwap(price, size) from trade",
       "select size wavg price from trade"},
      {"select sym, last(lot) from trade group by sym order by sym nulls "
       "first",
       "select last lot by sym from trade"},
      // Where they differ: nulls.
      {"select lot from trade where price < 6",
       "select lot from trade where price<6", true},
      {"select lot from trade where price <> 10",
       "select lot from trade where price<>10", true},
      {"select lot from trade where not price > 6",
       "select lot from trade where not price>6", true},
      {"select lot from trade where size not in (100, 20)",
       "select lot from trade where not size in 100 20", true},
      {"select count(price) from trade", "select count price from trade", true},
      {"select sum(size) from trade where sym = 'C'",
       "select sum size from trade where sym=`C", true},
      {"select price from trade order by price",
       "`price xasc select price from trade", true},
      {"select lot / 2 from trade where lot < 0",
       "select lot div 2 from trade where lot<0, not null lot", true},
      {"select mod(lot, 3) from trade where lot < 0",
       "select lot mod 3 from trade where lot<0, not null lot", true},
    }) {
    if (differs)
      EXPECT_NE(sql_rows(sql), q_rows(q)) << sql;
    else
      EXPECT_EQ(sql_rows(sql), q_rows(q)) << sql;
  }
}

TEST(SqlExecutionTest, GuidsAreComparedAndMayBeNull) {
  const std::string one = "'00000000-0000-0000-0000-000000000001'";
  const std::string two = "'00000000-0000-0000-0000-000000000002'";
  const auto orders = [&](const std::string& condition) {
    return sql_rows("select sym from orders where " + condition
                    + " order by sym");
  };
  EXPECT_EQ(orders("id = " + one), "A");
  EXPECT_EQ(orders("id = " + two + "::uuid"), "B");
  EXPECT_EQ(orders("id <> " + one), "B/C");
  EXPECT_EQ(orders("id in (" + one + ", " + two + ")"), "A/B");
  EXPECT_EQ(orders("id not in (" + one + ")"), "B/C");
  EXPECT_EQ(orders("id > " + one), "B/C");
  EXPECT_EQ(orders("parent is null"), "A");
  EXPECT_EQ(orders("parent = " + one), "B");
  // Null is equal to nothing.
  EXPECT_EQ(orders("parent <> " + one), "C");
  EXPECT_EQ(orders("id = parent"), "C");
  EXPECT_EQ(q_rows("select sym from orders where null parent"), "A");
  EXPECT_EQ(q_rows("select sym from orders where id=parent"), "C");
}

TEST(SqlExecutionTest, ValuesComeAsClientsWriteThem) {
  expect_rows({
    {"select sym from trade where sym = any('{A,\"C\"}') order by sym",
     "A/A/C"},
    {"select sym from trade where sym = any('{A}'::text[]) order by sym",
     "A/A"},
    {"select lot from trade where lot = any(array['7','0']::int[]) order by "
     "lot",
     "0/7"},
    {"select sym from trade where sym = any('{}')", ""},
    {"select sym from trade where sym <> all('{A,B}') order by sym", "C"},
    {"select sym from trade where sym = any('{A')",
     "line 1, column 33: an array is written as {a,b}"},
    {"select sym from orders where day = '2024-01-20 +00'", "A"},
    {"select sym from orders where day > date '2024-01-20Z'", "B"},
    {"select sym from orders where day = '2024-01-20 noon'",
     "line 1, column 36: '2024-01-20 noon' is not a value of type date"},
    {"select size from trade where size is not null order by size limit "
     "'2'::int4 offset 1::bigint",
     "40/100"},
    {"select size from trade limit 'x'::int4",
     "line 1, column 30: 'x' is not a value of type long"},
  });
}

TEST(SqlExecutionTest, TimesAndDatesMayBeInfinite) {
  expect_rows({
    {"select count(*) from orders where day < 'infinity'", "2"},
    {"select count(*) from orders where day > '-infinity'", "2"},
    {"select count(*) from orders where day >= 'inf'", "0"},
    {"select count(*) from orders where date < 'infinity'", "3"},
    {"select count(*) from orders where date > date '-infinity'", "3"},
    {"select count(*) from orders where time < 'infinity'", "3"},
    {"select count(*) from orders where time::date < 'infinity'", "3"},
    {"select date 'infinity' as d from orders limit 1", "inf"},
    {"select count(*) from orders where time between '-infinity' and "
     "'infinity'",
     "3"},
    {"select count(*) from orders where date between '-infinity' and "
     "'infinity'",
     "3"},
    {"select count(*) from orders where time < date 'infinity'", "3"},
  });
}

} // namespace
} // namespace millrace::query
