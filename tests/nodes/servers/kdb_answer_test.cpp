#include <millrace/nodes/servers/kdb/answer.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::nodes::kdb {
namespace {

using query::result_shape;

template <class T>
query::column_data column_with(std::string name, column_type type,
                               std::vector<T> values) {
  query::column_data out;
  out.name = std::move(name);
  out.type = type;
  for (const auto each : values)
    out.push(each);
  return out;
}

query::column_data symbols_with(std::string name,
                                const std::vector<std::string>& texts) {
  query::column_writer made{std::move(name), column_type::symbol};
  for (const auto& text : texts)
    made.append_text(text);
  return *made.finish();
}

query::table_data two_rows() {
  query::table_data out;
  out.row_count = 2;
  out.columns.push_back(symbols_with("sym", {"A", ""}));
  out.columns.push_back(
    column_with<int64_t>("size", column_type::long_, {300, null_long}));
  return out;
}

/// As a client reads it.
value read_back(const query::table_data& rows, const answer_form& form) {
  const auto message = table_message(message_kind::response, rows, form);
  EXPECT_TRUE(message);
  const auto header = read_header(*message, 1u << 30);
  EXPECT_TRUE(header && header->kind == message_kind::response
              && header->size == message->size());
  auto out = read_message(*message, 1u << 30);
  EXPECT_TRUE(out) << to_string(out.failure());
  return *std::move(out);
}

TEST(KdbAnswerTest, AKeyedTableIsThatOfThePublishedExample) {
  auto rows = two_rows();
  rows.row_count = 1;
  for (auto& column : rows.columns)
    column.values.resize(column.values.size() / 2);
  const auto got
    = table_message(message_kind::response, rows, {.keys = {"sym"}});
  ASSERT_TRUE(got);
  // ([sym:,`A] size:,300)
  const std::string wanted{"\x01\x02\x00\x00\x46\x00\x00\x00\x63"
                           "\x62\x00\x63\x0b\x00\x01\x00\x00\x00sym\x00"
                           "\x00\x00\x01\x00\x00\x00\x0b\x00\x01\x00\x00\x00"
                           "A\x00"
                           "\x62\x00\x63\x0b\x00\x01\x00\x00\x00size\x00"
                           "\x00\x00\x01\x00\x00\x00\x07\x00\x01\x00\x00\x00"
                           "\x2c\x01\x00\x00\x00\x00\x00\x00",
                           0x46};
  EXPECT_EQ(*got, wanted);
}

TEST(KdbAnswerTest, AResultHasTheFormThatQWouldGive) {
  const auto rows = two_rows();
  const auto table = read_back(rows, {});
  ASSERT_EQ(table.type, kind::table);
  EXPECT_EQ(table.parts[0].parts[0].symbols,
            (std::vector<std::string>{"sym", "size"}));
  EXPECT_EQ(table.parts[0].parts[1].parts[1],
            vector_of<int64_t>(kind::long_, {300, null_long}));

  auto one = rows;
  one.columns.erase(one.columns.begin());
  EXPECT_EQ(read_back(one, {.shape = result_shape::columns}),
            vector_of<int64_t>(kind::long_, {300, null_long}));
  const auto named = read_back(rows, {.shape = result_shape::columns});
  EXPECT_EQ(named.type, kind::dictionary);
  EXPECT_EQ(named.parts[1].parts[0].symbols,
            (std::vector<std::string>{"A", ""}));
  const auto by
    = read_back(rows, {.keys = {"sym"}, .shape = result_shape::columns});
  EXPECT_EQ(by.type, kind::dictionary);
  EXPECT_EQ(by.parts[0].symbols, (std::vector<std::string>{"A", ""}));
  EXPECT_EQ(by.parts[1], vector_of<int64_t>(kind::long_, {300, null_long}));

  one.row_count = 1;
  one.columns[0].values.resize(8);
  EXPECT_EQ(read_back(one, {.shape = result_shape::values}),
            atom_of(kind::long_, int64_t{300}));
}

TEST(KdbAnswerTest, EveryTypeIsReadBack) {
  query::table_data rows;
  rows.row_count = 1;
  auto add = [&](auto column) { rows.columns.push_back(std::move(column)); };
  add(column_with<uint8_t>("b", column_type::boolean, {1}));
  add(column_with<uint8_t>("x", column_type::byte_, {0xfe}));
  add(column_with<int16_t>("h", column_type::short_, {null_short}));
  add(column_with<int32_t>("i", column_type::int_, {7}));
  add(column_with<float>("e", column_type::real, {1.5f}));
  add(column_with<double>("f", column_type::float_, {-0.5}));
  add(column_with<uint8_t>("c", column_type::char_, {'q'}));
  add(column_with<int64_t>("p", column_type::timestamp, {1}));
  add(column_with<int32_t>("m", column_type::month, {2}));
  add(column_with<int32_t>("d", column_type::date, {3}));
  add(column_with<int64_t>("n", column_type::timespan, {4}));
  add(column_with<int32_t>("u", column_type::minute, {5}));
  add(column_with<int32_t>("v", column_type::second, {6}));
  add(column_with<int32_t>("t", column_type::time, {8}));
  query::column_data guid;
  guid.name = "g";
  guid.type = column_type::guid;
  for (uint8_t i = 0; i < 16; ++i)
    guid.push(i);
  add(guid);
  query::column_writer text{"s", column_type::string};
  text.append_text("ab");
  add(*text.finish());

  const auto columns = read_back(rows, {}).parts[0].parts[1].parts;
  std::string types;
  for (const auto& column : columns)
    types += std::to_string(static_cast<int>(column.type)) + " ";
  EXPECT_EQ(types, "1 4 5 6 8 9 10 12 13 14 16 17 18 19 2 0 ");
  EXPECT_EQ(columns[15].parts[0], text_value("ab"));
  EXPECT_EQ(columns[7].item<int64_t>(0), 1);

  // What the first releases do not know.
  rows.columns[7] = column_with<int64_t>("p", column_type::timestamp,
                                         {86'400'000'000'000 / 2});
  rows.columns[10]
    = column_with<int64_t>("n", column_type::timespan, {1'500'000'000});
  const auto older = read_back(rows, {.capability = 0}).parts[0].parts[1].parts;
  EXPECT_EQ(older[7], vector_of<double>(kind::datetime, {0.5}));
  EXPECT_EQ(older[10], vector_of<int32_t>(kind::time, {1500}));
  EXPECT_EQ(older[14].parts[0],
            text_value("00010203-0405-0607-0809-0a0b0c0d0e0f"));
}

TEST(KdbAnswerTest, TextHasAtMostAScreen) {
  query::table_data rows;
  rows.row_count = 40;
  rows.columns.push_back(
    column_with<int32_t>("i", column_type::int_, std::vector<int32_t>(40, 1)));
  const auto text = table_text(rows);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 26);
  EXPECT_TRUE(text.ends_with("..\n"));
  EXPECT_EQ(value_text(error{errc::invalid_argument, "type: no"}),
            "'type: no\n");
  EXPECT_EQ(value_text(generic_null()), "");
}

} // namespace
} // namespace millrace::nodes::kdb
