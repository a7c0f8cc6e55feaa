#pragma once

#include <millrace/persistence/log/log_directory.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// State records by which a publisher's log tells where one owner ended, and
/// the next one went on in the same session. docs/log_format.md has the bytes.
namespace millrace::persistence::detail {

/// "The owner ended here; nothing of what was recorded is missing."
struct closing_mark {
  /// What a seal in this place would say, without the record itself; none where
  /// that would be long: then the file tells.
  std::optional<seal_info> tally;
};

/// A tally of more bytes is left out.
inline constexpr size_t closing_tally_bytes_max = 64u << 10;

/// Payload of the record that closes.
[[nodiscard]] std::vector<std::byte> encode_closing(const seal_info& tally);
/// None for any other payload.
[[nodiscard]] std::optional<closing_mark>
decode_closing(std::span<const std::byte> payload);
/// Whether the payload of a state record says that its owner ended there.
[[nodiscard]] bool is_closing(std::span<const std::byte> payload) noexcept;

/// Payload of the record by which the next owner goes on. It is durable before
/// anything else is written: a closing record that is the last one of a file
/// then closes it, whatever a power cut took.
[[nodiscard]] std::vector<std::byte> encode_opening();
inline constexpr size_t opening_bytes = 8;

} // namespace millrace::persistence::detail
