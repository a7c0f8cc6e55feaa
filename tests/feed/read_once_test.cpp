#include <millrace/feed/source/piece_cutter.hpp>

#include "reject_support.hpp"

// Lines that gave no row count as read: what is mended in the reject file is
// not published by its own file as well.

namespace millrace::feed {
namespace {

const std::string once_head = "time,price,size\n";
const std::string once_row = "2023-01-02T10:00:00,1,1\n";
const std::string once_bad = "2023-01-02T10:00:01,two,1\n";
const std::string once_mended = "2023-01-02T10:00:01,2,1\n";
const std::string once_next = "2023-01-02T10:00:02,3,1\n";

/// Goal: a last line that gave no row is read once: mended in its reject file
/// it is published, and mended in its own file as well it is refused, not
/// doubled.
TEST_F(RejectReadingTest, TheLastLineOfAFileIsReadOnce) {
  const std::string begin = "time,price,size\n2023-01-02T10:00:00,1,1\n";
  const std::string bad = "2023-01-02T10:00:01,two,1\n";
  const std::string good = "2023-01-02T10:00:01,2,1\n";
  const std::string next = "2023-01-02T10:00:02,3,1\n";
  put_file(disk_, "/in/a.csv", begin + bad);
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 1u);
  ASSERT_EQ(kept().size(), 1u);
  put_file(disk_, "/in/a.csv", begin + bad + next);
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 1u);
  EXPECT_EQ(kept().size(), 1u);
  put_file(disk_, "/in/a.csv", begin + good + next);
  const auto got = feed(with({"/in/a.csv"}));
  EXPECT_EQ(got.failed.code, errc::bad_data) << to_string(got.failed);
  EXPECT_NE(got.failed.context.find("--only-rejects"), std::string::npos);
  EXPECT_EQ(got.rows(), 0u);
}

/// Goal: lines that came alone, after the last row that was published, are
/// read once, too: they leave the reject file for good, and a mend in it stays.
TEST_F(RejectReadingTest, LinesThatComeWithoutARowAreReadOnce) {
  put_file(disk_, "/in/a.csv", once_head + once_row);
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 1u);
  put_file(disk_, "/in/a.csv", once_head + once_row + once_bad);
  const auto got = feed(with({"/in/a.csv"}));
  EXPECT_EQ(got.rows(), 0u);
  EXPECT_EQ(got.reports.at(0).rejects, 1u);
  mend("two,", "2,");
  const auto mended = file_text(disk_, reject_path);
  EXPECT_EQ(feed(with({"/in/a.csv"})).reports.at(0).rejects, 0u);
  EXPECT_EQ(file_text(disk_, reject_path), mended);
  EXPECT_EQ(feed(alone()).rows(), 1u);
  put_file(disk_, "/in/a.csv", once_head + once_row + once_bad + once_next);
  EXPECT_EQ(feed(with({"/in/a.csv"})).rows(), 1u);
  EXPECT_TRUE(kept().empty());
  put_file(disk_, "/in/a.csv", once_head + once_row + once_mended + once_next);
  EXPECT_EQ(feed(with({"/in/a.csv"})).failed.code, errc::bad_data);
}

/// Goal: the same of a file whose last pieces hold no row.
TEST_F(RejectReadingTest, PiecesWithoutARowAreReadOnce) {
  std::string text = once_head + once_row;
  const auto lines = 2 * piece_bytes / once_bad.size() + 1;
  for (size_t i = 0; i < lines; ++i)
    text += once_bad;
  put_file(disk_, "/in/a.csv", text);
  const auto got = feed(with({"/in/a.csv"}));
  EXPECT_EQ(got.rows(), 1u);
  EXPECT_EQ(got.reports.at(0).rejects, lines);
  EXPECT_EQ(cursors_.at(0).offset, text.size());
  EXPECT_EQ(cursors_.at(0).row, lines + 2);
  put_file(disk_, "/in/a.csv", text + once_next);
  const auto later = feed(with({"/in/a.csv"}));
  EXPECT_EQ(later.rows(), 1u);
  EXPECT_EQ(later.reports.at(0).rejects, 0u);
  EXPECT_EQ(later.reports.at(0).rejects_before, lines);
}

/// Goal: so is a line that is too long, and what follows it is read.
TEST_F(RejectReadingTest, ALastLineThatIsTooLongIsReadOnce) {
  auto options = with({"/in/a.csv"});
  options.line_bytes_max = 64;
  const auto text = once_head + once_row + std::string(1'000, 'x') + "\n";
  put_file(disk_, "/in/a.csv", text);
  EXPECT_EQ(feed(options).reports.at(0).rejects, 1u);
  EXPECT_EQ(cursors_.at(0).offset, text.size());
  const auto part = feed(alone());
  EXPECT_EQ(part.rows(), 0u);
  EXPECT_EQ(part.reports.back().rejects, 1u);
  EXPECT_NE(
    part.reports.back().first_reject.find("only its beginning is known"),
    std::string::npos);
  ASSERT_EQ(kept().size(), 1u);
  put_file(disk_, "/in/a.csv", text + once_next);
  const auto got = feed(options);
  EXPECT_EQ(rows_of(got),
            std::vector<std::string>{row_at(monday, 36'002, "3|1|X")});
  EXPECT_EQ(got.reports.at(0).rejects, 0u);
}

/// Goal: a last line without its newline that gives no row may go on: it is
/// read again, and never by itself.
TEST_F(RejectReadingTest, ALineThatMayGoOnIsReadWithItsFile) {
  const std::string begin = once_head + once_row;
  for (const std::string open : {"2023-01-02T10", "2023-01-02T10:00:01,2,-"}) {
    cursors_.clear();
    put_file(disk_, reject_path, "");
    put_file(disk_, "/in/a.csv", begin + open);
    const auto got = feed(with({"/in/a.csv"}));
    EXPECT_EQ(got.rows(), 1u);
    EXPECT_TRUE(got.reports.at(0).open_refused) << open;
    EXPECT_EQ(cursors_.at(0).offset, begin.size()) << open;
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_TRUE(kept()[0].is_open);
    const auto part = feed(alone());
    EXPECT_EQ(part.rows(), 0u);
    EXPECT_NE(part.reports.back().first_reject.find("mend the file"),
              std::string::npos);
    // A mend stays, and can be fed where it will not go on.
    mend(open, "2023-01-02T10:00:01,2,1");
    feed(with({"/in/a.csv"}));
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_EQ(kept()[0].text, "2023-01-02T10:00:01,2,1");
    mend("2023-01-02T10:00:01,2,1", open);
    put_file(disk_, "/in/a.csv", begin + open + "1\n" + once_next);
    EXPECT_GE(feed(with({"/in/a.csv"})).rows(), 1u);
    for (const auto& each : kept())
      EXPECT_FALSE(each.is_open) << open;
  }
}

/// Goal: the same of its begin in a file that is read from the start.
TEST_F(RejectReadingTest, TheBeginOfALineLeavesWithIt) {
  put_file(disk_, "/in/a.csv", once_head + "2023-01-02T10");
  feed(with({"/in/a.csv"}));
  ASSERT_EQ(kept().size(), 1u);
  put_file(disk_, "/in/a.csv", once_head + once_row);
  const auto got = feed(with({"/in/a.csv"}));
  EXPECT_EQ(got.rows(), 1u);
  EXPECT_TRUE(kept().empty());
}

/// Goal: a quoted record that has not ended is read with its file, whatever its
/// last byte is: none of its lines is a row.
TEST_F(RejectReadingTest, AQuotedRecordIsNotTorn) {
  auto layout = reject_layout;
  layout.insert(0, "quote = true\n");
  const auto quoted = [&] { return with({"/in/q.csv"}, {}, "X", layout); };
  const std::string first = "2023-01-02T10:00:00,1,\"1\"\n";
  const std::string half = "2023-01-02T10:00:01,2,\"3\n";
  put_file(disk_, "/in/q.csv", once_head + first + half);
  EXPECT_EQ(feed(quoted()).rows(), 1u);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_TRUE(kept()[0].is_open);
  EXPECT_EQ(cursors_.at(0).offset, once_head.size() + first.size());
  put_file(disk_, "/in/q.csv",
           once_head + first + half + "2023-01-02T10:00:09,9,9\n\"\n"
             + once_next);
  const auto got = feed(quoted());
  // The record is one, and its number is none.
  EXPECT_EQ(rows_of(got),
            std::vector<std::string>{row_at(monday, 36'002, "3|1|X")});
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_FALSE(kept()[0].is_open);
}

/// Goal: a text that is loaded, and what comes through a pipe, will not go on.
TEST_F(RejectReadingTest, WhatIsWholeHasNoOpenLine) {
  put_file(disk_, "/in/a.csv", once_head + once_row + "2023-01-02T10:00:01,x");
  auto loaded = with({"/in/a.csv"});
  loaded.named_by_text = true;
  EXPECT_EQ(feed(loaded).rows(), 1u);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_FALSE(kept()[0].is_open);
  const auto mended = file_text(disk_, reject_path);
  EXPECT_EQ(feed(loaded).rows(), 0u);
  EXPECT_EQ(file_text(disk_, reject_path), mended);
}

/// Goal: of a file without a row no line counts as read, as its layout may be
/// wrong; that its lines were published by themselves is known.
TEST_F(RejectReadingTest, AFileWithoutARowIsReadAgainUnlessItsLinesWere) {
  put_file(disk_, "/in/a.csv", once_head + once_bad);
  EXPECT_EQ(feed(with({"/in/a.csv"})).failed.code, errc::bad_data);
  ASSERT_EQ(kept().size(), 1u);
  auto mended = with({"/in/a.csv"});
  mended.layout.columns.at(1).rules.null_words = {"two"};
  EXPECT_EQ(feed(mended).rows(), 1u);
  EXPECT_TRUE(kept().empty());
  cursors_.clear();
  feed(with({"/in/a.csv"}));
  mend("two,", "2,");
  EXPECT_EQ(feed(alone()).rows(), 1u);
  put_file(disk_, "/in/a.csv", once_head + once_bad + once_next);
  expect_refused(with({"/in/a.csv"}), "they would come twice");
  // Nor as what it was packed in; another file of that stem is another one.
  put_file(disk_, "/in/a.csv.gz", once_head + once_bad + once_next);
  expect_refused(with({"/in/a.csv.gz"}), "they would come twice");
  put_file(disk_, "/in/a.03.csv", once_head + once_next);
  EXPECT_EQ(feed(with({"/in/a.03.csv"})).rows(), 1u);
  put_file(disk_, "/in/a.csv", once_head + once_next);
  auto again = with({"/in/a.csv"});
  again.again = true;
  EXPECT_EQ(feed(again).rows(), 1u);
}

} // namespace
} // namespace millrace::feed
