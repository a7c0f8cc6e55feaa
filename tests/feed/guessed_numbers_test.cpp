// Goal: what looks like a number and cannot be read as one is told, and so is
// what cannot be seen.
#include "guess_support.hpp"

namespace millrace::feed {
namespace {

const std::string time_of_guess = "757503000500000000"; // 2024-01-02 09:30:00.5
const std::string row_begin = "2024-01-02T09:30:00.5Z;A;";

/// Goal: thousands stand after the blanks and apostrophes of print, too.
TEST(GuessedNumbersTest, MarksOfPrintAreThoseOfTheKeyboard) {
  for (const std::string mark :
       {" ", "\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf", "'", "\xe2\x80\x99"}) {
    check({"between thousands: " + mark,
           "time;sym;px\n" + row_begin + "1" + mark + "234,50\n" + row_begin
             + "-12" + mark + "345" + mark + "678,25\n" + row_begin + "7\n",
           "time:timestamp sym:symbol px:float", time_of_guess + "|A|1234.5"});
    // As a layout names it itself.
    auto options = options_of("table = \"t\"\ndelimiter = \";\"\n"
                              "[[column]]\nname = \"time\"\n"
                              "type = \"timestamp\"\nfield = 1\n"
                              "[[column]]\nname = \"sym\"\ntype = \"symbol\"\n"
                              "field = 2\n[[column]]\nname = \"n\"\n"
                              "type = \"long\"\nfield = 3\nthousands = \""
                                + mark + "\"\n",
                              {"a.csv"});
    sim::memory_file_system disk;
    put_file(disk, "a.csv",
             row_begin + "1" + mark + "234\n" + row_begin + "12" + mark
               + "34\n");
    const auto got = read_all(disk, options);
    EXPECT_EQ(rows_of(got),
              std::vector<std::string>{time_of_guess + "|A|1234"});
    ASSERT_EQ(got.rejects.size(), 1u);
    EXPECT_NE(got.rejects[0].reason.find("mark of thousands elsewhere"),
              std::string::npos)
      << got.rejects[0].reason;
  }
}

TEST(GuessedNumbersTest, NumbersThatNoRuleReadsAreTold) {
  struct {
    std::string value, mark;
  } const cases[] = {
    {"1.5%", "a percent sign"},
    {"$190.25", "a currency"},
    {"-$190.25", "a currency"},
    {"1 234,50 \xe2\x82\xac", "a currency"},
    {"\xc2\xa3"
     "5",
     "a currency"},
    {"EUR 1.50", "a currency"},
    {"(1.5)", "parentheses"},
    {"1,23,456.50", "marks between groups of digits"},
    {"55.47M", "a letter for thousands or millions"},
    {"3B", "a letter for thousands or millions"},
    {"$5.5k", "a currency"},
    {"1.5-", "a minus after the digits"},
    {"\xe2\x88\x92"
     "1.5",
     "a minus that is no hyphen"},
    {"1_000", "underscores, and thousands = \"_\" takes off such"},
    {"109-16", "32nds"},
    {"109-16+", "32nds"},
    {"109-165", "32nds"},
    {"5 1/2", "a fraction"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.value);
    // Others beside it are plain.
    const auto got = guess_layout("time;sym;px\n" + row_begin + each.value
                                    + "\n" + row_begin + "2.25\n",
                                  "t");
    ASSERT_TRUE(got) << to_string(got.failure());
    std::string questions;
    for (const auto& question : got->questions)
      questions += question + "\n";
    const bool told
      = questions.find("column 'px': its values are numbers but for "
                       + each.mark)
        != questions.npos;
    EXPECT_TRUE(told) << questions;
  }
  const auto hex = guess_layout("time;sym;n\n" + row_begin + "0x1F\n", "t");
  ASSERT_TRUE(hex);
  EXPECT_EQ(hex->questions.back(),
            "column 'n': its values are numbers but for a 0x, and hex = true "
            "reads such as a number: they are taken as texts");
  for (const auto* value : {"A1", "()", "%", "$", "x y", "NASDAQ", "1.5.2", "K",
                            "109-32", "109-1", "1/x", "-", "0x"}) {
    const auto got
      = guess_layout("time;sym;px\n" + row_begin + value + "\n", "t");
    ASSERT_TRUE(got) << to_string(got.failure());
    for (const auto& question : got->questions)
      EXPECT_EQ(question.find("numbers but for"), std::string::npos)
        << question;
  }
}

TEST(GuessedNumbersTest, ColumnsWithoutAValueAreNamed) {
  check({"empty",
         "time;sym;last;px;volume\n" + row_begin + ";1.5;\n" + row_begin
           + ";2.5;NA\n",
         "time:timestamp sym:symbol last:symbol px:float volume:symbol",
         time_of_guess + "|A||1.5|", "of which type are last, volume?"});
  check(
    {"null of JSON",
     "{\"time\":\"2024-01-02T09:30:00.5Z\",\"sym\":\"A\",\"x\":{\"y\":null}}\n",
     "time:timestamp sym:symbol", time_of_guess + "|A",
     "left out: x.y; null in all of its first lines"});
}

TEST(GuessedNumbersTest, ARowNumberOfQsqlIsNoNameOfAColumn) {
  check({"i", "time;sym;i\n" + row_begin + "7\n",
         "time:timestamp sym:symbol i1:long", time_of_guess + "|A|7"});
}

/// Goal: rows of a spreadsheet that are empty do not name its columns, for
/// `layout` nor for a layout that is there.
TEST(GuessedNumbersTest, LinesWithoutANameAreNoHeader) {
  for (const std::string nothing :
       {";;\n", "  \n", "\n;;\n\n", "\"\";\"\";\n"}) {
    const auto text
      = nothing + "time;sym;px\n" + row_begin + "1.5\n" + row_begin + "2.5\n";
    check({nothing, text, "time:timestamp sym:symbol px:float",
           time_of_guess + "|A|1.5"});
    sim::memory_file_system disk;
    put_file(disk, "a.csv", text);
    const auto got = read_all(
      disk, options_of("table = \"t\"\ndelimiter = \";\"\nheader = true\n"
                       "[[column]]\nname = \"time\"\ntype = \"timestamp\"\n"
                       "header = \"time\"\n[[column]]\nname = \"sym\"\n"
                       "type = \"symbol\"\nheader = \"sym\"\n",
                       {"a.csv"}));
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(got.rows(), 2u);
  }
}

/// Goal: codes are no numbers because all of them could be read as such.
TEST(GuessedNumbersTest, WhatMayBeCodesIsAsked) {
  const std::string comma_begin = "2024-01-02T09:30:00.5Z,A,";
  const std::string columns = "time:timestamp sym:symbol x:";
  const auto row = time_of_guess + "|A|";
  struct {
    std::string values[2];
    std::string type;
    std::string first;
    std::string question;
  } const cases[] = {{{"\"1,5\",1.81", "\"12,37\",1.6"},
                      "symbol",
                      "1,5",
                      "'x': its values could be numbers with a comma"},
                     {{"\"302,604\",1.81", "\"12,370\",1.6"},
                      "long",
                      "302604",
                      "'x': does its comma stand between thousands"},
                     {{"112'160,1.81", "112'165,1.6"},
                      "long",
                      "112160",
                      "'x': does its apostrophe stand between thousands"},
                     {{"12345E102,1.81", "5,1.6"},
                      "symbol",
                      "12345E102",
                      "'x': are its values numbers with an exponent"},
                     {{"00000001,1.81", "5e2,1.6"}, "symbol", "00000001", ""},
                     {{"1,1.81", "5e02,1.6"}, "symbol", "1", ""},
                     {{"1.5,1.81", "5e02,1.6"}, "float", "1.5", ""},
                     {{"1,1.81", "5e+02,1.6"}, "float", "1", ""},
                     {{"1'234'567,1.81", "112'165,1.6"}, "long", "1234567", ""},
                     {{"112'165,1.81", "950,1.6"},
                      "long",
                      "112165",
                      "'x': does its apostrophe stand between thousands"},
                     {{"\"302,604\",1.81", "604,1.6"},
                      "long",
                      "302604",
                      "'x': does its comma stand between thousands"},
                     {{"\"302,604,112\",1.81", "\"1,604\",1.6"},
                      "long",
                      "302604112",
                      "'x': does its comma stand between thousands"},
                     {{"302 604,1.81", "604,1.6"},
                      "long",
                      "302604",
                      "'x': does its blank stand between thousands"},
                     {{"\"1,604.5\",1.81", "604,1.6"}, "float", "1604.5", ""}};
  for (const auto& each : cases) {
    const guessed_file file{each.values[0] + " and " + each.values[1],
                            "time,sym,x,px\n" + comma_begin + each.values[0]
                              + "\n" + comma_begin + each.values[1] + "\n",
                            columns + each.type + " px:float",
                            row + each.first + "|1.8100000000000001",
                            each.question};
    check(file);
    const auto guess = guess_layout(file.text, "t");
    if (each.question.empty())
      for (const auto& asked : guess->questions)
        EXPECT_EQ(asked.find("column 'x'"), std::string::npos) << asked;
  }
  // Of a price and a quantity an exponent is one.
  check({"an amount", "time,sym,volume\n" + comma_begin + "1e5\n",
         "time:timestamp sym:symbol volume:float", row + "100000"});
}

/// Goal: one file has one mark of decimals, and a list of codes beside whole
/// prices shows none.
TEST(GuessedNumbersTest, ListsOfCodesAreNoDecimals) {
  const std::string comma_begin = "2024-01-02T09:30:00.5Z,A,";
  const std::string columns = "time:timestamp sym:symbol ";
  const auto row = time_of_guess + "|A|";
  check({"two marks",
         "time;sym;px;cond\n2024-01-02T09:30:00.5Z;A;10.5;1,5\n"
         "2024-01-02T09:30:00.5Z;A;16.25;12,37\n",
         columns + "px:float cond:symbol", row + "10.5|1,5",
         "'cond': its values could be numbers with a comma"});
  check({"whole prices",
         "time,sym,px,cond\n" + comma_begin + "10,\"1,5\"\n" + comma_begin
           + "16,\"12,37\"\n",
         columns + "px:float cond:symbol", row + "10|1,5",
         "'cond': are its values numbers with a comma before their decimals, "
         "or lists of codes?"});
  check({"decimals that are no codes",
         "time,sym,px,cond\n" + comma_begin + "\"10,5\",\"1,5\"\n" + comma_begin
           + "\"16,25\",\"12,37\"\n",
         columns + "px:float cond:float", row + "10.5|1.5"});
  // An amount has thousands, and nobody is asked.
  const auto amount
    = guess_layout("time,sym,volume,px\n" + comma_begin + "\"302,604\",1.5\n"
                     + comma_begin + "604,1.5\n",
                   "t");
  ASSERT_TRUE(amount);
  for (const auto& each : amount->questions)
    ADD_FAILURE() << each;
  const auto truths = guess_layout(
    "time,sym,sell\n" + comma_begin + "true\n" + comma_begin + "\n", "t");
  ASSERT_TRUE(truths);
  ASSERT_EQ(truths->questions.size(), 1u);
  EXPECT_NE(truths->questions[0].find("'sell': some of its values are empty"),
            std::string::npos);
}

} // namespace
} // namespace millrace::feed
