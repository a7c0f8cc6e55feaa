#include <millrace/query/table/result_text.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "oracle.hpp"

namespace millrace::query {
namespace {

/// Three rows of every type: an ordinary value, an extreme one, the null.
table_data every_type() {
  table_data table;
  table.row_count = 3;
  auto integers
    = [&](const char* name, column_type type, int64_t a, int64_t b) {
        column_data column{name, type, {}, {}, {}};
        for (const auto x : {a, b, null_long})
          push_integer(column, x);
        table.columns.push_back(std::move(column));
      };
  auto texts
    = [&](const char* name, column_type type, const char* a, const char* b) {
        column_writer writer{name, type};
        for (const auto* x : {a, b, ""})
          writer.append_text(x);
        table.columns.push_back(*writer.finish());
      };
  integers("b", column_type::boolean, 1, 1);
  integers("x", column_type::byte_, 10, 255);
  integers("h", column_type::short_, -5, 32767);
  integers("i", column_type::int_, 42, -inf_int);
  integers("j", column_type::long_, int64_t{1} << 53, -inf_long);
  column_data reals{"e", column_type::real, {}, {}, {}};
  for (const auto x : {0.1f, -std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN()})
    reals.push(x);
  table.columns.push_back(std::move(reals));
  column_data floats{"f", column_type::float_, {}, {}, {}};
  for (const auto x : {0.1, infinity, nan_value})
    floats.push(x);
  table.columns.push_back(std::move(floats));
  integers("c", column_type::char_, 'q', '"');
  texts("s", column_type::symbol, "AIG", "\xc3\xa4\"\\,\n\x01\xff");
  integers("p", column_type::timestamp, 434'539'800'123'456'789, -inf_long);
  integers("m", column_type::month, 165, inf_int);
  integers("d", column_type::date, 5029, -1);
  integers("n", column_type::timespan, 34'200'000'000'001, -1);
  integers("u", column_type::minute, 570, -1);
  integers("v", column_type::second, 34'200, 86'400);
  integers("t", column_type::time, 34'200'001, 0);
  texts("text", column_type::string, "two words", "a,b");
  column_data guids{"g", column_type::guid, {}, {}, {}};
  for (int i = 0; i < 48; ++i)
    guids.push(static_cast<uint8_t>(i < 16 ? i * 16 + i : i < 32 ? 1 : 0));
  table.columns.push_back(std::move(guids));
  return table;
}

/// Compares with a golden file; MILLRACE_WRITE_GOLDEN=1 writes a new one.
void expect_golden(const std::string& name, const std::string& text) {
  const auto path = test_support::data_path("query/" + name);
  if (std::getenv("MILLRACE_WRITE_GOLDEN"))
    std::ofstream{path, std::ios::binary} << text;
  std::ifstream file{path, std::ios::binary};
  ASSERT_TRUE(file) << path;
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

TEST(ResultTest, EveryTypeIsWrittenAsBefore) {
  const auto table = every_type();
  expect_golden("every_type.json", to_text(table, result_format::json));
  expect_golden("every_type.csv", to_text(table, result_format::csv));
  expect_golden("every_type.txt", to_text(table, result_format::table));
  expect_golden("every_type.arrow", to_text(table, result_format::arrow));
}

TEST(ResultTest, JsonReadsBackWithItsValues) {
  const auto read
    = nlohmann::json::parse(to_text(every_type(), result_format::json));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0]["j"], 9007199254740992);
  EXPECT_EQ(read[1]["j"], "-9223372036854775807");
  EXPECT_EQ(read[0]["f"], 0.1);
  EXPECT_EQ(read[1]["f"], "inf");
  EXPECT_EQ(read[0]["p"], "2013-10-08T09:30:00.123456789Z");
  EXPECT_EQ(read[0]["g"], "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(read[1]["s"], "\xc3\xa4\"\\,\n\x01\xef\xbf\xbd");
  for (const auto& [name, value] : read[2].items())
    EXPECT_TRUE(value.is_null() || name == "b" || name == "x" || name == "text")
      << name << ' ' << value;
}

TEST(ResultTest, NoRowsAreAnEmptyArray) {
  table_data table;
  table.columns.push_back({"n", column_type::long_, {}, {}, {}});
  EXPECT_EQ(to_text(table, result_format::json), "[]\n");
  EXPECT_EQ(to_text(table, result_format::csv), "n\n");
  EXPECT_EQ(to_text(table, result_format::table), "n\n-\n");
}

TEST(ResultTest, PiecesHaveTheSameColumns) {
  table_data table;
  table.columns.push_back({"n", column_type::long_, {}, {}, {}});
  for (const auto format : {result_format::csv, result_format::arrow}) {
    result_writer writer{format, [](std::string_view) { return error{}; }};
    EXPECT_FALSE(writer.add(table));
    EXPECT_EQ(writer.add({}).code, errc::malformed_message);
  }
}

TEST(ResultTest, LargeResultsComeInPiecesAndStopOnError) {
  table_data table;
  column_data column{"number", column_type::long_, {}, {}, {}};
  table.row_count = 100'000;
  for (int64_t i = 0; i < 100'000; ++i)
    column.push(i);
  table.columns.push_back(std::move(column));
  for (const auto format :
       {result_format::table, result_format::csv, result_format::json}) {
    size_t pieces = 0;
    size_t largest = 0;
    result_writer whole{format, [&](std::string_view piece) {
                          ++pieces;
                          largest = std::max(largest, piece.size());
                          return error{};
                        }};
    EXPECT_FALSE(whole.add(table));
    EXPECT_FALSE(whole.finish());
    EXPECT_GT(pieces, 5u);
    EXPECT_LT(largest, 80u * 1024);
    pieces = 0;
    result_writer stopped{format, [&](std::string_view) {
                            ++pieces;
                            return error{errc::no_space, "full"};
                          }};
    const auto fault = stopped.add(table);
    EXPECT_EQ(fault.code, errc::no_space);
    EXPECT_EQ(pieces, 1u);
  }
}

table_data numbers(int64_t first, int64_t count) {
  table_data table;
  column_data column{"number", column_type::long_, {}, {}, {}};
  table.row_count = static_cast<uint64_t>(count);
  for (int64_t i = first; i < first + count; ++i)
    column.push(i);
  table.columns.push_back(std::move(column));
  return table;
}

TEST(ResultTest, PiecesReadAsOneResult) {
  for (const auto format :
       {result_format::table, result_format::csv, result_format::json}) {
    std::string text;
    result_writer writer{format, [&](std::string_view piece) {
                           text += piece;
                           return error{};
                         }};
    EXPECT_FALSE(writer.add(numbers(0, 0)));
    EXPECT_FALSE(writer.add(numbers(0, 7)));
    EXPECT_FALSE(writer.add(numbers(7, 0)));
    EXPECT_FALSE(writer.add(numbers(7, 5)));
    EXPECT_FALSE(writer.finish());
    EXPECT_EQ(text, to_text(numbers(0, 12), format));
  }
}

TEST(ResultTest, JsonOfAnInterruptedResultIsLeftOpen) {
  std::string text;
  result_writer writer{result_format::json, [&](std::string_view piece) {
                         text += piece;
                         return error{};
                       }};
  EXPECT_FALSE(writer.add(numbers(1, 1)));
  EXPECT_FALSE(writer.finish(false));
  EXPECT_EQ(text, "[\n{\"number\":1}");
}

} // namespace
} // namespace millrace::query
