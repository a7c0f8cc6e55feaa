#pragma once

#include <millrace/feed/parse/binding.hpp>
#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/parse/line_table.hpp>
#include <millrace/feed/text/text_digest.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Where a batch ends. The first limit that is reached counts; each is a
/// function of the text alone, so that a source gives the same batches however
/// it is read. 0: no such limit.
struct batch_limits {
  uint32_t rows_max = 65'536;
  /// Fixed-width values and strings; dictionaries of symbols come on top.
  uint32_t bytes_max = 64 * 1024;
  /// Row time, in ns, from the batch's first row that has one: a row that is so
  /// far after it begins another batch, so that each can be published at its
  /// time.
  int64_t span_ns = 0;
};

/// A longer line is refused.
inline constexpr uint32_t line_bytes_max_default = 1u << 20;

/// One encoded table batch and what one must know of it without decoding.
struct parsed_batch {
  std::vector<std::byte> bytes;
  uint32_t rows = 0;
  int64_t first_time = null_long; ///< Of the first and last row that has one.
  int64_t last_time = null_long;
  /// Where to resume. `row` counts lines: rows, rejects, header, blank ones.
  source_cursor cursor;
};

/// A run of whole lines of one source. Pieces end at fixed offsets of the
/// source, however it is read, and batches do not cross their borders.
struct text_piece {
  std::string_view text;
  uint64_t offset = 0;     ///< Of `text` in the uncompressed source.
  uint64_t first_line = 0; ///< Lines of the source before it.
  text_digest before;      ///< Of the text of the source before it.
  /// Bytes after `text` that may be read, whatever they hold.
  size_t slack = 0;
  /// A line too long to be kept: it follows `text` in the source.
  struct long_line {
    uint64_t length = 0;
    std::string begin;    ///< Its first bytes.
    bool is_open = false; ///< The source ends without its newline.
  };
  std::optional<long_line> oversize;
  /// Nothing follows it in its source as yet, and a last line or record that
  /// is not whole may go on.
  bool may_go_on = false;
  uint64_t bytes = 0;                ///< Of the source, the long line included.
  text_digest after;                 ///< Of the text of the source up to there.
  std::shared_ptr<const void> owner; ///< Keeps `text` alive.
  bool mapped = false;               ///< `owner` is a persistence::mapped_file.
  /// When it was cut, of rows that get the time of their publishing: ns since
  /// 2000.01.01 UTC, never before that of an earlier piece.
  int64_t cut_ns = 0;
};

/// What a piece of text gave. Rejects carry offsets and lines relative to the
/// piece; those below a batch's end come before it. Where rejects follow the
/// last row, the last batch ends after them, if need be one without a row: a
/// line that was refused is not read again.
struct parsed_piece {
  std::vector<parsed_batch> batches;
  std::vector<raw_reject> rejects;
  /// Where a last line, or quoted record, begins that is not whole and gives no
  /// row: it may go on, so no cursor counts what follows here as read.
  std::optional<uint64_t> open_from;
  uint64_t rows = 0;
  uint64_t lines = 0;
  /// Rows earlier than the row before them, within the piece.
  uint64_t backwards = 0;
  uint64_t stamped = 0;      ///< Rows that had no time.
  uint64_t passed_over = 0;  ///< See line_table.
  uint64_t skipped_rows = 0; ///< See line_table.
  uint64_t in_quotes = 0;    ///< See column_reader.
  uint64_t headers = 0;      ///< Lines that are the header again.
};

/// Turns pieces of text into batches. Owner: one thread; several parsers of
/// one binding work side by side.
class csv_parser {
public:
  csv_parser(std::shared_ptr<const binding> fitted, const batch_limits& limits,
             uint32_t line_bytes_max);

  [[nodiscard]] const std::shared_ptr<const binding>& fitted() const noexcept {
    return fitted_;
  }

  void parse(const text_piece& piece, parsed_piece& into);

private:
  /// Lines up to the end of the block at `at` of the piece, into lines_.
  size_t load_block(const text_piece& piece, size_t at, parsed_piece& into);
  /// Appends rows [row_, ...) of the block as far as the batch has room.
  void take_rows(parsed_piece& into);
  /// Appends up to `count` rows. @returns the number of rows that were good;
  /// the others left the block's table.
  uint32_t parse_values(uint32_t begin, uint32_t count, parsed_piece& into);
  uint32_t rows_within_bytes(uint32_t begin, uint32_t count);
  /// As many of `count` rows as end with their lines: a batch ends there, where
  /// reading can go on.
  uint32_t whole_lines(uint32_t count);
  void refuse_missing_times(uint32_t before, uint32_t count);
  /// As many of `count` rows, whose times are read from `before` on, as are
  /// within the batch's span.
  uint32_t rows_within_span(uint32_t before, uint32_t count);
  void drop_refused(uint32_t begin, parsed_piece& into);
  void truncate_columns(uint32_t row_count);
  void fill_constants(uint32_t count);
  void mark_absent(uint32_t before, uint32_t count);
  void stamp(uint32_t rows, const text_piece& piece, parsed_piece& into);
  static constexpr uint32_t span_rows_min = 16;
  /// Goes back after a last line that may go on, where it was refused.
  void leave_open(uint32_t begin, uint32_t count);
  void leave_out_headers(std::string_view text, parsed_piece& into) const;
  /// Of the rows so far, if there are any.
  void finish_batch(const text_piece& piece, parsed_piece& into);
  source_cursor cursor_at(const text_piece& piece, uint64_t end, uint64_t line);
  void add_batch(const text_piece& piece, source_cursor cursor,
                 parsed_piece& into);
  void next_batch();
  /// The last batch, and what was refused after its last row.
  void finish_piece(const text_piece& piece, parsed_piece& into);
  /// Where of the rejects from `first` on one may go on.
  [[nodiscard]] static std::optional<uint64_t>
  find_open(const text_piece& piece, std::span<const raw_reject> rejects);

  std::shared_ptr<const binding> fitted_;
  batch_limits limits_;
  uint32_t line_bytes_max_;
  uint32_t row_bytes_ = 0;
  uint32_t candidates_max_ = 0;
  uint32_t time_field_ = UINT32_MAX;    ///< Of the time column, if it has one.
  std::vector<uint32_t> string_fields_; ///< Indexes of fitted_->fields.
  batch_builder builder_;
  std::vector<column_reader> readers_;
  line_table lines_;
  std::vector<refused_value> refused_;
  std::vector<char> scratch_;

  // The block.
  uint32_t row_ = 0; ///< First row not yet taken.

  // The batch.
  uint32_t candidates_ = 0; ///< Rows tried, refused ones included.
  uint64_t text_bytes_ = 0; ///< Of its string columns.
  bool full_ = false;
  int64_t span_from_ = null_long; ///< Its first time.
  /// Rows that are looked at at once: times are read anew for each batch.
  uint32_t span_rows_ = span_rows_min;
  uint64_t end_ = 0; ///< Of its last row in the piece.
  uint64_t end_line_ = 0;
  text_digest digest_; ///< Of the source up to `digested_` of the piece.
  uint64_t digested_ = 0;
  int64_t last_time_ = null_long;  ///< Of the piece.
  uint64_t open_end_ = UINT64_MAX; ///< Of a last line without its newline.
};

} // namespace millrace::feed
