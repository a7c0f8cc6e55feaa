#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// Values of some rows of one column.
struct column_piece {
  /// Of fixed width; of symbols uint32 places in `row_reader::symbols`, of
  /// strings uint64 ends in `text`.
  std::vector<std::byte> values;
  std::string text;
};

/// Rows that are read column by column.
class row_reader {
public:
  virtual ~row_reader() = default;
  [[nodiscard]] virtual const std::vector<column_schema>&
  columns() const noexcept = 0;
  /// Distinct; the first is the null.
  [[nodiscard]] virtual const std::vector<std::string_view>&
  symbols(size_t column) const noexcept = 0;
  /// Rows [begin, begin + count) of a column.
  [[nodiscard]] virtual error read(size_t column, uint64_t begin,
                                   uint64_t count, column_piece& into)
    = 0;
};

/// Takes bytes one after the other.
class byte_sink {
public:
  virtual ~byte_sink() = default;
  [[nodiscard]] virtual error append(std::span<const std::byte> bytes) = 0;
  /// That were taken.
  [[nodiscard]] virtual uint64_t size() const noexcept = 0;
};

} // namespace millrace::persistence
