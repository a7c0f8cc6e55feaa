#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/front/named_queries.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/plan/split.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace millrace::query {
namespace {

const std::map<std::string, table_schema, std::less<>>& tables() {
  static const auto all = [] {
    std::map<std::string, table_schema, std::less<>> out;
    auto& trade = out["trade"];
    trade.name = "trade";
    trade.columns = {{"time", column_type::timestamp},
                     {"sym", column_type::symbol},
                     {"price", column_type::float_},
                     {"size", column_type::int_}};
    trade.time_column = "time";
    trade.symbol_column = "sym";
    return out;
  }();
  return all;
}

const table_schema* find(std::string_view name) {
  const auto found = tables().find(name);
  return found == tables().end() ? nullptr : &found->second;
}

named_queries queries() {
  auto out = built_in_queries();
  out["of_symbol"] = {"qsql",
                      {{"which", column_type::symbol}},
                      "select from trade where sym in which",
                      "Its trades"};
  out["in_sql"] = {"sql",
                   {{"which", column_type::symbol},
                    {"since", column_type::timestamp},
                    {"least", column_type::int_}},
                   "select sym, sum(size) as n from trade where sym = $1 and "
                   "time >= $2 and size > $3 group by sym",
                   ""};
  out["all"] = {"sql", {}, "select * from trade", ""};
  out["by_others"]
    = {"qsql", {}, "select sum n by sym from in_sql[`A;2024.01.02;5]", ""};
  out["round"] = {"qsql", {}, "select from round[]", ""};
  out["broken"]
    = {"qsql", {{"x", column_type::int_}}, "select prise from trade", ""};
  return out;
}

/// The plan of a question, or why there is none.
std::string plan_of(const std::string& language, const std::string& text) {
  static const auto all = queries();
  const auto got = parse_question(
    text::json_value{{"language", language}, {"text", text}}.dump(), find, 0,
    {"trade"}, all);
  return got ? to_string(got->plan) : to_string(got.failure());
}

TEST(NamedQueriesTest, AreWhatTheirTextsAreWithTheirValues) {
  for (const auto& [language, call, same_language, text] :
       {std::tuple{
          "qsql", "countbysym[2024.01.02;2024.01.03]", "qsql",
          "select sum size, tradecount:count i by sym from trade where "
          "date within (2024.01.02;2024.01.03)"},
        {"qsql", "hloc[2024.01.02;2024.01.02;0D01]", "qsql",
         "select high:max price, low:min price, open:first price, close:last "
         "price, totalsize:sum size, vwap:size wavg price by sym, 0D01 xbar "
         "time from trade where date within (2024.01.02;2024.01.02)"},
        // A minute is a timespan, a text whatever is wanted.
        {"qsql", "hloc[\"2024-01-02\";\"2024-01-02\";01:00]", "qsql",
         "hloc[2024.01.02;2024.01.02;0D01]"},
        {"qsql", "of_symbol[`A]", "qsql", "select from trade where sym in `A"},
        {"qsql", "of_symbol `A", "qsql", "select from trade where sym in `A"},
        {"qsql", "of_symbol[`A`B]", "qsql",
         "select from trade where sym in `A`B"},
        {"qsql", "of_symbol[(\"A\";\"BC\")]", "qsql",
         "select from trade where sym in `A`BC"},
        {"qsql", "x:`B; select max price from of_symbol[x]", "qsql",
         "select max price from select from trade where sym in `B"},
        {"qsql", "t:of_symbol[`B]; select max price from t", "qsql",
         "select max price from select from trade where sym in `B"},
        {"qsql", "in_sql[`A;2024.01.02;5]", "sql",
         "select sym, sum(size) as n from trade where sym = 'A'::symbol and "
         "time >= '2024-01-02'::timestamp and size > 5 group by sym"},
        {"sql", "select * from in_sql('A', '2024-01-02', 5)", "sql",
         "select * from (select sym, sum(size) as n from trade where sym = "
         "'A'::symbol and time >= '2024-01-02'::timestamp and size > 5 "
         "group by sym) a"},
        {"sql", "select t.sym from \"all\"() t", "sql",
         "select t.sym from (select * from trade) t"},
        {"qsql", "by_others[]", "qsql",
         "select sum n by sym from in_sql[`A;2024.01.02;5]"}}) {
    const auto wanted = plan_of(same_language, text);
    EXPECT_EQ(wanted.find("invalid"), std::string::npos) << text << wanted;
    EXPECT_EQ(plan_of(language, call), wanted) << call;
  }
}

TEST(NamedQueriesTest, TellWhatDoesNotFit) {
  for (const auto& [language, text, tells] :
       {std::tuple{"qsql", "hloc[2024.01.02]",
                   "query 'hloc': 1 value for its parameters "
                   "(startdate:date, enddate:date, bucket:timespan)"},
        {"qsql", "countbysym[2024.01.02;`x]",
         "query 'countbysym': parameter 'enddate': a date is wanted, `x: "},
        {"qsql", "countbysym[2024.01.02;5]",
         "parameter 'enddate': a date is wanted, 5: a long is none"},
        {"qsql", "of_symbol[]", "0 values for its parameters"},
        {"qsql", "of_symbol[price]", "a query is applied to constants"},
        {"qsql", "in_sql[`A`B;2024.01.02;5]",
         "parameter $1 has several values"},
        {"qsql", "in_sql[`A;2024.01.02;3000000000]", "it is out of range"},
        {"qsql", "round[]", "queries ask one another more than 8 deep"},
        {"qsql", "broken[5]", "query 'broken': prise: there is no such column"},
        {"qsql", "hlox[2024.01.02]", "did you mean 'hloc'?"},
        {"sql", "select * from hlox('2024-01-02')",
         "line 1, column 15: there is no query named 'hlox'; did you mean "
         "'hloc'?"},
        {"sql", "select * from in_sql(sym, '2024-01-02', 5)", "'sym'"},
        {"sql", "select * from in_sql('A')", "1 value for"},
        {"sql", "select * from \"all\"() with ordinality",
         "of functions in FROM there are named queries"},
        {"sql", "select $1 from trade", "there is no parameter $1"}})
    EXPECT_NE(plan_of(language, text).find(tells), std::string::npos)
      << text << "\n"
      << plan_of(language, text);
}

TEST(NamedQueriesTest, AreListed) {
  const auto all = queries();
  const auto got = parse_question(R"({"language":"qsql","text":"queries[]"})",
                                  find, 0, {"trade"}, all);
  ASSERT_TRUE(got && got->told);
  const auto text = to_text(*got->told, result_format::csv);
  EXPECT_TRUE(text.starts_with("query,parameters,description\n")) << text;
  EXPECT_NE(text.find("of_symbol,which:symbol,Its trades\n"), std::string::npos)
    << text;
}

TEST(NamedQueriesTest, AreCheckedBeforeAnybodyAsks) {
  const auto all = queries();
  const schema_lookup known = find;
  for (const auto* good :
       {"countbysym", "hloc", "of_symbol", "in_sql", "all", "by_others"})
    EXPECT_EQ(check(all, good, known), error{}) << good;
  EXPECT_EQ(check(all, "broken", known).code, errc::not_found);
  EXPECT_EQ(check(all, "round", known).code, errc::limit_exceeded);
  EXPECT_EQ(check(all, "hloc", [](std::string_view) { return nullptr; }).code,
            errc::not_found);
}

TEST(NamedQueriesTest, AQuestionMayWantOnlyTheFirstRows) {
  const auto limited = [](const char* text) {
    const auto got = parse_question(
      text::json_value{{"language", "sql"}, {"text", text}, {"limit", 5}}
        .dump(),
      find, 0, {"trade"});
    return got ? to_string(got->plan) : to_string(got.failure());
  };
  EXPECT_EQ(limited("select sym from trade"),
            plan_of("sql", "select sym from trade limit 5"));
  EXPECT_EQ(limited("select sym from trade order by sym"),
            plan_of("sql", "select sym from trade order by sym limit 5"));
}

} // namespace
} // namespace millrace::query
