#include "guess_support.hpp"

// Lines that may be none of the rows, and columns whose names are taken.

namespace millrace::feed {
namespace {

std::string all_questions_of(const layout_guess& guess) {
  std::string out;
  for (const auto& each : guess.questions)
    out += each + "\n";
  return out;
}

TEST(GuessedLinesTest, InstrumentsMayBeginAsComments) {
  check({"among others",
         "sym,time,price\n#AAPL,2024-01-02T09:30:00.5Z,1.5\n"
         "EURUSD,2024-01-02T09:30:01Z,2\n#TSLA,2024-01-02T09:30:01Z,2\n",
         "sym:symbol time:timestamp price:float",
         "#AAPL|757503000500000000|1.5",
         "taken for rows (2 of its first, as '#AAPL,"});
  check({"alone",
         "#AAPL,2024-01-02T09:30:00.5Z,1.5\n#AAPL,2024-01-02T09:30:01Z,2.5\n",
         "sym:symbol time:timestamp c3:float", "#AAPL|757503000500000000|1.5",
         "taken for rows (2 of its first"});
  check({"a header",
         "#RIC,Date-Time,Price\nA,2024-01-02T09:30:00.5Z,1.5\n"
         "B,2024-01-02T09:30:01Z,2.5\n",
         "sym:symbol time:timestamp price:float", "A|757503000500000000|1.5"});
  check({"a header below a comment",
         "# made by hand\n#RIC,Date-Time,Price\n"
         "A,2024-01-02T09:30:00.5Z,1.5\n",
         "sym:symbol time:timestamp price:float", "A|757503000500000000|1.5",
         "passed over (skip_lines), from '# made by hand' on"});
  check({"a row that was taken out",
         "time,sym,price\n2024-01-02T09:30:00.5Z,A,1.5\n"
         "#2024-01-02T09:30:01Z,A,1.5\n# a note\n",
         "time:timestamp sym:symbol price:float", "757503000500000000|A|1.5",
         "as many fields as rows (1 of its first, as '#2024"});
  const auto noted = guess_layout("# a, note\ntime,sym,price\n# b\n"
                                  "2024-01-02T09:30:00.5Z,A,1.5\n",
                                  "t");
  ASSERT_TRUE(noted);
  EXPECT_EQ(all_questions_of(*noted).find('#'), std::string::npos);
  EXPECT_NE(noted->layout.find("comment"), std::string::npos);
}

/// Goal: a comment before the header is none of the names, also where rows
/// begin as it does; and a few last lines that tell of the file are told.
TEST(GuessedLinesTest, WhatStandsAroundTheRowsIsTold) {
  check({"before the header",
         "# exported,by,me\ntime,sym,px\n2024-01-02T09:30:00.5Z,A,1.5\n"
         "2024-01-02T09:30:01Z,#B,1.5\n#2024-01-02T09:30:01Z,#B,1.5\n",
         "time:timestamp sym:symbol px:float", "757503000500000000|A|1.5",
         "as many fields as rows"});
  check({"before the header, beside rows that begin so",
         "# exported,by,me\nsym,time,px\nA,2024-01-02T09:30:00.5Z,1.5\n"
         "#B,2024-01-02T09:30:01Z,1.5\n",
         "sym:symbol time:timestamp px:float", "A|757503000500000000|1.5",
         "passed over (skip_lines), from '# exported,by,me' on"});
  const auto two = guess_layout("time,sym,size\n2024-01-02T09:30:00.5Z,A,1\n"
                                "2024-01-02T09:30:01Z,A,1\nTotal,,2\nEnd,,3\n",
                                "t");
  ASSERT_TRUE(two) << to_string(two.failure());
  for (const auto* each :
       {"'Total,,2'; trailer = \"Total,\"", "'End,,3'; trailer = \"End,\""})
    EXPECT_NE(all_questions_of(*two).find(each), std::string::npos)
      << all_questions_of(*two);
}

// A comment is no row, but what has the form of one is told.
TEST(GuessedLinesTest, WhatIsLeftOutAndMayBeARowIsCounted) {
  for (const auto* const quote : {"false", "true"}) {
    sim::memory_file_system disk;
    put_file(disk, "a.csv",
             "# a note\n1,A\n#2,A\n\n# another\nEND,2\nEND,2,3\n3,A\n");
    const auto got = read_all(disk, options_of(std::string{R"(table = "t"
comment = "#"
trailer = "END,"
fields = 2
quote = )"} + quote + R"(
[[column]]
name = "time"
type = "timestamp"
format = "unix_s"
field = 1
[[column]]
name = "sym"
type = "symbol"
field = 2
)",
                                               {"a.csv"}));
    EXPECT_EQ(got.rows(), 2u) << to_string(got.failed);
    EXPECT_EQ(got.reports.at(0).skipped_rows, 2u) << quote;
  }
}

// A layout that was made of a head without quotes.
TEST(GuessedLinesTest, TextsThatKeepTheirQuotesAreCounted) {
  for (const bool quote : {false, true}) {
    sim::memory_file_system disk;
    put_file(disk, "a.csv",
             "1,A,x\n2,\"A\",\"\"\n3,\"B,\"\"y\"\"\"\n4,\",z\n5,\"C\",\"w\"\n");
    const auto got = read_all(disk, options_of(std::string{R"(table = "t"
fields = 3
quote = )"} + (quote ? "true" : "false") + R"(
[[column]]
name = "time"
type = "timestamp"
format = "unix_s"
field = 1
[[column]]
name = "sym"
type = "symbol"
field = 2
[[column]]
name = "note"
type = "string"
field = 3
)",
                                               {"a.csv"}));
    // "A", "", ""y""", "C" and "w"; a quote alone is no pair.
    EXPECT_EQ(got.reports.at(0).in_quotes, quote ? 0u : 5u) << quote;
  }
}

TEST(GuessedLinesTest, ALastLineMayTellOfTheFile) {
  struct {
    std::string text;
    std::string time;
    std::string question;
  } const cases[]
    = {{"Time|Symbol|Price|Participant Timestamp\n"
        "093000000000001|A|1.5|093000000000001\nEND|20240102|2|\n",
        "header = \"Time\"", "'END|20240102|2|'; trailer = \"END|\""},
       {"time,sym,n\n2024-01-02T09:30:00Z,A,1\n2024-01-02T09:30:01Z,A,74\n"
        "Total,,75\n",
        "header = \"time\"", "'Total,,75'; trailer = \"Total,\""},
       {"sym,time,n\nA,2024-01-02T09:30:00Z,1\nTotal,,75\n,x,\n",
        "header = \"time\"", "none of the rows: ',x,'\n"}};
  for (const auto& each : cases) {
    const auto guess = guess_layout(each.text, "t");
    ASSERT_TRUE(guess) << each.text << to_string(guess.failure());
    const auto time = guess->layout.find("name = \"time\"");
    EXPECT_EQ(guess->layout.find(each.time, time),
              guess->layout.find("header", time))
      << guess->layout;
    EXPECT_NE(all_questions_of(*guess).find(each.question), std::string::npos)
      << all_questions_of(*guess);
    EXPECT_NE(all_questions_of(*guess).find("give no row by this"),
              std::string::npos);
  }
}

TEST(GuessedLinesTest, CountsAreNamedWhereNothingIsATime) {
  const auto none = guess_layout("time,sym\n45293.604166667,A\n", "t");
  ASSERT_FALSE(none);
  EXPECT_NE(none.failure().context.find("format = \"count\""),
            std::string::npos)
    << none.failure().context;
}

// Only of numbers and times is it sure that they are nothing.
TEST(GuessedLinesTest, TextsKeepTheirBlanksAndWords) {
  const std::string begin = "time,sym,note,n,code\n2024-01-02T09:30:00.5Z,A,";
  const std::string next = "2024-01-02T09:30:01Z,A,";
  const std::string columns
    = "time:timestamp sym:symbol note:symbol n:long code:symbol";
  const std::string row = "757503000500000000|A|";
  check({"beside numbers",
         begin + "NA,NA,x\n" + next + "none,7,y\n" + next + "c,7,y\n", columns,
         row + "NA|null|x", "'note': is 'NA', 'none' a value?"});
  check({"alone", begin + "NA,1,x\n" + next + "c,7,y\n", columns,
         row + "NA|1|x", "'note': is 'NA' a value?"});
  check({"of a database", begin + "\\N,1,x\n" + next + "c,7,y\n", columns,
         row + "|1|x"});
  check({"blanks that count", begin + "c,1, F I\n" + next + "c, 7,@  I\n",
         columns, row + "c|1| F I", "'code': do the blanks before"});
  check({"blanks of a column", begin + " c,1,x  \n" + next + " d,7,y\n",
         columns, row + " c|1|x", "'note': do the blanks before"});
  check({"blanks of several places",
         begin + " F I,1,x\n" + next + " T  ,7,y\n" + next + "   I,7,y\n" + next
           + "   I,7,y\n",
         columns, row + " F I|1|x", "'note': do the blanks before"});
  const auto spaced
    = guess_layout("time, sym, note, n\n2024-01-02T09:30:00.5Z, A, c, 1\n"
                   "2024-01-02T09:30:00.5Z, A, d, 7\n",
                   "t");
  ASSERT_TRUE(spaced);
  EXPECT_NE(spaced->layout.find("trim = true"), std::string::npos);
  EXPECT_TRUE(spaced->questions.empty());
  const auto kept
    = guess_layout(begin + "c,1, F I\n" + next + "c,7,@  I\n", "t");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->layout.find("trim"), std::string::npos);
}

TEST(GuessedLinesTest, NamesThatItGivesAreNotTaken) {
  check({"a time that is none",
         "time,stamp,sym,price\nmorning,2024-01-02T09:30:00.5,A,1.5\n",
         "time_1:symbol time:timestamp sym:symbol price:float",
         "morning|757503000500000000|A|1.5"});
  check({"a symbol that is none",
         "time,sym,px\n2024-01-02T09:30:00.5,1.25,1.5\n",
         "time:timestamp sym_2:float px:float sym:symbol",
         "757503000500000000|1.25|1.5|X", "--symbol"});
}

TEST(GuessedLinesTest, OfSeveralTimesOneIsOfTheRow) {
  check({"one is called so",
         "listed_at,time,sym\n2010-06-29T00:00:00Z,2024-01-02T09:30:00.5Z,A\n",
         "listed_at:timestamp time:timestamp sym:symbol",
         "331084800000000000|757503000500000000|A"});
  check({"of another day",
         "settle_time,trade_time,sym\n2024-01-04T00:00:00Z,"
         "2024-01-02T09:30:00.5Z,A\n",
         "settle_time:timestamp time:timestamp sym:symbol",
         "757641600000000000|757503000500000000|A"});
  check({"none is",
         "first_seen,last_seen,sym\n2024-01-02T09:30:00.5Z,"
         "2024-01-02T09:31:00Z,A\n",
         "time:timestamp last_seen:timestamp sym:symbol",
         "757503000500000000|757503060000000000|A",
         "which of its times is that of the row: first_seen, last_seen?"});
}

} // namespace
} // namespace millrace::feed
