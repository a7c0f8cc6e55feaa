#include <millrace/nodes/servers/kdb/codec.hpp>

#include <array>

// Implements `compressed` and `expanded` of codec.hpp: groups of a byte of
// flags and up to eight items, each a byte, or a pair of bytes seen before and
// how many more of the bytes after that pair follow.

namespace millrace::nodes::kdb {

namespace {

/// The expanded size is at most this many times what the items take.
constexpr size_t ratio_max = 128;
constexpr size_t items_offset = 12;

uint8_t byte_at(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint8_t>(bytes[i]);
}

void put_size(std::string& into, size_t offset, uint32_t size) noexcept {
  std::memcpy(into.data() + offset, &size, sizeof size);
}

} // namespace

std::string compressed(std::string message) {
  const std::string_view in{message};
  std::string out;
  out.reserve(in.size() / 2);
  out.assign(in.substr(0, header_bytes));
  out.append(4, '\0');
  std::array<size_t, 256> seen{};
  size_t at = header_bytes;
  size_t pending = 0; // Where a pair waits for its second byte; 0: none.
  while (at < in.size()) {
    // A group takes 17 bytes at most.
    if (out.size() + 17 > in.size() / 2)
      return message;
    const auto flags_at = out.size();
    out.push_back('\0');
    uint8_t flags = 0;
    for (unsigned bit = 0; bit < 8 && at < in.size(); ++bit) {
      const bool has_pair = at + 2 < in.size();
      const auto hash
        = has_pair ? static_cast<uint8_t>(byte_at(in, at) ^ byte_at(in, at + 1))
                   : uint8_t{0};
      const auto found = has_pair ? seen[hash] : 0;
      const bool is_match = found != 0 && in[found] == in[at];
      if (pending != 0)
        seen[byte_at(in, pending) ^ byte_at(in, pending + 1)] = pending;
      pending = 0;
      if (!is_match) {
        pending = at;
        out.push_back(in[at++]);
        if (pending + 1 >= in.size())
          pending = 0;
        continue;
      }
      seen[hash] = at;
      flags = static_cast<uint8_t>(flags | (1u << bit));
      size_t from = found + 2;
      at += 2;
      size_t more = 0;
      while (more < 255 && at < in.size() && in[from] == in[at])
        ++more, ++from, ++at;
      out.push_back(static_cast<char>(hash));
      out.push_back(static_cast<char>(more));
    }
    out[flags_at] = static_cast<char>(flags);
  }
  out[2] = 1;
  put_size(out, 4, static_cast<uint32_t>(out.size()));
  put_size(out, header_bytes, static_cast<uint32_t>(in.size()));
  return out;
}

result<std::string> expanded(std::string_view message, uint32_t size_max) {
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

} // namespace millrace::nodes::kdb
