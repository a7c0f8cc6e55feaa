// Texts that come while they are read: pipes, and files that grow. On the real
// disk, since pipes are the system's.
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

const std::string growing_layout = R"(table = "t"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "unix_s"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
)";

class GrowingTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/millrace_growing_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/a.csv";
    world_.fs = &persistence::posix_file_system();
  }
  void TearDown() override {
    static_cast<void>(world_.fs->remove_all(directory_));
  }

  void append(const std::string& text) const {
    std::ofstream{path_, std::ios::app} << text;
  }

  [[nodiscard]] reader_options options() const {
    auto out = options_of(growing_layout, {path_});
    out.stop = stop_;
    return out;
  }

  /// All rows that are there, one per batch or more.
  static uint64_t rows_now(reader& from,
                           std::vector<source_cursor>* cursors = nullptr) {
    uint64_t rows = 0;
    for (;;) {
      auto batch = from.next();
      EXPECT_TRUE(batch) << to_string(batch.failure());
      if (!batch || !*batch)
        return rows;
      rows += (*batch)->rows;
      if (cursors != nullptr)
        *cursors = {(*batch)->cursor};
    }
  }

  /// What a follower says after the file was renamed as it grew, and `other`
  /// came in its place; empty: nothing did.
  std::string fault_after_renaming(const std::string& other) {
    std::remove(path_.c_str());
    append("time,sym\n1,A\n2,B\n");
    auto given = options();
    given.choice.follow = true;
    auto opened = reader::open(world_, given);
    EXPECT_TRUE(opened);
    EXPECT_EQ(rows_now(*opened), 2u);
    append("3,C\n");
    EXPECT_EQ(std::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
    if (!other.empty())
      append(other);
    EXPECT_EQ((*opened->next())->rows, 1u) << "what was there is read";
    auto got = opened->next();
    if (got)
      got = opened->next();
    EXPECT_FALSE(got);
    return got ? std::string{} : got.failure().context;
  }

  persistence::env world_;
  std::string directory_;
  std::string path_;
  std::shared_ptr<std::atomic<bool>> stop_
    = std::make_shared<std::atomic<bool>>(false);
};

TEST_F(GrowingTest, AFollowedFileGivesWhatComes) {
  append("");
  auto given = options();
  given.choice.follow = true;
  auto opened = reader::open(world_, given);
  ASSERT_TRUE(opened) << to_string(opened.failure());
  EXPECT_EQ(rows_now(*opened), 0u);
  EXPECT_TRUE(opened->waiting());
  append("time,s");
  EXPECT_EQ(rows_now(*opened), 0u);
  append("ym\n1,A\n2,B\n3,");
  EXPECT_EQ(rows_now(*opened), 2u);
  EXPECT_TRUE(opened->waiting());
  std::vector<source_cursor> left;
  append("C\n4,D");
  EXPECT_EQ(rows_now(*opened, &left), 1u);
  // The end comes when its owner says so; half a line is not a row.
  *stop_ = true;
  EXPECT_EQ(rows_now(*opened), 0u);
  EXPECT_FALSE(opened->waiting());
  // Another feed goes on there.
  append("\n5,E\n");
  given.resume = left;
  *stop_ = false;
  auto more = reader::open(world_, given);
  ASSERT_TRUE(more) << to_string(more.failure());
  EXPECT_EQ(rows_now(*more), 2u);
}

/// Goal: a first line without its date is rejected as every other one, for the
/// next may have one.
TEST_F(GrowingTest, AFollowedFileMayBeginWithoutADate) {
  auto layout = growing_layout;
  layout.erase(layout.find("format = "), 17);
  append("time,sym\n10:00:00,A\n");
  auto given = options_of(layout, {path_});
  given.stop = stop_;
  EXPECT_EQ(read_all(*world_.fs, given).failed.code, errc::bad_data);
  given.choice.follow = true;
  uint64_t rejects = 0;
  given.rejects = [&](const rejected_line&) {
    ++rejects;
    return error{};
  };
  auto opened = reader::open(world_, given);
  ASSERT_TRUE(opened) << to_string(opened.failure());
  EXPECT_EQ(rows_now(*opened), 0u);
  EXPECT_EQ(rejects, 1u);
  append("2024-01-02T10:00:00,A\n");
  EXPECT_EQ(rows_now(*opened), 1u);
}

TEST_F(GrowingTest, AFollowedFileThatIsCutIsAnError) {
  append("time,sym\n1,A\n2,B\n");
  auto given = options();
  given.choice.follow = true;
  auto opened = reader::open(world_, given);
  ASSERT_TRUE(opened);
  EXPECT_EQ(rows_now(*opened), 2u);
  ASSERT_EQ(::truncate(path_.c_str(), 3), 0);
  const auto got = opened->next();
  ASSERT_FALSE(got);
  EXPECT_NE(got.failure().context.find("was cut off to 3 bytes"),
            std::string::npos)
    << got.failure().context;
}

TEST_F(GrowingTest, AFollowedCopyOfWhatWasPublishedIsRefused) {
  append("time,sym\n1,A\n2,B\n");
  auto opened = reader::open(world_, options());
  ASSERT_TRUE(opened);
  const auto batch = opened->next();
  ASSERT_TRUE(batch && *batch);
  const auto renamed = path_ + ".1";
  ASSERT_EQ(std::rename(path_.c_str(), renamed.c_str()), 0);
  auto given = options();
  given.files = {renamed};
  given.choice.follow = true;
  given.resume = {(*batch)->cursor};
  EXPECT_EQ(reader::open(world_, given).failure().code, errc::already_exists);
  given.go_on = true;
  auto followed = reader::open(world_, given);
  ASSERT_TRUE(followed) << to_string(followed.failure());
  EXPECT_EQ(rows_now(*followed), 0u);
  std::ofstream{renamed, std::ios::app} << "3,C\n";
  EXPECT_EQ(rows_now(*followed), 1u);
}

TEST_F(GrowingTest, FollowedFilesWhoseTextsBecomeOneAreTold) {
  // The later one ends as the earlier one does, after it, or before it.
  for (const std::string more : {"3,C\n", "3,C\n4,D\n", ""}) {
    SCOPED_TRACE(more);
    *stop_ = false;
    std::remove(path_.c_str());
    append("time,sym\n1,A\n2,B\n");
    const auto other = path_ + ".other";
    std::ofstream{other} << "time,sym\n";
    auto given = options();
    given.choice.follow = true;
    given.files = {path_, other};
    auto opened = reader::open(world_, given);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    EXPECT_EQ(rows_now(*opened), 2u);
    append("3,C\n");
    std::ofstream{other, std::ios::app} << "1,A\n2,B\n" << more;
    EXPECT_EQ(rows_now(*opened), 1u);
    *stop_ = true;
    const auto got = opened->next();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.failure().code, errc::already_exists);
    EXPECT_NE(got.failure().context.find(" " + path_), std::string::npos)
      << got.failure().context;
  }
}

/// What is followed does not wait for lines that were published.
TEST_F(GrowingTest, AFollowedBeginningOfAPublishedTextIsRefused) {
  append("time,sym\n1,A\n2,B\n3,C\n");
  auto opened = reader::open(world_, options());
  ASSERT_TRUE(opened);
  const auto batch = opened->next();
  ASSERT_TRUE(batch && *batch);
  const auto copy = path_ + ".copy";
  std::ofstream{copy} << "time,sym\n1,A\n2,B\n";
  auto given = options();
  given.files = {copy};
  given.choice.follow = true;
  given.resume = {(*batch)->cursor};
  for (const bool go_on : {false, true}) {
    given.go_on = go_on;
    EXPECT_EQ(reader::open(world_, given).failure().code, errc::already_exists);
  }
}

/// What is shorter than what was published may grow to there; what begins
/// otherwise does not, and is told at once.
TEST_F(GrowingTest, AnotherFileThatIsShorterIsNotWaitedFor) {
  append("time,sym\n1,A\n2,B\n3,C\n");
  auto given = options();
  given.choice.follow = true;
  auto opened = reader::open(world_, given);
  ASSERT_TRUE(opened);
  const auto batch = opened->next();
  ASSERT_TRUE(batch && *batch);
  given.resume = {(*batch)->cursor};
  std::ofstream{path_} << "time,sym\n";
  auto waits = reader::open(world_, given);
  ASSERT_TRUE(waits) << to_string(waits.failure());
  EXPECT_EQ(rows_now(*waits), 0u);
  EXPECT_TRUE(waits->waiting());
  append("7,X\n");
  const auto told = waits->next();
  ASSERT_FALSE(told);
  EXPECT_NE(told.failure().context.find("not the same any more: --again"),
            std::string::npos)
    << told.failure().context;
  EXPECT_EQ(reader::open(world_, given).failure().code, errc::bad_data);
}

TEST_F(GrowingTest, AFollowedFileThatIsWrittenAnewIsAnError) {
  append("time,sym\n1,A\n2,B\n");
  auto given = options();
  given.choice.follow = true;
  auto opened = reader::open(world_, given);
  ASSERT_TRUE(opened);
  EXPECT_EQ(rows_now(*opened), 2u);
  append("3,C\n");
  EXPECT_EQ(rows_now(*opened), 1u) << "what grows goes on";
  std::ofstream{path_} << "time,sym\n7,X\n8,Y\n9,Z\n10,W\n";
  const auto got = opened->next();
  ASSERT_FALSE(got);
  EXPECT_NE(got.failure().context.find("was written anew while"),
            std::string::npos)
    << got.failure().context;
}

TEST_F(GrowingTest, AFollowedFileThatIsReplacedIsAnError) {
  for (const std::string other :
       {"time,sym\n", "time,sym\n5,E\n6,F\n7,G\n8,H\n"}) {
    SCOPED_TRACE(other);
    const auto fault = fault_after_renaming(other);
    EXPECT_NE(fault.find("another file came in its place"), std::string::npos)
      << fault;
  }
}

TEST_F(GrowingTest, AFollowedFileThatIsRenamedIsAnError) {
  const auto fault = fault_after_renaming("");
  EXPECT_NE(fault.find("was renamed or removed while"), std::string::npos)
    << fault;
}

TEST_F(GrowingTest, NobodyWaitsLongerThanWantedForAPipesWriter) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  *stop_ = true;
  const auto opened = reader::open(world_, options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.failure().code, errc::timeout);
}

TEST_F(GrowingTest, APipeIsReadToItsEnd) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  std::string text = "time,sym\n";
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i) + ",S\n";
  text += "7,half"; // As of a file.
  std::jthread writer{[&] {
    const int out = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    for (size_t at = 0; at < text.size();) {
      const auto done = ::write(out, text.data() + at,
                                std::min<size_t>(text.size() - at, 1 + at));
      ASSERT_GT(done, 0);
      at += static_cast<size_t>(done);
    }
    ::close(out);
  }};
  auto opened = reader::open(world_, options());
  ASSERT_TRUE(opened) << to_string(opened.failure());
  uint64_t rows = 0;
  do
    rows += rows_now(*opened);
  while (opened->waiting());
  EXPECT_EQ(rows, 50'001u);
}

} // namespace
} // namespace millrace::feed
