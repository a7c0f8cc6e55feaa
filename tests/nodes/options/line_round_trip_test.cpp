#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <random>

// What queries and subscriptions print is what rows are published from: every
// value of every type comes back as it was, and feeds read it in the same way.

namespace millrace::nodes {
namespace {

using random_source = std::mt19937_64;

constexpr column_type types[]
  = {column_type::boolean, column_type::guid,   column_type::byte_,
     column_type::short_,  column_type::int_,   column_type::long_,
     column_type::real,    column_type::float_, column_type::char_,
     column_type::symbol,  column_type::string, column_type::timestamp,
     column_type::month,   column_type::date,   column_type::timespan,
     column_type::minute,  column_type::second, column_type::time};

table_schema schema_of_all() {
  table_schema out;
  out.name = "t";
  out.time_column = "at";
  out.columns = {{"at", column_type::timestamp}};
  for (const auto type : types)
    out.columns.push_back({"c" + std::to_string(out.columns.size()), type});
  out.symbol_column = "c10";
  return out;
}

/// Small and large, around days, and the ends of what `T` holds.
template <class T>
T any_whole(random_source& random, T least, T most) {
  const auto spread = [&](int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>{from, to}(random);
  };
  switch (random() % 4) {
    case 0:
      return static_cast<T>(
        std::clamp<int64_t>(spread(-100'000'000, 200'000'000), least, most));
    case 1:
      return static_cast<T>(
        std::clamp<int64_t>(spread(-2'000, 3'000), least, most));
    case 2:
      return static_cast<T>(spread(least, most));
    default:
      return random() % 2 == 0 ? least : most;
  }
}

template <class T>
T any_float(random_source& random) {
  const T some[] = {0,
                    1,
                    -1.5,
                    T{1} / 3,
                    std::numeric_limits<T>::max(),
                    std::numeric_limits<T>::denorm_min(),
                    std::numeric_limits<T>::infinity(),
                    -std::numeric_limits<T>::infinity()};
  return random() % 2 == 0
           ? some[random() % std::size(some)]
           : static_cast<T>(static_cast<double>(random()) / 1e7 - 1e6);
}

std::string any_text(random_source& random) {
  const char* parts[] = {"a",  "\"",       "\"\"", ",", "\n", "\r\n", "\t",
                         "\\", "\xc3\xa4", " ",    "'", ";",  "0N",   "inf"};
  std::string out;
  for (auto count = random() % 5; count > 0; --count)
    out += parts[random() % std::size(parts)];
  return out;
}

void append_any(batch_builder& into, size_t column, random_source& random) {
  constexpr auto least_int = -inf_int;
  switch (into.schema().columns[column].type) {
    case column_type::boolean:
      return into.append(column, static_cast<uint8_t>(random() % 2));
    case column_type::guid:
      for (int i = 0; i < 16; ++i)
        into.values(column).push_back(static_cast<std::byte>(random() % 256));
      return;
    case column_type::byte_:
      return into.append(column, static_cast<uint8_t>(random() % 256));
    case column_type::short_:
      return into.append(column, any_whole<int16_t>(random, -32767, 32767));
    case column_type::real:
      return into.append(column, any_float<float>(random));
    case column_type::float_:
      return into.append(column, any_float<double>(random));
    case column_type::char_:
      return into.append(column, "a\"',\n\r\t\\ 0;"[random() % 11]);
    case column_type::symbol:
      return into.append_symbol(column, any_text(random));
    case column_type::string:
      return into.append_string(column, any_text(random));
    case column_type::long_:
    case column_type::timespan:
      return into.append(column,
                         any_whole<int64_t>(random, -inf_long, inf_long));
    case column_type::timestamp:
      // The years that a written date may have.
      return into.append(column, any_whole<int64_t>(random, -9'200'000'000'000,
                                                    9'180'000'000'000)
                                   * 1'000'000);
    case column_type::month:
      return into.append(column, any_whole<int32_t>(random, -3'500, 3'500));
    case column_type::date:
      return into.append(column, any_whole<int32_t>(random, -106'000, 106'000));
    default:
      return into.append(column,
                         any_whole<int32_t>(random, least_int, inf_int));
  }
}

query::table_data any_rows(random_source& random, uint32_t count) {
  batch_builder rows{schema_of_all()};
  for (uint32_t i = 0; i < count; ++i) {
    rows.append(0, int64_t{i});
    for (size_t column = 1; column <= std::size(types); ++column)
      if (random() % 8 == 0)
        rows.append_null(column);
      else
        append_any(rows, column, random);
    rows.end_row();
  }
  const auto bytes = rows.encode();
  return to_table(*decode_batch(bytes));
}

/// What the rows hold, apart from how their texts are numbered.
void expect_same(const query::table_data& got, const query::table_data& wanted,
                 const std::string& how) {
  ASSERT_EQ(got.row_count, wanted.row_count) << how;
  for (size_t c = 0; c < wanted.columns.size(); ++c)
    for (size_t row = 0; row < wanted.row_count; ++row) {
      std::string left;
      std::string right;
      query::append_cell(left, got.columns[c], row);
      query::append_cell(right, wanted.columns[c], row);
      ASSERT_EQ(left, right)
        << how << " " << to_string(wanted.columns[c].type) << " row " << row;
      if (const auto width = width_of(wanted.columns[c].type);
          wanted.columns[c].type != column_type::symbol
          && wanted.columns[c].type != column_type::string)
        ASSERT_EQ(0, std::memcmp(got.columns[c].values.data() + width * row,
                                 wanted.columns[c].values.data() + width * row,
                                 width))
          << how << " " << to_string(wanted.columns[c].type) << " " << right;
    }
}

query::table_data read_back(const std::string& text, line_format format) {
  row_reader rows{schema_of_all(), format, false};
  for (size_t at = 0; at < text.size();) {
    const auto end = format == line_format::csv
                       ? text::find_record_end(text, at)
                       : text.find('\n', at);
    const auto line = text.substr(at, end - at);
    const auto fault = rows.add(line, 0);
    EXPECT_FALSE(fault) << to_string(fault) << ": " << line;
    at = end + 1;
  }
  const auto bytes = rows.take();
  return to_table(*decode_batch(bytes));
}

TEST(LineRoundTripTest, RowsAsCsvAreReadAsTheyWere) {
  random_source random{1};
  for (int round = 0; round < 50; ++round) {
    const auto rows = any_rows(random, 40);
    expect_same(
      read_back(to_text(rows, query::result_format::csv), line_format::csv),
      rows, "csv");
  }
}

TEST(LineRoundTripTest, RowsAsJsonAreReadAsTheyWere) {
  random_source random{2};
  for (int round = 0; round < 50; ++round) {
    const auto rows = any_rows(random, 40);
    std::string text;
    for (const auto& each : json_rows(rows))
      text += each + "\n";
    expect_same(read_back(text, line_format::json), rows, "json");
  }
}

TEST(LineRoundTripTest, FeedsReadTheSameValues) {
  random_source random{3};
  const auto rows = any_rows(random, 2'000);
  for (size_t c = 1; c < rows.columns.size(); ++c) {
    const auto& column = rows.columns[c];
    if (column.type == column_type::symbol
        || column.type == column_type::string)
      continue;
    const auto width = width_of(column.type);
    for (size_t row = 0; row < rows.row_count; ++row) {
      std::string text;
      query::append_cell(text, column, row);
      std::string bytes;
      const auto why = feed::read_value(column.type, text, bytes);
      ASSERT_EQ(why, feed::fault::none)
        << to_string(column.type) << " '" << text << "' " << to_string(why);
      ASSERT_EQ(
        0, std::memcmp(bytes.data(), column.values.data() + width * row, width))
        << to_string(column.type) << " '" << text << "'";
    }
  }
}

// Written by people: what one of both refuses, the other one refuses.
TEST(LineRoundTripTest, FeedsRefuseWhatIsRefusedInLines) {
  const struct {
    column_type type;
    const char* text;
    bool good;
  } cases[] = {
    {column_type::second, "10:00:00.9", false},
    {column_type::second, "10:00:00.000", true},
    {column_type::time, "10:00:00.1239", false},
    {column_type::time, "10:00:00.123000", true},
    {column_type::minute, "10:00:30", false},
    {column_type::minute, "-30:01", true},
    {column_type::second, "30:00:00", true},
    {column_type::time, "25:00:00.123", true},
    {column_type::time, "10:60", false},
    {column_type::minute, "35791394:06", true},
    {column_type::minute, "35791395:06", false},
    {column_type::timespan, "-1D", true},
    {column_type::timespan, "1D00:00:00.0000000001", false},
    {column_type::timespan, "106752D00:00", false},
    {column_type::boolean, "maybe", false},
    {column_type::boolean, "Y", true},
    {column_type::boolean, "1.0", false},
  };
  for (const auto& each : cases) {
    auto schema = schema_of_all();
    schema.columns = {{"at", column_type::timestamp}, {"v", each.type}};
    schema.symbol_column.clear();
    row_reader rows{schema, line_format::csv, false};
    ASSERT_FALSE(rows.add("at,v", 0));
    const auto fault = rows.add("2024-01-02," + std::string{each.text}, 0);
    EXPECT_EQ(!fault, each.good) << each.text << " " << to_string(fault);
    if (fault)
      EXPECT_NE(fault.context.find("'" + std::string{each.text} + "'"),
                std::string::npos)
        << to_string(fault);
    std::string bytes;
    const auto why = feed::read_value(each.type, each.text, bytes);
    EXPECT_EQ(why == feed::fault::none, each.good)
      << each.text << " " << to_string(why);
  }
}

} // namespace
} // namespace millrace::nodes
