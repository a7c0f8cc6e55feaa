#include <millrace/actors/torq/gateway/heard_question.hpp>
#include <millrace/messages/data/restricted_question.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace millrace::torq {
namespace {

const std::map<std::string, table_schema>& tables() {
  static const auto all = [] {
    std::map<std::string, table_schema> out;
    for (const auto* name : {"trade", "quote", "secret"}) {
      auto& made = out[name];
      made.name = name;
      made.columns = {{"time", column_type::timestamp},
                      {"sym", column_type::symbol},
                      {"price", column_type::float_},
                      {"size", column_type::int_}};
      made.time_column = "time";
      made.symbol_column = "sym";
    }
    return out;
  }();
  return all;
}

const query::named_queries& queries() {
  static const query::named_queries all{
    {"open_rows", {"qsql", {}, "select from trade", ""}},
    {"hidden_rows", {"sql", {}, "select * from secret", ""}}};
  return all;
}

heard_question hear(const std::string& parameters) {
  return hear_question(
    parameters,
    [](std::string_view name) {
      const auto found = tables().find(std::string{name});
      return found == tables().end() ? nullptr : &found->second;
    },
    {"quote", "secret", "trade"}, queries(), 0);
}

std::string in_language(const std::string& language, const std::string& text) {
  return language == "getdata"
           ? text
           : text::json_value{{"language", language}, {"text", text}}.dump();
}

/// As ada, who may ask about trade and quote.
heard_question hear_ada(const std::string& question) {
  return hear(to_json({"ada", "10.0.0.9", {"quote", "trade"}, question}));
}

std::string replaced(std::string text, const std::string& what,
                     const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// "select from T", of this table.
std::string with(const std::string& table, const std::string& text) {
  return replaced(text, "T", table);
}

TEST(HeardQuestionTest, NoLanguageNamesATableThatIsNotGranted) {
  // The same with a table that is not there is told in the same words.
  const std::pair<const char*, const char*> cases[] = {
    {"qsql", "select from T"},
    {"qsql", "count T"},
    {"qsql", "meta T"},
    {"qsql", "cols `T"},
    {"qsql", "exec max price from T"},
    {"qsql", "select from trade where sym in exec sym from T"},
    {"qsql", "select from (select from T)"},
    {"qsql", "aj[`sym`time;select from trade;select from T]"},
    {"qsql", "(select last price by sym from trade) lj select last size by "
             "sym from T"},
    {"qsql", "a:select from T;select from a"},
    {"qsql", "update x:price from T"},
    {"sql", "select * from T"},
    {"sql", "select * from \"T\""},
    {"sql", "explain select * from T"},
    {"sql", "select count(*) from T"},
    {"sql", "with a as (select * from T) select * from a"},
    {"sql", "select * from (select * from T) a"},
    {"sql", "select * from trade join T using (sym)"},
    {"sql", "select * from trade t asof join T s on t.sym = s.sym and t.time "
            ">= s.time"},
    {"sql", "select * from trade where sym in (select sym from T)"},
    {"sql", "select sym from trade union all select sym from T"},
    {"sql", "select T.price from T"},
    {"sql", "select * from public.T"},
    {"getdata",
     R"({"tablename":"T","starttime":"2024-01-02","endtime":"2024-01-02"})"},
    {"getdata", R"({"tablename":"T","starttime":"2024-01-02",
       "endtime":"2024-01-02","getquery":true})"},
  };
  for (const auto& [language, text] : cases) {
    const auto all = hear(in_language(language, with("secret", text)));
    const auto kept = hear_ada(in_language(language, with("secret", text)));
    const auto absent = hear_ada(in_language(language, with("nosuch", text)));
    ASSERT_FALSE(kept.what) << text;
    ASSERT_FALSE(absent.what) << text;
    EXPECT_EQ(kept.what.failure().code, absent.what.failure().code) << text;
    EXPECT_EQ(kept.what.failure().context,
              replaced(absent.what.failure().context, "nosuch", "secret"))
      << text;
    // Somebody who may ask about it is answered, so that the form counts.
    if (!all.what)
      EXPECT_NE(all.what.failure().code, errc::not_found) << text;
    EXPECT_TRUE(all.audit.empty());
    if (kept.what.failure().code == errc::not_found)
      EXPECT_TRUE(kept.audit.starts_with(
        "user 'ada' at 10.0.0.9 queries 'secret': refused: "))
        << kept.audit;
    // What is granted is answered in the same form.
    if (all.what)
      EXPECT_TRUE(hear_ada(in_language(language, with("quote", text))).what)
        << text;
  }
}

TEST(HeardQuestionTest, AUsersLimitsAreReadBesideItsQuestion) {
  const restricted_question asked{.user = "ada",
                                  .peer = "p",
                                  .tables = {"trade"},
                                  .question
                                  = in_language("qsql", "select from trade"),
                                  .rows_max = 10,
                                  .bytes_max = 4096,
                                  .priority_max = question_priority::low};
  const auto heard = hear(to_json(asked));
  ASSERT_TRUE(heard.what);
  EXPECT_EQ(heard.rows_max, 10u);
  EXPECT_EQ(heard.bytes_max, 4096u);
  EXPECT_EQ(heard.priority_max, question_priority::low);
  const auto text = to_json(asked);
  EXPECT_EQ(read_restricted(text)->value(), asked);
  EXPECT_FALSE(read_restricted(replaced(text, "4096", "-1")));
  EXPECT_FALSE(read_restricted(replaced(text, "4096", "\"x\"")));
  EXPECT_FALSE(read_restricted(replaced(text, "\"low\"", "\"urgent\"")));
}

TEST(HeardQuestionTest, ANamedQueryIsHeldToTheTablesOfWhoAsks) {
  for (const auto& [language, text] :
       {std::pair{"qsql", "hidden_rows[]"},
        {"sql", "select * from hidden_rows()"},
        {"qsql", "select from hidden_rows[]"},
        {"sql", "select count(*) from (select * from hidden_rows()) a"}}) {
    EXPECT_TRUE(hear(in_language(language, text)).what) << text;
    const auto kept = hear_ada(in_language(language, text));
    ASSERT_FALSE(kept.what) << text;
    EXPECT_EQ(kept.what.failure().code, errc::not_found) << text;
    EXPECT_TRUE(kept.audit.starts_with(
      "user 'ada' at 10.0.0.9 queries 'secret': refused: "))
      << kept.audit;
  }
  EXPECT_TRUE(hear_ada(in_language("qsql", "open_rows[]")).what);
}

TEST(HeardQuestionTest, NoHintNamesATableThatIsNotGranted) {
  const auto near = in_language("qsql", "select from secre");
  EXPECT_NE(hear(near).what.failure().context.find("secret"),
            std::string::npos);
  EXPECT_EQ(hear_ada(near).what.failure().context.find("secret"),
            std::string::npos);
  EXPECT_NE(hear_ada(in_language("qsql", "select from trad"))
              .what.failure()
              .context.find("'trade'"),
            std::string::npos);
}

TEST(HeardQuestionTest, ListsHaveWhatIsGrantedOnly) {
  const auto listed = [](const heard_question& from) {
    return query::to_text(*from.what->told, query::result_format::csv);
  };
  EXPECT_EQ(listed(hear(in_language("qsql", "tables[]"))),
            "table\nquote\nsecret\ntrade\n");
  EXPECT_EQ(listed(hear_ada(in_language("qsql", "tables[]"))),
            "table\nquote\ntrade\n");
}

TEST(HeardQuestionTest, AUserCannotWidenWhatItMayAsk) {
  const auto inner
    = to_json({"eve", "x", {"secret"}, in_language("qsql", "count secret")});
  const auto heard = hear_ada(inner);
  EXPECT_FALSE(heard.what);
  EXPECT_TRUE(heard.audit.starts_with("user 'ada' at 10.0.0.9")) << heard.audit;
  for (const auto* bad :
       {R"({"question":7})", R"({"question":"q","tables":[7]})",
        R"({"question":"q","more":"x"})"}) {
    const auto out = hear(bad);
    ASSERT_FALSE(out.what) << bad;
    EXPECT_EQ(out.what.failure().code, errc::invalid_argument) << bad;
  }
}

TEST(HeardQuestionTest, WhatIsAllowedIsNotedOnALine) {
  const auto heard = hear_ada(in_language(
    "sql", "select t.sym\nfrom trade t asof join quote q on t.sym = q.sym and "
           "t.time >= q.time"));
  ASSERT_TRUE(heard.what) << heard.what.failure().context;
  EXPECT_TRUE(heard.audit.starts_with(
    "user 'ada' at 10.0.0.9 queries quote, trade: allowed: "))
    << heard.audit;
  EXPECT_EQ(heard.audit.find('\n'), std::string::npos);
}

} // namespace
} // namespace millrace::torq
