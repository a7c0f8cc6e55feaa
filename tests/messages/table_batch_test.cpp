#include <millrace/messages/data/table_batch.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace millrace {
namespace {

table_schema trade_schema() {
  table_schema schema;
  schema.name = "trade";
  schema.version = 3;
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"price", column_type::float_},
                    {"size", column_type::int_},
                    {"note", column_type::string}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

TEST(TableBatchTest, RoundTripKeepsEveryValue) {
  batch_builder builder{trade_schema()};
  const double prices[] = {1.5, -0.0, std::nan(""), 1e-310};
  const char* symbols[] = {"AIG", "SPY", "", "AIG"};
  for (int i = 0; i < 4; ++i) {
    builder.append(0, int64_t{100} + i);
    builder.append_symbol(1, symbols[i]);
    builder.append(2, prices[i]);
    builder.append(3, i == 2 ? null_int : i);
    builder.append_string(4, std::string(static_cast<size_t>(i), 'x'));
    builder.end_row();
  }
  const auto bytes = builder.encode({"file.csv", 77, 4});
  auto view = decode_batch(bytes);
  ASSERT_TRUE(view) << to_string(view.failure());
  EXPECT_EQ(view->table, "trade");
  EXPECT_EQ(view->schema_version, 3u);
  ASSERT_EQ(view->row_count, 4u);
  EXPECT_EQ(view->source_name, "file.csv");
  EXPECT_EQ(view->source_offset, 77u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(view->column("sym")->text(i), symbols[i]);
    EXPECT_EQ(view->columns[4].text(i), std::string(i, 'x'));
  }
  EXPECT_EQ(view->column("venue"), nullptr);
  const auto* price = view->columns[2].as<double>();
  EXPECT_TRUE(std::signbit(price[1]));
  EXPECT_TRUE(std::isnan(price[2]));
  EXPECT_EQ(price[3], 1e-310);
  const auto* ends = view->columns[4].as<uint32_t>();
  EXPECT_EQ(ends[3], 6u);
}

TEST(TableBatchTest, DictionaryGrowsPastItsIndex) {
  batch_builder builder{trade_schema()};
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 5000; ++i)
      EXPECT_EQ(builder.symbol_code(1, "S" + std::to_string(i)),
                static_cast<uint32_t>(i + 1));
}

// Method: flip every bit of an encoded batch; decoding either refuses or gives
// a view whose every symbol and string may be read without leaving the bytes.
TEST(TableBatchTest, DamagedBatchesNeverLeadOutOfBounds) {
  batch_builder builder{trade_schema()};
  for (int i = 0; i < 3; ++i) {
    builder.append(0, int64_t{i});
    builder.append_symbol(1, i == 0 ? "A" : "BB");
    builder.append(2, 1.0);
    builder.append(3, i);
    builder.append_string(4, "note");
    builder.end_row();
  }
  const auto good = builder.encode();
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    auto view = decode_batch(bytes);
    if (!view) {
      ++refused;
      continue;
    }
    size_t total = 0;
    for (const auto& column : view->columns)
      if (column.type == column_type::symbol
          || column.type == column_type::string)
        for (uint32_t row = 0; row < view->row_count; ++row)
          total += column.text(row).size();
    EXPECT_LT(total, good.size() * 64);
  }
  EXPECT_GT(refused, 0u);
}

TEST(TableBatchTest, ForeignBytesAreMalformed) {
  const std::vector<std::byte> junk(24, std::byte{0xff});
  EXPECT_EQ(decode_batch(junk).failure().code, errc::malformed_message);
  EXPECT_EQ(decode_batch({}).failure().code, errc::malformed_message);
}

TEST(TableBatchTest, RowsWithoutAColumnAreRefused) {
  batch_builder builder{{.name = "trade"}};
  builder.add_rows(50'000'000);
  const auto bytes = builder.encode();
  EXPECT_LT(bytes.size(), 100u);
  const auto fault = decode_batch(bytes).failure();
  EXPECT_EQ(to_string(fault),
            "malformed_message: table 'trade': 50000000 rows without a column");
}

// Method: a thousand columns whose values are one and the same piece of the
// message, as no encoder writes them: what they declare is not there.
TEST(TableBatchTest, ColumnsThatShareTheirBytesAreRefused) {
  table_schema schema{.name = "wide"};
  constexpr uint32_t columns = 1000;
  for (uint32_t i = 0; i < columns; ++i)
    schema.columns.push_back({"c" + std::to_string(i), column_type::boolean});
  batch_builder builder{schema};
  constexpr uint32_t rows = 8192;
  builder.values(0).resize(rows);
  for (uint32_t i = 1; i < columns; ++i)
    builder.values(i).resize(rows);
  builder.add_rows(rows);
  auto bytes = builder.encode();
  ASSERT_TRUE(decode_batch(bytes));
  std::vector<uint64_t> words(bytes.size() / 8);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  // Pointers to lists of `rows` bytes, one per column, five words apart.
  std::vector<size_t> pointers;
  for (size_t i = 0; i < words.size() && pointers.size() < columns; ++i)
    if (words[i] >> 32 == (uint64_t{rows} << 3 | 2))
      pointers.push_back(i);
  ASSERT_EQ(pointers.size(), columns);
  const auto target = pointers[0] + (words[pointers[0]] & 0xffffffff) / 4;
  for (const auto at : pointers)
    words[at] = words[at] >> 32 << 32 | ((target - at) << 2 | 1);
  // What nothing points to any more goes.
  bytes.resize((target + 1 + rows / 8 + 8) * 8);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  auto* segment_words = reinterpret_cast<uint32_t*>(bytes.data()) + 1;
  *segment_words = static_cast<uint32_t>(bytes.size() / 8 - 1);
  EXPECT_EQ(decode_batch(bytes).failure().code, errc::malformed_message);
}

TEST(TableSchemaTest, ValidationNamesTableAndColumn) {
  auto schema = trade_schema();
  EXPECT_FALSE(validate(schema));
  schema.columns[3].name = "price";
  EXPECT_EQ(to_string(validate(schema)),
            "invalid_argument: table 'trade': column 'price' appears twice");
  schema = trade_schema();
  schema.time_column = "when";
  EXPECT_EQ(to_string(validate(schema)),
            "invalid_argument: table 'trade': time column 'when' is not a "
            "column");
}

TEST(TableSchemaTest, RoundTrip) {
  const auto schema = trade_schema();
  const auto bytes = encode(schema);
  auto back = decode_table_schema(bytes.data(), bytes.size());
  ASSERT_TRUE(back) << to_string(back.failure());
  EXPECT_EQ(*back, schema);
}

TEST(SourceCursorTest, RoundTripAndDamage) {
  const std::vector<source_cursor> cursors{{"a.csv", 4096, 12, ~0ull},
                                           {"b", 0, 0, 0}};
  const auto bytes = encode(cursors);
  EXPECT_EQ(*decode_source_cursors(bytes), cursors);
  EXPECT_TRUE(
    decode_source_cursors(encode(std::vector<source_cursor>{}))->empty());
  EXPECT_EQ(decode_source_cursors({}).failure().code, errc::malformed_message);
  for (size_t size = 8; size < bytes.size(); size += 8)
    EXPECT_FALSE(decode_source_cursors(std::span{bytes}.first(size))) << size;
}

} // namespace
} // namespace millrace
