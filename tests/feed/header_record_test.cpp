#include "guess_support.hpp"

// A header that comes again, and one of several lines.

namespace millrace::feed {
namespace {

std::string layout_of(bool quote) {
  return std::string{R"(table = "t"
header = true
quote = )"}
         + (quote ? "true" : "false") + R"(
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
)";
}

outcome read_one(const std::string& text, const std::string& layout) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  return read_all(disk, options_of(layout, {"a.csv"}));
}

/// Goal: files that were put together load as they are, and it is told.
TEST(HeaderRecordTest, AHeaderAmongTheRowsIsNoReject) {
  const std::string names = "time,sym\n";
  const std::string row = "2024-01-02T09:30:00Z,A\n";
  for (const bool quote : {false, true}) {
    const auto got
      = read_one(names + row + names + row + "\xef\xbb\xbf" + names + row
                   + "time,sym\r\n" + row + "time,s\n" + names,
                 layout_of(quote));
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(got.rows(), 4u);
    EXPECT_EQ(got.reports.at(0).headers, 4u);
    ASSERT_EQ(got.rejects.size(), 1u);
    EXPECT_EQ(got.rejects[0].text, "time,s");
  }
}

TEST(HeaderRecordTest, BlanksAndTheEndOfDosAreNoRejects) {
  for (const bool quote : {false, true}) {
    const auto got = read_one(
      "time,sym\n2024-01-02T09:30:00Z,A\n  \n \t\r\n\x1a", layout_of(quote));
    EXPECT_EQ(got.rows(), 1u) << to_string(got.failed);
    EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].text;
  }
}

TEST(HeaderRecordTest, AHeaderAmongTheRowsIsProposedAsNone) {
  const std::string row = "2024-01-02T09:30:01Z,A,1\n";
  const std::string question
    = "2 of its lines are the header again, as where files were put together";
  const std::string names = "time,sym,price\n";
  check({"plain", names + row + row + names + row + names + row,
         "time:timestamp sym:symbol price:float", "757503001000000000|A|1",
         question});
  check({"after byte order marks",
         "\xef\xbb\xbf" + names + row + "\xef\xbb\xbf" + names + row
           + "\xef\xbb\xbf" + names + row,
         "time:timestamp sym:symbol price:float", "757503001000000000|A|1",
         question});
  const auto guess = guess_layout(names + row + names + row, "t");
  ASSERT_TRUE(guess);
  ASSERT_EQ(guess->questions.size(), 1u) << guess->questions.back();
  EXPECT_EQ(guess->questions[0].find("1 of its lines is the header again"), 0u);
}

/// Goal: what `layout` reads as a header, readers read too.
TEST(HeaderRecordTest, NamesInQuotesMayHoldNewlines) {
  for (const std::string end : {"\n", "\r\n"})
    check({"of two lines",
           "time,sym,\"bid" + end + "price\"" + end + "2024-01-02T09:30:00Z,A,1"
             + end + "2024-01-02T09:30:00Z,A,2" + end,
           "time:timestamp sym:symbol bid_price:float",
           "757503000000000000|A|1"});
  check({"below a note",
         "a note\n\"ti\nme\",time,sym\n1,2024-01-02T09:30:00Z,A\n"
         "2,2024-01-02T09:30:00Z,A\n",
         "ti_me:long time:timestamp sym:symbol", "1|757503000000000000|A"});
  // Lines are counted as they stand in the file.
  const auto got = read_one("\"time\",\"s\nt\",sym\n2024-01-02T09:30:00Z,x,A\n"
                            "bad,x,A\n",
                            layout_of(true));
  EXPECT_EQ(got.rows(), 1u) << to_string(got.failed);
  ASSERT_EQ(got.rejects.size(), 1u);
  EXPECT_EQ(got.rejects[0].line, 4u);
  // And a quote that does not end is told of the header.
  const auto open
    = read_one("time,\"sym\n2024-01-02T09:30:00Z,A\n", layout_of(true));
  EXPECT_NE(open.failed.context.find("the header: field 2: the quote does not "
                                     "end"),
            std::string::npos)
    << to_string(open.failed);
}

} // namespace
} // namespace millrace::feed
