#pragma once

#include <millrace/feed/parse/binding.hpp>
#include <millrace/feed/parse/line_reading.hpp>
#include <millrace/feed/text/number_text.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::feed {

/// "is not a number" and the like: what is wrong with a value or a line.
[[nodiscard]] std::string_view to_string(fault why) noexcept;

/// Bytes of a line or value that messages show at most.
inline constexpr size_t shown_bytes_max = 256;

/// `text` with every byte that is not printable ASCII as \xNN, cut off after
/// `bytes_max` bytes with "...".
[[nodiscard]] std::string printable(std::string_view text, size_t bytes_max);

/// What `printable` wrote, as it was.
[[nodiscard]] std::string unprintable(std::string_view text);

/// A line that gave no row.
struct rejected_line {
  std::string source;  ///< Path of the file, and "#member" in an archive.
  uint64_t line = 0;   ///< From 1.
  uint64_t offset = 0; ///< Of the line's first byte, uncompressed.
  std::string reason;  ///< Names column and value where one is at fault.
  std::string text;    ///< The line, printable; one too long is cut off.
  std::optional<line_reading> reading; ///< See line_place.
  std::optional<uint32_t> hash;        ///< See line_place.
  std::optional<feeding_mark> mark;    ///< See line_place.
  bool is_open = false;                ///< See line_place.
};

/// Receives rejected lines in the order of the file. A failure (the disk is
/// full) ends the reading.
using reject_sink = std::function<error(const rejected_line&)>;

/// What the parser notes of a refused line; words are made of it later.
struct raw_reject {
  uint64_t begin = 0;  ///< In the piece of text.
  uint64_t length = 0; ///< With or without the line's end.
  uint64_t line = 0;   ///< From 0 in the piece.
  uint32_t detail = 0; ///< A value: its field. field_count: how many.
  fault why = fault::none;
};

/// The words for a rejected line.
/// @param text the line as far as it is known (cut off when very long)
[[nodiscard]] std::string explain(const binding& fitted, const raw_reject& what,
                                  std::string_view text,
                                  uint64_t line_bytes_max);

} // namespace millrace::feed
