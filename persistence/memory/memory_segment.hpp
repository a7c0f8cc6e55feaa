#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/columns/table_view.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace millrace::persistence {

/// Most rows of one rdb segment: row numbers in it fit 16 bits.
inline constexpr uint32_t segment_rows_max = 1u << 16;

/// Address space that becomes memory page by page as it is touched.
class reserved_memory {
public:
  reserved_memory() = default;
  /// Empty when the system refuses.
  /// @param dense_bytes so much from the start will be filled soon: the system
  ///   may give it in large pages, 2 MiB at the first touch.
  explicit reserved_memory(size_t bytes, size_t dense_bytes = 0);
  ~reserved_memory();
  reserved_memory(reserved_memory&& other) noexcept;
  reserved_memory& operator=(reserved_memory&& other) noexcept;

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  explicit operator bool() const noexcept { return data_ != nullptr; }

  /// Gives back everything after the first `bytes`, which do not move.
  void trim(size_t bytes);

private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Row numbers by symbol code of one segment, appended by one writer while any
/// thread reads. A symbol's rows lie in one array that is copied to one of
/// twice the size when full; the old one stays where it was for those that read
/// it, as long as the segment lives.
class segment_index final : public symbol_index {
public:
  /// Bytes of address space that an index needs at most.
  static constexpr size_t bytes_max
    = (size_t{segment_rows_max} << 4)      // postings
      + (size_t{segment_rows_max} * 4 * 2) // row numbers
      + ((size_t{1} << 22));               // hash tables

  /// @param memory bytes_max bytes that the index may use; what it holds of an
  ///   earlier life does not matter.
  explicit segment_index(std::byte* memory) noexcept;

  /// Writer only: rows first_row .. first_row + codes.size() hold `codes`.
  void append(std::span<const uint32_t> codes, uint32_t first_row) noexcept;

  [[nodiscard]] std::span<const uint16_t>
  rows(uint32_t code, uint32_t row_count) const noexcept override;

  /// Bytes touched. Writer only.
  [[nodiscard]] size_t byte_count() const noexcept;

private:
  struct posting {
    std::atomic<uint16_t*> rows;
    std::atomic<uint32_t> count;
    uint32_t capacity; ///< Writer only.
  };
  static_assert(sizeof(posting) == 16);

  /// Tables of 2^8, 2^10, .. 2^16, 2^17 slots, one after the other; a slot is
  /// code << 32 | posting number + 1.
  static constexpr uint32_t level_bits[] = {8, 10, 12, 14, 16, 17};
  [[nodiscard]] std::atomic<uint64_t>* slots_of(uint32_t level) const noexcept;
  static uint32_t slot_of(uint32_t code, uint32_t bits) noexcept {
    return (code * 0x9e3779b1u) >> (32 - bits);
  }

  posting& posting_of(uint32_t code) noexcept;
  posting& add_posting(uint32_t code) noexcept;
  void grow_table() noexcept;
  void grow_posting(posting& p) noexcept;

  posting* postings_;
  uint16_t* arena_;
  std::byte* tables_;
  uint32_t posting_count_ = 0;
  uint32_t arena_used_ = 0;
  std::atomic<uint32_t> level_{0};
};

/// Where the columns of a segment of one schema lie in its memory.
struct segment_layout {
  segment_layout(const table_schema& schema, uint32_t rows);

  std::vector<size_t> offsets; ///< By column.
  size_t index_offset = 0;
  size_t bytes = 0;     ///< Columns and index.
  uint32_t row_max = 0; ///< At most segment_rows_max.
  size_t row_bytes = 0;
  std::vector<size_t> string_columns;
};

/// Memory of one segment. The writer fills it after what it has published.
struct segment_block {
  reserved_memory memory;
  /// By string column, in the order of segment_layout::string_columns.
  std::vector<reserved_memory> texts;
  std::vector<uint32_t> text_used;
  std::unique_ptr<segment_index> index; ///< None without a symbol column.
};

/// A segment as readers see it: where each column of the current schema lies.
/// Immutable, but for the rows that an open segment's memory gains.
struct memory_segment {
  std::vector<const std::byte*> values; ///< nullptr: added later, all null.
  std::vector<const char*> texts;       ///< By column; string only.
  std::vector<zone_map> zones;          ///< By column, once closed.
  const segment_index* index = nullptr;
  uint64_t first_row = 0; ///< Row number within the table.
  uint32_t row_count = 0; ///< Once closed; 0 before.
  size_t byte_count = 0;  ///< Once closed.
  /// The block, and columns that were converted when the schema changed.
  std::vector<std::shared_ptr<const void>> owners;
};

} // namespace millrace::persistence
