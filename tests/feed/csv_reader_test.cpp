#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

constexpr const char* trade_layout = R"(
table = "trade"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
[[column]]
name = "price"
type = "float"
header = "price"
[[column]]
name = "size"
type = "int"
header = "size"
)";

const std::string header = "time,sym,price,size\n";

outcome read_text(const std::string& text,
                  const std::string& layout_text = trade_layout) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  return read_all(disk, options_of(layout_text, {"a.csv"}));
}

TEST(CsvReaderTest, ReadsRowsByHeaderName) {
  const auto got = read_text("size,price,extra,time,sym\n"
                             "100,10.25,x,2024-01-02 09:30:00.5,AIG\n"
                             "-7,.0409,y,2000-01-01T00:00:00.000000001Z,\n"
                             ",,z,2024-01-02D23:59:59.123456789,SPY");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{"757503000500000000|AIG|10.25|100",
                                      "1||0.040899999999999999|-7",
                                      "757555199123456789|SPY|nan|null"}));
  EXPECT_EQ(got.counters.rows, 3u);
  EXPECT_EQ(got.counters.rejects, 0u);
  EXPECT_EQ(got.counters.backwards, 1u);
  EXPECT_EQ(got.counters.bytes, got.counters.total_bytes);
  ASSERT_EQ(got.batches.size(), 1u);
  EXPECT_EQ(got.batches[0].first_time, 757503000500000000);
  EXPECT_EQ(got.batches[0].last_time, 757555199123456789);
}

// As tables do that stamp: a row without a time gets that of its publishing.
TEST(CsvReaderTest, RowsWithoutATimeAreStampedOrRefused) {
  const auto read
    = [](const std::string& text, const std::string& layout_text, bool stamps) {
        sim::memory_file_system disk;
        put_file(disk, "a.csv", text);
        auto options = options_of(layout_text, {"a.csv"});
        if (stamps)
          options.now = [] { return int64_t{77}; };
        return read_all(disk, std::move(options));
      };
  const auto some
    = header + "1970-01-01T00:00:00,A,1,1\n,B,2,2\nx,C,3,3\n" + "inf,D,4,4\n";
  auto got = read(some, trade_layout, true);
  EXPECT_EQ(rows_of(got), (std::vector<std::string>{"-946684800000000000|A|1|1",
                                                    "77|B|2|2"}));
  EXPECT_EQ(got.rejects.size(), 2u) << "what is no time is none";
  EXPECT_EQ(got.counters.stamped, 1u);
  EXPECT_EQ(read(some, trade_layout, false).rejects.size(), 3u);
  // Nor need the layout have the column.
  std::string timeless = trade_layout;
  timeless.erase(timeless.find("[[column]]"),
                 timeless.find("[[column]]\nname = \"sym\"")
                   - timeless.find("[[column]]"));
  got = read("sym,price,size\nA,1,2\n", timeless, true);
  EXPECT_EQ(rows_of(got), std::vector<std::string>{"A|1|2|77"});
  got = read("sym,price,size\nA,1,2\n", timeless, false);
  EXPECT_EQ(got.failed.code, errc::config);
  for (const auto* word : {"test.toml:4:", "'time'", "stamp = true"})
    EXPECT_NE(got.failed.context.find(word), std::string::npos)
      << got.failed.context;
}

TEST(CsvReaderTest, CarriageReturnsAndBlankLinesCarryNothing) {
  const auto got = read_text("time,sym,price,size\r\n"
                             "2024-01-02,A,1,2\r\n\r\n\n"
                             "2024-01-03,B,3,4\r\n");
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{"757468800000000000|A|1|2",
                                      "757555200000000000|B|3|4"}));
  EXPECT_TRUE(got.rejects.empty());
  EXPECT_EQ(got.batches.back().cursor.row, 5u);
}

TEST(CsvReaderTest, EmptyFilesGiveNothing) {
  for (const std::string text :
       {"", "time,sym,price,size\n", "time,sym,price,size", "\n\n\n"}) {
    const auto got = read_text(text == "\n\n\n" ? header + text : text);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(got.rows(), 0u);
    EXPECT_TRUE(got.rejects.empty());
  }
}

// Every kind of bad line stands between good ones, is told with its number and
// reason, and takes no good line with it.
TEST(CsvReaderTest, BadLinesAreTaken) {
  const std::string good = "2024-01-02 10:00:00,A,1.5,1\n";
  const std::vector<std::pair<std::string, std::string>> bad{
    {"2024-01-02 10:00:00,A,1.5", "the line has 3 fields, 4 are expected"},
    {"2024-01-02 10:00:00,A,1.5,1,9", "the line has 5 fields, 4 are expected"},
    {"x", "the line has 1 field, 4 are expected"},
    {"2024-01-02 10:00:00,A,abc,1",
     "column 'price': 'abc' is not a number (float)"},
    {"2024-01-02 10:00:00,A,1.2.3,1",
     "column 'price': '1.2.3' is not a number (float)"},
    {"2024-01-02 10:00:00,A,.,1", "column 'price': '.' is not a number "
                                  "(float)"},
    {"2024-01-02 10:00:00,A,-,1", "column 'price': '-' is not a number "
                                  "(float)"},
    {"2024-01-02 10:00:00,A,1e999,1",
     "column 'price': '1e999' does not fit the column's type (float)"},
    {"2024-01-02 10:00:00,A,1.5,1.5",
     "column 'size': '1.5' is not a whole number (int)"},
    {"2024-01-02 10:00:00,A,1.5,2147483648",
     "column 'size': '2147483648' does not fit the column's type (int)"},
    {"2024-01-02 10:00:00,A,1.5,-2147483648",
     "column 'size': '-2147483648' does not fit the column's type (int)"},
    {"2024-01-02 10:00:00,A,1.5,99999999999999999999",
     "column 'size': '99999999999999999999' does not fit the column's type "
     "(int)"},
    {"2024-01-02 10:00:00,A,1.5,0x10",
     "column 'size': '0x10' is not a number (int)"},
    {"2024-02-30 10:00:00,A,1.5,1",
     "column 'time': '2024-02-30 10:00:00' is not a date of the calendar "
     "(timestamp)"},
    {"2024-01-02 25:00:00,A,1.5,1",
     "column 'time': '2024-01-02 25:00:00' is not a time of the layout's "
     "format (timestamp)"},
    {"2024-01-02 10:00:00.0000000001,A,1.5,1",
     "column 'time': '2024-01-02 10:00:00.0000000001' is not a time of the "
     "layout's format (timestamp)"},
    {"9999-01-02 10:00:00,A,1.5,1",
     "column 'time': '9999-01-02 10:00:00' does not fit the column's type "
     "(timestamp)"},
    {",A,1.5,1",
     "column 'time': '' is empty, and the table needs it (timestamp)"},
    {std::string{"2024-01-02 10:00:00,A\0B,1.5,1", 29},
     "the line holds a NUL byte"},
    {"2024-01-02 10:00:00,A\xff,1.5,1", "the line is not UTF-8"},
    {"2024-01-02 10:00:00,\xed\xa0\x80,1.5,1", "the line is not UTF-8"},
  };
  std::string text = header;
  for (const auto& [line, reason] : bad)
    text += good + line + "\n";
  text += good;
  const auto got = read_text(text);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(got.rows(), bad.size() + 1);
  ASSERT_EQ(got.rejects.size(), bad.size());
  EXPECT_EQ(got.counters.rejects, bad.size());
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(got.rejects[i].reason, bad[i].second);
    EXPECT_EQ(got.rejects[i].line, 3 + 2 * i);
    EXPECT_EQ(got.rejects[i].source, "a.csv");
    EXPECT_EQ(text.substr(got.rejects[i].offset, bad[i].first.size()),
              bad[i].first);
  }
}

TEST(CsvReaderTest, Utf8SymbolsPass) {
  const auto got = read_text(header + "2024-01-02,\xc3\xa9\xe2\x82\xac,1,1\n");
  EXPECT_EQ(rows_of(got), std::vector<std::string>{
                            "757468800000000000|\xc3\xa9\xe2\x82\xac|1|1"});
}

TEST(CsvReaderTest, ALineAtTheLimitPassesOneMoreDoesNot) {
  sim::memory_file_system disk;
  const std::string line = "2024-01-02,AAAA,1,1";
  put_file(disk, "a.csv",
           header + line + "\n" + "2024-01-02,AAAAA,1,1\n" + line);
  auto options = options_of(trade_layout, {"a.csv"});
  options.line_bytes_max = static_cast<uint32_t>(line.size());
  const auto got = read_all(disk, options);
  EXPECT_EQ(got.rows(), 2u);
  ASSERT_EQ(got.rejects.size(), 1u);
  EXPECT_EQ(got.rejects[0].reason,
            "the line has 20 bytes, at most 19 are taken");
}

// A line of 5 MB crosses two borders of pieces, in a mapped file.
TEST(CsvReaderTest, ALineLongerThanPiecesIsOneReject) {
  const std::string good = "2024-01-02,A,1,1\n";
  std::string text = header + good + good;
  text += std::string(5'000'000, 'x') + "\n";
  text += good;
  const auto got = read_text(text);
  EXPECT_EQ(got.rows(), 3u);
  ASSERT_EQ(got.rejects.size(), 1u);
  EXPECT_EQ(got.rejects[0].line, 4u);
  EXPECT_EQ(got.rejects[0].offset, header.size() + 2 * good.size());
  EXPECT_EQ(got.rejects[0].reason,
            "the line has 5000000 bytes, at most 1048576 are taken");
  EXPECT_LT(got.rejects[0].text.size(), 300u);
  EXPECT_EQ(got.batches.back().cursor.row, 5u);
  EXPECT_EQ(got.batches.back().cursor.offset, text.size());
}

TEST(CsvReaderTest, GarbageIsAnErrorNotAnEmptyFeed) {
  std::mt19937_64 random{7};
  std::string text = "time,sym,price,size\n";
  for (int i = 0; i < 100'000; ++i)
    text += static_cast<char>(random());
  const auto got = read_text(text);
  EXPECT_EQ(got.rows(), 0u);
  EXPECT_EQ(got.failed.code, errc::bad_data);
  EXPECT_NE(got.failed.context.find("lines fits layout 'test.toml': a.csv:2:"),
            std::string::npos)
    << got.failed.context;
}

TEST(CsvReaderTest, HeaderWithoutTheColumnNamesIt) {
  const auto got = read_text("time,sym,px,size\n2024-01-02,A,1,1\n");
  EXPECT_EQ(to_string(got.failed),
            "bad_data: test.toml:12: a.csv: the header has no field 'price' "
            "for column 'price'; it has 'time', 'sym', 'px', 'size'");
}

TEST(CsvReaderTest, TheHeaderIsQuotedLikeAllLines) {
  const std::string quoted = std::string{"quote = true\n"} + trade_layout;
  const auto got
    = read_text("\xef\xbb\xbf\"time\",sym,\"a,b\",price,\"size\"\r\n"
                "2024-01-02,A,x,1.5,1\r\n",
                quoted);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(got.rows(), 1u);
  EXPECT_EQ(to_string(read_text("time,\"sym,price,size\n", quoted).failed),
            "bad_data: a.csv: the header: field 2: the quote does not end");
  const auto plain = read_text("time,\"sym\",price,size\n");
  EXPECT_NE(plain.failed.context.find("it has 'time', '\"sym\"', 'price'"),
            std::string::npos)
    << plain.failed.context;
}

TEST(CsvReaderTest, MissingFileIsToldAtOnce) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", header);
  const auto got
    = read_all(disk, options_of(trade_layout, {"a.csv", "none.csv"}));
  EXPECT_EQ(to_string(got.failed),
            "not_found: none.csv: open: No such file or directory");
}

TEST(CsvReaderTest, UnreadableFileNamesPathAndReason) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", header);
  disk.fail(sim::disk_call::read, 1);
  const auto got = read_all(disk, options_of(trade_layout, {"a.csv"}));
  EXPECT_EQ(to_string(got.failed),
            "storage_failed: a.csv: read: Input/output error");
}

// Method: a file is cut after its first rows were read, so that pages of its
// mapping are gone.
TEST(CsvReaderTest, AFileThatIsCutWhileItIsReadIsAnErrorAndNoRows) {
  const auto path = std::filesystem::temp_directory_path()
                    / ("millrace-cut-" + std::to_string(::getpid()) + ".csv");
  std::string text = header;
  for (int i = 0; i < 600'000; ++i)
    text += "2024-01-02 09:30:00.5,AIG,10.25,100\n";
  std::ofstream{path} << text;
  persistence::env outside;
  outside.fs = &persistence::posix_file_system();
  auto opened
    = reader::open(outside, options_of(trade_layout, {path.string()}));
  ASSERT_TRUE(opened) << to_string(opened.failure());
  uint64_t rows = 0;
  error fault;
  for (bool cut = false;; cut = true) {
    auto batch = opened->next();
    if (!batch || !*batch) {
      fault = batch.failure();
      break;
    }
    rows += (*batch)->rows;
    if (!cut)
      std::filesystem::resize_file(path, 1000);
  }
  EXPECT_EQ(fault.code, errc::bad_data) << to_string(fault);
  EXPECT_NE(fault.context.find(path.string()), std::string::npos)
    << fault.context;
  EXPECT_LT(rows, 600'000u);
  EXPECT_EQ(opened->counters().rejects, 0u);
  std::filesystem::remove(path);
}

TEST(CsvReaderTest, QuotedFieldsFollowTheRfc) {
  const std::string quoted = std::string{"quote = true\n"} + trade_layout;
  const auto got = read_text("time,\"sym\",price,size\n"
                             "\"2024-01-02\",\"A,B\",\"1\",1\r\n"
                             "2024-01-02,\"say \"\"hi\"\"\nthere\",2,2\n"
                             "2024-01-02,st\"ray,3,3\n"
                             "2024-01-02,\"bad\"x,4,4\n"
                             "2024-01-02,\"\",5,5",
                             quoted);
  EXPECT_EQ(
    rows_of(got),
    (std::vector<std::string>{
      "757468800000000000|A,B|1|1", "757468800000000000|say \"hi\"\nthere|2|2",
      "757468800000000000|st\"ray|3|3", "757468800000000000||5|5"}));
  EXPECT_EQ(reasons_of(got), std::vector<std::string>{
                               "6: the line has text after a closing quote"});
  EXPECT_EQ(got.batches.back().cursor.row, 7u);
}

TEST(CsvReaderTest, AnOpenQuoteTakesOneLineOnly) {
  const std::string quoted = std::string{"quote = true\n"} + trade_layout;
  std::string text = header + "2024-01-02,\"open,1,1\n";
  for (int i = 0; i < 100'000; ++i)
    text += "2024-01-02,A,1,1\n";
  const auto got = read_text(text, quoted);
  EXPECT_EQ(got.rows(), 100'000u);
  EXPECT_EQ(reasons_of(got), std::vector<std::string>{
                               "2: the line has a quote that does not end"});
}

TEST(CsvReaderTest, ZeroSidesBecomeNulls) {
  const auto got = [] {
    sim::memory_file_system disk;
    put_file(disk, "20131008_aig_Quote_Tick.csv",
             "14400135,481800,100,0,0,P,1,0\n"
             "14400135,0,0,491000,300,P,1,0\n"
             "14400136,0,7,0,0,P,1,1\n");
    auto options
      = preset_options("lean-equity-quote", {"20131008_aig_Quote_Tick.csv"});
    options.symbol = "AIG";
    return read_all(disk, options);
  }();
  // 04:00:00.135 in New York is 08:00:00.135 UTC on 2013-10-08.
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{
              "434534400135000000|AIG|48.18|nan|100|null|P|1|0",
              "434534400135000000|AIG|nan|49.100000000000001|null|300|P|1|0",
              "434534400136000000|AIG|0|nan|7|null|P|1|1"}));
}

TEST(CsvReaderTest, WrongTypeAndUnknownColumnNameTheLayout) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", header);
  auto options = options_of(trade_layout, {"a.csv"});
  options.schema.columns[2].type = column_type::symbol;
  EXPECT_EQ(to_string(read_all(disk, options).failed),
            "schema_mismatch: a.csv: test.toml:12: column 'price' is symbol in "
            "table 'trade', float in the layout");
  options = options_of(trade_layout, {"a.csv"});
  options.schema.columns[3].name = "volume";
  EXPECT_EQ(to_string(read_all(disk, options).failed),
            "schema_mismatch: a.csv: test.toml:16: table 'trade' has no column "
            "'size'");
}

TEST(CsvReaderTest, ColumnsBeyondTheLayoutAreNull) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", header + "2024-01-02,A,1,1\n2024-01-02,A,1,1\n");
  auto options = options_of(trade_layout, {"a.csv"});
  for (auto type : {column_type::long_, column_type::symbol,
                    column_type::string, column_type::float_})
    options.schema.columns.push_back(
      {"c" + std::to_string(options.schema.columns.size()), type});
  EXPECT_EQ(rows_of(read_all(disk, options)),
            (std::vector<std::string>(2, "757468800000000000|A|1|1|null|||"
                                         "nan")));
}

} // namespace
} // namespace millrace::feed
