#include <millrace/nodes/servers/http/websocket.hpp>

namespace millrace::nodes::http {

namespace {

constexpr size_t control_bytes_max = 125;

uint8_t byte_at(std::string_view of, size_t at) {
  return static_cast<uint8_t>(of[at]);
}

void append_big_endian(std::string& out, uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(number >> (8 * i));
}

bool is_kind(uint8_t code) { return code <= 2 || (code >= 8 && code <= 10); }

error malformed(const char* why) {
  return {errc::malformed_message, std::string{"WebSocket: "} + why};
}

} // namespace

std::string frame_bytes(frame_kind kind, std::string_view payload) {
  std::string out;
  out += static_cast<char>(0x80 | static_cast<uint8_t>(kind));
  if (payload.size() <= control_bytes_max) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    out += char{126};
    append_big_endian(out, payload.size(), 2);
  } else {
    out += char{127};
    append_big_endian(out, payload.size(), 8);
  }
  out += payload;
  return out;
}

std::string close_bytes(close_code code, std::string_view why) {
  std::string payload;
  append_big_endian(payload, static_cast<uint16_t>(code), 2);
  payload += why.substr(0, control_bytes_max - 2);
  return frame_bytes(frame_kind::close, payload);
}

result<std::optional<client_frame>> next_frame(std::string& bytes) {
  using none = std::optional<client_frame>;
  if (bytes.size() < 2)
    return none{};
  const auto code = static_cast<uint8_t>(byte_at(bytes, 0) & 0x0f);
  const bool is_last = (byte_at(bytes, 0) & 0x80) != 0;
  if ((byte_at(bytes, 0) & 0x70) != 0 || !is_kind(code))
    return malformed("a frame of an unknown kind");
  if ((byte_at(bytes, 1) & 0x80) == 0)
    return malformed("a frame without a mask");
  size_t size = byte_at(bytes, 1) & 0x7f;
  // Nothing that a client says here is longer.
  if (size > control_bytes_max)
    return malformed("a frame of more than 125 bytes");
  if (code >= 8 && !is_last)
    return malformed("a control frame in parts");
  constexpr size_t head = 6;
  if (bytes.size() < head + size)
    return none{};
  client_frame out;
  out.kind = static_cast<frame_kind>(code);
  for (size_t i = 0; i < size; ++i)
    out.payload += static_cast<char>(bytes[head + i] ^ bytes[2 + i % 4]);
  bytes.erase(0, head + size);
  return std::optional{std::move(out)};
}

} // namespace millrace::nodes::http
