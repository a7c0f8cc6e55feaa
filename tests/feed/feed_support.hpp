#pragma once

#include <millrace/feed/source/reader.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// A file of this content on `disk`, in place of an older one.
inline void put_file(persistence::file_system& disk, const std::string& path,
                     std::string_view text) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos)
    ASSERT_FALSE(disk.create_directories(path.substr(0, slash)));
  const auto fault
    = persistence::replace_file(disk, path, std::as_bytes(std::span{text}));
  ASSERT_FALSE(fault) << to_string(fault);
}

inline std::string file_text(persistence::file_system& disk,
                             const std::string& path) {
  const auto bytes = persistence::read_file(disk, path);
  EXPECT_TRUE(bytes) << to_string(bytes.failure());
  if (!bytes)
    return {};
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// Everything a reader gave.
struct outcome {
  std::vector<parsed_batch> batches;
  std::vector<rejected_line> rejects;
  reader_counters counters;
  std::vector<source_report> reports;
  error failed;

  [[nodiscard]] uint64_t rows() const {
    uint64_t total = 0;
    for (const auto& each : batches)
      total += each.rows;
    return total;
  }
};

inline outcome read_all(persistence::file_system& fs, reader_options options,
                        persistence::executor* pool = nullptr) {
  persistence::env outside;
  outside.fs = &fs;
  outside.pool = pool;
  outcome out;
  if (!options.rejects)
    options.rejects = [&](const rejected_line& line) {
      out.rejects.push_back(line);
      return error{};
    };
  auto opened = reader::open(outside, std::move(options));
  if (!opened) {
    out.failed = opened.failure();
    return out;
  }
  for (;;) {
    auto batch = opened->next();
    if (!batch) {
      out.failed = batch.failure();
      break;
    }
    if (!*batch)
      break;
    out.batches.push_back(std::move(**batch));
  }
  out.counters = opened->counters();
  out.reports = opened->reports();
  return out;
}

/// Options with a layout given as TOML and the table it describes.
inline reader_options options_of(const std::string& toml,
                                 std::vector<std::string> files) {
  auto made = parse_layout(toml, "test.toml");
  EXPECT_TRUE(made) << to_string(made.failure());
  reader_options options;
  if (made) {
    options.layout = *made;
    auto schema = schema_of(*made);
    EXPECT_TRUE(schema) << to_string(schema.failure());
    options.schema = *schema;
  }
  options.files = std::move(files);
  return options;
}

inline reader_options preset_options(std::string_view name,
                                     std::vector<std::string> files) {
  reader_options options;
  options.layout = *preset(name);
  options.schema = *preset_schema(name);
  options.files = std::move(files);
  return options;
}

/// One value as text, with every bit of a float.
inline std::string value_text(const batch_column& column, uint32_t row) {
  auto number = [&]<class T>(T) { return column.as<T>()[row]; };
  char text[64];
  switch (column.type) {
    case column_type::boolean:
    case column_type::byte_:
      return std::to_string(number(uint8_t{}));
    case column_type::char_:
      return std::string(1, number(char{}));
    case column_type::short_:
      return std::to_string(number(int16_t{}));
    case column_type::real:
      std::snprintf(text, sizeof text, "%.9g", number(float{}));
      return text;
    case column_type::float_:
      std::snprintf(text, sizeof text, "%.17g", number(double{}));
      return text;
    case column_type::symbol:
    case column_type::string:
      return std::string{column.text(row)};
    case column_type::guid: {
      std::string out;
      for (size_t i = 0; i < 16; ++i) {
        std::snprintf(text, sizeof text, "%02x",
                      static_cast<unsigned>(column.values[row * 16 + i]));
        out += text;
      }
      return out;
    }
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan: {
      const auto value = number(int64_t{});
      return value == null_long ? "null" : std::to_string(value);
    }
    default: {
      const auto value = number(int32_t{});
      return value == null_int ? "null" : std::to_string(value);
    }
  }
}

/// The rows of an outcome as text, values between '|'.
inline std::vector<std::string> rows_of(const outcome& from) {
  std::vector<std::string> rows;
  for (const auto& batch : from.batches) {
    auto view = decode_batch(batch.bytes);
    EXPECT_TRUE(view) << to_string(view.failure());
    if (!view)
      return rows;
    EXPECT_EQ(view->row_count, batch.rows);
    EXPECT_EQ(view->source_name, batch.cursor.name);
    EXPECT_EQ(view->source_offset, batch.cursor.offset);
    EXPECT_EQ(view->source_row, batch.cursor.row);
    EXPECT_EQ(view->source_digest, batch.cursor.digest);
    for (uint32_t row = 0; row < view->row_count; ++row) {
      std::string text;
      for (const auto& column : view->columns)
        text += (text.empty() ? "" : "|") + value_text(column, row);
      rows.push_back(std::move(text));
    }
  }
  return rows;
}

inline std::vector<std::string> reasons_of(const outcome& from) {
  std::vector<std::string> reasons;
  for (const auto& each : from.rejects)
    reasons.push_back(std::to_string(each.line) + ": " + each.reason);
  return reasons;
}

/// The folder of recorded market data; empty when this machine has none.
inline std::string shared_data() {
  std::string path;
  if (const auto* given = std::getenv("MILLRACE_SHARED_DATA"))
    path = given;
  else
    path = test_support::source_path("../shared/data");
  return std::filesystem::exists(path) ? path : std::string{};
}

#define MILLRACE_NEEDS_SHARED_DATA()                                           \
  if (shared_data().empty())                                                   \
  GTEST_SKIP() << "no recorded market data: set MILLRACE_SHARED_DATA to its "  \
                  "folder"

} // namespace millrace::feed
