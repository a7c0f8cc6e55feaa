#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstdint>

namespace millrace {

/// Whether a peer is connected, and when to look for it: again and again, after
/// a pause that doubles with each failure until the peer says something. A peer
/// that says nothing for too long counts as gone, for its connection may be
/// half-open. Times are of a monotonic clock. Pure; one owner, who holds the
/// handle, and drops it when it calls `lost`.
class reconnection {
public:
  struct pace {
    int64_t first_ns = 50'000'000;  ///< The first pause.
    int64_t max_ns = 1'000'000'000; ///< The longest one.
    int64_t silence_ns = 0;         ///< Gone after so long; 0: never.
  };
  enum class phase_type : uint8_t { away, connecting, connected };

  explicit reconnection(const pace& how) : pace_{how} {}

  /// Whether the pause is over, and nothing begun.
  [[nodiscard]] bool due(int64_t now_ns) const noexcept {
    return away() && now_ns >= retry_at_ns_;
  }
  /// The owner looks for the peer now, `due` or not: `found` or `lost` follows.
  void begin() noexcept { phase_ = phase_type::connecting; }
  /// The same, as if it had never failed.
  void begin_anew() noexcept;
  void found(int64_t now_ns) noexcept;
  /// It said something.
  void heard(int64_t now_ns) noexcept;
  /// It could not be found, is gone, or was let go of.
  void lost(error why, int64_t now_ns);
  /// Whether it is connected and said nothing for too long; `lost` is due.
  [[nodiscard]] bool silent(int64_t now_ns) const noexcept;

  [[nodiscard]] phase_type phase() const noexcept { return phase_; }
  [[nodiscard]] bool away() const noexcept {
    return phase_ == phase_type::away;
  }
  [[nodiscard]] bool connected() const noexcept {
    return phase_ == phase_type::connected;
  }
  /// When it last said something, or was found.
  [[nodiscard]] int64_t heard_at_ns() const noexcept { return heard_at_ns_; }
  /// Why it is not connected; none while it is, and before the first try.
  [[nodiscard]] const error& last_failure() const noexcept { return failure_; }

private:
  pace pace_;
  phase_type phase_ = phase_type::away;
  int64_t pause_ns_ = 0;
  int64_t retry_at_ns_ = 0;
  int64_t heard_at_ns_ = 0;
  error failure_;
};

} // namespace millrace
