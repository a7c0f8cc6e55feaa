#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::feed {

/// What a scan for field and line ends found.
struct text_structure {
  size_t bound_count = 0;
  size_t newline_count = 0;
  bool any_nul = false;  ///< Perhaps a NUL; look closer.
  bool any_high = false; ///< Perhaps a byte above 0x7f; look closer.
};

/// Writes the offset of every delimiter and newline of [text, text + size) to
/// `bounds`, in order, and for every newline its index in `bounds` to
/// `newlines`.
/// @pre text is readable for text_slack bytes after its end; `bounds` and
///   `newlines` have room for `size + 8` numbers; size < 2^32.
text_structure find_structure(const char* text, size_t size, char delimiter,
                              uint32_t* bounds, uint32_t* newlines) noexcept;

/// @pre as above for `text`.
[[nodiscard]] size_t count_newlines(const char* text, size_t size) noexcept;

} // namespace millrace::feed
