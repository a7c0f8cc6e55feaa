#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::text {

/// Bytes of the UTF-8 sequence that `text` begins with; 0 when it begins with
/// none that is well formed (overlong, a surrogate, beyond U+10FFFF, cut off).
/// @pre `text` is not empty.
[[nodiscard]] size_t utf8_length(std::string_view text) noexcept;

/// Bytes before the first that belongs to no well-formed sequence; the size of
/// `text` when all do.
[[nodiscard]] size_t valid_utf8_prefix(std::string_view text) noexcept;

[[nodiscard]] inline bool valid_utf8(std::string_view text) noexcept {
  return valid_utf8_prefix(text) == text.size();
}

/// Characters, not bytes, so that columns stay in line. Bytes that are not
/// UTF-8 count as they come.
[[nodiscard]] size_t utf8_count(std::string_view text) noexcept;

/// Whether a byte would act on a terminal or break a line instead of showing.
[[nodiscard]] constexpr bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// What others wrote, for one line of a log or a terminal: its control
/// characters are `replacement`, and of what is longer the first `bytes_max`
/// bytes, or a few less, so that no character is cut, and "...".
[[nodiscard]] std::string shown_on_line(std::string_view text, size_t bytes_max,
                                        char replacement);

/// Appends `text` on one line: control characters become \xNN.
void append_visible(std::string& out, std::string_view text);

} // namespace millrace::text
