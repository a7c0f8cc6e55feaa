#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// Distinct symbols of one column, by code; code 0 is the null symbol. An rdb's
/// grows by appending (a view sees a prefix), a partition's is sorted by bytes.
class symbol_dictionary {
public:
  virtual ~symbol_dictionary() = default;
  [[nodiscard]] virtual uint32_t size() const noexcept = 0;
  [[nodiscard]] virtual std::string_view text(uint32_t code) const noexcept = 0;
  /// The code of `symbol`; none when no row ever had it.
  [[nodiscard]] virtual std::optional<uint32_t>
  find(std::string_view symbol) const noexcept = 0;
};

/// One column of one segment, in place.
struct column_view {
  column_type type = column_type::long_;
  /// rows * width_of(type) bytes, 8-byte aligned; nullptr: the column was added
  /// to the table later and every row here is null.
  const std::byte* values = nullptr;
  const symbol_dictionary* dictionary = nullptr; ///< symbol only.
  /// string only: text of the segment; `values` are uint32 end offsets in it.
  const char* text = nullptr;

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(values);
  }
};

/// Smallest and largest non-null value of a fixed-width integer-like column
/// (as int64; a symbol's are codes), or of a real or float (as double); exact,
/// infinities included. `empty` when all are null. guid and string, which have
/// none: not empty, and the widest range.
struct zone_map {
  bool empty = true;
  int64_t low = 0;
  int64_t high = 0;
  double low_float = 0;
  double high_float = 0;
};

/// A run of rows of one symbol: [begin, end) of its segment.
struct symbol_range {
  uint32_t code = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// A piece of a table that never moves: 64 Ki rows of an rdb, or a partition.
/// Cheap to copy; everything that it points to lives as long as the owner of
/// the table_view that it came in.
struct segment_view {
  uint32_t row_count = 0;
  std::span<const column_view> columns; ///< In schema order.
  /// By column; empty when not known.
  std::span<const zone_map> zones;
  /// Rows are sorted by (symbol, time, stream order) and these are the symbols'
  /// ranges, ascending by code. Empty for an rdb segment.
  std::span<const symbol_range> ranges;
  /// rdb: rows of a symbol in this segment, ascending, if it is indexed.
  /// `index_rows(code)` is empty when the symbol is absent.
  const class symbol_index* index = nullptr;
  /// Stream order within this table's part: row r came as number
  /// order ? order[r] : order_base + r. Ties of time are decided by it.
  const uint32_t* order = nullptr;
  uint64_t order_base = 0;
};

/// Row numbers by symbol code of one rdb segment.
class symbol_index {
public:
  virtual ~symbol_index() = default;
  /// Ascending row numbers below the row count of the view.
  [[nodiscard]] virtual std::span<const uint16_t>
  rows(uint32_t code, uint32_t row_count) const noexcept = 0;
};

/// An immutable view of one table's part in one store (one rdb snapshot, or one
/// hdb partition), consistent while it lives. Thread safe.
struct table_view {
  std::shared_ptr<const table_schema> schema;
  std::vector<segment_view> segments;
  /// Orders parts of one table by where their rows stand in the stream: of two
  /// rows with equal time in different parts the one with the larger ordinal
  /// came later. Partitions: their cutover position; rdb: the largest value.
  uint64_t part_order = 0;
  std::shared_ptr<const void> owner; ///< Keeps the memory alive.

  [[nodiscard]] uint64_t row_count() const noexcept {
    uint64_t total = 0;
    for (const auto& segment : segments)
      total += segment.row_count;
    return total;
  }
};

} // namespace millrace::persistence
