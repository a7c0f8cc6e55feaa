#include <millrace/nodes/configuration/read_queries.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {
namespace {

TEST(ReadQueriesTest, ReadsAllOfAQuery) {
  const auto read = parse_queries(R"([[query]]
name = "of_day"
parameters = ["day:date", "syms:symbol"]
text = """
select from trade
  where date = day, sym in syms"""
description = "One day"
[[query]]
name = "two"
language = "sql"
text = "select 1"
)",
                                  "q.toml");
  ASSERT_TRUE(read) << read.failure().context;
  ASSERT_EQ(read->size(), 2u);
  const query_config first{
    "of_day",
    "qsql",
    {{"day", column_type::date}, {"syms", column_type::symbol}},
    "select from trade\n  where date = day, sym in syms",
    "One day",
    "q.toml",
    1,
    4};
  EXPECT_EQ(read->front(), first);
  EXPECT_EQ(read->back().language, "sql");
  EXPECT_EQ(read->back().line, 8u);
}

TEST(ReadQueriesTest, FaultsHaveTheirPlaces) {
  for (const auto& [text, tells] :
       std::vector<std::pair<std::string, std::string>>{
         {"text = \"x\"", "q.toml:1:query.name: is missing"},
         {"name = \"a\"", "q.toml:1:query.text: is missing"},
         {"name = \"a-b\"\ntext = \"x\"",
          "q.toml:2:query.name: 'a-b' is not a name of letters"},
         {"name = \"a\"\ntext = \"x\"\nlanguage = \"getdata\"",
          "q.toml:4:query.language: "},
         {"name = \"a\"\ntext = \"x\"\nparameters = [\"day\"]",
          "q.toml:4:query.parameters: 'day' is not \"name:type\""},
         {"name = \"a\"\ntext = \"x\"\nparameters = [\"day:dat\"]",
          "'day' has the unknown type 'dat'"},
         {"name = \"a\"\ntext = \"x\"\nparameters = [\"d:date\", \"d:int\"]",
          "'d' is there twice"},
         {"name = \"a\"\ntext = \"x\"\nparams = []", "q.toml:4:query.params: "},
         {"name = \"a\"\ntext = \"x\"\n[[query]]\nname = \"a\"\ntext = \"y\"",
          "q.toml:5:query.name: 'a' is there twice"},
         {"name = \"a\"\ntext = \"x\"\n[[table]]", "q.toml:4:table: "}}) {
    const auto read = parse_queries("[[query]]\n" + text, "q.toml");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.failure().code, errc::config);
    EXPECT_NE(read.failure().context.find(tells), std::string::npos)
      << read.failure().context;
  }
}

} // namespace
} // namespace millrace::nodes
