#include <millrace/messages/text/hex_text.hpp>

namespace millrace::text {

namespace {

constexpr std::string_view digits_of = "0123456789abcdef";

/// The byte of two digits, -1 when one is not a digit.
int byte_of(char high, char low) noexcept {
  const auto upper = hex_value(high);
  const auto lower = hex_value(low);
  return upper < 0 || lower < 0 ? -1 : upper * 16 + lower;
}

} // namespace

void append_hex(std::string& out, std::byte byte) {
  const auto value = std::to_integer<unsigned>(byte);
  out.push_back(digits_of[value >> 4]);
  out.push_back(digits_of[value & 15]);
}

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  for (const auto byte : bytes)
    append_hex(out, byte);
}

std::optional<std::string> parse_hex(std::string_view digits) {
  if (digits.size() % 2 != 0)
    return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    const auto byte = byte_of(digits[i], digits[i + 1]);
    if (byte < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

void append_guid(std::string& out, const std::byte* bytes) {
  for (size_t i = 0; i < guid_bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out.push_back('-');
    append_hex(out, bytes[i]);
  }
}

bool parse_guid(std::string_view text,
                std::span<std::byte, guid_bytes> bytes) noexcept {
  if (text.size() != 36)
    return false;
  size_t count = 0;
  for (size_t i = 0; i < 36;) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-')
        return false;
      continue;
    }
    const auto byte = byte_of(text[i], text[i + 1]);
    if (byte < 0)
      return false;
    bytes[count++] = static_cast<std::byte>(byte);
    i += 2;
  }
  return true;
}

} // namespace millrace::text
