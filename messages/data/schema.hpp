#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

struct column_schema {
  std::string name;
  column_type type = column_type::long_;
  friend bool operator==(const column_schema&, const column_schema&) = default;
};

/// What one table is. Declared once, in the configuration; each version also
/// travels in the stream.
struct table_schema {
  std::string name;
  uint32_t version = 1;
  std::vector<column_schema> columns;
  /// Default time column (timestamp or timespan); time of first/last order.
  std::string time_column;
  /// The instrument column (symbol); partitions are sorted by it, then time.
  std::string symbol_column;
  /// Where a date of this table begins: IANA zone and offset from midnight.
  std::string roll_zone = "UTC";
  int64_t roll_offset_ns = 0;

  [[nodiscard]] std::optional<size_t>
  column_index(std::string_view column) const noexcept;
  friend bool operator==(const table_schema&, const table_schema&) = default;
};

/// Names unique and well formed ([A-Za-z_][A-Za-z0-9_]*, at most 64 bytes), at
/// least one column, time and symbol columns present and of a fitting type.
/// @returns the first fault, naming table and column.
[[nodiscard]] error validate(const table_schema& schema);

/// Serialised as Cap'n Proto TableSchema.
[[nodiscard]] std::vector<std::byte> encode(const table_schema& schema);
[[nodiscard]] result<table_schema> decode_table_schema(const std::byte* data,
                                                       size_t size);

} // namespace millrace
