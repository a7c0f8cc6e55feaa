#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/plan/split.hpp>

#include <gtest/gtest.h>

#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::expect_rows;
using testing_support::q_rows;
using testing_support::sql_rows;

TEST(QExecutionTest, ListsOfSymbolsThatAreNoWords) {
  EXPECT_EQ(q_rows("select lot from trade where sym in `$(\"A\";\"x,y\")"),
            "7/");
  EXPECT_EQ(q_rows("select lot from trade where sym in (`$\"x,y\";`C)"), "0");
  EXPECT_EQ(q_rows("select lot from trade where sym in enlist `$\"C\""), "0");
  EXPECT_EQ(q_rows("select lot from trade where sym in `$\"C\""), "0");
  EXPECT_EQ(q_rows("select lot from trade where sym in `$\"C\", lot=0"), "0");
  EXPECT_EQ(q_rows("select lot from trade where not sym in `$(\"A\";\"B\")"),
            "2/0");
  // A query after 'in' is one all the same.
  EXPECT_EQ(q_rows("select lot from trade where sym in exec sym from quote "
                   "where bid=6"),
            "-7/-2");
}

TEST(QExecutionTest, DaysWithAnHourOfOneDigit) {
  EXPECT_EQ(q_rows("select lot from trade where time=2000.01.01D0+0D00:00:01"),
            "7");
  EXPECT_EQ(q_rows("select lot from trade where time<2000.01.01D0+0D1,"
                   "time>0D0+2000.01.01D00:01:02"),
            "-2");
  EXPECT_EQ(q_rows("select x:0D5 from trade where lot=7"),
            q_rows("select x:0D05 from trade where lot=7"));
}

TEST(QExecutionTest, PercentilesAreThoseOfSql) {
  for (const auto* fraction : {"0", "0.25", "0.5", "0.9", "1"}) {
    const std::string at = fraction;
    EXPECT_EQ(q_rows("select " + at + " percentile price from trade"),
              sql_rows("select percentile_cont(" + at
                       + ") within group (order by price) from trade"))
      << at;
    EXPECT_EQ(q_rows("select " + at + " percentile size by sym from trade"),
              sql_rows("select sym, percentile_cont(" + at
                       + ") within group (order by size) from trade group by "
                         "sym order by sym nulls first"))
      << at;
  }
  // Its name is that of its column, and beside rows it is their group's.
  EXPECT_EQ(q_rows("select price-1 percentile price from trade where lot=7"),
            "0");
  for (const auto* wrong : {"select 1.5 percentile price from trade",
                            "select price percentile price from trade",
                            "select percentile price from trade",
                            "select (percentile;price) fby sym from trade"})
    EXPECT_FALSE(parse_qsql(wrong, testing_support::sql_table, 0)) << wrong;
}

TEST(OffsetTest, AnOffsetLeavesOutTheFirstRows) {
  expect_rows({
    {"select lot from trade order by size desc, lot limit 2 offset 1", "0/"},
    {"select lot from trade order by size desc, lot limit 2 offset 3", "7/2"},
    {"select lot from trade order by size limit 5 offset 6", ""},
    {"select lot from trade order by size limit 0 offset 2", ""},
    {"select sym, count(*) from trade group by sym order by sym desc limit 2 "
     "offset 1",
     "C,1/B,2"},
    {"select lot from trade limit 2 offset 3", "2/0"},
    {"select * from (select lot from trade order by size desc limit 4 offset "
     "1) z order by lot limit 1",
     "0"},
  });
  // Rows that nobody is given count for no limit.
  auto request = parse_sql(
    "select lot from trade order by size desc, lot limit 2 offset 3",
    testing_support::sql_table, 0);
  ASSERT_TRUE(request);
  auto plan = request->plan;
  ASSERT_FALSE(resolve(plan));
  const auto cut = split(plan);
  ASSERT_TRUE(cut);
  ASSERT_EQ(cut->fragments.size(), 1u);
  auto fragment = cut->fragments[0];
  EXPECT_EQ(fragment.sublist, 5);
  EXPECT_EQ(fragment.skip, 3u);
  const auto back = decode_plan(encode(fragment));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, fragment);
  fragment.skip = 6;
  EXPECT_FALSE(decode_plan(encode(fragment)));
}

} // namespace
} // namespace millrace::query
