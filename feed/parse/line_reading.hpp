#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::feed {

/// What makes a row of a line beside its text, its layout and the path of its
/// file: a line that is read by another one may give another row.
struct line_reading {
  std::string table;
  /// Days since 2000.01.01, and the symbol, as they were said of the file; none
  /// and empty: they were not.
  std::optional<int32_t> date;
  std::string symbol;
  /// Hash of the header line; none: its lines were read without one.
  std::optional<uint32_t> header;

  friend bool operator==(const line_reading&, const line_reading&) = default;
};

/// Whether the row that `then` makes of a line is the one that `now` makes of
/// it, or `then` lacked what `now` says, and the header may be another.
[[nodiscard]] bool covers(const line_reading& now, const line_reading& then);

/// That a rejected line is being fed by itself, kept with it in its file from
/// before the first row of that reading until its end: what was published of it
/// is known then, whatever becomes of the line's text.
struct feeding_mark {
  std::string feed;     ///< The feed's name.
  uint64_t source = 0;  ///< See hash_of_source: the cursor that tells how far.
  uint64_t begin = 0;   ///< Of the line in the text that is read.
  uint32_t text = 0;    ///< See line_hash: of the line as it is read.
  bool refused = false; ///< It gave no row, and is kept once more for that.
};

/// Where a rejected line stood, and how it was read.
struct line_place {
  uint64_t offset = 0; ///< Of the line's first byte, uncompressed.
  /// None: an older release wrote the line.
  std::optional<line_reading> reading;
  /// See line_hash; none: the same.
  std::optional<uint32_t> hash;
  std::optional<feeding_mark> mark; ///< None: nobody reads it.
  /// It ended its file without a newline: it is read again with its file, which
  /// may go on with it, and never by itself.
  bool is_open = false;
};

/// "1234 table=trade date=2024-01-02 symbol=X header=0123abcd line=4567cdef
/// end=open feed=F reading=0123456789abcdef:56:89abcdef", or "refused=" for
/// "reading=": what is not known or was not said is left out. It holds no
/// control characters.
[[nodiscard]] std::string to_text(const line_place& place);
/// None: the text is of another form. An older release wrote the offset alone.
[[nodiscard]] std::optional<line_place> parse_line_place(std::string_view text);

/// Of the name of a source in cursors.
[[nodiscard]] uint64_t hash_of_source(std::string_view name);

/// Of a header, and of the first line of what begins so, without its end, as
/// far as it is 256 bytes long.
[[nodiscard]] uint32_t line_hash(std::string_view text);

} // namespace millrace::feed
