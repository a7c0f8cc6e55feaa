#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/header.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Bytes of `log.<session>.<roll>`; docs/log_format.md is the specification.
namespace millrace::persistence {

enum class record_kind : uint8_t {
  messages = 1, ///< Frames of one origin and one payload kind.
  event = 2,    ///< One stream event; its frame's payload is StreamEvent.
  marker = 3,   ///< One merged end of period.
  state = 4,    ///< What the writer must know to go on; skipped by readers.
  seal = 5,     ///< Last record of a closed file.
  padding = 6,  ///< No frames; fills space.
};

/// Record header, 24 bytes, little endian, at a multiple of 8:
///   0  u32 crc     CRC-32C over lineage (16), position (8), bytes 4.. of this
///                  header, origin with padding, and every frame header
///   4  u32 length  of the whole record, a multiple of 8
///   8  u8 version = 1   9 u8 record_kind   10 u8 payload_kind   11 u8 0
///  12  u32 frame_count
///  16  u16 origin_length   18 u16 0   20 u32 0
///  24  origin, zero-padded to 8
/// Frame header, 32 bytes, then the payload, zero-padded to 8:
///   0  i64 id   8 i64 ts   16 i32 to   20 u32 payload_length
///  24  u32 payload_crc (CRC-32C)   28 u32 back: bytes from the record's start
/// A position of a message is the place of its frame header; of the first
/// frame also the record's start.
inline constexpr uint32_t record_header_bytes = 24;
inline constexpr uint32_t frame_header_bytes = 32;
inline constexpr uint8_t log_format_version = 1;
/// A record with one message of payload_bytes_max fits.
inline constexpr uint32_t record_bytes_max = payload_bytes_max + 1024;
inline constexpr uint32_t origin_bytes_max = 255;

[[nodiscard]] constexpr uint32_t padded(uint32_t bytes) noexcept {
  return (bytes + 7u) & ~7u;
}

/// Bytes of a frame with such a payload.
[[nodiscard]] constexpr uint32_t
frame_bytes_of(uint32_t payload_bytes) noexcept {
  return frame_header_bytes + padded(payload_bytes);
}

/// CRC-32C (Castagnoli) as in iSCSI: initial value and final xor all ones;
/// crc32c("123456789") == 0xe3069283. `seed` continues an earlier sum.
[[nodiscard]] uint32_t crc32c(std::span<const std::byte> bytes,
                              uint32_t seed = 0) noexcept;

/// One message inside a record, in place.
struct frame_view {
  message_header header;
  payload_kind kind = payload_kind::opaque;
  std::span<const std::byte> payload; ///< 8-byte aligned when the record is.
  uint32_t payload_crc = 0;
  uint32_t begin = 0; ///< Offset of the frame header in the record.
  uint32_t end = 0;   ///< Offset after the padded payload.
};

/// A record whose header, frame headers and padding have been verified, and
/// its payloads as well unless they were left to the caller.
class record_view {
public:
  record_kind kind = record_kind::padding;
  payload_kind payload = payload_kind::opaque;
  std::string_view origin;
  uint32_t length = 0;
  uint32_t frame_count = 0;
  uint32_t first_frame = 0; ///< Offset of the first frame header.
  const std::byte* data = nullptr;

  /// All frames, headers and padding included. @pre kind is not padding
  [[nodiscard]] std::span<const std::byte> frames() const noexcept {
    return {data + first_frame, length - first_frame};
  }

  /// The frame whose header lies at `offset` of the record.
  /// @pre `offset` is `first_frame` or the `end` of an earlier frame, < length.
  [[nodiscard]] frame_view frame_at(uint32_t offset) const noexcept;
};

/// Three outcomes: a record, not enough bytes yet, or damage.
struct parse_outcome {
  enum class what { record, incomplete, damaged } kind = what::incomplete;
  record_view record;
  std::string_view reason; ///< For damage: which check failed.
};

enum class payload_check { verify, skip };

/// Reads the record at the start of `bytes`, which lies at `at` of a log of
/// `lineage`. `incomplete` only says that `bytes` end before the record does.
/// No byte of a damaged record is trusted: length is bounded before use.
[[nodiscard]] parse_outcome parse_record(std::span<const std::byte> bytes,
                                         const lineage_id& lineage, position at,
                                         payload_check check);

/// Padding records that fill [from, to): they stand for bytes that are lost, in
/// a copy that goes on after them. @pre both are places of records of one file,
/// and the bytes between are a header at least.
[[nodiscard]] std::vector<std::byte> encode_padding(const lineage_id& lineage,
                                                    position from, position to);

/// Why so much padding is a `badtail` to those who read it.
[[nodiscard]] std::string lost_text(uint64_t bytes);

/// Builds records in a contiguous buffer, one after the other.
/// Owner: one thread.
class record_builder {
public:
  record_builder(lineage_id lineage, position begin)
    : lineage_{lineage}, begin_{begin} {}

  /// Where the next byte goes.
  [[nodiscard]] position end() const noexcept { return {begin_.value + used_}; }
  [[nodiscard]] position begin() const noexcept { return begin_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {buffer_.data(), used_};
  }
  [[nodiscard]] bool empty() const noexcept { return used_ == 0; }

  /// Adds one frame to the open record, or closes that and opens another when
  /// kind, payload kind or origin differ or it would pass `record_bytes`.
  /// @pre header.on has at most origin_bytes_max bytes, `bytes` at most
  /// payload_bytes_max.
  /// @returns the position of the frame's end.
  position add(record_kind kind, payload_kind payload,
               const message_header& header, std::span<const std::byte> bytes,
               uint32_t record_bytes = 64u << 10);

  /// The same with the payload's CRC already known: nothing is summed again.
  position add(record_kind kind, payload_kind payload,
               const message_header& header, std::span<const std::byte> bytes,
               uint32_t payload_crc, uint32_t record_bytes);

  /// Adds `count` whole frames as they lie in another record of this kind: they
  /// stay in one record.
  position add_frames(record_kind kind, payload_kind payload,
                      std::string_view origin,
                      std::span<const std::byte> frames, uint32_t count,
                      uint32_t record_bytes);

  /// Fills up to `to` with padding: see `encode_padding`.
  void pad(position to);

  /// Bytes that `add` or `add_frames` would append for `frame_bytes` of frames:
  /// as many when they join the open record, a record header and the origin
  /// more otherwise.
  [[nodiscard]] uint64_t bytes_to_add(record_kind kind, payload_kind payload,
                                      std::string_view origin,
                                      size_t frame_bytes,
                                      uint32_t record_bytes) const noexcept;

  /// Completes the open record. Call before the bytes are used.
  void close_record();

  /// Forgets the bytes (they were written) and goes on at their end. Any other
  /// place: at `begin`.
  void restart();
  void restart(position begin);

private:
  [[nodiscard]] bool joins(record_kind kind, payload_kind payload,
                           std::string_view origin, size_t frame_bytes,
                           uint32_t record_bytes) const noexcept;
  void open_record(record_kind kind, payload_kind payload,
                   std::string_view origin);
  void grow(size_t bytes);

  lineage_id lineage_;
  position begin_;
  std::vector<std::byte> buffer_; // Longer than what is used.
  size_t used_ = 0;
  size_t record_at_ = 0;
  bool open_ = false;
  record_kind kind_ = record_kind::padding;
  payload_kind payload_ = payload_kind::opaque;
  std::string origin_;
  uint32_t frame_count_ = 0;
};

} // namespace millrace::persistence
