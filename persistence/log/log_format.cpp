#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_format.hpp>
#include <millrace/persistence/log/log_internal.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <isa-l/crc.h>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace millrace::persistence {

static_assert(std::endian::native == std::endian::little,
              "the log is little endian and read in place");

namespace {

using detail::load;
using detail::store;

#ifdef __SSE4_2__
// Beyond this many bytes ISA-L's folding beats one chain of crc32 instructions
// by more than its call costs.
constexpr size_t short_bytes_max = 160;

// Without the initial value and the final xor.
inline uint32_t crc_word(uint32_t crc, uint64_t word) noexcept {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}

inline uint32_t crc_short(uint32_t crc, const std::byte* from,
                          size_t bytes) noexcept {
  for (; bytes >= 8; from += 8, bytes -= 8)
    crc = crc_word(crc, load<uint64_t>(from));
  if (bytes & 4) {
    crc = _mm_crc32_u32(crc, load<uint32_t>(from));
    from += 4;
  }
  if (bytes & 2) {
    crc = _mm_crc32_u16(crc, load<uint16_t>(from));
    from += 2;
  }
  if (bytes & 1)
    crc = _mm_crc32_u8(crc, load<uint8_t>(from));
  return crc;
}
#else
constexpr size_t short_bytes_max = 0;

inline uint32_t crc_short(uint32_t crc, const std::byte* from,
                          size_t bytes) noexcept {
  return crc32_iscsi(
    reinterpret_cast<unsigned char*>(const_cast<std::byte*>(from)),
    static_cast<int>(bytes), crc);
}
#endif

inline uint32_t crc_raw(uint32_t crc, const std::byte* from,
                        size_t bytes) noexcept {
  if (bytes <= short_bytes_max)
    return crc_short(crc, from, bytes);
  // ISA-L takes and gives the register itself and counts in int.
  constexpr size_t piece_max = size_t{1} << 30;
  while (bytes > 0) {
    const auto piece = std::min(bytes, piece_max);
    crc = crc32_iscsi(
      reinterpret_cast<unsigned char*>(const_cast<std::byte*>(from)),
      static_cast<int>(piece), crc);
    from += piece;
    bytes -= piece;
  }
  return crc;
}

inline uint32_t crc_frame(uint32_t crc, const std::byte* header) noexcept {
  return crc_short(crc, header, frame_header_bytes);
}

// What binds a record to its place, then its header from byte 4 and its origin.
uint32_t crc_record_head(const lineage_id& lineage, position at,
                         const std::byte* record,
                         uint32_t first_frame) noexcept {
  std::byte place[24];
  store(place, lineage.words[0]);
  store(place + 8, lineage.words[1]);
  store(place + 16, at.value);
  auto crc = crc_short(~uint32_t{0}, place, sizeof(place));
  return crc_raw(crc, record + 4, first_frame - 4);
}

constexpr uint32_t first_frame_of(uint32_t origin_bytes) noexcept {
  return record_header_bytes + padded(origin_bytes);
}

bool all_zero(const std::byte* from, size_t bytes) noexcept {
  return std::all_of(from, from + bytes,
                     [](std::byte x) { return x == std::byte{0}; });
}

parse_outcome damage(std::string_view reason) {
  return {parse_outcome::what::damaged, {}, reason};
}

// Walks the frame headers: structure, padding and their share of the CRC.
// Answers the reason of a failure, or nothing and the CRC.
std::string_view walk_frames(const record_view& record, uint32_t& crc) {
  auto at = record.first_frame;
  const auto* data = record.data;
  for (uint32_t i = 0; i < record.frame_count; ++i) {
    if (record.length - at < frame_header_bytes)
      return "frames pass the end of the record";
    const auto bytes = load<uint32_t>(data + at + 20);
    const auto room = record.length - at - frame_header_bytes;
    if (bytes > payload_bytes_max || padded(bytes) > room)
      return "a payload passes the end of the record";
    if (load<uint32_t>(data + at + 28) != at)
      return "a frame disagrees on where its record begins";
    crc = crc_frame(crc, data + at);
    const auto end = at + frame_header_bytes + padded(bytes);
    if (const auto gap = padded(bytes) - bytes; gap != 0) {
      // The last 8 bytes of the frame hold the padding above the payload.
      if (load<uint64_t>(data + end - 8) >> (8 * (8 - gap)) != 0)
        return "padding is not zero";
    }
    at = end;
  }
  if (record.kind == record_kind::padding) {
    if (!all_zero(data + at, record.length - at))
      return "padding is not zero";
  } else if (at != record.length) {
    return "the record is longer than its frames";
  }
  return {};
}

} // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  return ~crc_raw(~seed, bytes.data(), bytes.size());
}

frame_view record_view::frame_at(uint32_t offset) const noexcept {
  const auto* at = data + offset;
  frame_view frame;
  frame.header.on = origin;
  frame.header.id = load<int64_t>(at);
  frame.header.ts = load<int64_t>(at + 8);
  frame.header.to = load<int32_t>(at + 16);
  const auto bytes = load<uint32_t>(at + 20);
  frame.kind = payload;
  frame.payload = {at + frame_header_bytes, bytes};
  frame.payload_crc = load<uint32_t>(at + 24);
  frame.begin = offset;
  frame.end = offset + frame_bytes_of(bytes);
  return frame;
}

parse_outcome parse_record(std::span<const std::byte> bytes,
                           const lineage_id& lineage, position at,
                           payload_check check) {
  if (bytes.size() < record_header_bytes)
    return {};
  const auto* data = bytes.data();
  const auto kind = load<uint8_t>(data + 9);
  const auto origin_bytes = load<uint16_t>(data + 16);
  if (load<uint8_t>(data + 8) != log_format_version)
    return damage("no record, or of another format version");
  if (kind < static_cast<uint8_t>(record_kind::messages)
      || kind > static_cast<uint8_t>(record_kind::padding))
    return damage("unknown record kind");
  if (load<uint8_t>(data + 11) != 0 || load<uint16_t>(data + 18) != 0
      || load<uint32_t>(data + 20) != 0)
    return damage("reserved bytes are not zero");
  record_view record;
  record.kind = static_cast<record_kind>(kind);
  record.payload = static_cast<payload_kind>(load<uint8_t>(data + 10));
  record.length = load<uint32_t>(data + 4);
  record.frame_count = load<uint32_t>(data + 12);
  record.first_frame = first_frame_of(origin_bytes);
  record.data = data;
  if (origin_bytes > origin_bytes_max)
    return damage("origin is too long");
  if (record.length % 8 != 0 || record.length < record.first_frame
      || record.length > record_bytes_max)
    return damage("record length out of bounds");
  if ((record.frame_count == 0) != (record.kind == record_kind::padding))
    return damage("frame count does not fit the record kind");
  if (record.length > bytes.size())
    return {};
  record.origin
    = {reinterpret_cast<const char*>(data) + record_header_bytes, origin_bytes};
  auto crc = crc_record_head(lineage, at, data, record.first_frame);
  if (auto reason = walk_frames(record, crc); !reason.empty())
    return damage(reason);
  if (~crc != load<uint32_t>(data) && !MILLRACE_PLANTED(skip_a_record_checksum))
    return damage("header checksum mismatch");
  if (check == payload_check::verify) {
    for (auto offset = record.first_frame; offset < record.length;) {
      if (record.frame_count == 0)
        break;
      const auto frame = record.frame_at(offset);
      if (crc32c(frame.payload) != frame.payload_crc
          && !MILLRACE_PLANTED(skip_a_payload_checksum))
        return damage("payload checksum mismatch");
      offset = frame.end;
    }
  }
  return {parse_outcome::what::record, record, {}};
}

std::vector<std::byte> encode_padding(const lineage_id& lineage, position from,
                                      position to) {
  std::vector<std::byte> out(to.value - from.value);
  MILLRACE_ASSERT(out.size() % 8 == 0 && out.size() >= record_header_bytes);
  for (size_t at = 0; at < out.size();) {
    auto bytes = std::min<size_t>(out.size() - at, payload_bytes_max);
    // What is left must hold another header.
    if (const auto left = out.size() - at - bytes;
        left != 0 && left < record_header_bytes)
      bytes -= record_header_bytes;
    auto* record = out.data() + at;
    store(record + 4, static_cast<uint32_t>(bytes));
    store(record + 8, log_format_version);
    store(record + 9, static_cast<uint8_t>(record_kind::padding));
    store(record, ~crc_record_head(lineage, {from.value + at}, record,
                                   record_header_bytes));
    at += bytes;
  }
  return out;
}

std::string lost_text(uint64_t bytes) {
  return std::to_string(bytes)
         + " bytes were damaged here, and could not be made again";
}

bool record_builder::joins(record_kind kind, payload_kind payload,
                           std::string_view origin, size_t frame_bytes,
                           uint32_t record_bytes) const noexcept {
  return open_ && kind == kind_ && payload == payload_
         && used_ - record_at_ + frame_bytes <= record_bytes
         && origin == origin_;
}

uint64_t record_builder::bytes_to_add(record_kind kind, payload_kind payload,
                                      std::string_view origin,
                                      size_t frame_bytes,
                                      uint32_t record_bytes) const noexcept {
  if (joins(kind, payload, origin, frame_bytes, record_bytes))
    return frame_bytes;
  return frame_bytes + first_frame_of(static_cast<uint32_t>(origin.size()));
}

void record_builder::grow(size_t bytes) {
  if (buffer_.size() - used_ >= bytes)
    return;
  buffer_.resize(
    std::max({used_ + bytes, 2 * buffer_.size(), size_t{64} << 10}));
}

void record_builder::open_record(record_kind kind, payload_kind payload,
                                 std::string_view origin) {
  close_record();
  const auto first = first_frame_of(static_cast<uint32_t>(origin.size()));
  grow(first);
  record_at_ = used_;
  auto* at = buffer_.data() + used_;
  std::memset(at, 0, first);
  store(at + 8, log_format_version);
  store(at + 9, static_cast<uint8_t>(kind));
  store(at + 10, static_cast<uint8_t>(payload));
  store(at + 16, static_cast<uint16_t>(origin.size()));
  if (!origin.empty())
    std::memcpy(at + record_header_bytes, origin.data(), origin.size());
  used_ += first;
  open_ = true;
  kind_ = kind;
  payload_ = payload;
  origin_ = origin;
  frame_count_ = 0;
}

position record_builder::add(record_kind kind, payload_kind payload,
                             const message_header& header,
                             std::span<const std::byte> bytes,
                             uint32_t record_bytes) {
  return add(kind, payload, header, bytes, crc32c(bytes), record_bytes);
}

position record_builder::add(record_kind kind, payload_kind payload,
                             const message_header& header,
                             std::span<const std::byte> bytes,
                             uint32_t payload_crc, uint32_t record_bytes) {
  MILLRACE_ASSERT(header.on.size() <= origin_bytes_max);
  MILLRACE_ASSERT(bytes.size() <= payload_bytes_max);
  const auto payload_bytes = static_cast<uint32_t>(bytes.size());
  const auto frame_bytes = frame_bytes_of(payload_bytes);
  if (!joins(kind, payload, header.on, frame_bytes, record_bytes))
    open_record(kind, payload, header.on);
  grow(frame_bytes);
  auto* at = buffer_.data() + used_;
  store(at, header.id);
  store(at + 8, header.ts);
  store(at + 16, header.to);
  store(at + 20, payload_bytes);
  store(at + 24, payload_crc);
  store(at + 28, static_cast<uint32_t>(used_ - record_at_));
  if (payload_bytes != 0) {
    // Zeroes the padding, then lays the payload over the rest.
    store(at + frame_bytes - 8, uint64_t{0});
    std::memcpy(at + frame_header_bytes, bytes.data(), payload_bytes);
  }
  used_ += frame_bytes;
  ++frame_count_;
  return end();
}

position record_builder::add_frames(record_kind kind, payload_kind payload,
                                    std::string_view origin,
                                    std::span<const std::byte> frames,
                                    uint32_t count, uint32_t record_bytes) {
  MILLRACE_ASSERT(origin.size() <= origin_bytes_max);
  if (!joins(kind, payload, origin, frames.size(), record_bytes))
    open_record(kind, payload, origin);
  grow(frames.size());
  auto* at = buffer_.data() + used_;
  std::memcpy(at, frames.data(), frames.size());
  used_ += frames.size();
  frame_count_ += count;
  for (const auto* end = buffer_.data() + used_; at < end;
       at += frame_bytes_of(load<uint32_t>(at + 20)))
    store(at + 28, static_cast<uint32_t>(at - buffer_.data()
                                         - static_cast<ptrdiff_t>(record_at_)));
  return this->end();
}

void record_builder::pad(position to) {
  close_record();
  const auto bytes = encode_padding(lineage_, end(), to);
  grow(bytes.size());
  std::memcpy(buffer_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
}

void record_builder::close_record() {
  if (!open_)
    return;
  auto* record = buffer_.data() + record_at_;
  store(record + 4, static_cast<uint32_t>(used_ - record_at_));
  store(record + 12, frame_count_);
  const auto first = first_frame_of(static_cast<uint32_t>(origin_.size()));
  auto crc
    = crc_record_head(lineage_, {begin_.value + record_at_}, record, first);
  auto offset = first;
  for (uint32_t i = 0; i < frame_count_; ++i) {
    crc = crc_frame(crc, record + offset);
    offset += frame_bytes_of(load<uint32_t>(record + offset + 20));
  }
  store(record, ~crc);
  open_ = false;
}

void record_builder::restart() { restart(end()); }

void record_builder::restart(position begin) {
  MILLRACE_ASSERT(!open_);
  begin_ = begin;
  used_ = 0;
}

} // namespace millrace::persistence
