#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace millrace::rt {

/// The payload sums of the newest ids of one origin, without a hole: an id that
/// comes again with another payload is found by them. Takes memory for what it
/// holds alone, so that many origins with few messages cost little. One owner.
class payload_window {
public:
  static constexpr size_t size_max = 4096;

  payload_window() = default;
  /// As `sums` gave them. @pre not more than `size_max`.
  explicit payload_window(std::vector<uint32_t> sums)
    : sums_{std::move(sums)} {}

  /// The sum of the id after the last one.
  void add(uint64_t number, uint32_t sum) {
    if (sums_.size() == size_max) {
      sums_[number % size_max] = sum;
      return;
    }
    sums_.push_back(sum);
    // From here on an id has its place.
    if (sums_.size() == size_max)
      std::rotate(sums_.begin(),
                  sums_.end() - static_cast<ptrdiff_t>((number + 1) % size_max),
                  sums_.end());
  }
  /// Ids are missing after the last one: what was before is not known any more.
  void clear() { sums_.clear(); }

  /// None: too long ago, or never seen. @param last the newest id.
  [[nodiscard]] std::optional<uint32_t> of(uint64_t number,
                                           uint64_t last) const {
    if (number > last || last - number >= sums_.size())
      return std::nullopt;
    return sums_[sums_.size() == size_max ? number % size_max
                                          : sums_.size() - 1 - (last - number)];
  }

  [[nodiscard]] const std::vector<uint32_t>& sums() const noexcept {
    return sums_;
  }

private:
  /// Oldest first; when full, that of an id at its number modulo the size.
  std::vector<uint32_t> sums_;
};

} // namespace millrace::rt
