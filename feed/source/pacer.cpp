#include <millrace/feed/source/pacer.hpp>

#include <algorithm>

namespace millrace::feed {

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
