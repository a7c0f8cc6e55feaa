#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <cstdint>

namespace millrace::test_support {

/// A clock that stands still until it is told to go on. Wall and monotonic
/// time may differ, so that a test sees which of them was taken.
class manual_clock final : public persistence::clock_source {
public:
  /// @param monotonic In ns, as of now.
  /// @param ahead By how much wall time is more than monotonic time, in ns.
  explicit manual_clock(int64_t monotonic = 0, int64_t ahead = 0)
    : monotonic_{monotonic}, ahead_{ahead} {}

  int64_t now_ns() override { return monotonic_ + ahead_; }
  int64_t monotonic_ns() override { return monotonic_; }

  void set(int64_t monotonic) { monotonic_ = monotonic; }
  void advance(int64_t ns) { monotonic_ += ns; }

private:
  int64_t monotonic_;
  int64_t ahead_;
};

} // namespace millrace::test_support
