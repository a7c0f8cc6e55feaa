#include "reject_support.hpp"

// A rejected line gives the row that its file would have given, or none.

namespace millrace::feed {
namespace {

TEST_F(RejectReadingTest, EachLineBringsItsDayAndSymbol) {
  const std::string text = "time,price,size\n10:00:00,1,1\n10:00:01,one,1\n";
  put_file(disk_, "/in/mon.csv", text);
  put_file(disk_, "/in/tue.csv", text);
  EXPECT_EQ(feed(with({"/in/mon.csv"}, monday, "A")).rows(), 1u);
  EXPECT_EQ(feed(with({"/in/tue.csv"}, monday + 1, "B C")).rows(), 1u);
  ASSERT_EQ(kept().size(), 2u);
  mend("one,", "2,");
  expect_refused(alone(monday + 1), "rejects.txt:1: the line was read with "
                                    "--date 2023-01-02");
  expect_refused(alone({}, "A"), "rejects.txt:2: the line was read with "
                                 "--symbol B C");
  auto other = alone();
  other.schema.name = "u";
  expect_refused(other, "is of table 't', and not of 'u'");
  EXPECT_EQ(rows_of(feed(alone())),
            (std::vector<std::string>{row_at(monday, 36'001, "2|1|A"),
                                      row_at(monday + 1, 36'001, "2|1|B C")}));
  EXPECT_TRUE(kept().empty());
}

// What lay in one file with another date is another row, and no line of it.
TEST_F(RejectReadingTest, ALineOfAnotherDayStays) {
  put_file(disk_, "/in/a.csv", "time,price,size\n10:00:00,1,1\n11:00:00,x,1\n");
  feed(with({"/in/a.csv"}, monday));
  feed(with({"/in/a.csv"}, monday + 1));
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[0].reading->date, monday);
  EXPECT_EQ(kept()[1].reading->date, monday + 1);
  // Each of them is known by what was said of it.
  const auto again = feed(with({"/in/a.csv"}, monday));
  EXPECT_EQ(kept().size(), 2u);
  EXPECT_EQ(again.reports.at(0).rejects + again.reports.at(0).rejects_before,
            1u);
}

TEST_F(RejectReadingTest, ADateThatIsNoUseRejectsNothing) {
  put_file(disk_, "/in/a.csv",
           "time,price,size\n2023-01-02T10:00:00,x,1\n"
           "2023-01-02T10:00:01,2,1\n");
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 1u);
  ASSERT_EQ(kept().size(), 1u);
  expect_refused(with({"/in/a.csv"}, monday), "/in/a.csv:2: ");
  expect_refused(with({"/in/a.csv"}, monday), "leave out --date");
  mend("x,", "1,");
  EXPECT_EQ(rows_of(feed(alone())),
            std::vector<std::string>{row_at(monday, 36'000, "1|1|X")});
}

TEST_F(RejectReadingTest, AnotherHeaderIsRefused) {
  put_file(disk_, "/in/a.csv",
           "time,price,size\n2023-01-02T10:00:00,1,1\n"
           "2023-01-02T10:00:01,x,20\n");
  feed(with({"/in/a.csv"}));
  mend("x,", "2,");
  put_file(disk_, "/in/a.csv", "time,size,price\n2023-01-03T10:00:00,1,1\n");
  expect_refused(alone(), "/in/a.csv: its header is not the one any more");
  put_file(disk_, "/in/a.csv", "");
  expect_refused(alone(), "is not there any more");
  auto headless = reject_layout;
  headless.replace(headless.find("header = true"), 13, "fields = 3");
  for (const auto* each : {"time", "price", "size"}) {
    const auto name = "header = \"" + std::string{each} + "\"";
    headless.replace(headless.find(name), name.size(),
                     each[0] == 't'   ? "field = 1"
                     : each[0] == 'p' ? "field = 2"
                                      : "field = 3");
  }
  expect_refused(alone({}, {}, headless), "the layout has none");
  // Of another file with this header it is the same row.
  put_file(disk_, "/in/a.csv", "time,price,size\r\nwhatever\n");
  EXPECT_EQ(rows_of(feed(alone())),
            std::vector<std::string>{row_at(monday, 36'001, "2|20|X")});
}

TEST_F(RejectReadingTest, WhatIsReadByAnotherNameLeavesIt) {
  const std::string text = "time,price,size\n2023-01-02T10:00:00,1.5,1\n"
                           "2023-01-02T10:00:01,2.5,1\n";
  auto options = with({"/in/a.old.csv"});
  options.schema.columns[1].type = column_type::long_;
  put_file(disk_, "/in/a.old.csv", text);
  EXPECT_EQ(feed(options).failed.code, errc::bad_data);
  // Where the name has another beginning, the same line may be another row.
  put_file(disk_, "/in/b.csv", text);
  feed(with({"/in/b.csv"}));
  ASSERT_EQ(kept().size(), 2u);
  cursors_.clear();
  put_file(disk_, "/in/a.csv", text);
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 2u);
  EXPECT_TRUE(kept().empty());
}

/// Goal: a line stays as long as nobody reads it: not where another text lies
/// under its file's name, as of a log that was rotated.
TEST_F(RejectReadingTest, ALineOfAnotherTextStays) {
  const std::string head = "time,price,size\n";
  for (const bool is_older : {false, true}) {
    cursors_.clear();
    put_file(disk_, "/in/log",
             head
               + "2023-01-02T10:00:00,one,1\n"
                 "2023-01-02T10:00:01,2,1\n");
    feed(with({"/in/log"}));
    ASSERT_EQ(kept().size(), 1u);
    if (is_older)
      mend(file_text(disk_, reject_path)
             .substr(10, file_text(disk_, reject_path).find("\tcolumn") - 10),
           "16");
    put_file(disk_, "/in/log", head + "2023-01-03T10:00:00,3,1\n");
    auto again = with({"/in/log"});
    again.again = true;
    cursors_.clear();
    EXPECT_EQ(feed(again).rows(), 1u);
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_EQ(kept()[0].text, "2023-01-02T10:00:00,one,1");
    // Its own text takes it out.
    put_file(disk_, "/in/log",
             head
               + "2023-01-02T10:00:00,one,1\n"
                 "2023-01-02T10:00:01,2,1\n");
    again.schema.columns[1].type = column_type::symbol;
    again.layout.columns[1].type = column_type::symbol;
    EXPECT_EQ(feed(again).rows(), 2u);
    EXPECT_TRUE(kept().empty());
  }
}

/// Goal: the line of one file stays when another file of its name, in another
/// folder, has the same text.
TEST_F(RejectReadingTest, FilesOfOneNameInTwoFoldersAreTwo) {
  const std::string text = "time,price,size\n2023-01-02T10:00:00,1,1\n"
                           "2023-01-02T10:00:01,one,1\n2023-01-02T10:00:02,";
  put_file(disk_, "/nyse/t.csv", text + "1,1\n");
  put_file(disk_, "/arca/t.csv", text + "2,1\n");
  feed(with({"/nyse/t.csv"}));
  feed(with({"/arca/t.csv"}));
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[0].source, "/nyse/t.csv");
  EXPECT_EQ(kept()[1].source, "/arca/t.csv");
}

/// Goal: what an earlier release published of rejected lines is known, whatever
/// names say of where rows go since.
TEST(TextIdentityTest, NamesOfRejectedLinesAreComparedWithoutTheirPlace) {
  const std::string begin = "=9:0123456789abcdef:a.csv@lay";
  EXPECT_EQ(without_place(begin + "~place+inst^01234567"), begin);
  EXPECT_EQ(without_place(begin + "~place+inst@rejects:7"),
            without_place(begin + "~place@rejects:7"));
  EXPECT_NE(without_place(begin + "~place@rejects:7"),
            without_place(begin + "~place@rejects:8"));
}

TEST_F(RejectReadingTest, ADateThatLacksRejectsNothing) {
  put_file(disk_, "/in/a.csv", "time,price,size\n10:00:00,1,1\n");
  EXPECT_EQ(feed(with({"/in/a.csv"}, monday)).rows(), 1u);
  const auto got = feed(with({"/in/a.csv"}));
  EXPECT_NE(got.failed.context.find("/in/a.csv:2: "), std::string::npos);
  EXPECT_NE(got.failed.context.find("give --date"), std::string::npos);
  EXPECT_FALSE(disk_.exists(reject_path));
}

TEST_F(RejectReadingTest, WhatWasNotSaidCanBeGiven) {
  put_file(disk_, "/in/a.csv",
           "time,price,size\n2023-01-03T10:00:00,1,1\n10:00:00,1,1\n"
           "2023-01-03T10:00:00,1,1\n");
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 2u);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_FALSE(kept()[0].reading->date);
  const auto rejected = file_text(disk_, reject_path);
  auto dated = reject_layout;
  dated.insert(0, "date = \"{member:0}\"\n");
  EXPECT_EQ(rows_of(feed(alone(monday, {}, dated))),
            std::vector<std::string>{row_at(monday, 36'000, "1|1|X")});
  EXPECT_TRUE(kept().empty());
  // It is a row already where the file is read with the date, then or before.
  auto mixed = with({"/in/a.csv"}, monday);
  expect_refused(mixed, "they would come twice");
  std::erase_if(cursors_, [](const auto& each) {
    return source_of_rejects(each.name).has_value();
  });
  EXPECT_EQ(feed(mixed).rows(), 1u);
  put_file(disk_, reject_path, rejected);
  expect_refused(alone(monday), "/in/a.csv: line 3 was read with this date");
  put_file(disk_, reject_path, "");
  // But not where the file's name says another day.
  put_file(disk_, "/in/20230103_x.csv",
           "time,price,size\n10:00:00,x,1\n10:00:01,1,1\n");
  EXPECT_EQ(feed(with({"/in/20230103_x.csv"}, {}, "X", dated)).rows(), 1u);
  mend("x,", "1,");
  expect_refused(alone(monday, {}, dated), "are of the day in its name, "
                                           "2023-01-03: leave out --date");
  EXPECT_EQ(rows_of(feed(alone({}, {}, dated))),
            std::vector<std::string>{row_at(monday + 1, 36'000, "1|1|X")});
}

/// Goal: a line that was published by a reading which was interrupted is never
/// published again, however it, other lines and the layout were mended since;
/// and one that gave no row before the interruption stays in the file.
class InterruptedRejectsTest : public RejectReadingTest {
protected:
  InterruptedRejectsTest() {
    put_file(disk_, "/in/a.csv",
             "time,price,size\n10:00:00,1,1\n10:00:01,a,1\n10:00:02,b,1\n"
             "10:00:03,c,1\n10:00:04,d,1\n10:00:05,2,1\n");
    feed(with({"/in/a.csv"}, monday));
    mend("a,", "11,");
    mend("c,", "13,");
    mend("d,", "14,");
  }

  static reader_options by_rows(const std::string& feed = "k") {
    auto out = alone();
    out.limits.rows_max = 1;
    out.feed = feed;
    return out;
  }
};

TEST_F(InterruptedRejectsTest, AnEditElsewhereDoublesNothing) {
  EXPECT_EQ(feed(by_rows(), 2).rows(), 2u); // 11 and 13; b gave none.
  mend("b,", "12,");
  mend("13,", "13.5,"); // Too late: it is published.
  mend("14,", "14.5,");
  const auto got = feed(by_rows());
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{row_at(monday, 36'004, "14.5|1|X"),
                                      row_at(monday, 36'002, "12|1|X")}));
  EXPECT_EQ(got.reports.back().published_before, 2u);
  EXPECT_TRUE(kept().empty());
}

TEST_F(InterruptedRejectsTest, AnotherLayoutDoublesNothing) {
  EXPECT_EQ(feed(by_rows(), 3).rows(), 3u); // All, and the file is as it was.
  ASSERT_EQ(kept().size(), 5u);
  auto mended = by_rows();
  mended.layout.columns.at(1).rules.null_words = {"b"};
  EXPECT_EQ(rows_of(feed(mended)),
            std::vector<std::string>{row_at(monday, 36'002, "nan|1|X")});
  EXPECT_TRUE(kept().empty());
}

TEST_F(InterruptedRejectsTest, LinesThatGaveNoRowStay) {
  EXPECT_EQ(feed(by_rows(), 2).rows(), 2u);
  EXPECT_EQ(feed(by_rows()).rows(), 1u);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(kept()[0].text, "10:00:02,b,1");
  EXPECT_EQ(kept()[0].line, 4u);
  EXPECT_FALSE(kept()[0].mark);
}

/// Goal: of a line that stands there twice, because it gave no row and no row
/// after it was published, the mended one counts.
TEST_F(InterruptedRejectsTest, TheMendedCopyCounts) {
  EXPECT_EQ(feed(by_rows(), 2).rows(), 2u);
  const auto twice = file_text(disk_, reject_path);
  const auto published = cursors_;
  ASSERT_NE(twice.find("b,"), twice.rfind("b,"));
  for (const bool first : {false, true}) {
    // 13, which stands after b, was given and not published.
    cursors_.clear();
    auto text = twice;
    text.replace(first ? text.find("b,") : text.rfind("b,"), 2, "12,");
    put_file(disk_, reject_path, text);
    EXPECT_EQ(feed(by_rows()).rows(), 4u) << first;
    EXPECT_TRUE(kept().empty());
  }
}

TEST_F(InterruptedRejectsTest, OnlyTheFeedThatWasInterruptedGoesOn) {
  EXPECT_EQ(feed(by_rows(), 1).rows(), 1u);
  const auto all = kept();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].mark->feed, "k");
  expect_refused(by_rows("other"), "rejects.txt:1: the line is being fed as "
                                   "'k', which was interrupted");
}

TEST_F(InterruptedRejectsTest, WithoutARowNothingIsMarked) {
  mend("11,", "u,");
  mend("13,", "v,");
  mend("14,", "w,");
  const auto before = file_text(disk_, reject_path);
  EXPECT_EQ(feed(by_rows()).failed.code, errc::bad_data);
  EXPECT_EQ(file_text(disk_, reject_path), before);
  // Nor by who looks only.
  file_source look{
    world_, by_rows(), {}, std::make_shared<batch_source_counters>(), false};
  ASSERT_FALSE(look.open({}));
  static_cast<void>(look.next());
  EXPECT_FALSE(look.close());
  EXPECT_EQ(file_text(disk_, reject_path), before);
}

/// Goal: a line that a feed rejects meanwhile stays, and one whose text is
/// mended while it is read leaves the file all the same.
TEST_F(InterruptedRejectsTest, WhatIsWrittenMeanwhileStays) {
  file_source files{
    world_, by_rows(), {}, std::make_shared<batch_source_counters>()};
  ASSERT_FALSE(files.open({}));
  ASSERT_TRUE(*files.next());
  mend("14,", "14.5,");
  put_file(disk_, reject_path,
           file_text(disk_, reject_path) + "/in/b.csv\t2\t16\twhy\tx\n");
  while (*files.next())
    ;
  ASSERT_FALSE(files.close());
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[0].source, "/in/b.csv");
  EXPECT_EQ(kept()[1].text, "10:00:02,b,1");
}

/// Goal: nobody takes lines out of a file to which another adds.
TEST_F(RejectReadingTest, AFileThatIsWrittenIsNotFed) {
  const std::string text = "time,price,size\n2023-01-02T10:00:00,x,1\n"
                           "2023-01-02T10:00:01,2,1\n";
  put_file(disk_, "/in/a.csv", text);
  put_file(disk_, "/in/b.csv", text);
  const auto counters
    = [] { return std::make_shared<batch_source_counters>(); };
  auto options = with({"/in/a.csv"});
  options.feed = "live";
  {
    file_source files{world_, options, reject_path, counters()};
    ASSERT_FALSE(files.open({}));
    ASSERT_TRUE(*files.next());
    expect_refused(alone(), "a feed writes to it what it rejects, or feeds its "
                            "lines (/log/rejects.txt.lock: held by feed "
                            "'live')");
    // Others that add to it may.
    EXPECT_EQ(feed(with({"/in/b.csv"})).rows(), 1u);
    EXPECT_FALSE(*files.next());
    EXPECT_FALSE(files.close());
    // It is over, though the object lives.
    file_source reading{world_, alone(), {}, counters()};
    EXPECT_FALSE(reading.open({}));
    EXPECT_EQ(feed(with({"/in/b.csv"})).failed.code, errc::locked);
    EXPECT_EQ(reading.next().failure().code, errc::bad_data);
    EXPECT_FALSE(feed(with({"/in/b.csv"})).failed);
  }
  EXPECT_EQ(kept().size(), 2u);
}

/// Goal: what is added goes to the file that lies there, also where another
/// was put in its place since.
TEST_F(RejectReadingTest, AFileThatWasReplacedIsWrittenToAnew) {
  reject_file file{disk_, reject_path};
  const line_reading reading{"t", {}, {}, {}};
  ASSERT_FALSE(file.add({"a.csv", 1, 0, "why", "x", reading, 1}));
  ASSERT_FALSE(file.flush());
  reject_file other{disk_, reject_path};
  ASSERT_FALSE(other.add({"b.csv", 1, 0, "why", "y", reading, 2}));
  ASSERT_FALSE(other.flush());
  ASSERT_FALSE(file.add({"a.csv", 2, 2, "why", "z", reading, 3}));
  ASSERT_FALSE(file.flush());
  put_file(disk_, reject_path, "");
  ASSERT_FALSE(file.add({"a.csv", 3, 4, "why", "z", reading, 4}));
  ASSERT_FALSE(other.add({"b.csv", 2, 2, "why", "y", reading, 2}));
  ASSERT_FALSE(file.flush());
  ASSERT_FALSE(other.flush());
  EXPECT_EQ(kept().size(), 2u);
}

/// Goal: a line that was read with the date since it was rejected is known
/// under whatever name its text was read.
TEST_F(RejectReadingTest, ALineThatWasReadUnderAnotherNameIsRefused) {
  auto headless = reject_layout;
  headless.replace(headless.find("header = true"), 13, "fields = 3");
  for (const auto& [from, to] : {std::pair{"header = \"time\"", "field = 1"},
                                 {"header = \"price\"", "field = 2"},
                                 {"header = \"size\"", "field = 3"}})
    headless.replace(headless.find(from), std::string_view{from}.size(), to);
  const std::string text = "2023-01-03T10:00:00,1,1\n10:00:00,1,1\n"
                           "2023-01-03T10:00:01,1,1\n";
  put_file(disk_, "/in/a.csv", text);
  put_file(disk_, "/in/m/a.csv.txt", text + "10:00:01,1,1\n");
  EXPECT_EQ(feed(with({"/in/a.csv"}, {}, "X", headless)).rows(), 2u);
  const auto rejected = file_text(disk_, reject_path);
  EXPECT_EQ(feed(with({"/in/m/a.csv.txt"}, monday, "X", headless)).rows(), 2u);
  put_file(disk_, reject_path, rejected);
  // The copy goes on after what is compared.
  expect_refused(alone(monday, {}, headless), "line 2 may have been read");
  put_file(disk_, "/in/a.csv", text + "10:00:01,1,1\n");
  expect_refused(alone(monday, {}, headless),
                 "line 2 was read with this date and symbol");
  ASSERT_FALSE(disk_.remove("/in/a.csv"));
  expect_refused(alone(monday, {}, headless),
                 "line 2 may have been read with this date and symbol, as "
                 "/in/m/a.csv.txt: its file is not there any more");
  // Another text of its name is no reason.
  put_file(disk_, "/in/a.csv", "2023-01-04T10:00:00,1,1\n" + text);
  EXPECT_EQ(feed(alone(monday, {}, headless)).rows(), 1u);
}

TEST_F(RejectReadingTest, LinesOfOlderReleasesTakeWhatIsSaid) {
  put_file(disk_, "/in/a.csv", "time,price,size\n10:00:00,x,1\n");
  put_file(disk_, reject_path, "/in/a.csv\t2\t16\twhy\t10:00:00,1,1\n");
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_FALSE(kept()[0].reading);
  EXPECT_EQ(rows_of(feed(alone(monday, "Y"))),
            std::vector<std::string>{row_at(monday, 36'000, "1|1|Y")});
  for (const auto* bad :
       {"16 table", "16  table=t", "x table=t", "16 day=1",
        "16 date=2023-01-02", "16 table=t date=monday", "16 table=t line=12"}) {
    put_file(disk_, reject_path,
             "/in/a.csv\t2\t" + std::string{bad} + "\twhy\t10:00:00,1,1\n");
    EXPECT_FALSE(read_rejects(disk_, reject_path)) << bad;
  }
}

} // namespace
} // namespace millrace::feed
