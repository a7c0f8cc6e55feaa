#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/exchange/export_target.hpp>
#include <millrace/persistence/exchange/ordered_rows.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What Parquet calls the types of columns.
enum parquet_type : int32_t {
  parquet_boolean = 0,
  parquet_int32 = 1,
  parquet_int64 = 2,
  parquet_float = 4,
  parquet_double = 5,
  parquet_bytes = 6,
  parquet_fixed = 7,
};

[[nodiscard]] parquet_type parquet_type_of(column_type type) noexcept;
/// Whether rows of a column may have no value.
[[nodiscard]] bool parquet_optional(column_type type) noexcept;

/// What the footer says of a column in a row group.
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

/// Writes rows [begin, begin + count) of a column: pages of at most 65,536 rows
/// or some MiB, compressed by Zstandard; symbols by a dictionary, unless there
/// are more than 65,536. `overflow` names a time that Parquet cannot say.
[[nodiscard]] result<parquet_chunk>
write_parquet_column(export_file& file, ordered_rows& rows, size_t column,
                     uint64_t begin, uint64_t count);

} // namespace millrace::persistence
