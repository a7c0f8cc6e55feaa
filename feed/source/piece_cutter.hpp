#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/source/source.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::feed {

/// Bytes of a source that one piece covers: the lines that begin in
/// [n * piece_bytes, (n + 1) * piece_bytes). Part of what makes batches the
/// same at every reading; never change it.
inline constexpr uint64_t piece_bytes = uint64_t{2} << 20;

/// Cuts the text of a source into pieces of whole lines. Memory: about one
/// piece and one line, however long the lines of the source are.
class piece_cutter {
public:
  struct options {
    char delimiter = ',';
    bool quote = false;
    uint32_t line_bytes_max = line_bytes_max_default;
    /// A last line without its end is left alone: more of it may come.
    bool whole_lines = false;
    /// A pipe: its reads wait, so that its begin may be waited for.
    bool pipe = false;
    /// A file that may be read again when it has grown.
    bool grows = false;
    /// For tests; everybody else leaves it alone.
    uint64_t cell_bytes = piece_bytes;
  };

  piece_cutter(std::unique_ptr<source> from, const options& how);

  // Before the first piece:

  /// Passes over a byte order mark, if the text begins with one. `bad_data`
  /// when the file is plainly of another kind than text.
  error begin_text();
  /// Hashes of the text up to the end of its line 1, 2, 4, 8 .. 256, as far as
  /// these lines are there and lie in the first 64 KiB: what two texts have in
  /// common they begin with alike. Part of the names of sources.
  [[nodiscard]] std::vector<uint32_t> line_marks();
  /// The next line without its end; none at the end of the text.
  result<std::optional<std::string>> take_line();
  /// The same of a record, which in quotes may be several lines. One whose
  /// quote does not end is a line.
  result<std::optional<std::string>> take_record();
  /// Goes to `offset` of the text, where line number `line` begins.
  /// @returns false when the text is shorter, `timeout` when it is as yet; it
  /// stands at its end then
  result<bool> skip_to(uint64_t offset, uint64_t line);
  /// Where a line was left without its end: passes over that end.
  /// @returns false when more than its end is left of the line
  result<bool> finish_line();
  [[nodiscard]] uint64_t offset() const noexcept { return offset_; }
  /// Lines before it.
  [[nodiscard]] uint64_t line() const noexcept { return line_; }
  /// Hash of the text up to `offset`.
  [[nodiscard]] uint64_t digest() const noexcept { return digest_.value(); }

  /// The next piece; none at the end, or while it waits for more.
  result<std::optional<text_piece>> next();
  /// Whether `next` gave no piece because none is there yet.
  [[nodiscard]] bool waiting() const noexcept { return waiting_; }

  /// Consumed by the pieces so far, in the unit of source_info::total_bytes.
  [[nodiscard]] uint64_t progress() const noexcept;

private:
  struct cut {
    size_t end = 0;        ///< Of the piece in the window.
    bool oversize = false; ///< A line without end follows.
  };

  [[nodiscard]] std::string_view window() const noexcept;
  /// Makes `count` bytes available, unless the text ends before.
  error ensure(size_t count);
  [[nodiscard]] bool whole(size_t count) const noexcept;
  result<cut> cut_plain(size_t cell);
  result<cut> cut_quoted(size_t cell);
  /// Whole lines of what is there.
  [[nodiscard]] cut cut_available() const noexcept;
  error skip_long_line(text_piece& piece);
  void advance(size_t count);

  std::unique_ptr<source> source_;
  options options_;
  bool mapped_;
  bool at_end_ = false; ///< Nothing follows the window.
  bool waiting_ = false;
  error broken_{}; ///< Why no more can be read; what came before it is cut yet.
  bool begun_ = false;  ///< A piece was asked for.
  uint64_t offset_ = 0; ///< Of the window.
  uint64_t line_ = 0;
  char last_ = '\n'; ///< Byte before the window.
  text_digest digest_;
  /// Not mapped: the window's bytes, shared with the piece cut from it.
  std::shared_ptr<std::vector<std::byte>> buffer_;
  size_t begin_ = 0; ///< Of the window in the buffer or mapping.
  size_t end_ = 0;
};

} // namespace millrace::feed
