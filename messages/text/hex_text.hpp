#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::text {

/// The value of a hexadecimal digit of either case, -1 for anything else.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/// Appends two lower-case digits per byte.
void append_hex(std::string& out, std::byte byte);
void append_hex(std::string& out, std::span<const std::byte> bytes);

/// The bytes of pairs of digits; none for an odd count or another character.
[[nodiscard]] std::optional<std::string> parse_hex(std::string_view digits);

inline constexpr size_t guid_bytes = 16;

/// Appends 8-4-4-4-12 digits in the order of the bytes.
void append_guid(std::string& out, const std::byte* bytes);

/// Reads 8-4-4-4-12 digits into `bytes`; false for any other text.
[[nodiscard]] bool parse_guid(std::string_view text,
                              std::span<std::byte, guid_bytes> bytes) noexcept;

} // namespace millrace::text
