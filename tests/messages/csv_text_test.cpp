#include <millrace/messages/text/csv_text.hpp>

#include <gmock/gmock.h>

#include <random>

namespace millrace::text {
namespace {

using namespace std::string_literals;
using fields = std::vector<std::string>;

TEST(CsvTextTest, QuotesOnlyWhereItMust) {
  struct {
    std::string field;
    std::string text;
  } const cases[] = {
    {"", ""},           {"plain", "plain"},     {" a ", " a "},
    {"a,b", "\"a,b\""}, {"a\nb", "\"a\nb\""},   {"a\rb", "\"a\rb\""},
    {"\"", "\"\"\"\""}, {"a\"b", "\"a\"\"b\""}, {"\0"s, "\0"s},
    {"\xff", "\xff"},
  };
  for (const auto& each : cases) {
    std::string out;
    append_csv_field(out, each.field);
    EXPECT_EQ(out, each.text);
  }
}

TEST(CsvTextTest, SplitsLines) {
  struct {
    std::string line;
    fields wanted;
  } const cases[] = {
    {"", {""}},
    {",", {"", ""}},
    {"a,b", {"a", "b"}},
    {"a,b,", {"a", "b", ""}},
    {"\"a,b\",c", {"a,b", "c"}},
    {"\"\"", {""}},
    {"\"\"\"\"", {"\""}},
    {"\"a\"\"b\"", {"a\"b"}},
    {"a\"b", {"a\"b"}}, // A quote within a field is itself.
    {"\"a\nb\r\",c", {"a\nb\r", "c"}},
    {"\0,\xff"s, {"\0"s, "\xff"}},
  };
  for (const auto& each : cases) {
    const auto split = split_csv_line(each.line);
    ASSERT_TRUE(split) << each.line;
    EXPECT_EQ(*split, each.wanted) << each.line;
  }
}

TEST(CsvTextTest, SplitsAtAnotherDelimiter) {
  EXPECT_EQ(*split_csv_line("a;\"b;c\";d,e", ';'), (fields{"a", "b;c", "d,e"}));
}

TEST(CsvTextTest, RecordEndsAtANewlineOutsideOfQuotes) {
  const std::string two = "a,\"b\n\"\"c\n\",d\ne";
  EXPECT_EQ(find_record_end(two, 0), two.size() - 2);
  EXPECT_EQ(find_record_end(two, two.size() - 1), two.npos);
  EXPECT_EQ(find_record_end("\"open\n", 0), std::string::npos);
  EXPECT_EQ(find_record_end("a\"b\nc", 0), 3u);
  EXPECT_EQ(find_record_end("\n", 0), 0u);
  EXPECT_EQ(find_record_end("\"\",\n", 0), 3u);
}

TEST(CsvTextTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(split_csv_line("a,\"b").failure(),
            (error{errc::bad_data, "field 2: the quote does not end"}));
  EXPECT_EQ(split_csv_line("\"a\"\"").failure(),
            (error{errc::bad_data, "field 1: the quote does not end"}));
  EXPECT_EQ(split_csv_line("a,b,\"c\"d").failure(),
            (error{errc::bad_data, "field 3: text after the quote"}));
}

TEST(CsvTextTest, WhatIsWrittenReadsBack) {
  std::mt19937_64 random{5};
  for (int round = 0; round < 2'000; ++round) {
    fields wanted(1 + random() % 4);
    std::string line;
    for (auto& field : wanted) {
      field.resize(random() % 6);
      for (auto& c : field)
        c = "a,\"\r\n|\xff"[random() % 7];
      line += &field == &wanted.front() ? "" : ",";
      append_csv_field(line, field);
    }
    const auto split = split_csv_line(line);
    ASSERT_TRUE(split) << line;
    EXPECT_EQ(*split, wanted) << line;
  }
}

TEST(CsvTextTest, TakesFieldsBetweenAnyDelimiter) {
  std::string out;
  size_t at = 0;
  EXPECT_EQ(take_csv_field("\"a|b\"|c", '|', at, out), csv_fault::none);
  EXPECT_EQ(at, 5u);
  ++at;
  EXPECT_EQ(take_csv_field("\"a|b\"|c", '|', at, out), csv_fault::none);
  EXPECT_EQ(at, 7u);
  EXPECT_EQ(out, "a|bc");
}

} // namespace
} // namespace millrace::text
