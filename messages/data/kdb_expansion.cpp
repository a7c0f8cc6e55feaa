#include <millrace/messages/data/kdb_expansion.hpp>

#include <array>
#include <cstring>

namespace millrace {

namespace {

constexpr size_t header_bytes = 8;
/// After the header stands the expanded size, then the items: groups of a byte
/// of flags and up to eight of them, each a byte, or a pair of bytes seen
/// before and how many more of the bytes after that pair follow.
constexpr size_t items_offset = 12;
/// The expanded size is at most this many times what the items take.
constexpr size_t ratio_max = 128;

uint8_t byte_at(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint8_t>(bytes[i]);
}

} // namespace

result<std::string> expand_kdb_message(std::string_view message,
                                       uint32_t size_max) {
  const auto fault = [](size_t offset, const char* what) {
    return error{errc::malformed_message, "compressed message: byte "
                                            + std::to_string(offset) + ": "
                                            + what};
  };
  if (message.size() < items_offset)
    return fault(message.size(), "it ends before its size");
  uint32_t size = 0;
  std::memcpy(&size, message.data() + header_bytes, sizeof size);
  if (message[0] == 0)
    size = __builtin_bswap32(size);
  if (size < message.size() - 4 || size <= header_bytes
      || size > ratio_max * (message.size() - items_offset + 1))
    return fault(header_bytes, "the expanded size cannot be true");
  if (size > size_max)
    return error{errc::oversize, "a message of " + std::to_string(size)
                                   + " bytes; at most "
                                   + std::to_string(size_max) + " are read"};
  std::string out{message.substr(0, header_bytes)};
  out.reserve(size);
  std::array<size_t, 256> seen{};
  size_t registered = header_bytes;
  size_t at = items_offset;
  uint8_t flags = 0;
  for (unsigned bit = 0; out.size() < size; bit = (bit + 1) % 8) {
    if (bit == 0) {
      if (at >= message.size())
        return fault(at, "it ends too early");
      flags = byte_at(message, at++);
    }
    const bool is_match = (flags >> bit & 1) != 0;
    if (at + (is_match ? 2 : 1) > message.size())
      return fault(at, "it ends too early");
    size_t from = 0;
    size_t more = 0;
    if (is_match) {
      from = seen[byte_at(message, at)];
      more = byte_at(message, at + 1);
      if (from == 0 || out.size() + 2 + more > size)
        return fault(at, "it repeats what was not there");
      at += 2;
      // One by one: the pair may reach into itself.
      out.push_back(out[from]);
      out.push_back(out[from + 1]);
    } else {
      out.push_back(message[at++]);
    }
    for (; registered + 1 < out.size(); ++registered)
      seen[byte_at(out, registered) ^ byte_at(out, registered + 1)]
        = registered;
    if (is_match) {
      for (from += 2; more > 0; --more)
        out.push_back(out[from++]);
      registered = out.size();
    }
  }
  if (at != message.size())
    return fault(at, "bytes follow its end");
  out[2] = 0;
  std::memcpy(out.data() + 4, &size, sizeof size);
  if (out[0] == 0)
    for (size_t i = 0; i < 4; ++i)
      out[4 + i] = message[header_bytes + i];
  return out;
}

} // namespace millrace
