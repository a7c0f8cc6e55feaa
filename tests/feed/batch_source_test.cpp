#include <millrace/feed/generate/generated_source.hpp>
#include <millrace/feed/source/file_source.hpp>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

/// What is left of a batch source, and whether it ended well.
uint64_t drain(batch_source& from, std::vector<source_cursor>* last = nullptr) {
  uint64_t rows = 0;
  for (;;) {
    auto batch = from.next();
    EXPECT_TRUE(batch) << to_string(batch.failure());
    if (!batch || !*batch)
      return rows;
    rows += (*batch)->rows;
    if (last != nullptr)
      *last = {(*batch)->cursor};
  }
}

TEST(BatchSourceTest, FilesAreCountedAndTheirRejectsKept) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  const std::string text = "time,sym,price,size,ex,cond\n"
                           "2024-01-02T10:00:01Z,A,1.5,10,N,\n"
                           "no time,A,1.5,10,N,\n"
                           "2024-01-02T10:00:00Z,B,2.5,20,N,\n";
  put_file(disk, "/in/trades.csv", text);
  put_file(disk, "/log/here", "");
  const auto options = preset_options("csv-trade", {"/in/trades.csv"});
  auto counters = std::make_shared<batch_source_counters>();
  std::vector<source_cursor> last;
  {
    file_source files{world, options, "/log/rejects.txt", counters};
    ASSERT_FALSE(files.open({}));
    EXPECT_EQ(drain(files, &last), 2u);
    EXPECT_EQ(files.period_over(), std::nullopt);
    ASSERT_FALSE(files.close());
  }
  EXPECT_EQ(counters->bytes, text.size());
  EXPECT_EQ(counters->total_bytes, text.size());
  EXPECT_EQ(counters->rejects, 1u);
  EXPECT_EQ(counters->backwards, 1u);
  EXPECT_FALSE(counters->reports().at(0).resumed);
  EXPECT_NE(file_text(disk, "/log/rejects.txt").find("no time"),
            std::string::npos);

  auto again = std::make_shared<batch_source_counters>();
  file_source rest{world, options, "/log/more.txt", again};
  ASSERT_FALSE(rest.open(last));
  EXPECT_EQ(drain(rest), 0u);
  ASSERT_FALSE(rest.close());
  EXPECT_TRUE(again->reports().at(0).resumed);
  EXPECT_FALSE(disk.exists("/log/more.txt")) << "no line was refused";
}

/// What a run rejected stands in the file, however the run ends.
TEST(BatchSourceTest, RejectsOfAFileWithoutARowAreKept) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  put_file(disk, "/in/a.csv",
           "time,sym,price,size,ex,cond\nno time,A,1.5,10,N,\n");
  put_file(disk, "/log/here", "");
  file_source files{world, preset_options("csv-trade", {"/in/a.csv"}),
                    "/log/rejects.txt",
                    std::make_shared<batch_source_counters>()};
  ASSERT_FALSE(files.open({}));
  EXPECT_EQ(files.next().failure().code, errc::bad_data);
  // A feed that failed closes nothing.
  EXPECT_EQ(read_rejects(disk, "/log/rejects.txt")->size(), 1u);
}

TEST(BatchSourceTest, RejectsStandInTheFileBeforeTheRowsAfterThem) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  put_file(disk, "/in/a.csv",
           "time,sym,price,size,ex,cond\nno time,A,1.5,10,N,\n"
           "2024-01-02T10:00:01Z,A,1.5,10,N,\n");
  put_file(disk, "/log/here", "");
  file_source files{world, preset_options("csv-trade", {"/in/a.csv"}),
                    "/log/rejects.txt",
                    std::make_shared<batch_source_counters>()};
  ASSERT_FALSE(files.open({}));
  EXPECT_EQ((*files.next())->rows, 1u);
  EXPECT_EQ(read_rejects(disk, "/log/rejects.txt")->size(), 1u);
}

/// Goal: a line that is read again is no reject of an earlier run. Method: a
/// last line that was cut is completed; a layout is mended.
TEST(BatchSourceTest, RejectsThatAreReadAgainAreForgotten) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  const std::string head = "time,sym,price,size,ex,cond\n"
                           "no time,A,1,1,N,\n"
                           "2024-01-02T10:00:01Z,A,1.5,10,N,\n";
  const std::string cut = "2024-01-02T10:00:02Z,A,1";
  put_file(disk, "/log/here", "");
  std::vector<source_cursor> last;
  const auto feed = [&](const std::string& text, uint64_t rows) {
    SCOPED_TRACE(text);
    put_file(disk, "/in/a.csv", text);
    auto counters = std::make_shared<batch_source_counters>();
    file_source files{world, preset_options("csv-trade", {"/in/a.csv"}),
                      "/log/rejects.txt", counters};
    EXPECT_FALSE(files.open(last));
    EXPECT_EQ(drain(files, &last), rows);
    EXPECT_FALSE(files.close());
    return counters->reports().at(0);
  };
  EXPECT_EQ(feed(head + cut, 1).rejects, 2u);
  EXPECT_EQ(read_rejects(disk, "/log/rejects.txt")->size(), 2u);
  auto told = feed(head + cut, 0);
  EXPECT_EQ(told.rejects, 1u);
  EXPECT_EQ(told.rejects_before, 1u);
  told = feed(head + cut + ",20,N,\n", 1);
  EXPECT_EQ(told.rejects, 0u);
  EXPECT_EQ(told.rejects_before, 1u);
  EXPECT_EQ(feed(head + cut + ",20,N,\n", 0).rejects_before, 1u);
  const auto kept = read_rejects(disk, "/log/rejects.txt");
  ASSERT_EQ(kept->size(), 1u);
  EXPECT_EQ(kept->front().line, 2u);
  // From the start, with a line that is good now.
  last.clear();
  EXPECT_EQ(feed("time,sym,price,size,ex,cond\n"
                 "2024-01-02T10:00:00Z,A,1,1,N,\n",
                 1)
              .rejects,
            0u);
  // It may be another file of that name, so that nobody read the line again.
  EXPECT_EQ(read_rejects(disk, "/log/rejects.txt")->size(), 1u);
}

/// Goal: what was rejected is fed when it can be read, once, and leaves the
/// reject file. Method: a wrong layout, the right one, and a mended line.
TEST(BatchSourceTest, RejectedLinesAreFedAlone) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  const std::string layout = R"(table = "t"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "unix_s"
[[column]]
name = "n"
type = "%"
header = "n"
[[constant]]
name = "sym"
type = "symbol"
value = "{file}"
)";
  const auto options_with = [&](const std::string& type) {
    auto text = layout;
    text.replace(text.find('%'), 1, type);
    auto options = options_of(text, {"/in/a.csv"});
    options.schema.columns[1].type = column_type::float_;
    return options;
  };
  put_file(disk, "/in/a.csv", "n,time\n1,1\n2.5,2\nx\\\xff,3\n7,1 2\n");
  put_file(disk, "/log/here", "");
  const auto feed = [&](reader_options options, uint64_t wanted) {
    SCOPED_TRACE(wanted);
    auto counters = std::make_shared<batch_source_counters>();
    file_source files{world, std::move(options), "/log/rejects.txt", counters};
    ASSERT_FALSE(files.open({}));
    EXPECT_EQ(drain(files), wanted);
    ASSERT_FALSE(files.close());
  };
  auto wrong = options_with("int");
  wrong.schema.columns[1].type = column_type::int_;
  feed(wrong, 1);
  // Once more: nothing is there twice.
  feed(wrong, 1);
  auto kept = read_rejects(disk, "/log/rejects.txt");
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 3u);
  auto right = options_with("float");
  right.files.clear();
  right.only_rejects = "/log/rejects.txt";
  feed(right, 1);
  kept = read_rejects(disk, "/log/rejects.txt");
  ASSERT_TRUE(kept && kept->size() == 2u);
  EXPECT_EQ((*kept)[0].line, 4u);
  EXPECT_EQ((*kept)[1].offset, 23u);
  EXPECT_EQ(unprintable((*kept)[0].text), "x\\\xff,3");
  (*kept)[1].text = "7,12";
  ASSERT_FALSE(replace_rejects(disk, "/log/rejects.txt", *kept));
  feed(right, 1);
  kept = read_rejects(disk, "/log/rejects.txt");
  ASSERT_TRUE(kept && kept->size() == 1u);
  EXPECT_EQ((*kept)[0].source, "/in/a.csv");
}

TEST(BatchSourceTest, AMissingFileIsToldAtOnce) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  file_source files{world, preset_options("csv-trade", {"/none.csv"}),
                    "/rejects.txt", std::make_shared<batch_source_counters>()};
  EXPECT_EQ(files.open({}).code, errc::not_found);
}

// Each period but the first is announced before its first batch, once.
TEST(BatchSourceTest, AMadeUpMarketEndsItsPeriods) {
  generator_options options;
  options.symbols = 10;
  options.trades_per_period = 300;
  options.quotes_per_period = 0;
  options.periods = 3;
  options.rows_per_batch = 100;
  auto counters = std::make_shared<batch_source_counters>();
  generated_source market{options, counters};
  ASSERT_FALSE(market.open({}));
  EXPECT_EQ(counters->total_bytes, 900u);
  std::vector<int64_t> over;
  uint64_t batches = 0;
  for (;;) {
    auto batch = market.next();
    ASSERT_TRUE(batch);
    if (!*batch)
      break;
    ++batches;
    if (const auto period = market.period_over())
      over.push_back(*period);
    EXPECT_EQ(market.period_over(), std::nullopt) << "told twice";
  }
  EXPECT_GE(batches, 9u);
  EXPECT_EQ(over, (std::vector<int64_t>{8'767, 8'768}));
  EXPECT_EQ(counters->bytes, 900u);
}

} // namespace
} // namespace millrace::feed
