#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/columns/table_view.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// The sorted dictionary of one symbol column of a partition, and the way from
/// the codes of the rows' own dictionaries to its codes.
struct symbol_plan {
  std::vector<std::string_view> symbols; ///< Ascending; 0 is the null symbol.
  /// Only codes that occur are mapped.
  std::map<const symbol_dictionary*, std::vector<uint32_t>> codes;
};

/// At most 64 Ki rows that lie together in the source of a partition. A row's
/// place is piece << 16 | row of the piece, so that places ascend with the
/// stream order of rdb rows.
struct source_piece {
  const segment_view* segment = nullptr;
  uint32_t begin = 0; ///< First row in the segment.
  uint32_t count = 0;
};

/// The order in which the rows of a view go to a partition: by symbol (bytes),
/// then time, then stream order. Keeps pointers into the view.
struct partition_order {
  std::vector<source_piece> pieces;
  /// In sorted order; row_count of them.
  std::unique_ptr<uint32_t[]> place_memory;
  uint32_t row_count = 0;
  std::vector<symbol_plan> symbols; ///< By column; empty unless a symbol.
  std::vector<symbol_range> ranges; ///< Of symbols that have rows.

  [[nodiscard]] std::span<uint32_t> places() const noexcept {
    return {place_memory.get(), row_count};
  }

  /// The stream order of a row within the part.
  [[nodiscard]] uint64_t order_of(uint32_t place) const noexcept {
    const auto& piece = pieces[place >> 16];
    const auto row = piece.begin + (place & 0xffff);
    return piece.segment->order ? piece.segment->order[row]
                                : piece.segment->order_base + row;
  }
};

/// `limit_exceeded` above 2^32 - 1 rows. Takes time and 4 bytes per row.
[[nodiscard]] result<partition_order> sort_rows(const table_view& view);

} // namespace millrace::persistence
