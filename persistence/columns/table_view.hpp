#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/types.hpp>

#include <array>
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
  /// The values are there, but for segment_source::read: `values` is null.
  bool unread = false;

  /// False: every row is null.
  [[nodiscard]] bool has_values() const noexcept {
    return values != nullptr || unread;
  }
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
  /// False: no value is null. Known of whole numbers and times in memory only.
  bool may_be_null = true;
};

/// A run of rows of one symbol: [begin, end) of its segment.
struct symbol_range {
  uint32_t code = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// Keeps bytes of a store readable while it lives.
class held_bytes {
public:
  virtual ~held_bytes() = default;
  /// What became of the bytes since they were read in place; to be asked after
  /// the last use, whose results count for nothing when there is a fault.
  [[nodiscard]] virtual error fault() const = 0;
};

/// Values of a column that can be read, addressed by row of the segment.
struct segment_values {
  const std::byte* values = nullptr;
  const char* text = nullptr; ///< string only; @see column_view.
  std::array<std::shared_ptr<const held_bytes>, 2> held;
};

struct segment_view;

/// Brings the bytes of a segment in when they are asked for, so that a query
/// meets only the damage of what it needs. Thread safe. A fault of its methods
/// names the file: `corrupt`, `storage_failed`; `moved` when the rows have
/// another place by now.
class segment_source {
public:
  virtual ~segment_source() = default;

  /// The segment with the dictionaries of those of `columns` that are symbols,
  /// and, when `ranges` is true, with its ranges. Stays readable while `keep`
  /// lives.
  [[nodiscard]] virtual result<segment_view>
  open(std::span<const uint32_t> columns, bool ranges,
       std::shared_ptr<const held_bytes>& keep) const = 0;

  /// Rows [begin, end) of an unread column. @pre begin < end.
  [[nodiscard]] virtual result<segment_values>
  read(uint32_t column, uint32_t begin, uint32_t end) const = 0;

  /// As `read`, the uint32 stream orders of the rows.
  [[nodiscard]] virtual result<segment_values>
  read_order(uint32_t begin, uint32_t end) const = 0;
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
  /// Where unread columns and the order come from; nullptr: all is here. As
  /// long as it is not opened, `columns` has no dictionary and `ranges` is
  /// empty.
  const segment_source* source = nullptr;
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
