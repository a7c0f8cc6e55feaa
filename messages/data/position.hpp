#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace millrace {

/// A place in a stream: session << 44 | roll << 30 | byte offset in
/// `log.<session>.<roll>`. Numeric order is stream order. A callback receives
/// the *end* of the delivered message, which is where to resume.
struct position {
  static constexpr uint64_t session_max = (uint64_t{1} << 19) - 1;
  static constexpr uint64_t roll_max = (uint64_t{1} << 14) - 1;
  static constexpr uint64_t offset_max = (uint64_t{1} << 30) - 1;

  uint64_t value = 0;

  [[nodiscard]] static constexpr position of(uint64_t session, uint64_t roll,
                                             uint64_t offset) noexcept {
    // An offset of exactly 2^30 carries into the next roll: the same place.
    return {(session << 44) + (roll << 30) + offset};
  }

  [[nodiscard]] constexpr uint64_t session() const noexcept {
    return value >> 44;
  }
  [[nodiscard]] constexpr uint64_t roll() const noexcept {
    return (value >> 30) & roll_max;
  }
  [[nodiscard]] constexpr uint64_t offset() const noexcept {
    return value & offset_max;
  }

  friend constexpr auto operator<=>(position, position) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, position& x) {
    return f(x.value);
  }
};

/// The start of the file that a position is in.
[[nodiscard]] constexpr position file_of(position at) noexcept {
  return position::of(at.session(), at.roll(), 0);
}

/// "log.0.1 @ 4096"
[[nodiscard]] std::string to_string(position pos);

} // namespace millrace
