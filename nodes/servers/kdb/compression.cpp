#include <millrace/messages/data/kdb_expansion.hpp>
#include <millrace/nodes/servers/kdb/codec.hpp>

#include <array>

// Implements `compressed` and `expanded` of codec.hpp: groups of a byte of
// flags and up to eight items, each a byte, or a pair of bytes seen before and
// how many more of the bytes after that pair follow.

namespace millrace::nodes::kdb {

namespace {

uint8_t byte_at(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint8_t>(bytes[i]);
}

void put_size(std::string& into, size_t offset, uint32_t size) noexcept {
  std::memcpy(into.data() + offset, &size, sizeof size);
}

} // namespace

bool is_sent_compressed(char capability, std::string_view peer) {
  const bool is_local = peer.empty() || peer.starts_with("127.")
                        || peer == "::1" || peer.starts_with("::ffff:127.");
  return capability > 0 && !is_local;
}

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
  return expand_kdb_message(message, size_max);
}

} // namespace millrace::nodes::kdb
