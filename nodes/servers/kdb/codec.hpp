#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/kdb/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// Messages that are compressed are in compression.cpp.

namespace millrace::nodes::kdb {

/// Numbers as they travel.
enum class message_kind : uint8_t { async = 0, sync = 1, response = 2 };

inline constexpr size_t header_bytes = 8;
/// A message from a client is no longer, and no deeper.
inline constexpr uint32_t message_bytes_max = 16u << 20;
inline constexpr size_t value_depth_max = 16;
/// What the objects of a message take in memory beside their bytes.
inline constexpr size_t object_bytes_max = 64u << 20;

struct message_header {
  bool little_endian = true;
  message_kind kind = message_kind::async;
  bool compressed = false;
  uint32_t size = 0; ///< Of the whole message.
};

/// `malformed_message` for an unknown byte order or kind, or a size below 9;
/// `oversize` for one beyond `size_max`.
/// @pre `bytes` has header_bytes
[[nodiscard]] result<message_header>
read_header(std::string_view bytes, uint32_t size_max = message_bytes_max);

/// The object of a whole message, compressed or not. Counts are checked before
/// memory is taken: `malformed_message` names the offset of what is wrong,
/// `oversize` an uncompressed size beyond `size_max`, or more objects than
/// `object_bytes_max` has room for.
[[nodiscard]] result<value> read_message(std::string_view message,
                                         uint32_t size_max = message_bytes_max);

/// A whole message, little endian, not compressed. `oversize` beyond what its
/// length can say.
[[nodiscard]] result<std::string> write_message(message_kind kind,
                                                const value& what);

/// The message compressed, or as it is when that is no shorter than half of
/// it. @pre a whole message, not compressed
[[nodiscard]] std::string compressed(std::string message);

/// Whether a client gets what is longer than `compressed_from_bytes` so, as
/// kdb+ sends it: one that can read it, and is not on this host.
/// @param peer its address, without the port
[[nodiscard]] bool is_sent_compressed(char capability, std::string_view peer);
inline constexpr size_t compressed_from_bytes = 2'000;

/// What was compressed. `malformed_message`, `oversize`.
/// @pre read_header says that it is compressed
[[nodiscard]] result<std::string>
expanded(std::string_view message, uint32_t size_max = message_bytes_max);

} // namespace millrace::nodes::kdb
