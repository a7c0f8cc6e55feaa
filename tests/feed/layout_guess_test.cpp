// Goal: from the start of a file to its rows without a look at either. Method:
// files of several vendors are guessed, and loaded by what was guessed.
#include <millrace/feed/source/head_text.hpp>
#include <millrace/feed/source/layout_guess.hpp>

#include "guess_support.hpp"

namespace millrace::feed {
namespace {

TEST(LayoutGuessTest, FilesLoadByWhatIsGuessed) {
  const std::string two = "757503000500000000"; // 2024-01-02 09:30:00.5
  for (
    const auto& each : std::vector<guessed_file>{
      {"a header, ISO times, a symbol",
       "time,sym,price,size\n2024-01-02T09:30:00.5Z,AIG,10.25,100\n"
       "2024-01-02T09:30:00.6Z,AIG,10,7\n",
       "time:timestamp sym:symbol price:float size:long",
       two + "|AIG|10.25|100"},
      {"counts since 1970, names of vendors",
       "Trade ID,Price,Qty,Time,Is Buyer Maker\n"
       "7,1.5,2.5,1704187800500,True\n8,1.5,2,1704187800501,False\n",
       "trade_id:long price:float qty:float time:timestamp "
       "is_buyer_maker:boolean sym:symbol",
       "7|1.5|2.5|" + two + "|1|X", "--symbol"},
      {"no header, semicolons, decimal comma, day first",
       "31.01.2024 09:30:00;ABC;1.234,5\n31.01.2024 09:30:01;ABC;7,25\n",
       "time:timestamp sym:symbol c3:float", "760008600000000000|ABC|1234.5",
       "which zone"},
      {"date and time apart, words for none, a name twice",
       "Date|Time|Ticker|Last|Last\n01/31/2024|09:30:00|A|1.5|NA\n"
       "02/13/2024|09:30:01|A|NA|2.5\n",
       "time:timestamp sym:symbol last:float last_5:float",
       "760008600000000000|A|1.5|nan"},
      {"times of day, tabs, quotes, comments",
       "# of a vendor\ntime\tname\n\"9:30:00\"\t\"A, B\"\n"
       "\"10:30:00\"\t\"C\"\n",
       "time:timestamp name:symbol sym:symbol", "757503000000000000|A, B|X",
       "--date"},
      {"commas between thousands, in quotes",
       "time,sym,price,size\n2024-01-02T09:30:00.5Z,A,\"1,234.50\",\"10,000\""
       "\n2024-01-02T09:30:01Z,A,7.25,\"1,000\"\n",
       "time:timestamp sym:symbol price:float size:long",
       two + "|A|1234.5|10000"},
      {"the same between semicolons",
       "time;sym;price\n2024-01-02T09:30:00.5Z;A;-1,234,567.50\n"
       "2024-01-02T09:30:01Z;A;999\n",
       "time:timestamp sym:symbol price:float", two + "|A|-1234567.5"},
      {"three digits after a comma, between semicolons: asked",
       "time;sym;price\n2024-01-02T09:30:00.5Z;A;1,234\n",
       "time:timestamp sym:symbol price:float", two + "|A|1.234",
       "'price': is its comma the mark of decimals"},
      {"lines of JSON",
       R"({"T":1704187800500,"s":"A","q":{"price":"1.5","n":3},"m":true})"
       "\n"
       R"({"T":1704187800501,"s":"A","q":{"price":"1","n":4},"m":false})"
       "\n",
       "time:timestamp sym:symbol price:float n:long m:boolean",
       two + "|A|1.5|3|1"},
      {"lines of JSON after the time of arrival, lists, nulls",
       "1704187800500000000 {\"s\":\"A\",\"p\":null,\"bids\":[[1,2]]}\n"
       "1704187800500000001 {\"s\":\"A\",\"p\":2}\n",
       "time:timestamp sym:symbol p:long", two + "|A|null", "left out: bids"},
      {"lines of JSON with a list where others have a value",
       "{\"T\":1704187800500,\"s\":\"A\",\"b\":\"1.5\"}\n"
       "{\"T\":1704187800501,\"s\":\"A\",\"b\":[[1,2]]}\n",
       "time:timestamp sym:symbol", two + "|A", "left out: b"},
      {"keys that differ in the case of their letters",
       "{\"T\":1704187800500,\"s\":\"A\",\"p\":\"1.5\",\"P\":\"2.5\"}\n",
       "time:timestamp sym:symbol p:float upper_p:float", two + "|A|1.5|2.5"},
      {"such a key whose other one is a list elsewhere",
       "{\"T\":1704187800500,\"s\":\"A\",\"b\":\"1.5\",\"B\":7}\n"
       "{\"T\":1704187800501,\"s\":\"A\",\"b\":[[1,2]]}\n",
       "time:timestamp sym:symbol upper_b:long", two + "|A|7",
       "of several kinds"}})
    check(each);
}

TEST(LayoutGuessTest, WhatFilesOftenHold) {
  const std::string two = "757503000500000000"; // 2024-01-02 09:30:00.5
  const std::string day = "757468800000000000";
  const std::string names = "time,sym,px\n";
  const std::string row = "2024-01-02T09:30:00.5Z,A,1.5";
  const std::string columns = "time:timestamp sym:symbol px:float";
  for (
    const auto& each : std::vector<guessed_file>{
      {"a row per instrument",
       "date,sym,close\n2024-01-02,A,1.5\n2024-01-02,B,1.5\n2024-01-02,C,2.5\n"
       "2024-01-02,D,1.5\n2024-01-02,E,1.5\n",
       "time:timestamp sym:symbol close:float", day + "|A|1.5", "zone"},
      {"instruments that are numbers, with zeroes that count",
       "Time,Ticker,px\n2024-01-02T09:30:00.5Z,000001,1.5\n"
       "2024-01-02T09:30:01Z,600000,1.5\n",
       columns, two + "|000001|1.5"},
      {"the same in JSON",
       "{\"time\":\"2024-01-02T09:30:00.5Z\",\"sym\":7203,\"px\":1.5}\n",
       columns, two + "|7203|1.5"},
      {"numbers that are codes, or too large",
       "time,sym,id,big\n2024-01-02T09:30:00.5Z,A,0012,18446744073709551615\n",
       "time:timestamp sym:symbol id:symbol big:symbol",
       two + "|A|0012|18446744073709551615"},
      {"two times without a zone",
       "time,recv,sym\n2024-01-02 09:30:00.5,2024-01-02 09:30:00.5,A\n",
       "time:timestamp recv:timestamp sym:symbol", two + "|" + two + "|A",
       "the times (time, recv)"},
      {"an index without a name",
       ",time,sym,px\n0," + row + "\n1," + row + "\n",
       "c1:long time:timestamp sym:symbol px:float", "0|" + two + "|A|1.5"},
      {"a delimiter at the end of each line", "time,sym,px,\n" + row + ",\n",
       columns, two + "|A|1.5"},
      {"and of rows alone", names + row + ",\n" + row + ",\n", columns,
       two + "|A|1.5"},
      {"a title", "Report of trades\n\n" + names + row + "\n", columns,
       two + "|A|1.5", "passed over (skip_lines), from 'Report of trades'"},
      {"a blank line first", "\n" + names + row + "\n", columns,
       two + "|A|1.5"},
      {"counts with a fraction", "ts,sym\n1704187800.5,A\n1704187801,A\n",
       "time:timestamp sym:symbol", two + "|A"},
      {"years of two digits", "time,sym\n02-Jan-24 09:30:00.5,A\n",
       "time:timestamp sym:symbol", two + "|A", "zone"},
      {"blanks between fields", "time sym px\n2024-01-02T09:30:00.5Z A 1.5\n",
       columns, two + "|A|1.5"}})
    check(each);
  const auto said = guess_layout("time,s\n2024-01-02 09:30:00+05:30,A\n", "t");
  ASSERT_TRUE(said);
  EXPECT_EQ(said->layout.find("zone"), std::string::npos) << said->layout;
  const auto few = guess_layout(names + row + "\n" + row + ",1\n", "t");
  ASSERT_TRUE(few);
  EXPECT_NE(few->questions.at(0).find("for others (1 has 4)"),
            std::string::npos)
    << few->questions.at(0);
}

TEST(LayoutGuessTest, WordsInsideOfWordsSayNothing) {
  check({"ids and volumes as long as times",
         "time,sym,update_id,firstUpdateId,lifetime_volume,sentiment,"
         "exchTime\n2024-01-02T09:30:00.5Z,AIG,2098041693435,2098041693436,"
         "1700000000123,1700000001,1704187800500\n",
         "time:timestamp sym:symbol update_id:long firstupdateid:long "
         "lifetime_volume:long sentiment:long exchtime:timestamp",
         "757503000500000000|AIG|2098041693435|2098041693436|1700000000123|"
         "1700000001|757503000500000000"});
}

TEST(LayoutGuessTest, ThePricesOfAFileMayBeginWhole) {
  check({"by its name",
         "time,sym,price,bid_size\n2024-01-02T09:30:00.5Z,AIG,10,7\n",
         "time:timestamp sym:symbol price:float bid_size:long",
         "757503000500000000|AIG|10|7"});
  std::string late = "time,sym,x\n";
  for (int i = 0; i < 3'000; ++i)
    late += "2024-01-02T09:30:00.5Z,AIG,10\n";
  check({"by its 3,001st line", late + "2024-01-02T09:30:00.5Z,AIG,10.5\n",
         "time:timestamp sym:symbol x:float", "757503000500000000|AIG|10"});
}

TEST(LayoutGuessTest, ThePresetOfAHeaderIsNamed) {
  const auto questions = [](const std::string& text) {
    const auto guess = guess_layout(text, "t");
    std::string out;
    for (const auto& each :
         guess ? guess->questions : std::vector<std::string>{"none"})
      out += each + "\n";
    return out;
  };
  EXPECT_NE(
    questions("Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade "
              "Price|Trade Stop Stock Indicator|Trade Correction "
              "Indicator|Sequence Number|Trade Id|Source of Trade|Trade "
              "Reporting Facility|Participant Timestamp|Trade Reporting "
              "Facility TRF Timestamp|Trade Through Exempt Indicator\n"
              "155858872847712|N|YCY|   I|3|10.07|N|00|4460918|"
              "52983644376116|C||155858872813947||0\n")
      .find("the preset 'taq-trade' is for files with this header"),
    std::string::npos);
  EXPECT_EQ(questions("time,sym,price,size,ex,cond\n"
                      "2024-01-02T09:30:00.5Z,AIG,10.5,1,N,X\n")
              .find("preset"),
            std::string::npos);
}

TEST(LayoutGuessTest, AnInstrumentMayBeCalledTrue) {
  check({"TrueCar", "time,sym,price\n2024-01-02T09:30:00.5Z,TRUE,10.5\n",
         "time:timestamp sym:symbol price:float",
         "757503000500000000|TRUE|10.5"});
}

TEST(LayoutGuessTest, AnInstrumentMayBeCalledAsOthersCallNone) {
  check({"NA is a symbol, and no price",
         "time,sym,price,size\n2024-01-02T09:30:00.5Z,NA,NA,7\n"
         "2024-01-02T09:30:00.6Z,RY,10.5,\\N\n",
         "time:timestamp sym:symbol price:float size:long",
         "757503000500000000|NA|nan|7", "is 'NA' a symbol?"});
}

TEST(LayoutGuessTest, DatesAndTimesOfDigitsAreJoined) {
  for (const auto& [clock, later] : {std::pair{"0930", "1600"},
                                     {"930", "1600"},
                                     {"93000", "160000"},
                                     {"093000", "160000"},
                                     {"93000000", "160000000"}})
    for (const std::string date : {"20240102", "2024-01-02"})
      check({date + " " + clock,
             "Ticker,Date,Time,Close\nIBM," + date + "," + clock + ",1.5\nIBM,"
               + date + "," + later + ",1.6\n",
             "sym:symbol time:timestamp close:float",
             "IBM|757503000000000000|1.5"});
  const auto odd
    = guess_layout("Ticker,Date,Time,Close\nIBM,20240102,1030,1.5\n"
                   "IBM,20240102,1031,1.6\n",
                   "t");
  ASSERT_TRUE(odd);
  EXPECT_NE(odd->questions.at(0).find("is 'Time' the time of day?"),
            std::string::npos)
    << odd->questions.at(0);
}

// A file of TAQ: the date, and a count since its midnight.
TEST(LayoutGuessTest, ACountOfTheDayIsJoinedWithItsDate) {
  const std::string columns = "sym:symbol time:timestamp price:float";
  const auto text_of = [](const std::string& name, const std::string& date,
                          const std::string& first, const std::string& other) {
    return "SYMBOL,DATE," + name + ",PRICE\nIBM," + date + "," + first
           + ",1.5\nIBM," + date + "," + other + ",1.6\n";
  };
  for (const std::string date : {"20240102", "2024-01-02", "2024/01/02"})
    for (const auto& [name, first, other, row] :
         {std::tuple{"TIME", "34200", "34261", "757503000000000000"},
          {"TIME", "34200.5", "34299", "757503000500000000"},
          {"trade_time", "34200000", "34299000", "757503000000000000"},
          {"time", "34200000000001", "34299000000000", "757503000000000001"},
          {"Time (ms)", "120", "15000", "757468800120000000"},
          {"seconds_time", "0", "12", "757468800000000000"}})
      check({std::string{name} + first, text_of(name, date, first, other),
             columns, "IBM|" + std::string{row} + "|1.5", "which zone"});
  // Of these nobody can say what they count.
  for (const auto& [first, other, asked] :
       {std::tuple{"34200", "34259",
                   "see headers = [\"DATE\", \"TIME\"] and format = "
                   "\"s_of_day\" or \"hhmmss\""},
        {"120", "34299", "and format = \"s_of_day\"\n"},
        {"12", "70", "see fields = [...] and format = ..."}}) {
    const auto guess
      = guess_layout(text_of("TIME", "20240102", first, other), "t");
    ASSERT_TRUE(guess) << to_string(guess.failure());
    EXPECT_EQ(guess->layout.find("of_day"), std::string::npos) << first;
    EXPECT_NE(guess->questions.at(0).find("is 'TIME' the time of day?"),
              std::string::npos)
      << guess->questions.at(0);
    EXPECT_NE((guess->questions.at(0) + "\n").find(asked), std::string::npos)
      << guess->questions.at(0);
  }
  // Nor which of two it is, nor how a date of another form is joined.
  for (const std::string text :
       {"SYMBOL,DATE,time,recv_time\nIBM,20240102,34200,34261\n"
        "IBM,20240102,34261,34299\n",
        "SYMBOL,DATE,time\nIBM,13.01.2024,34261\nIBM,13.01.2024,34299\n"}) {
    const auto guess = guess_layout(text, "t");
    ASSERT_TRUE(guess) << to_string(guess.failure());
    EXPECT_EQ(guess->layout.find("of_day"), std::string::npos) << text;
    EXPECT_NE(guess->questions.at(0).find("is 'time' the time of day?"),
              std::string::npos)
      << guess->questions.at(0);
  }
}

TEST(LayoutGuessTest, NumbersOfJsonThatNoTypeHoldsAreTexts) {
  const std::string two = "757503000500000000"; // 2024-01-02 09:30:00.5
  const std::string line = "{\"T\":1704187800500,\"s\":\"A\",\"id\":";
  check({"an id of 128 bits",
         line + "123456789012345678901234}\n" + line
           + "123456789012345678901235}\n" + line + "7}\n",
         "time:timestamp sym:symbol id:string",
         two + "|A|123456789012345678901234"});
  check({"that comes again",
         line + "123456789012345678901234}\n" + line
           + "123456789012345678901234}\n",
         "time:timestamp sym:symbol id:symbol",
         two + "|A|123456789012345678901234"});
  check({"a key twice", line + "1,\"id\":1}\n", "time:timestamp sym:symbol",
         two + "|A", "left out: id; a line has the key twice"});
}

// A recorder was stopped in its last line, or wrote a word between.
TEST(LayoutGuessTest, AFewLinesAmongJsonMayBeNone) {
  const auto lines_of = [](size_t count, const std::string& before) {
    std::string out;
    for (size_t i = 0; i < count; ++i)
      out += before + "{\"T\":" + std::to_string(1'704'187'800'500 + i)
             + ",\"s\":\"A\",\"p\":1.5}\n";
    return out;
  };
  const std::string cut = "{\"T\":1704187";
  const std::string stamp = "1704187800500000000 ";
  for (const auto& [text, rows, question] :
       {std::tuple{
          lines_of(50, "") + cut, 50u,
          "1 of its first 51 lines is no object of JSON and gives no row, from "
          "line 51 on: '{\"T\":1704187'"},
        {lines_of(1, "") + cut, 1u, "1 of its first 2 lines"},
        {lines_of(5, "") + "reconnected\n\n" + lines_of(5, "") + "[late]\n"
           + cut,
         10u,
         "3 of its first 13 lines are no objects of JSON and give no row, from "
         "line 6 "
         "on: 'reconnected'"},
        {"connected to \\ A\n" + lines_of(3, ""), 3u,
         "1 of its first 4 lines is no object of JSON and gives no row, from "
         "line 1 on: "
         "'connected to \\\\ A'"},
        {lines_of(20, stamp) + stamp + cut, 20u, "1 of its first 21 lines"}}) {
    const auto guess = guess_layout(text, "t");
    ASSERT_TRUE(guess) << text << to_string(guess.failure());
    size_t asked = 0;
    for (const auto& each : guess->questions)
      asked += each.find(question) != std::string::npos;
    EXPECT_EQ(asked, 1u) << "asked once: " << guess->questions.at(0);
    sim::memory_file_system disk;
    put_file(disk, "a.json", text);
    const auto got = read_all(disk, options_of(guess->layout, {"a.json"}));
    EXPECT_EQ(got.rows(), rows) << guess->layout;
  }
  // Fields between bars, of which one is JSON in some rows.
  check({"a field of JSON",
         "2024-01-02T09:30:00.5Z|AB|{\"x\":1}\n2024-01-02T09:30:01Z|AB|none\n"
         "2024-01-02T09:30:02Z|AB|none\n",
         "time:timestamp sym:symbol c3:symbol",
         "757503000500000000|AB|{\"x\":1}"});
}

TEST(LayoutGuessTest, TheMarksOfAFileAreThoseOfAllItsColumns) {
  const std::string at = "31.07.2011 23:00:00;AB;";
  const auto row = [](const std::string& values) {
    return "365468400000000000|AB|" + values;
  };
  const std::string typed = "time:timestamp sym:symbol c3:float c4:";
  for (const auto& [values, type, first] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
         {"1.234,5;1.000", "long", "1234.5|1000"},
         {"0,5;100\n" + at + "2,25;1.200", "long", "0.5|100"},
         {"1.234.567,5;-1.000", "long", "1234567.5|-1000"},
         {"1.5;1,000", "long", "1.5|1000"},
         {"1,5;1,000", "float", "1.5|1"},
         {"1'234.5;1'000", "long", "1234.5|1000"},
         {"1 234,5;1 000", "long", "1234.5|1000"}})
    check({values, at + values + "\n" + at + values + "\n", typed + type,
           row(first)});
  const auto odd = guess_layout(at + "5;1.000\n" + at + "6;2.000\n", "t");
  ASSERT_TRUE(odd);
  EXPECT_NE(odd->questions.at(1).find("'c4': is its point the mark"),
            std::string::npos)
    << odd->questions.at(1);
}

/// Goal: what answers of queries print comes back by what is proposed.
TEST(LayoutGuessTest, TheEndsOfTypesAreOfThem) {
  struct {
    std::string values[2];
    std::string type;
    std::string first;
  } const cases[] = {
    {{"inf", "1.5"}, "float", "inf"},
    {{"-inf", "1.5"}, "float", "-inf"},
    {{"inf", "2"}, "float", "inf"},
    {{"-inf", "inf"}, "float", "-inf"},
    {{"9223372036854775807", "1"}, "long", "9223372036854775807"},
    {{"-9223372036854775807", "1"}, "long", "-9223372036854775807"},
    {{"-10:00:01", "10:00:00"}, "timespan", "-36001000000000"},
    {{"25:00:00", "10:00:00.5"}, "timespan", "90000000000000"},
    {{"-25:00:00.5", "-00:00:01"}, "timespan", "-90000500000000"},
    {{"-05:30", "25:30"}, "timespan", "-19800000000000"},
    {{"100:00", "09:30"}, "timespan", "360000000000000"},
    {{"inf", "10:00:00"}, "timespan", "9223372036854775807"},
    {{"10:00:00", "10:00:01"}, "timespan", "36000000000000"},
    {{"inf", "2024-01-02"}, "date", "2147483647"},
    {{"inf", "2024-01"}, "month", "2147483647"},
  };
  for (const auto& each : cases)
    check({each.values[0] + " " + each.values[1],
           "time,sym,x\n2024-01-02T09:30:00.5Z,A," + each.values[0]
             + "\n2024-01-02T09:30:00.5Z,A," + each.values[1] + "\n",
           "time:timestamp sym:symbol x:" + each.type,
           "757503000500000000|A|" + each.first});
  check({"a word of texts",
         "time,sym,x\n2024-01-02T09:30:00.5Z,A,inf\n"
         "2024-01-02T09:30:00.5Z,A,a b\n",
         "time:timestamp sym:symbol x:symbol", "757503000500000000|A|inf"});
}

/// Goal: a line is told without what ends it.
TEST(LayoutGuessTest, WhatIsToldOfALineHoldsNoNewline) {
  const auto got = guess_layout("time,sym,j\n2024-01-02T09:30:00Z,A,1\n"
                                "2024-01-02T09:30:00Z,A,1e+400\n",
                                "t");
  std::string told = got ? "" : got.failure().context;
  if (got)
    for (const auto& each : got->questions)
      told += each;
  EXPECT_NE(told.find("1e+400'"), told.npos) << told;
}

TEST(LayoutGuessTest, CodesKeepTheirZeroes) {
  check({"the first have none",
         "time,sym,cusip,price\n2024-01-02T09:30:00.5Z,A,594918104,1.5\n"
         "2024-01-02T09:30:00.5Z,A,594918104,1.5\n",
         "time:timestamp sym:symbol cusip:symbol price:float",
         "757503000500000000|A|594918104|1.5"});
}

TEST(LayoutGuessTest, NamesOfInstrumentsAndZonesSayMoreWords) {
  const std::string opened = "757503000000000000";
  for (const std::string name :
       {"product_id", "SYM_ROOT", "instrumentId", "security_id", "contract"})
    check({name,
           "timestamp_utc,venue," + name + "\n2024-01-02 09:30:00,X,AIG\n"
             + "2024-01-02 09:30:01,X,AIG\n",
           "time:timestamp venue:symbol sym:symbol", opened + "|X|AIG"});
  const auto utc = guess_layout("time_utc,sym\n2024-01-02 09:30:00,A\n", "t");
  ASSERT_TRUE(utc) << to_string(utc.failure());
  EXPECT_TRUE(utc->questions.empty()) << utc->questions[0];
  check({"the exchange's clock, and not the local one",
         "local_timestamp,timestamp,sym\n2024-01-02 10:30:00,"
         "2024-01-02 09:30:00,A\n",
         "local_timestamp:timestamp time:timestamp sym:symbol",
         "757506600000000000|" + opened + "|A"});
  check({"openeds since 1970 without a name",
         "1704187800,7.5,2\n1704187801,7.25,1\n",
         "time:timestamp c2:float c3:long sym:symbol", opened + "|7.5|2|X"});
  for (const std::string zoned :
       {"2024-01-02 09:30:00 UTC", "2024-01-02 09:30 UTC",
        "2024-01-02T09:30:00 UTC", "2024-01-02 09:30:00.000 UTC",
        "02.01.2024 04:30:00.000 GMT-0500"}) {
    const auto text = "time,sym\n" + zoned + ",A\n";
    check({zoned, text, "time:timestamp sym:symbol", opened + "|A"});
    EXPECT_TRUE(guess_layout(text, "t")->questions.empty());
  }
}

TEST(LayoutGuessTest, ValuesInQuotesMayHoldNewlines) {
  const std::string text = "time,sym,note\n2024-01-02T09:30:00.5Z,A,\"one,\n"
                           "two\n\nthree\"\n2024-01-02T09:30:00.6Z,A,\"b\"\n";
  check({"two rows of six lines", text, "time:timestamp sym:symbol note:symbol",
         "757503000500000000|A|one,\ntwo\n\nthree"});
  EXPECT_TRUE(guess_layout(text, "t")->questions.empty())
    << guess_layout(text, "t")->questions[0];
}

TEST(LayoutGuessTest, NamesMayHoldAnything) {
  for (const std::string name : {"a\x01z", "a\rz", "a\x7fz", "a\"z", "a\\z"}) {
    const auto guess
      = guess_layout("time,sym," + name + "\n2024-01-02T09:30:00Z,A,1\n", "t");
    ASSERT_TRUE(guess) << name << ": " << to_string(guess.failure());
    EXPECT_NE(
      columns_of(options_of(guess->layout, {"a.csv"}).schema).find(" a"),
      std::string::npos);
  }
}

TEST(LayoutGuessTest, WordsOfPhrasesAreNoColumns) {
  check({"as .Q.id names them",
         "time,sym,from,by,update\n2024-01-02T09:30:00.5Z,AIG,1,2,3\n",
         "time:timestamp sym:symbol from1:long by1:long update1:long",
         "757503000500000000|AIG|1|2|3"});
}

TEST(LayoutGuessTest, WhatCannotBeReadIsNotProposed) {
  for (const auto& [text, why] :
       {std::pair{"time,sym,px\n", "it has a header and no row"},
        {"time,sym,px\n2024-01-02T09:30:00Z,A,1.5,x\n2024-01-02T09:30:01Z,A\n",
         "no one number of fields: 2 in 1 line, 3 in 1 line, 4 in 1 line"},
        {"34200000,1,2\n34200001,1,2\n",
         "(seen: fields between ',', no header; '34200000', '1', '2')"}}) {
    const auto none = guess_layout(text, "t");
    ASSERT_FALSE(none) << text;
    EXPECT_EQ(none.failure().code, errc::bad_data);
    EXPECT_NE(none.failure().context.find(why), std::string::npos)
      << none.failure().context;
  }
  sim::memory_file_system disk;
  put_file(disk, "a", "time,s\n2024-01-02,Caf\xe9\n");
  const auto head = read_head(disk, "a", {});
  ASSERT_FALSE(head);
  EXPECT_NE(head.failure().context.find("iconv -f CP1252"), std::string::npos);
}

TEST(LayoutGuessTest, WhetherTheMonthIsFirstIsAsked) {
  for (const std::string clock : {" 09:30:00", ",09:30:00"}) {
    const auto text = (clock[0] == ',' ? "date,time,s\n" : "t,s\n")
                      + ("01/02/2024" + clock + ",A\n") + "03/04/2024" + clock
                      + ",A\n";
    const auto guess = guess_layout(text, "t");
    ASSERT_TRUE(guess) << to_string(guess.failure());
    std::string questions;
    for (const auto& each : guess->questions)
      questions += each + "\n";
    EXPECT_NE(questions.find("is the month first"), std::string::npos);
    sim::memory_file_system disk;
    put_file(disk, "a.csv", text);
    EXPECT_EQ(read_all(disk, options_of(guess->layout, {"a.csv"})).rows(), 0u)
      << "until somebody said";
    for (const auto& [format, row] :
         {std::pair{"%m/%d", "757503000000000000|A"},
          {"%d/%m", "760095000000000000|A"}}) {
      auto said = guess->layout;
      const auto at = said.find("# format = \"" + std::string{format});
      ASSERT_NE(at, std::string::npos) << said;
      said.erase(at, 2);
      const auto got = read_all(disk, options_of(said, {"a.csv"}));
      ASSERT_EQ(got.rows(), 2u) << said;
      EXPECT_EQ(rows_of(got)[0], row);
    }
    // Dates begin where its times are.
    EXPECT_NE(guess->table.find("roll_zone = \"UTC\""), std::string::npos);
  }
}

TEST(LayoutGuessTest, ABookOfManyColumnsIsTwoCommands) {
  std::string names = "timestamp,symbol";
  std::string row = "\n1704187800500000,BTC";
  for (int level = 0; level < 19; ++level)
    for (const auto* name : {"bids", "asks"})
      for (const auto* what : {"price", "amount"}) {
        names += "," + std::string{name} + "[" + std::to_string(level) + "]."
                 + what;
        row += "," + std::to_string(level) + ".5";
      }
  const auto text = names + row + row + "\n";
  const auto guess = guess_layout(text, "book");
  ASSERT_TRUE(guess);
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  const auto got = read_all(disk, options_of(guess->layout, {"a.csv"}));
  EXPECT_EQ(got.rows(), 2u);
  EXPECT_NE(guess->table.find("\"bids_18_amount:float\""), std::string::npos)
    << guess->table;
}

TEST(LayoutGuessTest, ADocumentOfJsonIsNotLines) {
  const auto none = guess_layout("[{\"time\":\"2024-01-02\"},\n{}]\n", "t");
  ASSERT_FALSE(none);
  EXPECT_NE(none.failure().context.find("one per row"), std::string::npos);
}

TEST(LayoutGuessTest, WhatIsNotTextIsRefusedByItsKind) {
  using namespace std::string_literals;
  sim::memory_file_system disk;
  for (const auto& [begin, kind] :
       {std::pair{"\x7f"s + "ELF\x02\r", "a program (ELF)"},
        {"\x0a\x0d\x0d\x0a\xbc\0\0\0\n"s, "the presets iex-trade"},
        {"\xd4\xc3\xb2\xa1\x02\0\x04\0\n"s, "the presets iex-trade"},
        {"\x01\0\x02\r\x03"s, "binary"},
        {"\xfe\x20\x09\0\n"s, "`millrace load --kdb"},
        {"kxzipped\x01\n"s, "`millrace load --kdb"},
        {"\0\x0cS\0\0\n"s, "itch-trade"}}) {
    put_file(disk, "a", begin);
    const auto head = read_head(disk, "a", {});
    ASSERT_FALSE(head) << kind;
    EXPECT_NE(head.failure().context.find(kind), std::string::npos)
      << head.failure().context;
  }
  put_file(disk, "a", "time,s\n");
  EXPECT_EQ(read_head(disk, "a", {.member = "*"}).failure().code,
            errc::invalid_argument);
}

TEST(LayoutGuessTest, PresetsForSuchLinesAreNamedFirst) {
  const auto none = guess_layout("34200016,4535000,100,P,01000001,0\n"
                                 "34200017,4535100,200,Q,01000001,0\n",
                                 "t");
  ASSERT_FALSE(none);
  EXPECT_NE(none.failure().context.find(
              "--preset NAME`: lean-equity-trade lean-future-trade are for "
              "such lines of 6 fields; there are "),
            std::string::npos)
    << none.failure().context;
}

TEST(LayoutGuessTest, WhatHoldsNoTimeIsRefused) {
  EXPECT_EQ(guess_layout("", "t").failure().code, errc::bad_data);
  const auto none = guess_layout("a,b\nx,y\n", "t");
  ASSERT_FALSE(none);
  EXPECT_NE(none.failure().context.find("none of its fields looks like a time"),
            std::string::npos);
}

} // namespace
} // namespace millrace::feed
