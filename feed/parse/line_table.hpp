#pragma once

#include <millrace/feed/parse/binding.hpp>
#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/parse/json_splitter.hpp>
#include <millrace/feed/parse/reject.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::feed {

/// Where a record ends.
struct record_extent {
  enum class state : uint8_t {
    complete,   ///< `end` is after its newline.
    need_more,  ///< The text ends before the record does.
    too_long,   ///< No end within the limit.
    open_quote, ///< A quote does not end within the limit; `end` is after the
                ///< first newline, where reading goes on.
  };
  state status = state::need_more;
  size_t end = 0;
};

/// Finds the end of the quoted-style record at `begin`: a newline outside
/// quotes.
/// @param whole no text follows, so that the record ends with it at the latest
record_extent find_record_end(std::string_view text, size_t begin,
                              char delimiter, bool whole,
                              size_t line_bytes_max) noexcept;

/// The lines of one block of text, split into fields and checked as lines.
/// Owner: one thread; reused from block to block.
class line_table {
public:
  /// Splits whole lines. Refused lines are appended to `rejects`.
  /// @param text whole lines; the last one may lack its newline only when
  ///   nothing follows it in the source
  /// @param base offset of `text` in the piece
  /// @param line number of its first line in the piece
  /// @pre readable for text_slack bytes after the end
  void fill(std::string_view text, uint64_t base, uint64_t line,
            const binding& fitted, size_t line_bytes_max,
            std::vector<raw_reject>& rejects);

  [[nodiscard]] uint32_t row_count() const noexcept { return row_count_; }
  /// Lines of the block, rows or not.
  [[nodiscard]] uint64_t line_count() const noexcept { return line_count_; }
  /// Documents of JSON in which the layout looks for no row, or finds none.
  [[nodiscard]] uint64_t passed_over() const noexcept { return passed_over_; }
  /// Lines that begin as comments do, and have as many fields as rows.
  [[nodiscard]] uint64_t skipped_rows() const noexcept { return skipped_rows_; }

  /// Rows [begin, begin + count).
  [[nodiscard]] row_slice slice(uint32_t begin, uint32_t count) const noexcept {
    return {text_, bounds_.data(), first_.data() + begin,
            row_end_.data() + begin, count};
  }

  /// Removes the ascending `rows` from the table.
  void remove(const std::vector<uint32_t>& rows);

  /// Whether rows `row` and `row + 1` are of one line, which JSON allows.
  [[nodiscard]] bool shares_line(uint32_t row) const noexcept {
    return row + 1 < row_count_ && line_begin_[row] == line_begin_[row + 1];
  }

  /// Of a row's line: begin and end (after its newline) in the piece, number.
  [[nodiscard]] uint64_t begin_of(uint32_t row) const noexcept {
    return base_ + line_begin_[row];
  }
  [[nodiscard]] uint64_t end_of(uint32_t row) const noexcept {
    return base_ + line_end_[row];
  }
  [[nodiscard]] uint64_t line_of(uint32_t row) const noexcept {
    return line_ + line_number_[row];
  }

private:
  void fill_plain(std::string_view text, const binding& fitted,
                  size_t line_bytes_max, std::vector<raw_reject>& rejects);
  void fill_quoted(std::string_view text, const binding& fitted,
                   size_t line_bytes_max, std::vector<raw_reject>& rejects);
  void fill_json(std::string_view text, const binding& fitted,
                 size_t line_bytes_max, std::vector<raw_reject>& rejects);
  fault split_quoted(std::string_view record, const binding& fitted,
                     uint32_t& fields);
  void put(size_t first, uint32_t row_end, size_t begin, size_t end,
           uint64_t line) noexcept;
  void make_room(size_t bound_count, size_t line_count);

  const char* text_ = nullptr;
  uint64_t base_ = 0;
  uint64_t line_ = 0;
  uint64_t line_count_ = 0;
  uint64_t passed_over_ = 0;
  uint64_t skipped_rows_ = 0;
  uint32_t row_count_ = 0;
  size_t bound_count_ = 0;
  std::vector<uint32_t> bounds_; ///< bounds_[0] is -1: before the block.
  std::vector<uint32_t> newlines_;
  std::vector<uint32_t> first_;
  std::vector<uint32_t> row_end_;
  std::vector<uint32_t> line_begin_;
  std::vector<uint32_t> line_end_;
  std::vector<uint32_t> line_number_;
  std::unique_ptr<json_splitter> json_;
  std::vector<uint32_t> ends_; ///< Of the values of a line of JSON.
  std::string unquoted_; ///< Fields without their quotes, one byte between.
};

} // namespace millrace::feed
