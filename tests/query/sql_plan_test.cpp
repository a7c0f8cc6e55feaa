#include <millrace/query/front/sql/rewrite.hpp>
#include <millrace/query/front/sql/scanner.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/plan/split.hpp>

#include <gtest/gtest.h>

namespace millrace::query {
namespace {

const table_schema* planned_sql_table(std::string_view name) {
  static const auto tables = [] {
    std::vector<table_schema> out(2);
    out[0].name = "trade";
    out[0].columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
         {"price", column_type::float_},   {"size", column_type::long_},
         {"asof", column_type::long_},     {"live", column_type::boolean}};
    out[1].name = "quote";
    out[1].columns = {{"time", column_type::timestamp},
                      {"sym", column_type::symbol},
                      {"bid", column_type::float_}};
    for (auto& each : out) {
      each.time_column = "time";
      each.symbol_column = "sym";
    }
    return out;
  }();
  for (const auto& each : tables)
    if (each.name == name)
      return &each;
  return nullptr;
}

/// Operators from the last to the first, or what is wrong.
std::string sql_planned(std::string_view text) {
  auto request = parse_sql(text, planned_sql_table, 0);
  if (!request)
    return request.failure().context;
  std::string out;
  std::string line;
  for (const char c : to_string(request->plan)) {
    if (c == '\n') {
      out += (out.empty() ? "" : " | ") + line;
      line.clear();
    } else if (c != ' ' || !line.empty()) {
      line += c;
    }
  }
  return out;
}

struct text_pair {
  std::string_view text;
  std::string_view wanted;
};

TEST(SqlRewriteTest, WritesWhatPostgresqlDoesNotKnow) {
  for (const auto& [text, wanted] : std::vector<text_pair>{
         {"select * from t asof join q on t.s = q.s and t.a >= q.a where x",
          "select * from t LEFT JOIN q on (__asof() AND ( t.s = q.s and t.a "
          ">= q.a)) where x"},
         {"select * from trades ASOF JOIN quotes ON trades.a > quotes.a",
          "select * from trades LEFT JOIN quotes ON (__asof() AND ( trades.a "
          "> quotes.a))"},
         {"from a asof left join (select left(x, 2) from b) as q on (s) limit "
          "1",
          "from a LEFT JOIN (select left(x, 2) from b) as q USING "
          "(__asof_on, s) limit 1"},
         {"from a asof inner join b using (k, t)",
          "from a INNER JOIN b USING (__asof, k, t)"},
         {"from a asof join b", "from a LEFT JOIN b USING (__asof_on) "},
         {"from a asof join b x tolerance 2s where c",
          "from a LEFT JOIN b x USING (__asof_on, \"__tolerance=2s\")   where "
          "c"},
         {"from a asof join b on (a.t >= b.t) tolerance '1 min'",
          "from a LEFT JOIN b on (__asof() AND ( (a.t >= b.t)) AND "
          "__tolerance('1 min')) "},
         {"from t as asof join u on x", "from t as asof join u on x"},
         {"select asof, sample from t", "select asof, sample from t"},
         {"select 'a asof join b', \"sample by\" /* latest on */ -- asof join",
          "select 'a asof join b', \"sample by\" /* latest on */ -- asof join"},
         {"from t sample by 1h", "from t GROUP BY __sample('1h','','')"},
         {"from t Sample By 15 m fill(null, 'x') align to calendar order by 1",
          "from t GROUP BY __sample('15 m','null, ''x''','calendar') order by "
          "1"},
         {"from t latest on time partition by a, t.b limit 1",
          "from t GROUP BY __latest( time , a, t.b) limit 1"},
         {"where t.ts in '2024' and u not in '2024-05'",
          "where __in_interval(t.ts , '2024') and NOT __in_interval(u , "
          "'2024-05')"},
         {"where a in ('x') and $$ts in 'a'$$ = E'\\' in'",
          "where a in ('x') and $$ts in 'a'$$ = E'\\' in'"},
       }) {
    const auto made = sql::rewrite(text);
    ASSERT_TRUE(made) << text << ": " << made.failure().context;
    EXPECT_EQ(made->text, wanted);
  }
}

TEST(SqlRewriteTest, KnowsWherePlacesWere) {
  constexpr std::string_view text = "a asof join b on (s) where x";
  const auto made = sql::rewrite(text);
  ASSERT_TRUE(made);
  for (const std::string_view word : {"where", "x", "b on"})
    EXPECT_EQ(made->source_of(static_cast<uint32_t>(
                made->text.find(word.substr(0, 1 + (word.size() > 1))))),
              text.find(word.substr(0, 1 + (word.size() > 1))))
      << word;
}

TEST(SqlRewriteTest, RefusesWhatIsTooLongOrHasNoEnd) {
  const auto fault = [](std::string_view text) {
    const auto made = sql::rewrite(text);
    return made ? std::string{} : made.failure().context;
  };
  EXPECT_EQ(fault("select 'a"), "line 1, column 8: the text has no end");
  EXPECT_EQ(fault("select\n \"a"), "line 2, column 2: the name has no end");
  EXPECT_EQ(fault("/* a /* b */"), "line 1, column 1: the comment has no end");
  EXPECT_EQ(fault("$a$ x"), "line 1, column 1: the text after $a$ has no end");
  EXPECT_EQ(fault("select \xc3\xa9 from __t"),
            "line 1, column 15: names that begin with __ are reserved");
  EXPECT_EQ(fault(std::string_view{"a\0b", 3}),
            "line 1, column 2: a NUL character");
  EXPECT_EQ(fault("from t latest on a"),
            "line 1, column 19: LATEST ON is written as LATEST ON time "
            "PARTITION BY sym");
  EXPECT_EQ(fault("from t sample by x"),
            "line 1, column 18: a span of time is wanted here, as 15m or '15 "
            "minutes'");
  EXPECT_EQ(
    sql::rewrite(std::string(sql::text_bytes_max + 1, ' ')).failure().code,
    errc::limit_exceeded);
  for (const std::string_view part :
       {"+1", " union select 1", "(", " not", "["}) {
    std::string text = "select 1";
    for (size_t i = 0; i <= sql::nesting_tokens_max; ++i)
      text += part;
    EXPECT_EQ(sql::rewrite(text).failure().code, errc::limit_exceeded) << part;
  }
  // Below that bound the grammar's library stays upright.
  for (const std::string_view part : {"+1", " union select 1", "(", " not"}) {
    std::string text = "select 1";
    for (size_t i = 0; i + 2 < sql::nesting_tokens_max / 2; ++i)
      text += part;
    EXPECT_FALSE(parse_sql(text, planned_sql_table, 0)) << part;
  }
  std::string list = "select size from trade where size in (0";
  for (int i = 0; i < 40'000; ++i)
    list += "," + std::to_string(i);
  EXPECT_TRUE(parse_sql(list + ")", planned_sql_table, 0));
}

TEST(SqlPlanTest, GivesStoresWhatTheyCanDo) {
  for (const auto& [text, wanted] : std::vector<text_pair>{
         {"select * from trade", "scan trade"},
         {"select time, price from trade where sym = 'A' and time >= "
          "'2024-05-02' and time < '2024-05-03'",
          "scan trade | filter (sym=`A) "
          "within[time;2024-05-02T00:00:00.000000000Z;"
          "2024-05-02T23:59:59.999999999Z] | project time:time price:price"},
         {"select sym from trade where date between '2024-05-02' and "
          "'2024-05-03'",
          "scan trade | filter "
          "within[date[time;\"UTC\";0];2024-05-02;2024-05-03] | project "
          "sym:sym"},
         {"select time_bucket('1 minute', time) as bar, max(price) as top from "
          "trade group by 1",
          "scan trade | aggregate top:max(price) by "
          "bar:(0D00:01:00.000000000 xbar time)"},
         {"select sym, max(price) from trade group by sym having max(price) > "
          "5",
          "scan trade | aggregate max:max(price) by sym:sym | filter (max>5)"},
         {"select sym from trade where size > 5 order by size desc nulls last "
          "limit 3",
          "scan trade | filter (size>5) | project sym:sym ~s1:size | order "
          "desc ~s1 | limit 3 | project sym:sym"},
         {"select price from trade where price > 5 order by price",
          "scan trade | filter (price>5) | project price:price | order asc "
          "price"},
         {"select price from trade where time > now() - interval '5 minutes'",
          "scan trade | filter (time>1999-12-31T23:55:00.000000000Z) | project "
          "price:price"},
         {"select asof from trade as asof", "scan trade | project asof:asof"},
       })
    EXPECT_EQ(sql_planned(text), wanted) << text;
  const auto explained
    = parse_sql("explain select 1 as a from trade", planned_sql_table, 0);
  ASSERT_TRUE(explained);
  EXPECT_TRUE(explained->explain);
}

TEST(SqlPlanTest, RefusesByNameAndPlace) {
  for (const auto& [text, wanted] : std::vector<text_pair>{
         {"select", "line 1, column 1: a SELECT without FROM is not there"},
         {"", "line 1, column 1: the query is empty; a SELECT is wanted"},
         {"select a from", "line 1, column 14: syntax error at end of input"},
         {"selec 1",
          "line 1, column 1: syntax error at or near \"selec\"; did you mean "
          "'select'?"},
         {"select smu(price) from trade",
          "line 1, column 8: there is no function 'smu'; did you mean 'sum'?"},
         {"select prise\nfrom trade",
          "line 1, column 8: there is no column 'prise'; did you mean "
          "'price'?"},
         {"select 1 from trade,\n  trade",
          "line 2, column 3: the name 'trade' is there twice; give one an "
          "alias"},
         {"select size from trde",
          "line 1, column 18: there is no table 'trde'"},
         {"select x.size from trade",
          "line 1, column 8: there is no table 'x' here"},
         {"select sym from trade t asof join quote q on t.time >= q.time",
          "line 1, column 8: column 'sym' is there more than once; write "
          "table.column"},
         {"select price + sym from trade",
          "line 1, column 14: '+' does not take float and symbol"},
         {"select price from trade where size",
          "line 1, column 31: a condition is true or false, not of type long"},
         {"select price from trade where size > 'x'",
          "line 1, column 38: 'x' is not a value of type long"},
         {"select price from trade where sym = ''",
          "line 1, column 37: an empty text is null here; write IS NULL or IS "
          "NOT NULL"},
         {"select price from trade where max(price) > 1",
          "line 1, column 31: an aggregate cannot stand here: 'max'"},
         {"select price, max(size) from trade",
          "line 1, column 8: column 'price' is neither in GROUP BY nor within "
          "an aggregate"},
         {"select max(sym) from trade",
          "line 1, column 8: the aggregate 'max' does not take symbol"},
         {"select sum(size > 5) from trade",
          "line 1, column 8: the aggregate 'sum' does not take boolean; see "
          "FILTER"},
         {"select lower(sym) from trade",
          "line 1, column 8: there is no function 'lower'"},
         {"select t.sym from trade t asof join quote q on t.sym = q.sym and "
          "t.time >= q.time and t.price <> q.bid",
          "line 1, column 37: ON of this join has conditions on keys and on "
          "the joined table only"},
         {"update trade set size = 1",
          "line 1, column 1: of SQL's statements there are SELECT and EXPLAIN "
          "SELECT: nothing that is stored changes by a query"},
         {"select size from trade; select size from trade",
          "line 1, column 24: one statement is asked at a time"},
         {"select size from trade sample by 1h fill(prev)",
          "line 1, column 24: of FILL there is FILL(NONE)"},
         {"select size from trade where size = $1",
          "line 1, column 37: there is no parameter $1"},
         {"select \xc3\xa9\xc3\xa9, prise from trade",
          "line 1, column 8: there is no column '\xc3\xa9\xc3\xa9'"},
         {"select 1 from trade where x'\xc3\xa9' ) ",
          "line 1, column 32: syntax error at or near \")\""},
       })
    EXPECT_EQ(sql_planned(text), wanted) << text;
}

TEST(SqlPlanTest, FunctionsTakeSoManyValues) {
  // None takes seven, and none but those of the time none.
  for (const std::string name : {"abs",
                                 "sqrt",
                                 "exp",
                                 "ln",
                                 "floor",
                                 "ceil",
                                 "ceiling",
                                 "round",
                                 "trunc",
                                 "sign",
                                 "mod",
                                 "date_bin",
                                 "date_part",
                                 "date_trunc",
                                 "time_bucket",
                                 "xbar",
                                 "to_timestamp",
                                 "now",
                                 "transaction_timestamp",
                                 "statement_timestamp",
                                 "clock_timestamp"}) {
    const bool takes_none = name == "now" || name.ends_with("n_timestamp")
                            || name.ends_with("t_timestamp")
                            || name.ends_with("k_timestamp");
    const auto begin = "line 1, column 8: " + name + " takes ";
    for (const std::string given : {"", "1, 2, 3, 4, 5, 6, 7"}) {
      const auto text = "select " + name + "(" + given + ") from trade";
      const auto told = sql_planned(text);
      EXPECT_EQ(told.starts_with(begin), !(takes_none && given.empty()))
        << text << ": " << told;
    }
  }
}

TEST(SqlPlanTest, RefusesFunctionsAndPrecisionsByName) {
  for (const auto& [text, wanted] : std::vector<text_pair>{
         {"select no_such_timestamp(nope) from trade",
          "line 1, column 8: there is no function 'no_such_timestamp'"},
         {"select to_timestamp('2024', 'YYYY') from trade",
          "line 1, column 8: to_timestamp of a text and its format is not "
          "there: cast the text"},
         {"select to_timestamp(time) from trade",
          "line 1, column 8: 'to_timestamp' takes seconds since 1970"},
         {"select sym::varchar(2) from trade",
          "line 1, column 13: varchar(n) is of constants: texts of rows are "
          "not made shorter"},
         {"select price::numeric(4,-2) from trade",
          "line 1, column 15: of numeric(p, s) p is above 0, and s is 0 to p"},
         {"select price::numeric(40,20) from trade",
          "line 1, column 15: there are at most 15 digits to round to"},
         {"select time::timestamp(12) from trade",
          "line 1, column 14: a time has 0 to 9 digits after its seconds"},
         {"select size::uuid(3) from trade",
          "line 1, column 14: a value of type long cannot be made one of type "
          "guid"},
         {"select time::date(3) from trade",
          "line 1, column 14: the precision of 'date' is not there to cast to"},
         {"select interval '5' day to hour from trade",
          "line 1, column 8: an interval has one unit after it, or all of "
          "them within its text"},
         {"select interval '5' second(3) from trade",
          "line 1, column 8: the precision of 'interval' is not there to cast "
          "to"},
         {"select round(price, size) from trade",
          "line 1, column 8: 'round' takes a constant as its second value, of "
          "digits after the point"},
         {"select trunc(price, 2) from trade",
          "line 1, column 8: trunc to digits is not there"},
       })
    EXPECT_EQ(sql_planned(text), wanted) << text;
}

TEST(SqlPlanTest, RefusesWindowsAndQueriesByName) {
  for (
    const auto& [text, wanted] : std::vector<text_pair>{
      {"select sym from trade t where exists (select bid from quote q where "
       "q.sym = t.sym)",
       "line 1, column 77: a query within an expression that looks at a "
       "column of the rows around it ('sym') is not there; see JOIN"},
      {"select sym from trade where size > all (select size from trade)",
       "line 1, column 34: of queries within conditions there are IN, "
       "EXISTS "
       "and those that stand for a value"},
      {"select sym from trade where sym in (select sym, bid from quote)",
       "line 1, column 33: a query that stands for a value or in IN has one "
       "column, not 2"},
      {"select sym from trade where sym in (select bid from quote)",
       "line 1, column 33: IN compares values of types symbol and float"},
      {"select sum(size) from trade group by (select max(bid) from quote)",
       "line 1, column 38: a query cannot stand here"},
      {"select sym from trade where row_number() over () = 1",
       "line 1, column 29: a window function stands in SELECT and ORDER BY; "
       "put the query into FROM"},
      {"select median(price) over (order by time) from trade",
       "line 1, column 8: with an order or a frame there are sum, avg, min, "
       "max and count, not 'median'"},
      {"select sum(size) over (order by time groups 1 preceding) from trade",
       "line 1, column 8: GROUPS in a frame is not there"},
      {"select sum(size) over (order by price range 1 preceding) from trade",
       "line 1, column 8: RANGE with a distance of an order of type float is "
       "not there"},
      {"select sum(size) over (order by time range 1 preceding) from trade",
       "line 1, column 8: a distance of RANGE is a span of time, as INTERVAL "
       "'1 minute', that fits its order"},
      {"select sum(size) over (order by size, time range 1 preceding) from "
       "trade",
       "line 1, column 8: RANGE with a distance has an ORDER BY of one "
       "column"},
      {"select sum(size) over w from trade",
       "line 1, column 8: there is no window 'w'"},
      {"select lag(size, lot) over () from trade",
       "line 1, column 18: 'lag' takes a whole number"},
      {"select cube(size) over () from trade",
       "line 1, column 8: there is no window function 'cube'"},
      {"select avg(distinct size) from trade",
       "line 1, column 8: of DISTINCT values there are count, min and max, "
       "not avg"},
      {"select percentile_cont(2) within group (order by size) from trade",
       "line 1, column 8: 'percentile_cont' takes a constant from 0 to 1"},
      {"select percentile_disc(0.1) within group (order by sym) from trade",
       "line 1, column 8: the aggregate 'percentile_disc' does not take "
       "symbol"},
    })
    EXPECT_EQ(sql_planned(text), wanted) << text;
}

TEST(SqlPlanTest, RefusesToWorkWithWhatMayBeUnknown) {
  constexpr std::string_view why
    = ": a condition that may be unknown, of values that may be null, is not a "
      "value here; write ((...) IS TRUE) or CASE WHEN";
  for (const auto& [text, place] : std::vector<text_pair>{
         {"select count(price > 3) from trade", "1, column 20"},
         {"select coalesce(price > 3, true) as a from trade", "1, column 23"},
         {"select coalesce(null, live) as a from trade", "1, column 17"},
         {"select greatest(live, price > 3) as a from trade", "1, column 29"},
         {"select (price > 3) = (size > 100) as a from trade", "1, column 15"},
         {"select live <> (size > 100) as a from trade", "1, column 22"},
         {"select live is distinct from\n(size > 100) as a from trade",
          "2, column 7"},
         {"select nullif(price > 3, false) as a from trade", "1, column 21"},
         {"select not nullif(live, false) as a from trade", "1, column 12"},
         {"select nullif(live, false) is null as a from trade", "1, column 8"},
         {"select size from trade order by price > 3", "1, column 39"},
         {"select price > 3 as a from trade order by a", "1, column 14"},
         {"select price > 3 as a from trade order by 1", "1, column 14"},
         {"select distinct price > 3 as a from trade", "1, column 23"},
         {"select price > 3 as a, count(*) from trade group by a",
          "1, column 14"},
         {"select (case when price > 3 then null when live then false end) is "
          "null as a from trade",
          "1, column 9"},
         {"select size from trade where not case when live then size > 3 else "
          "true end",
          "1, column 34"},
         {"select size from trade where (price > 3) in (true)", "1, column 37"},
         {"select case price > 3 when true then 1 end as a from trade",
          "1, column 19"},
         {"select (price > 3)::int as a from trade", "1, column 15"},
         {"select live = (not price > 3) as a from trade", "1, column 26"},
         {"select live = (size in (1, 2)) as a from trade", "1, column 21"},
         {"select live = (size between 1 and 2) as a from trade",
          "1, column 21"},
         {"select live = (sym like 'A%') as a from trade", "1, column 20"},
         {"select live = (max(size) > 2) as a from trade group by live",
          "1, column 26"},
         {"select sym from trade t left join (select live as k, count(*) as n "
          "from trade group by 1) u on (t.size > 3) = u.k",
          "1, column 104"},
       }) {
    const auto wanted = "line " + std::string{place} + std::string{why};
    EXPECT_EQ(sql_planned(text), wanted) << text;
  }
}

TEST(SqlPlanTest, RemembersWhichColumnsMayBeUnknown) {
  for (const std::string text : {
         "select count(a) from (select price > 3 as a from trade) s",
         "with s as (select price > 3 as a from trade) select a is null as b "
         "from s",
         "select sym from (select sym, price > 3 as a from trade) s where not "
         "a",
         "select a from (select price > 3 as a from trade) s order by a",
         "select distinct * from (select price > 3 as a from trade) s",
         "select a, count(*) from (select * from (select price > 3 as a from "
         "trade) r) s group by a",
         "select price > 3 as a from trade union select live from trade",
         "select count(a) from (select live as a from trade union all select "
         "price > 3 from trade) s",
         "select coalesce(a, true) as b from (select cast(null as boolean) as "
         "a from trade) s",
         "select u.k is null as b from trade t left join (select sym, "
         "any_value(live) as k from trade group by sym) u on t.sym = u.sym",
       })
    EXPECT_NE(sql_planned(text).find("a condition that may be unknown"),
              std::string::npos)
      << text << '\n'
      << sql_planned(text);
  for (const std::string text : {
         "select a from (select price > 3 as a from trade) s where a",
         "select count(a) from (select size, price is null as a from trade) s",
         "select count(a) from (select price > 3 is true as a from trade) s",
         "select price > 3 as a from trade union all select live from trade",
         "select u.k is null as b from trade t join (select sym, "
         "any_value(live) as k from trade group by sym) u on t.sym = u.sym",
       })
    EXPECT_EQ(sql_planned(text).find("unknown"), std::string::npos)
      << text << '\n'
      << sql_planned(text);
}

TEST(SqlPlanTest, WorksWithConditionsThatAreKnown) {
  for (
    const std::string_view text : {
      "select count(live), count(live = true), count(price is null) from "
      "trade",
      "select coalesce(live, true) as a, nullif(live, false) as b from trade",
      "select live = ((price > 3) is true) as a from trade",
      "select (price is null) = (size is distinct from 3) as a from trade",
      "select live = (not live and price is not null) as a from trade",
      "select live from trade order by live, price is null",
      "select size from trade where price > 3 order by price > 5",
      "select distinct live, price is null as a from trade",
      "select live <> false as a, count(*) > 3 as b from trade group by 1 "
      "order by 2, 1",
      "select (case when price > 3 then live else false end) = live as a "
      "from trade",
      "select price > 3 as a, not size > 3 as b, (price > 3 or live) is null "
      "as c from trade",
      "select count(*) filter (where price > 3) as a from trade having "
      "not max(price) > 3",
    })
    EXPECT_TRUE(parse_sql(text, planned_sql_table, 0))
      << text << ": " << sql_planned(text);
  EXPECT_EQ(sql_planned("select live is distinct from null as a from trade"),
            "scan trade | project a:1");
}

// Names alone are no step: what the stores give is the result.
TEST(SqlPlanTest, ResultsUnderOtherNamesAreOneFragment) {
  for (const auto* text :
       {"select sym, time_bucket('1 minute', time) as bar, first(price) as o, "
        "max(size) as v from trade group by sym, bar",
        "select sym as s, max(price) as price from trade group by sym",
        "select count(*) as n from trade where size > 3"}) {
    auto request = parse_sql(text, planned_sql_table, 0);
    ASSERT_TRUE(request) << to_string(request.failure());
    ASSERT_FALSE(resolve(request->plan));
    const auto cut = split(request->plan);
    ASSERT_TRUE(cut) << to_string(cut.failure());
    EXPECT_TRUE(cut->is_fragment()) << text << '\n' << to_string(*cut);
    EXPECT_EQ(result_columns(cut->fragments.at(0)), request->plan.columns);
  }
  // What is computed of groups, or in another order, is a step.
  for (const auto* text : {"select sym, max(price) + 1 from trade group by sym",
                           "select max(price), sym from trade group by sym"}) {
    auto request = parse_sql(text, planned_sql_table, 0);
    ASSERT_TRUE(request);
    ASSERT_FALSE(resolve(request->plan));
    const auto cut = split(request->plan);
    ASSERT_TRUE(cut);
    EXPECT_FALSE(cut->is_fragment()) << text;
  }
}

} // namespace
} // namespace millrace::query
