#pragma once

#include <millrace/feed/parse/binding.hpp>
#include <millrace/feed/parse/row_slice.hpp>
#include <millrace/feed/parse/text_rewrite.hpp>
#include <millrace/feed/parse/time_reader.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <span>
#include <utility>
#include <vector>

namespace millrace::feed {

struct refused_value {
  uint32_t row = 0; ///< Of the slice.
  uint32_t field = 0;
  fault why = fault::none;
};

/// Codes of symbols seen lately in one column of one batch: a direct-mapped
/// cache in front of the batch's dictionary.
class symbol_cache {
public:
  symbol_cache() : entries_(entry_count) {}

  /// Forgets everything: a new batch has a new dictionary.
  void next_batch() noexcept { ++generation_; }

  /// @pre text is readable for text_slack bytes after its end
  uint32_t code_of(batch_builder& builder, size_t column, const char* text,
                   size_t length) {
    if (length == 0)
      return 0;
    if (length > 16)
      return builder.symbol_code(column, {text, length});
    uint64_t low = detail::load8(text);
    uint64_t high = 0;
    if (length <= 8) {
      low &= ~uint64_t{0} >> (64 - 8 * length);
    } else {
      high = detail::load8(text + 8) & (~uint64_t{0} >> (128 - 8 * length));
    }
    // The length is implied: no text holds a NUL.
    const auto slot = ((low ^ (high * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93)
                      >> (64 - entry_bits);
    auto& found = entries_[slot];
    if (found.low == low && found.high == high
        && found.generation == generation_) [[likely]]
      return found.code;
    found
      = {low, high, generation_, builder.symbol_code(column, {text, length})};
    return found.code;
  }

private:
  static constexpr unsigned entry_bits = 12;
  static constexpr size_t entry_count = size_t{1} << entry_bits;
  struct entry {
    uint64_t low = 0;
    uint64_t high = 0;
    uint32_t generation = 0;
    uint32_t code = 0;
  };
  std::vector<entry> entries_;
  uint32_t generation_ = 1;
};

/// Parses one field of many rows into one column of a batch. Which parser runs
/// is chosen once, at construction. Owner: one thread.
class column_reader {
public:
  column_reader(const binding& fitted, size_t index);

  /// Appends one value per row to the builder's column. A value that cannot be
  /// read is noted in `refused`, and something takes its place.
  void read(const row_slice& rows, batch_builder& builder,
            std::vector<refused_value>& refused) {
    if (!rewrite_.idle()) [[unlikely]]
      return read_rewritten(rows, builder, refused);
    read_(*this, rows, builder, refused);
  }

  /// Notes the values of a text that are refused, and appends nothing: for
  /// columns whose `read` refuses none.
  void judge(const row_slice& rows, std::vector<refused_value>& refused);

  void next_batch() noexcept { symbols_.next_batch(); }
  /// Texts that stood in quotes and were taken with them, since this was asked
  /// last: of fields that are not quoted.
  [[nodiscard]] uint64_t take_in_quotes() noexcept {
    return std::exchange(in_quotes_, 0);
  }
  [[nodiscard]] size_t column() const noexcept { return column_; }

private:
  friend struct column_readers;
  using read_function = void (*)(column_reader&, const row_slice&,
                                 batch_builder&, std::vector<refused_value>&);
  static read_function choose(column_type type, bool plain_scale);
  void read_rewritten(const row_slice& rows, batch_builder& builder,
                      std::vector<refused_value>& refused);

  read_function read_;
  size_t column_;
  uint32_t source_field_; ///< Named for what is refused.
  text_rewrite rewrite_;
  uint32_t field_; ///< Of the rows that are read.
  bool last_;
  bool rows_have_it_ = false; ///< It is the time of the rows.
  bool is_raw_;               ///< Quotes are part of what stands in them.
  uint64_t in_quotes_ = 0;
  number_scale scale_;
  time_reader time_;
  symbol_cache symbols_;
};

/// Reads one text as a value of a fixed-width type, for constants.
[[nodiscard]] fault read_value(column_type type, std::string_view text,
                               std::string& bytes);

/// Appends the null of the column's type `count` times.
void append_nulls(batch_builder& builder, size_t column, uint32_t count);

} // namespace millrace::feed
