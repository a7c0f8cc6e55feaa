#pragma once

#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace millrace::query {

struct sort_term {
  uint32_t column = 0;
  bool descending = false;
  bool is_unsigned = false; ///< A long that holds 64 unsigned bits.
};

/// Row numbers in the order of `terms`, stable. Nulls are smallest, symbols
/// and strings compare byte by byte. `limit_exceeded` beyond 2^32 - 1 rows.
[[nodiscard]] result<std::vector<uint32_t>>
sort_rows(const table_data& table, std::span<const sort_term> terms);

/// The rows `rows` of the first `columns` columns, in that order.
[[nodiscard]] result<table_data> take_rows(const table_data& table,
                                           std::span<const uint32_t> rows,
                                           size_t columns);

} // namespace millrace::query
