#pragma once

#include <millrace/persistence/disk/env.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace millrace::nodes {

/// What is left until a time of the monotonic clock, for steps that share it.
/// The clock outlives it.
class countdown {
public:
  countdown(persistence::clock_source& clock, std::chrono::nanoseconds all)
    : clock_{&clock}, until_ns_{clock.monotonic_ns() + all.count()} {}

  /// Not below zero.
  [[nodiscard]] std::chrono::milliseconds left() const {
    return std::max(
      std::chrono::milliseconds{0},
      std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds{until_ns_ - clock_->monotonic_ns()}));
  }
  [[nodiscard]] bool over() const {
    return left() == std::chrono::milliseconds{0};
  }

private:
  persistence::clock_source* clock_;
  int64_t until_ns_;
};

} // namespace millrace::nodes
