#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace {

/// Whether end offsets do not fall and stay within `limit` bytes of text.
[[nodiscard]] inline bool ascending_within(std::span<const uint32_t> ends,
                                           size_t limit) noexcept {
  // Each against its neighbour, not against a running value: the loop has no
  // chain and runs in vectors.
  uint32_t falls = 0;
  for (size_t i = 1; i < ends.size(); ++i)
    falls |= static_cast<uint32_t>(ends[i] < ends[i - 1]);
  return falls == 0 && (ends.empty() || ends.back() <= limit);
}

} // namespace millrace
