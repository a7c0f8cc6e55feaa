#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Rows as they travel to a client (docs/postgres.md has the types).

namespace millrace::nodes::postgres {

/// Numbers of PostgreSQL's types.
namespace oid {
inline constexpr uint32_t boolean = 16;
inline constexpr uint32_t int8 = 20;
inline constexpr uint32_t int2 = 21;
inline constexpr uint32_t int4 = 23;
inline constexpr uint32_t text = 25;
inline constexpr uint32_t any_oid = 26;
inline constexpr uint32_t float4 = 700;
inline constexpr uint32_t float8 = 701;
inline constexpr uint32_t date = 1082;
inline constexpr uint32_t time = 1083;
inline constexpr uint32_t timestamp = 1114;
inline constexpr uint32_t timestamp_with_zone = 1184;
inline constexpr uint32_t interval = 1186;
inline constexpr uint32_t numeric = 1700;
inline constexpr uint32_t uuid = 2950;
} // namespace oid

struct pg_type {
  uint32_t oid = 0;
  int16_t size = -1;        ///< -1: varies.
  std::string_view name;    ///< As pg_type has it: int8.
  std::string_view written; ///< As SQL writes it: bigint.
};
[[nodiscard]] pg_type type_of(column_type type) noexcept;

/// 0 text, 1 binary: none for all in text, one for all, or one per column.
using result_formats = std::vector<int16_t>;

enum class copy_format : uint8_t { text, csv, binary };

/// How COPY writes rows.
struct copy_style {
  copy_format format = copy_format::text;
  char delimiter = '\t';
  std::string null = "\\N";
  bool has_header = false;
  char quote = '"'; ///< csv.
  friend bool operator==(const copy_style&, const copy_style&) = default;
};
/// A CopyOutResponse, and CopyData: one per row, and `extra_messages` beside.
[[nodiscard]] result<std::string> copy_messages(const query::table_data& rows,
                                                const copy_style& style);
[[nodiscard]] uint64_t extra_messages(const copy_style& style) noexcept;

/// A RowDescription. `malformed_message` when the formats do not fit.
[[nodiscard]] result<std::string>
description_message(std::span<const column_schema> columns,
                    const result_formats& formats);

/// A RowDescription, and a DataRow per row.
[[nodiscard]] result<std::string> row_messages(const query::table_data& rows,
                                               const result_formats& formats);

} // namespace millrace::nodes::postgres
