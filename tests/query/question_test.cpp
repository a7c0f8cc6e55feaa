#include <millrace/messages/text/json_text.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

namespace millrace::query {
namespace {

result<question> asked(std::string_view written) {
  static const auto quotes = [] {
    table_schema out;
    out.name = "quote";
    out.columns = {{"time", column_type::timestamp},
                   {"sym", column_type::symbol},
                   {"bid", column_type::float_}};
    out.time_column = "time";
    out.symbol_column = "sym";
    return out;
  }();
  return parse_question(written,
                        [](std::string_view name) {
                          return name == quotes.name ? &quotes : nullptr;
                        },
                        0, {"quote"});
}

std::string told_csv(const std::string& text) {
  const auto got
    = asked(text::json_value{{"language", "qsql"}, {"text", text}}.dump());
  if (!got)
    return got.failure().context;
  return got->told ? to_text(*got->told, result_format::csv) : "not told";
}

TEST(QuestionTest, TellsWhatTablesThereAre) {
  EXPECT_EQ(told_csv("tables[]"), "table\nquote\n");
  EXPECT_EQ(told_csv("cols quote"), "column\ntime\nsym\nbid\n");
  EXPECT_EQ(told_csv("cols `quote"), "column\ntime\nsym\nbid\n");
  EXPECT_EQ(told_csv("meta quote"), "c,t,f,a\ntime,p,,\nsym,s,,\nbid,f,,\n");
  EXPECT_EQ(told_csv("t:select n:count i,last bid by sym from quote;meta t"),
            "c,t,f,a\nsym,s,,\nn,j,,\nbid,f,,\n");
  EXPECT_EQ(told_csv("meta quot"),
            "quot: there is no such table at character 6 near 'quot'");
  EXPECT_EQ(told_csv("select from quote"), "not told");
}

TEST(QuestionTest, ReadsAllLanguages) {
  const auto getdata = asked(R"({"tablename":"quote","starttime":"2024-01-02",
    "endtime":"2024-01-02","aggregations":{"max":"bid"},"at_least":77,
    "timeout":"0D00:00:05"})");
  ASSERT_TRUE(getdata) << getdata.failure().context;
  EXPECT_TRUE(getdata->plan.is_fragment());
  EXPECT_EQ(getdata->at_least, position{77});
  EXPECT_EQ(getdata->timeout_ns, 5'000'000'000);
  const auto qsql = asked(
    R"({"language":"qsql","text":"select max bid by sym from quote",
      "at_least":77,"timeout":"0D00:00:05","explain":true})");
  ASSERT_TRUE(qsql) << qsql.failure().context;
  EXPECT_TRUE(qsql->plan.is_fragment());
  EXPECT_EQ(qsql->at_least, position{77});
  EXPECT_EQ(qsql->timeout_ns, 5'000'000'000);
  EXPECT_TRUE(qsql->explain);
  const auto sql = asked(
    R"({"language":"sql","text":"select sym, max(bid) from quote group by sym",
      "at_least":77})");
  ASSERT_TRUE(sql) << sql.failure().context;
  EXPECT_TRUE(sql->plan.is_fragment());
  EXPECT_EQ(sql->at_least, position{77});
  EXPECT_FALSE(sql->explain);
  EXPECT_TRUE(
    asked(R"({"language":"sql","text":"explain select sym from quote"})")
      ->explain);
}

TEST(QuestionTest, APlanIsAnalyzedByRunningIt) {
  for (const auto* text : {"explain analyze select sym from quote",
                           "explain (analyze) select sym from quote"}) {
    const auto got
      = asked(R"({"language":"sql","text":")" + std::string{text} + "\"}");
    ASSERT_TRUE(got) << got.failure().context;
    EXPECT_TRUE(got->analyze) << text;
    EXPECT_FALSE(got->explain) << text;
  }
  // Who asks for the plan alone has nothing run.
  const auto plan = asked(
    R"({"language":"sql","text":"explain analyze select sym from quote",)"
    R"("explain":true})");
  ASSERT_TRUE(plan) << plan.failure().context;
  EXPECT_TRUE(plan->explain);
  EXPECT_FALSE(plan->analyze);
  for (const auto* text : {"explain verbose select sym from quote",
                           "explain (analyze false) select sym from quote",
                           "explain (format json) select sym from quote"})
    EXPECT_NE(asked(R"({"language":"sql","text":")" + std::string{text} + "\"}")
                .failure()
                .context.find("EXPLAIN has one option here: ANALYZE"),
              std::string::npos)
      << text;
}

TEST(QuestionTest, NamesWhatItCannotRead) {
  const auto fault
    = [](std::string_view text) { return asked(text).failure().context; };
  EXPECT_EQ(fault(R"({"language":"cobol","text":"x"})"),
            "the language \"cobol\" is not known; there are \"qsql\" and "
            "\"sql\"");
  EXPECT_EQ(fault(R"({"language":"sql","text":"select bit from quote"})"),
            "line 1, column 8: there is no column 'bit'; did you mean 'bid'?");
  EXPECT_EQ(fault(R"({"language":"qsql"})"),
            "the question: \"text\" is missing");
  EXPECT_EQ(fault(R"({"language":"qsql","text":"quote","at_leat":1})"),
            "the question: there is no option 'at_leat'; there are timeout, "
            "at_least, as_of, priority, explain, analyze and limit");
  for (const auto* limit : {"-1", "\"5\"", "1.5", "null"})
    EXPECT_EQ(
      fault(std::string{R"({"language":"sql","text":"select * from quote",
                                    "limit":)"}
            + limit + "}"),
      std::string{"the question: limit is a count of rows, not "} + limit);
  EXPECT_EQ(fault(R"({"language":"qsql","text":"quote","timeout":"5"})"),
            "the question: timeout is a timespan above 0, as \"0D00:00:30\", "
            "not \"5\"");
  EXPECT_EQ(fault(R"({"language":"qsql","text":"quote","as_of":"x"})"),
            "the question: as_of is a position, not \"x\"");
  EXPECT_EQ(
    fault(R"({"language":"qsql","text":"quote","as_of":100,"at_least":101})"),
    "the question: as_of log.0.0 @ 100 is before at_least log.0.0 @ 101, which "
    "the answer must cover");
  EXPECT_EQ(fault(R"({"language":"qsql","text":"quote","priority":"urgent"})"),
            "the question: priority is low, normal or high, not \"urgent\"");
  EXPECT_EQ(fault(R"({"language":"qsql","text":"quot"})"),
            "quot: there is no such table at character 1 near 'quot'");
}

} // namespace
} // namespace millrace::query
