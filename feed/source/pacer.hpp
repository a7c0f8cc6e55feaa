#pragma once

#include <millrace/feed/text/replay_speed.hpp>
#include <millrace/messages/data/types.hpp>

#include <cstdint>

namespace millrace::feed {

/// Says when each row of a replay is to be published. Holds no clock and never
/// waits: the owner asks, waits, and publishes. The first row with a time sets
/// the origin: it is due at once, the others by their distance to it.
class pacer {
public:
  explicit pacer(replay_speed speed) : speed_{speed} {}

  /// @param row_time ns, of the row or of the first row of a batch; may be null
  /// @param monotonic_now ns, of the owner's monotonic clock
  /// @returns the monotonic time at which to publish; `monotonic_now` or less:
  ///   at once. Times that go backwards are due at once.
  int64_t due(int64_t row_time, int64_t monotonic_now) noexcept;

private:
  replay_speed speed_;
  int64_t row_origin_ = null_long;
  int64_t origin_ = 0;
};

} // namespace millrace::feed
