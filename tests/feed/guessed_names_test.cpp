#include "guess_support.hpp"

// Which name of a header is of which field, and which field is the instrument.

namespace millrace::feed {
namespace {

const std::string row_of_ibm = "757503000000000000|IBM|10.1|11.1";

std::string questions_of(const std::string& text) {
  const auto guess = guess_layout(text, "t");
  EXPECT_TRUE(guess) << to_string(guess.failure());
  std::string out;
  if (guess)
    for (const auto& each : guess->questions)
      out += each + "\n";
  return out;
}

/// Goal: where the header has one name fewer than rows have fields, each name
/// stands at its own values or at none.
TEST(GuessedNamesTest, ARowNumberHasNoName) {
  check({"as R writes it",
         "\"time\",\"bid\",\"ask\"\n\"1\",2024-01-02T09:30:00Z,10.1,11.1\n"
         "\"2\",2024-01-02T09:30:01Z,10.2,11.2\n",
         "c1:long time:timestamp bid:float ask:float sym:symbol",
         "1|757503000000000000|10.1|11.1|X", "which counts rows"});
  check({"of rows that were left out, below a note",
         "# a note\ntime,sym,bid,ask\n3,2024-01-02T09:30:00Z,IBM,10.1,11.1\n"
         "7,2024-01-02T09:30:01Z,IBM,10.2,11.2\n",
         "c1:long time:timestamp sym:symbol bid:float ask:float",
         "3|" + row_of_ibm, "which counts rows"});
  check({"of a date and a time of day",
         "date,time,sym,bid\n1,2024-01-02,09:30:00,IBM,10.1\n"
         "2,2024-01-02,09:30:01,IBM,10.2\n",
         "c1:long time:timestamp sym:symbol bid:float",
         "1|757503000000000000|IBM|10.1", "which counts rows"});
}

TEST(GuessedNamesTest, RowsMayEndWithOneDelimiterMore) {
  const std::string rows = "2024-01-02T09:30:00Z,IBM,10.1,11.1,\n"
                           "2024-01-02T09:30:01Z,IBM,10.2,11.2, \n";
  const std::string columns = "time:timestamp sym:symbol bid:float ask:float";
  check({"alone", "time,sym,bid,ask\n" + rows, columns, row_of_ibm});
  check({"below a note", "# a note\ntime,sym,bid,ask\n" + rows, columns,
         row_of_ibm});
  check({"below names that hold a newline",
         "time,sym,bid,\"ask\nprice\"\n" + rows,
         "time:timestamp sym:symbol bid:float ask_price:float", row_of_ibm});
}

TEST(GuessedNamesTest, NamesWithoutAPlaceAreNotTaken) {
  const std::string unplaced = "which name is of which field cannot be seen";
  check({"a comma in texts",
         "time,sym,name,price\n2024-01-02T09:30:00Z,IBM,Smith, Inc.,1.5\n"
         "2024-01-02T09:30:01Z,IBM,Smith, Inc.,1.5\n",
         "time:timestamp sym:symbol c3:symbol c4:symbol c5:float",
         "757503000000000000|IBM|Smith| Inc.|1.5", unplaced});
  check({"a comma in times",
         "time,sym,price\n2024-01-02 09:30:00,123,IBM,1.5\n"
         "2024-01-02 09:30:01,124,IBM,1.5\n",
         "time:timestamp c2:long sym:symbol c4:float",
         "757503000000000000|123|IBM|1.5", unplaced});
  check({"quotes of one stroke",
         "time,sym,note,n\n2024-01-02T09:30:00Z,IBM,'x,y',1\n"
         "2024-01-02T09:30:01Z,IBM,'x,y',1\n",
         "time:timestamp sym:symbol c3:symbol c4:symbol c5:long",
         "757503000000000000|IBM|'x|y'|1", unplaced});
  check({"a number of the row that has a name",
         "seq,time,sym,name\n1,2024-01-02T09:30:00Z,IBM,Smith, Inc.\n"
         "2,2024-01-02T09:30:01Z,IBM,Smith, Inc.\n",
         "c1:long time:timestamp sym:symbol c4:symbol c5:symbol",
         "1|757503000000000000|IBM|Smith| Inc.", unplaced});
  check({"one name too many",
         "time,sym,bid,ask,venue\n2024-01-02T09:30:00Z,IBM,10.1,11.1\n"
         "2024-01-02T09:30:01Z,IBM,10.2,11.2\n",
         "time:timestamp sym:symbol c3:float c4:float", row_of_ibm, unplaced});
  EXPECT_EQ(questions_of("time,sym,n\n2024-01-02T09:30:00Z,A,1\n")
              .find("cannot be seen"),
            std::string::npos);
}

/// Goal: what is grouped by is the instrument, or somebody said so.
TEST(GuessedNamesTest, TheInstrumentOfFieldsWithoutNamesIsAsked) {
  const std::string none = "no field names the instrument: feed with --symbol";
  check({"sides",
         "1704187800000,42283.5,0.001,buy\n"
         "1704187800001,42283.75,0.002,sell\n",
         "time:timestamp c2:float c3:float c4:symbol sym:symbol",
         "757503000000000000|42283.5|0.001|buy|X", none});
  check(
    {"kinds of messages",
     "T,2024-01-02T09:30:00Z,IBM,162.5\nQ,2024-01-02T09:30:00Z,IBM,162.75\n",
     "c1:symbol time:timestamp sym:symbol c4:float",
     "T|757503000000000000|IBM|162.5", "is field 3 ('IBM') the instrument?"});
  check({"several",
         "2024-01-02T09:30:00Z,IBM\n2024-01-02T09:30:00Z,AA\n"
         "2024-01-02T09:30:00Z,F\n2024-01-02T09:30:00Z,AA\n"
         "2024-01-02T09:30:00Z,IBM\n2024-01-02T09:30:00Z,GE\n",
         "time:timestamp sym:symbol", "757503000000000000|IBM",
         "is field 2 ('IBM', 'AA', 'F', ...) the instrument?"});
}

TEST(GuessedNamesTest, AWordThatMayMeanSomethingElseIsAsked) {
  for (const std::string name : {"code", "product", "market", "s"})
    check({name,
           "time," + name + ",n\n2024-01-02T09:30:00Z,XNAS,1\n"
             + "2024-01-02T09:30:00Z,XNAS,2\n",
           "time:timestamp sym:symbol n:long", "757503000000000000|XNAS|1",
           "is '" + name + "' ('XNAS') the instrument?"});
  check({"sides",
         "time,code,n\n2024-01-02T09:30:00Z,B,1\n"
         "2024-01-02T09:30:00Z,S,2\n",
         "time:timestamp code:symbol n:long sym:symbol",
         "757503000000000000|B|1|X", "no field names the instrument"});
  EXPECT_EQ(questions_of("time,sym\n2024-01-02T09:30:00Z,B\n"
                         "2024-01-02T09:30:00Z,S\n"),
            "");
}

/// Goal: what is proposed can be a table, or why it cannot is told as the
/// file's fault.
TEST(GuessedNamesTest, LongNamesAreCutAndStayApart) {
  const std::string name(65, 'a');
  check({"of a header",
         "time,sym," + name + "," + name + "b,X,x,X" + name + ",x" + name
           + "\n2024-01-02T09:30:00Z,IBM,1,2,3,4,5,6\n",
         "time:timestamp sym:symbol " + std::string(48, 'a') + ":long "
           + std::string(48, 'a') + "_4:long upper_x:long x:long upper_x"
           + std::string(41, 'a') + ":long x" + std::string(47, 'a') + ":long",
         "757503000000000000|IBM|1|2|3|4|5|6"});
  check(
    {"of JSON",
     "{\"time\":\"2024-01-02T09:30:00Z\",\"sym\":\"IBM\",\"" + name + "\":1}\n",
     "time:timestamp sym:symbol " + std::string(48, 'a') + ":long",
     "757503000000000000|IBM|1"});
  std::string wide{"2024-01-02T09:30:00Z,IBM"};
  for (size_t i = 0; i < 4'100; ++i)
    wide += ",1";
  const auto refused = guess_layout(wide + "\n", "t");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.failure().code, errc::bad_data);
  EXPECT_NE(refused.failure().context.find("4102 fields"), std::string::npos)
    << refused.failure().context;
}

} // namespace
} // namespace millrace::feed
