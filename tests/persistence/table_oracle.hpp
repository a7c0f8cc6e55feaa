#pragma once

#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/columns/table_view.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

/// An independent, slow table: rows of cells, each the bytes of its value
/// (text for symbols and strings). What the stores are compared with.
namespace millrace::persistence::oracle {

using row = std::vector<std::string>;
using rows = std::vector<row>;

/// One column of every type, and a few plain ones first.
inline table_schema every_type() {
  table_schema schema;
  schema.name = "all";
  schema.columns
    = {{"time", column_type::timestamp},    {"sym", column_type::symbol},
       {"boolean", column_type::boolean},   {"guid", column_type::guid},
       {"byte", column_type::byte_},        {"short", column_type::short_},
       {"int", column_type::int_},          {"long", column_type::long_},
       {"real", column_type::real},         {"float", column_type::float_},
       {"char", column_type::char_},        {"venue", column_type::symbol},
       {"month", column_type::month},       {"date", column_type::date},
       {"timespan", column_type::timespan}, {"minute", column_type::minute},
       {"second", column_type::second},     {"tod", column_type::time},
       {"note", column_type::string}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

template <class T>
std::string bytes_of(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

/// The null of a type as kdb+ has it, written down here once more.
inline std::string null_of(column_type type) {
  switch (type) {
    case column_type::boolean:
    case column_type::byte_:
      return std::string(1, '\0');
    case column_type::char_:
      return " ";
    case column_type::guid:
      return std::string(16, '\0');
    case column_type::short_:
      return bytes_of(int16_t{-32768});
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return bytes_of(INT64_MIN);
    case column_type::real:
      return bytes_of(std::nanf(""));
    case column_type::float_:
      return bytes_of(std::nan(""));
    case column_type::symbol:
    case column_type::string:
      return {};
    default:
      return bytes_of(INT32_MIN);
  }
}

/// A random value; small ranges, so that ties and repeats are common.
inline std::string random_cell(column_type type, std::mt19937_64& random) {
  if (random() % 8 == 0)
    return null_of(type);
  const auto n = static_cast<int64_t>(random() % 50) - 10;
  switch (type) {
    case column_type::boolean:
      return bytes_of(static_cast<uint8_t>(n & 1));
    case column_type::byte_:
      return bytes_of(static_cast<uint8_t>(n));
    case column_type::char_:
      return {static_cast<char>('a' + (n & 15))};
    case column_type::guid:
      return bytes_of(random()) + bytes_of(random());
    case column_type::short_:
      return bytes_of(static_cast<int16_t>(n));
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return bytes_of(n * 1'000'000'007);
    case column_type::real:
      return bytes_of(static_cast<float>(n) / 4);
    case column_type::float_:
      return bytes_of(static_cast<double>(n) / 3);
    case column_type::symbol:
      return "S" + std::to_string(random() % 7 * (random() % 40));
    case column_type::string:
      return std::string(random() % 20, static_cast<char>('A' + (n & 7)));
    default:
      return bytes_of(static_cast<int32_t>(n * 1009));
  }
}

inline row random_row(const table_schema& schema, std::mt19937_64& random) {
  row out;
  for (const auto& column : schema.columns)
    out.push_back(random_cell(column.type, random));
  return out;
}

inline void append(batch_builder& builder, const row& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto type = builder.schema().columns[i].type;
    if (type == column_type::symbol) {
      builder.append_symbol(i, values[i]);
    } else if (type == column_type::string) {
      builder.append_string(i, values[i]);
    } else {
      auto& into = builder.values(i);
      const auto* first = reinterpret_cast<const std::byte*>(values[i].data());
      into.insert(into.end(), first, first + values[i].size());
    }
  }
  builder.end_row();
}

inline std::vector<std::byte> encode(const table_schema& schema,
                                     const rows& all) {
  batch_builder builder{schema};
  for (const auto& one : all)
    append(builder, one);
  return builder.encode();
}

inline std::string cell_of(const column_view& column, uint32_t at) {
  if (column.values == nullptr)
    return null_of(column.type);
  if (column.type == column_type::symbol)
    return std::string{column.dictionary->text(column.as<uint32_t>()[at])};
  if (column.type == column_type::string) {
    const auto* ends = column.as<uint32_t>();
    const auto begin = at == 0 ? 0 : ends[at - 1];
    return {column.text + begin, ends[at] - begin};
  }
  const auto width = width_of(column.type);
  return {reinterpret_cast<const char*>(column.values) + at * width, width};
}

inline row row_of(const segment_view& segment, uint32_t at) {
  row out;
  for (const auto& column : segment.columns)
    out.push_back(cell_of(column, at));
  return out;
}

inline rows rows_of(const table_view& view) {
  rows out;
  for (const auto& segment : view.segments)
    for (uint32_t r = 0; r < segment.row_count; ++r)
      out.push_back(row_of(segment, r));
  return out;
}

/// The value of a fixed-width cell as the zone maps count it; none for null.
inline std::optional<double> number_of(column_type type,
                                       const std::string& cell) {
  const auto read = [&cell](auto value) {
    std::memcpy(&value, cell.data(), sizeof value);
    return value;
  };
  switch (type) {
    case column_type::boolean:
    case column_type::byte_:
      return read(uint8_t{});
    case column_type::char_:
      return cell == " " ? std::nullopt : std::optional<double>{cell[0]};
    case column_type::real:
    case column_type::float_: {
      const auto x = type == column_type::real
                       ? static_cast<double>(read(float{}))
                       : read(double{});
      return std::isnan(x) ? std::nullopt : std::optional{x};
    }
    default:
      break;
  }
  if (cell == null_of(type))
    return std::nullopt;
  switch (width_of(type)) {
    case 2:
      return read(int16_t{});
    case 4:
      return read(int32_t{});
    default:
      return static_cast<double>(read(int64_t{}));
  }
}

/// Every zone map of the segment equals the extremes found by hand.
inline void expect_exact_zones(const table_schema& schema,
                               const segment_view& segment) {
  if (segment.zones.empty())
    return;
  ASSERT_EQ(segment.zones.size(), schema.columns.size());
  for (size_t c = 0; c < schema.columns.size(); ++c) {
    const auto type = schema.columns[c].type;
    const auto& zone = segment.zones[c];
    SCOPED_TRACE(schema.columns[c].name);
    if (type == column_type::guid || type == column_type::string) {
      EXPECT_FALSE(zone.empty);
      EXPECT_EQ(zone.low, INT64_MIN);
      EXPECT_EQ(zone.high, INT64_MAX);
      continue;
    }
    std::optional<double> low;
    std::optional<double> high;
    bool has_null = false;
    for (uint32_t r = 0; r < segment.row_count; ++r) {
      std::optional<double> x;
      if (type == column_type::symbol) {
        if (segment.columns[c].values
            && segment.columns[c].as<uint32_t>()[r] != 0)
          x = segment.columns[c].as<uint32_t>()[r];
      } else {
        x = number_of(type, cell_of(segment.columns[c], r));
      }
      has_null |= !x;
      if (!x)
        continue;
      low = low ? std::min(*low, *x) : *x;
      high = high ? std::max(*high, *x) : *x;
    }
    ASSERT_EQ(zone.empty, !low.has_value());
    if (!low)
      continue;
    const bool floating
      = type == column_type::real || type == column_type::float_;
    EXPECT_EQ(floating ? zone.low_float : static_cast<double>(zone.low), *low);
    EXPECT_EQ(floating ? zone.high_float : static_cast<double>(zone.high),
              *high);
    EXPECT_TRUE(zone.may_be_null || !has_null);
  }
}

/// Every symbol's rows, found by scanning, are what the index says.
inline void expect_exact_index(const table_schema& schema,
                               const segment_view& segment) {
  const auto column = *schema.column_index(schema.symbol_column);
  const auto& symbols = segment.columns[column];
  ASSERT_NE(segment.index, nullptr);
  ASSERT_NE(symbols.values, nullptr);
  for (uint32_t code = 0; code < symbols.dictionary->size(); ++code) {
    std::vector<uint16_t> expected;
    for (uint32_t r = 0; r < segment.row_count; ++r)
      if (symbols.as<uint32_t>()[r] == code)
        expected.push_back(static_cast<uint16_t>(r));
    const auto found = segment.index->rows(code, segment.row_count);
    ASSERT_EQ(std::vector<uint16_t>(found.begin(), found.end()), expected);
  }
}

} // namespace millrace::persistence::oracle
