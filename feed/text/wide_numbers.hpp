#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::feed {

/// A text of control characters, as JSON writes them, that does not stand in
/// `json`. @returns it as it is written; unescaped it is as many '\x01'
[[nodiscard]] std::string unused_mark(std::string_view json);

enum class number_choice : uint8_t {
  wide, ///< A whole number beyond 64 bits, or one beyond all doubles: parsers
        ///< refuse a document for it, no matter who needs it.
  /// These, and numbers with a fraction or an exponent that a parser, which
  /// makes doubles of them, may give back as another text.
  as_written,
};

/// Puts such numbers into quotes, as texts that begin with `mark`, and the
/// words NaN, Infinity and -Infinity, which JSON has not and programs write;
/// another number that is no JSON stays as it is.
/// @returns none when `json` has no such number
[[nodiscard]] std::optional<std::string> quote_numbers(std::string_view json,
                                                       std::string_view mark,
                                                       number_choice which);

/// Whether quote_numbers may find such a word: quick, and true also of some
/// texts that hold none.
[[nodiscard]] bool has_number_word(std::string_view json) noexcept;

/// Whether quote_numbers may find a number that a parser takes: quick, and true
/// also of some texts that hold none.
[[nodiscard]] bool may_read_otherwise(std::string_view json) noexcept;

} // namespace millrace::feed
