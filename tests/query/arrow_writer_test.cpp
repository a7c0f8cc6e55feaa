#include <millrace/query/table/arrow_writer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

// What a stream is cut into. Readers of others read it in tests/integration.

namespace millrace::query {
namespace {

/// A column that counts, and one of symbols: "s0", "s1", ...
table_data symbols(int64_t first, size_t count, int64_t distinct) {
  column_writer names{"s", column_type::symbol};
  column_data numbers{"i", column_type::long_, {}, {}, {}};
  for (auto i = first; i < first + static_cast<int64_t>(count); ++i) {
    names.append_text("s" + std::to_string(i % distinct));
    numbers.push(i);
  }
  table_data out;
  out.columns.push_back(*names.finish());
  out.columns.push_back(std::move(numbers));
  out.row_count = count;
  return out;
}

/// What each message is: S schema, D dictionary, B batch; its body comes apart.
struct told {
  std::string kinds;
  size_t bytes = 0;
  size_t largest = 0;

  arrow_writer::sink sink() {
    return [this](std::string_view piece) {
      bytes += piece.size();
      largest = std::max(largest, piece.size());
      // The first one of a message begins with its mark.
      if (!piece.starts_with("\xff\xff\xff\xff"))
        return error{};
      if (piece.size() <= 16) {
        kinds += piece.size() == 8 ? 'E' : 'X';
        return error{};
      }
      uint32_t root = 0;
      std::memcpy(&root, piece.data() + 8, 4);
      const auto* table = piece.data() + 8 + root;
      int32_t fields = 0;
      std::memcpy(&fields, table, 4);
      uint16_t place = 0;
      std::memcpy(&place, table - fields + 6, 2);
      kinds += "?SDB"[static_cast<uint8_t>(table[place])];
      return error{};
    };
  }
};

std::string kinds_of(const std::vector<table_data>& pieces,
                     bool is_whole = true) {
  told heard;
  arrow_writer writer{heard.sink()};
  for (const auto& piece : pieces)
    EXPECT_FALSE(writer.add(piece));
  EXPECT_FALSE(writer.finish(is_whole));
  return heard.kinds;
}

TEST(ArrowWriterTest, GathersPiecesIntoBatches) {
  EXPECT_EQ(kinds_of({symbols(0, 0, 1)}), "SE");
  EXPECT_EQ(kinds_of({symbols(0, 10, 3), symbols(10, 10, 3)}), "SDBE");
  EXPECT_EQ(kinds_of({symbols(0, 65'536, 3)}), "SDBE");
  // A dictionary that has nothing new is not told again.
  EXPECT_EQ(kinds_of({symbols(0, 150'000, 3)}), "SDBBBE");
  EXPECT_EQ(kinds_of({symbols(0, 65'536, 3), symbols(0, 9, 4)}), "SDBDBE");
  EXPECT_EQ(kinds_of({symbols(0, 10, 3)}, false), "SDBX");
}

TEST(ArrowWriterTest, BeginsLargeDictionariesAnew) {
  told heard;
  arrow_writer writer{heard.sink()};
  constexpr int64_t rows = 400'000;
  // Pieces of one size may lie where the one before lay.
  for (int64_t at = 0; at < rows; at += 10'000)
    EXPECT_FALSE(writer.add(symbols(at, 10'000, rows)));
  EXPECT_FALSE(writer.finish(true));
  EXPECT_EQ(heard.kinds, "SDBDBDBDBDBDBDBE");
  // Each of the rows needs 8 + 4 + 4 + 7 bytes; each once.
  EXPECT_LT(heard.bytes, size_t{rows} * 25);
}

TEST(ArrowWriterTest, EndsBatchesThatAreLarge) {
  table_data table;
  column_writer text{"text", column_type::string};
  for (int i = 0; i < 4'096; ++i)
    text.append_text(std::string(16'384, 'x'));
  table.columns.push_back(*text.finish());
  table.row_count = 4'096;
  told heard;
  arrow_writer writer{heard.sink()};
  EXPECT_FALSE(writer.add(table));
  EXPECT_FALSE(writer.finish(true));
  EXPECT_EQ(heard.kinds, "SBBE");
  EXPECT_LT(heard.largest, size_t{40} << 20);
}

TEST(ArrowWriterTest, RefusesTimesThatArrowHasNot) {
  for (const auto& [type, value] :
       {std::pair{column_type::timestamp, inf_long - 1},
        std::pair{column_type::date, int64_t{inf_int} - 1},
        std::pair{column_type::month, int64_t{inf_int} - 1}}) {
    table_data table;
    table.columns.push_back({"at", type, {}, {}, {}});
    push_integer(table.columns[0], value);
    table.row_count = 1;
    told heard;
    arrow_writer writer{heard.sink()};
    EXPECT_FALSE(writer.add(table));
    const auto fault = writer.finish(true);
    EXPECT_EQ(fault.code, errc::overflow);
    EXPECT_NE(fault.context.find("column 'at': "), std::string::npos)
      << fault.context;
    EXPECT_EQ(heard.kinds, "S");
  }
}

TEST(ArrowWriterTest, StopsAtTheFirstErrorOfItsSink) {
  size_t pieces = 0;
  arrow_writer writer{[&](std::string_view) {
    return ++pieces < 3 ? error{} : error{errc::no_space, "full"};
  }};
  EXPECT_EQ(writer.add(symbols(0, 100'000, 3)).code, errc::no_space);
  EXPECT_EQ(pieces, 3u);
}

} // namespace
} // namespace millrace::query
