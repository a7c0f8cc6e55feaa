#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// What bytes between two processes travel in where there is no TLS: records of
// 8 bytes of head and up to 64 KiB. The head has the number of bytes that
// follow and their checksum (each of 4 bytes, big endian), CRC-32C of that
// number and of them, which goes on from the sum of the record before: what was
// changed, left out or put in on the way is noticed before anybody reads it.

namespace millrace::nodes {

inline constexpr size_t record_head_bytes = 8;
inline constexpr size_t record_bytes_max = size_t{64} << 10;

/// The end that sends. Pure; one owner.
class record_writer {
public:
  using head = std::array<char, record_head_bytes>;

  /// What goes before these bytes, which are sent next.
  /// @pre 1 to `record_bytes_max` bytes
  [[nodiscard]] head head_of(std::span<const char> bytes) noexcept;

private:
  uint32_t sum_ = 0;
};

/// The end that receives. What it gives is checked, unless the first bytes are
/// no record: those are given as they came, for those who know what they may
/// be. Holds one record and no more. Pure; one owner.
class record_reader {
public:
  /// Where bytes of the other end are to be put; never empty.
  /// @pre not `has_ready()`
  [[nodiscard]] std::span<char> room();
  /// So many were put there.
  void filled(size_t count);

  [[nodiscard]] bool has_ready() const noexcept { return ready_ != 0; }
  /// Moves what is ready. @returns how many bytes
  size_t take(char* into, size_t most) noexcept;
  /// A record is not as it was sent: nothing is ready any more.
  [[nodiscard]] bool is_damaged() const noexcept {
    return state_ == state::damaged;
  }

private:
  enum class state { first, records, as_they_come, damaged };

  void look();

  state state_ = state::first;
  uint32_t sum_ = 0;
  std::vector<char> bytes_;
  size_t begin_ = 0; ///< What stands before it is taken.
  size_t end_ = 0;
  size_t ready_ = 0; ///< Of those at `begin_`.
};

} // namespace millrace::nodes
