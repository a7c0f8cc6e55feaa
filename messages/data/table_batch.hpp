#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/interner.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// One column of a batch, in place: the spans point into the message's bytes.
struct batch_column {
  std::string_view name;
  column_type type = column_type::long_;
  /// row_count * width_of(type) bytes, 8-byte aligned. symbol: uint32 codes
  /// into this column's own dictionary. string: uint32 end offsets.
  const std::byte* values = nullptr;
  /// symbol: end offset of each dictionary entry in `bytes`; entry 0 is "".
  std::span<const uint32_t> dictionary_ends;
  /// symbol: text of the dictionary. string: text of all rows.
  std::string_view bytes;

  /// The values, one per row. @pre T is as wide as the column's type
  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(values);
  }
  [[nodiscard]] std::string_view symbol(uint32_t code) const noexcept {
    const auto begin = code == 0 ? 0 : dictionary_ends[code - 1];
    return bytes.substr(begin, dictionary_ends[code] - begin);
  }
  /// Of a string column: where the text of a row begins in `bytes`.
  [[nodiscard]] uint32_t text_begin(size_t row) const noexcept {
    return row == 0 ? 0 : as<uint32_t>()[row - 1];
  }
  /// The text of a row. @pre a symbol or string column
  [[nodiscard]] std::string_view text(size_t row) const noexcept {
    if (type == column_type::symbol)
      return symbol(as<uint32_t>()[row]);
    const auto begin = text_begin(row);
    return bytes.substr(begin, as<uint32_t>()[row] - begin);
  }
};

/// Where a feed batch came from, so that a restarted feed resumes after it.
struct source_cursor {
  std::string name;    ///< Source identity; empty: none.
  uint64_t offset = 0; ///< Byte offset after the last row.
  uint64_t row = 0;    ///< Rows and rejects up to there.
  /// Hash of the source's text up to `offset`; 0: not known.
  uint64_t digest = 0;
  friend bool operator==(const source_cursor&, const source_cursor&) = default;
};

[[nodiscard]] std::vector<std::byte>
encode(const std::vector<source_cursor>& cursors);
[[nodiscard]] result<std::vector<source_cursor>>
decode_source_cursors(std::span<const std::byte> bytes);

/// A decoded table batch. Valid as long as the bytes it was decoded from.
struct batch_view {
  std::string_view table;
  uint32_t schema_version = 0;
  uint32_t row_count = 0;
  std::vector<batch_column> columns;
  std::string_view source_name;
  uint64_t source_offset = 0;
  uint64_t source_row = 0;
  uint64_t source_digest = 0;

  /// Null when there is none of that name.
  [[nodiscard]] const batch_column*
  column(std::string_view wanted) const noexcept {
    for (const auto& each : columns)
      if (each.name == wanted)
        return &each;
    return nullptr;
  }
};

/// Reads a batch in place. Checks every length, code and offset, so that the
/// caller may index without bounds checks; a fault is `malformed_message`
/// with table, column and reason.
/// @pre `payload` is 8-byte aligned.
[[nodiscard]] result<batch_view>
decode_batch(std::span<const std::byte> payload);

/// As above into an existing view, to reuse its memory on hot paths.
[[nodiscard]] error decode_batch(std::span<const std::byte> payload,
                                 batch_view& into);

/// Only where a batch came from; the columns are not looked at.
[[nodiscard]] result<source_cursor>
peek_cursor(std::span<const std::byte> payload);

/// Collects rows column by column and encodes them as one TableBatch.
/// Owner: one thread. Reusable: `clear` keeps capacity.
class batch_builder {
public:
  explicit batch_builder(table_schema schema);

  [[nodiscard]] const table_schema& schema() const noexcept { return schema_; }
  [[nodiscard]] uint32_t row_count() const noexcept { return row_count_; }
  /// Bytes the columns hold now: the measure for batching by size.
  [[nodiscard]] size_t byte_count() const noexcept;

  /// Appends one value to column `column`; each row needs one value per column,
  /// then `end_row`. The width must be that of the column's type.
  template <class T>
  void append(size_t column, T value) {
    auto& buffer = columns_[column].values;
    const auto* first = reinterpret_cast<const std::byte*>(&value);
    buffer.insert(buffer.end(), first, first + sizeof value);
  }
  void append_symbol(size_t column, std::string_view text);
  void append_string(size_t column, std::string_view text);
  void append_null(size_t column);
  void end_row() noexcept { ++row_count_; }

  /// Bulk access for parsers: fixed-width values are appended to this buffer
  /// directly; `add_rows` tells how many rows came.
  [[nodiscard]] std::vector<std::byte>& values(size_t column) noexcept {
    return columns_[column].values;
  }
  /// The code of `text` in the batch's own dictionary of that column.
  [[nodiscard]] uint32_t symbol_code(size_t column, std::string_view text) {
    return columns_[column].dictionary->code(text);
  }
  void add_rows(uint32_t count) noexcept { row_count_ += count; }

  /// @returns the encoded batch, 8-byte aligned, in whole words.
  [[nodiscard]] std::vector<std::byte> encode(const source_cursor& cursor = {});
  void clear();

private:
  struct open_column {
    std::vector<std::byte> values;
    std::optional<text::interner> dictionary; ///< Of a symbol column.
    std::string bytes;                        ///< Of a string column.
  };

  table_schema schema_;
  std::vector<open_column> columns_;
  uint32_t row_count_ = 0;
};

/// The marker that ends a publisher's period.
struct end_of_period {
  period_id period;
  std::string origin;
};
[[nodiscard]] std::vector<std::byte> encode(const end_of_period& marker);
[[nodiscard]] result<end_of_period>
decode_end_of_period(std::span<const std::byte> payload);

} // namespace millrace
