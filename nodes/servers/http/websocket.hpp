#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// WebSocket (RFC 6455) as a server speaks it. Pure.

namespace millrace::nodes::http {

enum class frame_kind : uint8_t {
  more = 0x0, ///< Goes on with the message of the frame before.
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xa,
};

/// Why a connection is closed.
enum class close_code : uint16_t {
  normal = 1000,
  protocol_error = 1002,
  not_taken = 1003, ///< Data that this server has no use for.
  policy = 1008,
  failed = 1011,
};

/// One whole frame for a client: not masked, the last of its message.
[[nodiscard]] std::string frame_bytes(frame_kind kind,
                                      std::string_view payload);
/// A close frame with its code, and why in at most 123 bytes.
[[nodiscard]] std::string close_bytes(close_code code, std::string_view why);

struct client_frame {
  frame_kind kind = frame_kind::text;
  std::string payload; ///< Without its mask.
};

/// Takes one frame off the front of `bytes`; none: it is not whole yet.
/// `malformed_message` for what no client sends, or more than 125 bytes: what a
/// stream is told fits them.
[[nodiscard]] result<std::optional<client_frame>>
next_frame(std::string& bytes);

} // namespace millrace::nodes::http
