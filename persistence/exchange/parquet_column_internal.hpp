#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/exchange/parquet_file.hpp>

#include <cstdint>

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

/// Writes a column of a group; @see parquet_file::add
[[nodiscard]] result<parquet_chunk>
write_parquet_column(byte_sink& to, row_reader& rows, size_t column,
                     uint64_t begin, uint64_t count);

} // namespace millrace::persistence
