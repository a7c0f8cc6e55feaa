#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/exchange/row_reader.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// The rows of one table and date of an hdb, whatever parts they lie in,
/// ordered by symbol, time, and how they came; in the table's newest schema.
/// The bytes are read as they are asked for: 12 bytes a run of rows are held,
/// and the symbols. One owner.
class ordered_rows final : public row_reader {
public:
  /// @param parts of `snapshot`, of the table
  [[nodiscard]] static result<ordered_rows>
  open(std::shared_ptr<const hdb_snapshot> snapshot, const std::string& table,
       const std::vector<const hdb_part*>& parts);

  [[nodiscard]] const table_schema& schema() const noexcept { return *schema_; }
  [[nodiscard]] uint64_t row_count() const noexcept { return row_count_; }

  [[nodiscard]] const std::vector<column_schema>&
  columns() const noexcept override {
    return schema_->columns;
  }
  /// Ascending by bytes.
  [[nodiscard]] const std::vector<std::string_view>&
  symbols(size_t column) const noexcept override {
    return symbols_[column];
  }

  /// `corrupt` names the file.
  [[nodiscard]] error read(size_t column, uint64_t begin, uint64_t count,
                           column_piece& into) override;

private:
  struct opened_part {
    table_view view;
    segment_view segment;
    std::shared_ptr<const held_bytes> held;
    /// By column: places of the codes of its dictionary.
    std::vector<std::vector<uint32_t>> places;
  };
  struct run {
    uint32_t part = 0;
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  ordered_rows() = default;

  [[nodiscard]] error open_parts(const std::vector<const hdb_part*>& parts);
  void merge_symbols(size_t column);
  [[nodiscard]] error order_runs();
  [[nodiscard]] error merge_by_time(const std::vector<run>& of_symbol);
  void append(run next);
  [[nodiscard]] error append_values(size_t column, const run& rows,
                                    column_piece& into);

  std::shared_ptr<const hdb_snapshot> snapshot_;
  std::shared_ptr<const table_schema> schema_;
  std::vector<opened_part> parts_;
  std::vector<std::vector<std::string_view>> symbols_;
  std::vector<run> runs_;
  std::vector<uint64_t> ends_; ///< Of each run, in rows.
  uint64_t row_count_ = 0;
};

} // namespace millrace::persistence
