#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace millrace::chaos {

/// What is done to bytes that go from one node to another.
struct link_rule {
  bool is_cut = false;              ///< Nothing passes, not even an end.
  uint64_t bytes_per_second = 0;    ///< 0: as many as come.
  std::chrono::nanoseconds delay{}; ///< How long each travels.
  /// A bit of this piece from now on flips; 0: of none.
  uint64_t corrupt_in = 0;
};

/// One direction of one connection behind a proxy: bytes that came and have yet
/// to go on, in their order. A piece is what one read brought. Pure; times are
/// those of the caller's clock. One owner.
class link_pipe {
public:
  using time = std::chrono::nanoseconds;

  /// Above it nothing more is to be taken: the sender waits, as it would for a
  /// slow link.
  static constexpr size_t held_bytes_max = size_t{1} << 20;

  /// @returns whether a bit of it was flipped
  bool take(std::span<const char> piece, time now, link_rule& rule);
  [[nodiscard]] bool is_full() const noexcept {
    return held_bytes_ >= held_bytes_max;
  }
  [[nodiscard]] bool is_empty() const noexcept { return held_.empty(); }

  /// What may go on now.
  [[nodiscard]] std::span<const char> due(time now,
                                          const link_rule& rule) const;
  /// So many of the bytes that were due are gone.
  void sent(size_t count, time now, const link_rule& rule);
  /// When there may be something due; none: nothing is held, or the link is
  /// cut.
  [[nodiscard]] std::optional<time> next_due(const link_rule& rule) const;

private:
  struct piece {
    time at;
    std::vector<char> bytes;
    size_t gone = 0;
  };

  std::deque<piece> held_;
  size_t held_bytes_ = 0;
  time free_at_{}; ///< Of a slow link: when what was sent has passed.
};

} // namespace millrace::chaos
