#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::query {

/// How far two places are apart, as an unsigned number that cannot overflow.
inline uint64_t distance(int64_t a, int64_t b) {
  return a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
               : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
}

/// How many of `times`, which ascend, are not later than `time`: found from
/// `place`, the answer for a time that is often the one before.
inline size_t not_later(std::span<const int64_t> times, int64_t time,
                        size_t place) {
  const auto* first = times.data();
  if (place > 0 && first[place - 1] > time)
    return static_cast<size_t>(std::upper_bound(first, first + place - 1, time)
                               - first);
  // Doubling steps, then halving.
  size_t step = 1;
  while (step < times.size() - place && first[place + step] <= time) {
    place += step;
    step *= 2;
  }
  const auto end = std::min(times.size(), place + step);
  return static_cast<size_t>(std::upper_bound(first + place, first + end, time)
                             - first);
}

} // namespace millrace::query
