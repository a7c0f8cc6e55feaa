#include <millrace/feed/source/pacer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fast_float/fast_float.h>

namespace millrace::feed {

result<replay_speed> parse_speed(std::string_view text) {
  if (text == "max")
    return replay_speed{0};
  if (text == "original")
    return replay_speed{1};
  double factor = 0;
  if (text.ends_with('x')) {
    const auto* end = text.data() + text.size() - 1;
    const auto parsed = fast_float::from_chars(text.data(), end, factor);
    if (parsed.ec == std::errc{} && parsed.ptr == end && factor >= 1e-6
        && factor <= 1e9)
      return replay_speed{factor};
  }
  return error{errc::invalid_argument,
               "speed '" + std::string{text}
                 + "' is not max, original, or a factor such as 10x "
                   "(0.000001x to 1000000000x)"};
}

std::string to_string(replay_speed speed) {
  if (speed.factor == 0)
    return "max";
  if (speed.factor == 1)
    return "original";
  char text[40];
  std::snprintf(text, sizeof text, "%gx", speed.factor);
  return text;
}

int64_t pacer::due(int64_t row_time, int64_t monotonic_now) noexcept {
  if (speed_.factor == 0 || row_time == null_long)
    return monotonic_now;
  if (row_origin_ == null_long) {
    row_origin_ = row_time;
    origin_ = monotonic_now;
  }
  if (speed_.factor == 1)
    return origin_ + (row_time - row_origin_);
  // In floating point: years times a small factor would overflow. Doubles tell
  // days apart to some nanoseconds, which is enough here.
  const auto distance
    = static_cast<double>(row_time - row_origin_) / speed_.factor;
  constexpr double far = 4e18;
  const auto at = static_cast<double>(origin_) + distance;
  return static_cast<int64_t>(std::clamp(at, -far, far));
}

} // namespace millrace::feed
