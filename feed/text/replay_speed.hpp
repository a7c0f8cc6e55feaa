#pragma once

#include <millrace/messages/base/result.hpp>

#include <string_view>

namespace millrace::feed {

/// How fast a recording is replayed.
struct replay_speed {
  /// Row time that passes in one second; 0: as fast as possible.
  double factor = 0;
  friend bool operator==(const replay_speed&, const replay_speed&) = default;
};

/// Reads "max", "original" (1x), "10x", "0.5x". `invalid_argument` otherwise.
[[nodiscard]] result<replay_speed> parse_speed(std::string_view text);

} // namespace millrace::feed
