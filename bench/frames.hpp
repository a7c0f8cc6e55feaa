#pragma once

#include <millrace/bench/local_socket.hpp>

#include <cstring>
#include <vector>

namespace millrace::bench {

/// What stands before each payload of the limit program.
struct frame_header {
  uint32_t payload_bytes = 0;
  uint32_t publisher = 0;
  uint64_t sequence = 0;
};

/// Frames as they come from a socket.
class frame_source {
public:
  explicit frame_source(const descriptor& from)
    : from_{&from}, buffer_(buffer_bytes) {}

  /// Waits for at least one frame, and calls `take(frame)` for each that is
  /// here whole, its header included.
  /// @returns all of them; valid until the next call. Empty: the end.
  template <class Take>
  result<std::span<std::byte>> next(Take take) {
    std::memmove(buffer_.data(), buffer_.data() + taken_, filled_ - taken_);
    filled_ -= taken_;
    taken_ = 0;
    while (taken_ == 0) {
      auto got = receive(*from_, std::span{buffer_}.subspan(filled_));
      if (!got)
        return got.failure();
      if (*got == 0)
        break;
      filled_ += *got;
      while (const auto size = whole_frame()) {
        take(buffer_.data() + taken_);
        taken_ += size;
      }
    }
    return std::span{buffer_}.first(taken_);
  }

private:
  static constexpr size_t buffer_bytes = size_t{512} << 10;

  /// Bytes of the next frame; 0: it is not all here.
  [[nodiscard]] size_t whole_frame() const noexcept {
    frame_header header;
    if (filled_ - taken_ < sizeof header)
      return 0;
    std::memcpy(&header, buffer_.data() + taken_, sizeof header);
    const auto size = sizeof header + header.payload_bytes;
    return filled_ - taken_ < size ? 0 : size;
  }

  const descriptor* from_;
  std::vector<std::byte> buffer_;
  size_t taken_ = 0;
  size_t filled_ = 0;
};

} // namespace millrace::bench
