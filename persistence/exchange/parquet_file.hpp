#pragma once

#include <millrace/persistence/exchange/row_reader.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What the footer says of a column in a group of rows.
struct parquet_chunk {
  uint64_t begin = 0; ///< Of its first page.
  std::optional<uint64_t> dictionary{};
  uint64_t data = 0; ///< Of the first page with rows.
  uint64_t rows = 0;
  uint64_t nulls = 0;
  uint64_t plain_bytes = 0; ///< Not compressed, with headers.
  uint64_t bytes = 0;
  std::optional<std::string> low{}; ///< As a value of its type is written.
  std::optional<std::string> high{};
};

/// Writes a file of Parquet from its begin to its end; docs/exchange.md has the
/// types. Holds what the footer says of each group. One owner.
class parquet_file {
public:
  /// @param ordered_by places of columns that all rows are ordered by
  parquet_file(byte_sink& to, std::string name,
               std::vector<column_schema> columns,
               std::vector<uint32_t> ordered_by)
    : to_{&to}, name_{std::move(name)}, columns_{std::move(columns)},
      ordered_by_{std::move(ordered_by)} {}

  [[nodiscard]] error begin();
  /// Rows [begin, begin + count) become a group: pages of at most 65,536 rows
  /// or some MiB, compressed by Zstandard; symbols by a dictionary, unless
  /// there are more than 65,536. `overflow` names a time that Parquet cannot
  /// say; else the sink's error.
  [[nodiscard]] error add(row_reader& rows, uint64_t begin, uint64_t count);
  /// Without it nobody takes the file for one.
  [[nodiscard]] error finish();

private:
  struct group {
    uint64_t rows = 0;
    std::vector<parquet_chunk> columns;
  };

  [[nodiscard]] std::string footer() const;

  byte_sink* to_;
  std::string name_;
  std::vector<column_schema> columns_;
  std::vector<uint32_t> ordered_by_;
  std::vector<group> groups_;
};

} // namespace millrace::persistence
