#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::feed {

/// Lines of one block of text with the right number of fields. Row r consists
/// of the fields between bounds[first[r]], bounds[first[r] + 1], ...; its last
/// field ends at row_end[r] (which leaves a carriage return out).
struct row_slice {
  const char* text = nullptr;
  const uint32_t* bounds = nullptr;
  const uint32_t* first = nullptr;
  const uint32_t* row_end = nullptr;
  uint32_t count = 0;

  /// @param last the line has no field after it
  [[nodiscard]] std::string_view field(uint32_t row, uint32_t number,
                                       bool last) const noexcept {
    const auto* bound = bounds + first[row] + number;
    // The bound before the first field of a block is -1: it wraps to 0.
    const uint32_t begin = bound[0] + 1;
    const uint32_t end = last ? row_end[row] : bound[1];
    return {text + begin, end - begin};
  }
};

} // namespace millrace::feed
