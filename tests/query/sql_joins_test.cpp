#include <gtest/gtest.h>

#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::expect_rows;
using testing_support::q_rows;

/// trade has A B A - C B, quote A A - B.
TEST(SqlJoinsTest, JoinsAllRowsOfAKey) {
  expect_rows({
    {"select t.lot, q.bid from trade t join quote q on t.sym = q.sym",
     "7,9/7,9.5/-7,6/,9/,9.5/-2,6"},
    {"select t.lot, q.bid from trade t left join quote q using (sym)",
     "7,9/7,9.5/-7,6/,9/,9.5/2,/0,/-2,6"},
    {"select t.lot, q.bid from quote q right join trade t on t.sym = q.sym and "
     "q.bid < 9.2",
     "7,9/-7,6/,9/2,/0,/-2,6"},
    // Conditions on both, also on times alone.
    {"select t.lot, q.bid from trade t join quote q on t.sym = q.sym and "
     "q.time between t.time - interval '1 second' and t.time",
     "7,9/,9.5/-2,6"},
    {"select t.lot, q.bid from trade t join quote q on t.price < q.bid and "
     "q.bid < 7",
     "-7,6/2,6"},
    {"select count(*) from trade t cross join quote q", "24"},
    {"select count(*), count(q.bid), sum(t.lot) from trade t left join quote q "
     "on t.sym = q.sym and t.lot = 7",
     "7,2,7"},
    // The rows that stay have no partner for which all conditions hold.
    {"select t.lot, q.bid from trade t left join quote q on t.sym = q.sym and "
     "q.time between t.time - interval '1 second' and t.time",
     "7,9/-7,/,9.5/2,/0,/-2,6"},
    {"select t.lot, q.bid from trade t left join quote q on t.price > q.bid "
     "and q.bid < 9.2 order by t.time, q.bid",
     "7,1/7,6/7,9/-7,1/,/2,1/0,/-2,1/-2,6"},
    // All rows of both; those of the right one after the others.
    {"select t.lot, q.sym, q.bid from trade t full join quote q on t.sym = "
     "q.sym",
     "7,A,9/7,A,9.5/-7,B,6/,A,9/,A,9.5/2,,/0,,/-2,B,6/,,1"},
    {"select t.lot, q.sym, q.bid from trade t full outer join quote q on t.sym "
     "= q.sym and q.bid < 9.2 and t.lot > 0",
     "7,A,9/-7,,/,,/2,,/0,,/-2,,/,A,9.5/,,1/,B,6"},
    {"select sym, t.sym, q.sym, bid from (select sym, lot from trade where lot "
     "> 2) t full join (select sym, bid from quote where bid < 9.2) q using "
     "(sym) order by bid",
     ",,,1/B,,B,6/A,A,A,9"},
    {"select * from (select sym, lot from trade where lot < -2) t full join "
     "(select sym, bid from quote where bid > 9.2) q using (sym)",
     "B,-7,/A,,9.5"},
    // With commas, whatever their order; without a condition, all with all.
    {"select t.lot, q.bid from trade t, quote q where t.sym = q.sym and q.bid "
     "> 7",
     "7,9/7,9.5/,9/,9.5"},
    {"select a.lot, b.lot, q.bid from trade a, trade b, quote q where q.sym = "
     "a.sym and b.time > a.time and b.sym = q.sym and a.sym = b.sym",
     "7,,9/7,,9.5/-7,-2,6"},
    {"select count(*) from trade, quote", "24"},
    {"select * from (select lot from trade where lot = 7) a, (select bid from "
     "quote where bid > 9.2) b, (select sym from quote where bid < 7) c where "
     "c.sym = 'B'",
     "7,9.5,B"},
    {"select count(*) from trade, trade",
     "line 1, column 29: the name 'trade' is there twice; give one an alias"},
    // Rows of a joined table are joined once more.
    {"select a.lot, b.lot, q.bid from trade a join trade b on a.sym = b.sym "
     "and a.time < b.time join quote q on q.sym = a.sym",
     "7,,9/7,,9.5/-7,-2,6"},
    {"select t.sym, count(*) as n from trade t join quote q on t.sym = q.sym "
     "group by t.sym order by n desc",
     "A,4/B,2"},
    {"select distinct t.sym from trade t join quote q on t.sym = q.sym order "
     "by t.sym limit 1",
     "A"},
  });
  EXPECT_EQ(q_rows("select lot, bid from ej[`sym;trade;select sym, bid from "
                   "quote where not null sym]"),
            "7,9/7,9.5/-7,6/,9/,9.5/-2,6");
}

} // namespace
} // namespace millrace::query
