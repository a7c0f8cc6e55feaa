#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/memory/growing_dictionary.hpp>
#include <millrace/persistence/memory/memory_segment.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// Views of a table are in memory_view.cpp.

namespace millrace::persistence {

struct memory_table_options {
  /// Rows after which a segment closes; at most segment_rows_max.
  uint32_t segment_rows = segment_rows_max;
  /// Text of one string column after which a segment closes, unless one batch
  /// alone has more. So much address space a column comes to by doubling, as
  /// its segments fill up.
  uint32_t segment_text_bytes = 256u << 20;
  /// Blocks of dropped segments to keep, warm, for the rows to come.
  size_t spare_blocks_max = 64;
};

/// What a table was made of at some moment; rows are counted elsewhere.
struct memory_table_version {
  std::shared_ptr<const table_schema> schema;
  std::vector<std::shared_ptr<const memory_segment>> segments;
  /// By column; none unless it is a symbol column.
  std::vector<std::shared_ptr<growing_dictionary>> dictionaries;
  uint64_t first_row = 0; ///< Rows below are dropped or hidden.
};

/// One moment of one table: any thread may read it while the table grows.
struct memory_table_mark {
  std::shared_ptr<const memory_table_version> version;
  uint64_t row_end = 0; ///< Number of the row that comes next.
  /// By symbol column, in schema order.
  std::vector<uint32_t> dictionary_sizes;

  /// Rows [lower, upper) of the table. Rows below the version's first_row are
  /// gone; @pre lower <= upper <= row_end. Bounds at segment ends (a closed
  /// period) cost nothing; a lower bound inside a segment copies its rest.
  [[nodiscard]] table_view view(uint64_t lower, uint64_t upper) const;
  [[nodiscard]] table_view view() const {
    return view(version->first_row, row_end);
  }
};

/// One table of an rdb: columns in segments that never move, a dictionary
/// per symbol column, and in each segment an index by the symbol column. One
/// writer thread; readers work on marks (memory_store hands them out).
class memory_table {
public:
  /// @pre validate(schema) finds no fault.
  explicit memory_table(table_schema schema, memory_table_options options = {});
  ~memory_table();
  memory_table(const memory_table&) = delete;
  memory_table& operator=(const memory_table&) = delete;

  [[nodiscard]] const table_schema& schema() const noexcept;

  /// Appends all rows of a batch, or none. Columns that the batch does not
  /// have read as null, narrower integers and reals are widened; a column that
  /// the table does not have, or of another type, is `schema_mismatch` with
  /// table, column and reason. `limit_exceeded` when memory is refused.
  [[nodiscard]] error append(const batch_view& batch);

  /// Takes on a later version of the schema: columns may be added (older rows
  /// read as null) or widened. `schema_mismatch` when one went missing or
  /// changed otherwise, or time or symbol column changed.
  [[nodiscard]] error alter(const table_schema& schema);

  /// Number of the row that comes next: rows ever appended.
  [[nodiscard]] uint64_t row_end() const noexcept { return row_end_; }
  /// Rows below are dropped.
  [[nodiscard]] uint64_t first_row() const noexcept {
    return version_->first_row;
  }

  /// The next row starts a new segment: what a period's end does, so that its
  /// rows can be dropped whole.
  void close_segment();

  /// Forgets rows below `row`: whole segments are let go, the rest is hidden.
  /// Views that hold them keep them. When nothing is left, dictionaries start
  /// afresh.
  void drop(uint64_t row);

  /// Memory in use, spare blocks not counted.
  [[nodiscard]] size_t byte_count() const noexcept;

  [[nodiscard]] memory_table_mark mark() const;
  /// Changes whenever mark().version does.
  [[nodiscard]] const std::shared_ptr<const memory_table_version>&
  version() const noexcept {
    return version_;
  }

private:
  struct block_pool;
  /// Where a table column's values come from in the batches of one layout.
  struct source {
    int column = -1; ///< -1: null.
    column_type type = column_type::long_;
  };
  /// Rows [begin, begin + count) of a batch go to one segment.
  struct piece {
    std::shared_ptr<segment_block> block; ///< None: the open segment.
    uint32_t begin = 0;
    uint32_t count = 0;
  };

  error plan_sources(const batch_view& batch);
  bool same_layout(const batch_view& batch) const noexcept;
  error map_symbols(const batch_view& batch);
  error plan_pieces(const batch_view& batch);
  bool text_fits(const batch_view& batch, uint32_t begin, uint32_t count);
  void append_piece(const batch_view& batch, const piece& part);
  void append_column(const batch_view& batch, const piece& part, size_t column);
  std::shared_ptr<segment_block> make_block(const batch_view& batch);
  void reserve_texts();
  void open_segment(std::shared_ptr<segment_block> block);
  size_t open_bytes() const noexcept;

  memory_table_options options_;
  std::shared_ptr<const memory_table_version> version_;
  segment_layout layout_;
  size_t symbol_index_column_ = SIZE_MAX;
  std::shared_ptr<block_pool> pool_;

  std::shared_ptr<segment_block> open_; ///< None: the next row opens one.
  uint32_t open_rows_ = 0;
  uint64_t row_end_ = 0;
  size_t closed_bytes_ = 0;

  std::vector<std::pair<std::string, column_type>> batch_layout_;
  std::vector<source> sources_;
  std::vector<std::vector<uint32_t>> codes_; ///< By column: batch code -> ours.
  std::vector<piece> pieces_;
  /// What the next segment reserves for the text of each string column.
  std::vector<size_t> text_reserve_;
};

/// schema_mismatch: table 'trade', column 'price': what.
[[nodiscard]] error schema_fault(std::string_view table,
                                 std::string_view column,
                                 const std::string& what);

/// Whether `next` may follow `now`: same name, time and symbol columns, every
/// column of `now` still there, with the same or a wider type.
[[nodiscard]] error check_evolution(const table_schema& now,
                                    const table_schema& next);

} // namespace millrace::persistence
