#include <millrace/feed/source/decoded_source_internal.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace millrace::feed {

namespace {

// All numbers of IEX, and of the packet files that it writes, are little-endian
// as this machine's are; those of the network's headers are not.
using bytes = std::span<const std::byte>;

template <class T>
T number_at(bytes from, size_t offset) {
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

uint16_t network_16(bytes from, size_t offset) {
  return static_cast<uint16_t>(network_number(from, offset, 2));
}

constexpr size_t file_header_bytes = 24;
constexpr size_t packet_header_bytes = 16;
constexpr size_t transport_header_bytes = 40;
constexpr uint32_t magic_us = 0xa1b2c3d4;
constexpr uint32_t magic_ns = 0xa1b23c4d;
// Of pcapng: all is in blocks of a kind and a length, at both ends.
constexpr size_t block_header_bytes = 12; // With what tells a section's order.
constexpr uint32_t section_block = 0x0a0d0d0a; // In either order.
constexpr uint32_t section_order = 0x1a2b3c4d;
constexpr uint32_t interface_block = 1;
constexpr uint32_t old_packet_block = 2;
constexpr uint32_t simple_packet_block = 3;
constexpr uint32_t packet_block = 6;
/// No packet of a recording is longer.
constexpr size_t packet_bytes_max = 256 * 1024;

/// What a UDP packet carries; empty: it is another one.
bytes payload_of(bytes packet) {
  size_t at = 12;
  while (packet.size() >= at + 4 && network_16(packet, at) == 0x8100)
    at += 4; // A tag of a virtual network.
  if (packet.size() < at + 22 || network_16(packet, at) != 0x0800)
    return {};
  at += 2;
  const auto header
    = (std::to_integer<size_t>(packet[at]) & 0x0f) * 4; // Of IP.
  constexpr auto udp = std::byte{17};
  if (packet[at + 9] != udp || packet.size() < at + header + 8)
    return {};
  const auto length = network_16(packet, at + header + 4);
  packet = packet.subspan(at + header);
  return length < 8 || packet.size() < length ? bytes{}
                                              : packet.subspan(8, length - 8u);
}

void append_symbol(bytes message, std::string& out) {
  std::string_view symbol{reinterpret_cast<const char*>(message.data()) + 10,
                          8};
  symbol = symbol.substr(0, symbol.find(' '));
  out += symbol;
}

class iex_source final : public decoded_source {
public:
  iex_source(std::unique_ptr<source> packets, decoding wanted,
             std::string label)
    : decoded_source{std::move(packets), std::move(label)}, wanted_{wanted} {}

private:
  /// Of the recording's headers, which are in the order of its writer.
  [[nodiscard]] uint32_t header_32(size_t offset) const {
    const auto value = number_at<uint32_t>(window(), offset);
    return swapped_ ? __builtin_bswap32(value) : value;
  }
  [[nodiscard]] uint16_t header_16(size_t offset) const {
    const auto value = number_at<uint16_t>(window(), offset);
    return swapped_ ? __builtin_bswap16(value) : value;
  }

  [[nodiscard]] error check_link(uint32_t link) const {
    return link == 1 ? error{}
                     : error{errc::bad_data, label() + ": packets of link type "
                                               + std::to_string(link)
                                               + "; Ethernet (1) is read"};
  }

  error take_file_header() {
    const auto known = ensure(sizeof(uint32_t));
    if (!known)
      return known.failure();
    const auto magic = *known ? number_at<uint32_t>(window(), 0) : uint32_t{0};
    begun_ = true;
    in_blocks_ = magic == section_block;
    if (in_blocks_)
      return {}; // Its first block says the rest.
    const auto turned = __builtin_bswap32(magic);
    swapped_ = turned == magic_us || turned == magic_ns;
    const auto whole = ensure(file_header_bytes);
    if (!whole)
      return whole.failure();
    if (!*whole || (!swapped_ && magic != magic_us && magic != magic_ns))
      return {errc::bad_data,
              label() + ": is not a recording of packets (pcap, pcapng)"};
    if (auto fault = check_link(header_32(20)))
      return fault;
    pass(file_header_bytes);
    return {};
  }

  result<bool> take() override {
    if (!begun_)
      if (auto fault = take_file_header())
        return fault;
    const auto head_bytes
      = in_blocks_ ? block_header_bytes : packet_header_bytes;
    auto whole = ensure(head_bytes);
    if (!whole)
      return whole;
    if (!*whole && window().empty()) {
      if (auto fault = check_protocol())
        return fault;
      return false;
    }
    if (!*whole)
      return early_end("the recording ends inside a packet");
    return in_blocks_ ? take_block() : take_packet();
  }

  result<bool> take_packet() {
    const size_t length = header_32(8);
    if (length > packet_bytes_max)
      return bad("a packet of " + std::to_string(length) + " bytes");
    const auto whole = ensure(packet_header_bytes + length);
    if (!whole)
      return whole;
    if (!*whole)
      return early_end("the recording ends inside a packet");
    return taken(take_payload(packet_header_bytes, length),
                 packet_header_bytes + length);
  }

  /// Of a pcapng file: a packet, or what is told of those that come.
  result<bool> take_block() {
    const auto kind = number_at<uint32_t>(window(), 0);
    if (kind == section_block) {
      const auto order = number_at<uint32_t>(window(), 8);
      swapped_ = order == __builtin_bswap32(section_order);
      links_.clear();
      if (!swapped_ && order != section_order)
        return bad("a section of a pcapng file without its mark");
    }
    const size_t length = header_32(4);
    if (length < block_header_bytes || length % 4 != 0
        || length > packet_bytes_max)
      return bad("a block of " + std::to_string(length) + " bytes");
    const auto whole = ensure(length);
    if (!whole)
      return whole;
    if (!*whole)
      return early_end("the recording ends inside a packet");
    return taken(take_body(kind == section_block ? kind : header_32(0), length),
                 length);
  }

  /// @param length of the block, all of which is there
  error take_body(uint32_t kind, size_t length) {
    constexpr size_t end_bytes = 4; // Its length once more.
    const bool simple = kind == simple_packet_block;
    if (kind == interface_block && length >= 20)
      links_.push_back(header_16(8));
    if (!simple && kind != packet_block && kind != old_packet_block)
      return {};
    const size_t begin = simple ? 12 : 28;
    if (length < begin + end_bytes)
      return bad("a block of " + std::to_string(length) + " bytes");
    const size_t room = length - end_bytes - begin;
    // Of a simple one, which is cut to what the interface takes, the rest is
    // filled up with less than four bytes.
    const size_t bytes
      = simple ? std::min<size_t>(header_32(8), room) : header_32(20);
    const size_t from = simple                 ? 0
                        : kind == packet_block ? header_32(8)
                                               : header_16(8);
    if (bytes > room || from >= links_.size())
      return bad("a packet that does not fit its block or interface");
    if (auto fault = check_link(links_[from]))
      return fault;
    return take_payload(begin, bytes);
  }

  error take_payload(size_t begin, size_t length) {
    const auto payload = payload_of(window().subspan(begin, length));
    return payload.empty() ? error{} : take_messages(payload);
  }

  result<bool> taken(error fault, size_t length) {
    pass(length);
    if (fault)
      return fault;
    return true;
  }

  /// A recording of the other protocol has none of these rows, and never will.
  [[nodiscard]] error check_protocol() const {
    if (wanted_ == decoding::iex_quotes && tops_ == 0 && deep_ != 0)
      return bad("is a recording of DEEP, which has no quotes: those are of "
                 "TOPS; price levels are read by 'iex-level'");
    if (wanted_ == decoding::iex_levels && deep_ == 0 && tops_ != 0)
      return bad("is a recording of TOPS, which has no price levels: those are "
                 "of DEEP; quotes are read by 'iex-quote'");
    return {};
  }

  error take_messages(bytes payload) {
    if (payload.size() < transport_header_bytes)
      return {};
    // TOPS 1.6 and DEEP 1.0; others speak of other things.
    const auto protocol = number_at<uint16_t>(payload, 2);
    if (protocol != 0x8003 && protocol != 0x8004)
      return {};
    ++(protocol == 0x8003 ? tops_ : deep_);
    const auto count = number_at<uint16_t>(payload, 14);
    payload = payload.subspan(transport_header_bytes);
    for (uint16_t i = 0; i < count; ++i) {
      const size_t length
        = payload.size() < 2 ? 0 : number_at<uint16_t>(payload, 0);
      if (length == 0 || payload.size() < length + 2)
        return bad("message " + std::to_string(i + 1) + " of "
                   + std::to_string(count) + " is cut off");
      append(payload.subspan(2, length));
      payload = payload.subspan(length + 2);
    }
    return {};
  }

  void append(bytes message) {
    const auto type = static_cast<char>(message[0]);
    const bool level = type == '8' || type == '5';
    const bool fits
      = wanted_ == decoding::iex_trades   ? type == 'T' && message.size() >= 38
        : wanted_ == decoding::iex_quotes ? type == 'Q' && message.size() >= 42
                                          : level && message.size() >= 30;
    if (!fits)
      return;
    out += std::to_string(number_at<int64_t>(message, 2)) + ',';
    append_symbol(message, out);
    const auto put = [this](auto value) { out += ',' + std::to_string(value); };
    put(number_at<uint32_t>(message, 18));
    put(number_at<int64_t>(message, 22));
    if (wanted_ == decoding::iex_trades) {
      put(number_at<int64_t>(message, 30));
    } else if (wanted_ == decoding::iex_quotes) {
      put(number_at<int64_t>(message, 30));
      put(number_at<uint32_t>(message, 38));
    } else {
      out += type == '8' ? ",B" : ",S";
    }
    put(std::to_integer<unsigned>(message[1]));
    out += '\n';
  }

  decoding wanted_;
  bool begun_ = false;
  bool in_blocks_ = false;      ///< A pcapng file.
  bool swapped_ = false;        ///< Headers are in the other order.
  std::vector<uint32_t> links_; ///< Of the section's interfaces.
  uint64_t tops_ = 0;           ///< Packets.
  uint64_t deep_ = 0;
};

} // namespace

std::unique_ptr<source> decode_iex(std::unique_ptr<source> packets,
                                   decoding wanted, std::string label) {
  return std::make_unique<iex_source>(std::move(packets), wanted,
                                      std::move(label));
}

} // namespace millrace::feed
