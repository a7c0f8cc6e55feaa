#include <millrace/query/execution/partial.hpp>

#include <gtest/gtest.h>

namespace millrace::query {
namespace {

constexpr uint64_t slice_rows
  = 10'007; ///< Of no width a whole number of words.

/// Columns of all widths, and of texts with few and with many symbols.
partial_result sample() {
  partial_result out;
  auto& table = out.chunks.emplace_back().table;
  table.row_count = slice_rows;
  table.columns = {{"flag", column_type::boolean, {}, {}, {}},
                   {"small", column_type::short_, {}, {}, {}},
                   {"count", column_type::int_, {}, {}, {}},
                   {"price", column_type::float_, {}, {}, {}}};
  for (uint64_t row = 0; row < slice_rows; ++row) {
    table.columns[0].push(static_cast<uint8_t>(row % 2));
    table.columns[1].push(static_cast<int16_t>(row));
    table.columns[2].push(static_cast<int32_t>(7 * row));
    table.columns[3].push(static_cast<double>(row) / 3);
  }
  for (const uint64_t distinct : {uint64_t{5}, slice_rows}) {
    column_writer symbols{"s" + std::to_string(distinct), column_type::symbol};
    column_writer texts{"t" + std::to_string(distinct), column_type::string};
    for (uint64_t row = 0; row < slice_rows; ++row) {
      symbols.append_text("s" + std::to_string(row % distinct));
      texts.append_text("text " + std::to_string(row % distinct));
    }
    table.columns.push_back(*symbols.finish());
    table.columns.push_back(*texts.finish());
  }
  return out;
}

TEST(PartialSlicesTest, RowsComeBackWhateverTheSizeOfMessages) {
  const auto from = sample();
  for (const size_t bytes_max : {100u, 1'000u, 5'000u, 100'000u, 10'000'000u}) {
    std::vector<partial_result> parts;
    for (const auto& message : encode(from, bytes_max)) {
      auto part = decode_partial(message.bytes());
      ASSERT_TRUE(part) << to_string(part.failure());
      parts.push_back(*std::move(part));
    }
    const auto back = joined_rows(std::move(parts));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->row_count, slice_rows);
    const auto& wanted = from.chunks[0].table.columns;
    for (size_t c = 0; c < wanted.size(); ++c) {
      SCOPED_TRACE(wanted[c].name);
      const auto& got = back->columns[c];
      if (!is_text(wanted[c].type)) {
        EXPECT_EQ(got.values, wanted[c].values);
        continue;
      }
      for (uint64_t row = 0; row < slice_rows; ++row)
        ASSERT_EQ(got.text(row), wanted[c].text(row)) << row;
    }
  }
}

TEST(PartialSlicesTest, ACodeBeyondTheDictionaryIsRefused) {
  auto from = sample();
  auto& symbols = from.chunks[0].table.columns[4];
  const uint32_t beyond = 1'000;
  std::memcpy(symbols.values.data(), &beyond, sizeof beyond);
  const auto messages = encode(from, 10'000'000);
  const auto part = decode_partial(messages.front().bytes());
  ASSERT_FALSE(part);
  EXPECT_EQ(part.failure().code, errc::malformed_message);
}

} // namespace
} // namespace millrace::query
