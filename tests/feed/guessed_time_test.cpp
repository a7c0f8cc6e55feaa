// Goal: which fields of a file are the time of a row, and what is asked of it.
#include "guess_support.hpp"

namespace millrace::feed {
namespace {

/// Goal: a file of many dates does not get one: a date and a time in two keys
/// are the time, in whatever form each is.
TEST(GuessedTimeTest, ADateAndATimeInTwoKeysOfJsonAreTheTime) {
  const std::string two = "757503000500000000";
  const auto line = [](const std::string& date, const std::string& time) {
    return "{\"date\":" + date + ",\"time\":" + time
           + ",\"sym\":\"A\",\"a.px\":1.5}\n";
  };
  const std::string columns = "time:timestamp sym:symbol a_px:float";
  check({"texts",
         line("\"2024-01-02\"", "\"09:30:00.5\"")
           + line("\"2024-01-03\"", "\"09:30:00\""),
         columns, two + "|A|1.5"});
  check({"digits of a day", line("20240102", "\"09:30:00.5\""), columns,
         two + "|A|1.5"});
  check({"seconds of a day", line("\"2024-01-02\"", "57600.5"), columns,
         "757526400500000000|A|1.5"});
  check({"a day of something else",
         "{\"expiry\":\"2024-03-02\",\"time\":\"09:30:00.5\",\"sym\":\"A\"}\n",
         "expiry:date time:timestamp sym:symbol", "8827|" + two + "|A",
         "feed with --date YYYY-MM-DD; is it that of expiry?"});
}

/// Goal: whatever its name, a number beside a date that may count the day is
/// asked about, and what cannot is not.
TEST(GuessedTimeTest, CountsBesideADateAreAskedAboutUnderAnyName) {
  const auto file = [&](const std::string& name, const std::string& one,
                        const std::string& other) {
    return guess_layout("Date," + name + ",Sym,Px\n20240102," + one
                          + ",A,1.5\n20240103," + other + ",A,1.5\n",
                        "t");
  };
  struct {
    std::string name, one, other, asked;
  } const cases[] = {
    {"Sec", "34200.5", "34200.25", "format = \"s_of_day\""},
    {"Tick", "34200500", "57600000", "format = \"ms_of_day\""},
    {"x", "93000", "160000", "format = \"hhmmss\""},
    {"hm", "930", "1600", "format = \"%Y%m%d %H%M\""},
    {"Volume", "34200", "57600", ""},
    {"Close", "34200.5", "57600.5", ""},
    {"x", "1.5", "2.5", ""},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name + " " + each.one);
    const auto got = file(each.name, each.one, each.other);
    ASSERT_TRUE(got) << to_string(got.failure());
    std::string asked;
    for (const auto& question : got->questions)
      if (question.find("the time of day?") != question.npos)
        asked += question;
    if (each.asked.empty())
      EXPECT_EQ(asked, "");
    else
      EXPECT_NE(asked.find("headers = [\"Date\", \"" + each.name + "\"]"),
                std::string::npos)
        << asked;
    EXPECT_NE(asked.find(each.asked), std::string::npos) << asked;
  }
  // Without names, numbers that ascend within each date.
  const auto nameless
    = guess_layout("2024-01-02,34200.5,A\n2024-01-02,34201.5,A\n"
                   "2024-01-03,34200.25,A\n",
                   "t");
  ASSERT_TRUE(nameless) << to_string(nameless.failure());
  EXPECT_NE(nameless->questions.front().find("fields = [1, 2]"),
            std::string::npos)
    << nameless->questions.front();
}

/// Goal: forms of one time that programs write beside the common ones.
TEST(GuessedTimeTest, CompactFormsSpansAndOffsetsAreTimes) {
  const auto stamp = [](const std::string& text, const std::string& ns) {
    check({text, "time,sym\n" + text + ",A\n" + text + ",B\n",
           "time:timestamp sym:symbol", ns + "|A"});
  };
  stamp("20240102T093000.500000Z", "757503000500000000");
  stamp("20240102T093000Z", "757503000000000000");
  stamp("20240102T093000.5", "757503000500000000");
  stamp("20240102T093000", "757503000000000000");
  stamp("2024-01-02 09:30:00 -0500", "757521000000000000");
  stamp("2024-01-02 09:30:00.5 +01:00", "757499400500000000");
  stamp("2024-01-02T09:30:00.5 -0500", "757521000500000000");
  for (const std::string span : {"0D09:30:00.500000000", "0D09:30:00.5"})
    check({span, "date,time,sym\n2024.01.02," + span + ",A\n",
           "time:timestamp sym:symbol", "757503000500000000|A"});
  check({"a span without a fraction",
         "date,time,sym\n2024.01.02,0D09:30:00,A\n",
         "time:timestamp sym:symbol", "757503000000000000|A"});
  check({"a month", "time,sym,contract\n2024-01-02T09:30:00.5Z,A,2024-03\n",
         "time:timestamp sym:symbol contract:month",
         "757503000500000000|A|290"});
  const auto none = guess_layout("when,sym\n2024-03,A\n", "t");
  EXPECT_NE(none.failure().context.find("a month is not one"),
            std::string::npos)
    << none.failure().context;
}

TEST(GuessedTimeTest, TimesAsPeopleWriteThem) {
  const std::string opened = "757503000000000000"; // 2024-01-02 09:30
  for (const std::string time :
       {"2024-01-02 9:30:00", "2024-01-02 9:30", "1/2/24 9:30:00",
        "Tue Jan  2 09:30:00 2024", "Jan 2 2024 9:30AM"}) {
    const auto text = "time,sym\n" + time + ",A\n"
                      + (time[0] == '1' ? "1/31/24 9:30:00,A\n" : "");
    check({time, text, "time:timestamp sym:symbol", opened + "|A"});
  }
  check({"a time of day without seconds", "time,sym\n9:30,A\n16:00,A\n",
         "time:timestamp sym:symbol", opened + "|A", "--date"});
  check({"blanks around values",
         "time, sym, px\n2024-01-02 09:30:00 , A , 1.5\n",
         "time:timestamp sym:symbol px:float", opened + "|A|1.5"});
}

TEST(GuessedTimeTest, AFractionMayBeInSomeRowsOnly) {
  const std::string half = "757503000500000000|A|1.5"; // 2024-01-02 09:30:00.5
  const std::string columns = "time:timestamp sym:symbol px:float";
  for (const std::string date : {"01/31/2024 ", "2024-01-31 ", "31.01.2024 "}) {
    auto first = date;
    first.replace(first.find("31"), 2, "02");
    check({date,
           "Time,Sym,Px\n" + first + "09:30:00.5,A,1.5\n" + date
             + "9:30:01,A,1.5\n",
           columns, half});
  }
  check({"with half of the day",
         "Time,Sym,Px\n01/02/2024 09:30:00.5 AM,A,1.5\n"
         "01/31/2024 9:30:01 AM,A,1.5\n",
         columns, half});
  check({"in two fields, of which one is a time of day",
         "Date,Time,Sym,Px\n01/02/2024,09:30:00.5,A,1.5\n"
         "01/31/2024,09:30:01,A,1.5\n",
         columns, half});
  check({"in two fields, with hours of one digit",
         "Date,Time,Sym,Px\n01/02/2024,9:30:00.5,A,1.5\n"
         "01/31/2024,9:30:01,A,1.5\n",
         columns, half});
}

/// Goal: what is called a time is the row's, though another column has whole
/// times of another day; and a date of something else is asked.
TEST(GuessedTimeTest, ATimeOfDayThatIsCalledSoIsTheRows) {
  check({"beside another time",
         "time,listed_at,sym,px\n09:30:00,2010-06-29T00:00:00Z,A,1.5\n"
         "09:30:01,2012-06-29T00:00:00Z,B,1.5\n",
         "time:timestamp listed_at:timestamp sym:symbol px:float",
         "757503000000000000|331084800000000000|A|1.5",
         "which of its times is that of the row: time, listed_at?"});
  check({"beside a date of another thing",
         "listed_date,time,sym,px\n2024-01-02,09:30:00,A,1.5\n",
         "time:timestamp sym:symbol px:float", "757503000000000000|A|1.5",
         "is listed_date the date of time?"});
  for (const std::string day : {"date", "Trade Date", "day", "TradeDate"}) {
    const auto got
      = guess_layout(day + ",time,sym,px\n2024-01-02,09:30:00,A,1.5\n", "t");
    ASSERT_TRUE(got);
    for (const auto& each : got->questions)
      EXPECT_EQ(each.find("the date of"), std::string::npos) << each;
  }
}

/// Goal: what sites and programs publish is found.
TEST(GuessedTimeTest, TimesWithNamesOfMonthsAreFound) {
  const auto file = [](const std::string& time) {
    return "time;sym;price\n" + time + ";A;1.5\n" + time + ";A;2.5\n";
  };
  const std::string columns = "time:timestamp sym:symbol price:float";
  for (const auto& [time, ns] :
       std::vector<std::pair<std::string, std::string>>{
         {"Jan 31, 2024", "759974400000000000"},
         {"January 31, 2024", "759974400000000000"},
         {"31 Jan 2024", "759974400000000000"},
         {"2024-031", "759974400000000000"},
         {"Jan 2, 2024 9:30 AM", "757503000000000000"},
         {"Jan 2, 2024 09:30:00", "757503000000000000"},
         {"2 Jan 2024 09:30", "757503000000000000"},
         {"02 Jan 2024 09:30:00.5", "757503000500000000"},
         {"Tue, 02 Jan 2024 09:30:00 +0100", "757499400000000000"},
         {"Tue, 02 Jan 2024 09:30:00 GMT", "757503000000000000"},
         {"1.704187800E9", "757503000000000000"}})
    check({time, file(time), columns, ns + "|A|1.5"});
  // Such digits are a code where no name says a time.
  const auto code
    = guess_layout("time;sym;code\n2024-01-02T09:30:00Z;A;2024-031"
                   "\n2024-01-02T09:30:00Z;A;2024-031\n",
                   "t");
  ASSERT_TRUE(code);
  EXPECT_NE(code->table.find("\"code:symbol\""), std::string::npos);
}

TEST(GuessedTimeTest, FilesWithoutNamesMayHoldCountsOfTheDay) {
  check({"a date and a time of day",
         "20240102,093000,IBM,1.5\n"
         "20240102,093001,IBM,2.5\n",
         "time:timestamp sym:symbol c4:float", "757503000000000000|IBM|1.5",
         "are field 1 and field 2 a date and a time of day?"});
  check({"seconds of a day",
         "34200.004241176,1,16113575,18,5853300\n"
         "34200.025551909,1,16120456,18,5859100\n",
         "time:timestamp c2:long c3:long c4:long c5:long sym:symbol",
         "757503000004241176|1|16113575|18|5853300|X",
         "is field 1 the seconds of its day?"});
  for (const auto* none : {"1.5,A\n2.5,A\n", "34200.0042411,A\n3.0042411,A\n",
                           "20240102,99,A\n20240102,100,A\n"})
    EXPECT_FALSE(guess_layout(none, "t")) << none;
}

/// Goal: a line of another unit is told, and costs none of the others.
TEST(GuessedTimeTest, OneOddLineLeavesTheOthersTimes) {
  for (const auto& [usual, odd] :
       std::vector<std::pair<std::string, std::string>>{
         {"1704187800", "1704187800123"}, {"2024-01-02T09:30:00Z", "soon"}}) {
    std::string text{"time,sym\n"};
    for (int i = 0; i < 50; ++i)
      text += (i == 20 ? odd : usual) + ",A\n";
    const auto guess = guess_layout(text, "t");
    ASSERT_TRUE(guess) << to_string(guess.failure());
    ASSERT_EQ(
      guess->questions.back().find("1 of its first 50 lines give no row"), 0u)
      << guess->questions.back();
    sim::memory_file_system disk;
    put_file(disk, "a.csv", text);
    EXPECT_EQ(read_all(disk, options_of(guess->layout, {"a.csv"})).rows(), 49u);
  }
}

TEST(GuessedTimeTest, WhatIsOfAnotherFormIsSaidToBeIt) {
  for (const auto& [text, what] :
       std::vector<std::pair<std::string, std::string>>{
         {"8=FIX.4.4\x01"
          "9=12\x01"
          "35=D\x01"
          "10=1\x01\n",
          "messages of FIX"},
         {"20240102-09:30:00 : 8=FIX.4.4|9=12|35=D|\n", "messages of FIX"},
         {"{\n  \"time\": 1\n}\n", "`jq -c .`"}}) {
    const auto none = guess_layout(text, "t");
    ASSERT_FALSE(none);
    EXPECT_NE(none.failure().context.find(what), std::string::npos)
      << none.failure().context;
  }
  check({"of Excel", "sep=;\ntime;sym\n2024-01-02T09:30:00Z;A\n",
         "time:timestamp sym:symbol", "757503000000000000|A"});
}

} // namespace
} // namespace millrace::feed
