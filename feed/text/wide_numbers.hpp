#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::feed {

/// A text of control characters, as JSON writes them, that does not stand in
/// `json`. @returns it as it is written; unescaped it is as many '\x01'
[[nodiscard]] std::string unused_mark(std::string_view json);

/// Parsers of JSON refuse a document for one whole number beyond 64 bits, or
/// one beyond all doubles, whoever needs it. Puts such numbers into quotes, as
/// texts that begin with `mark`; a number that is no JSON stays as it is.
/// @returns none when `json` has no such number
[[nodiscard]] std::optional<std::string>
quote_wide_numbers(std::string_view json, std::string_view mark);

} // namespace millrace::feed
