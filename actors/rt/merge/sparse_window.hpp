#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace millrace::rt {

/// As payload_window, of ids that rise in steps of any size. One owner.
class sparse_window {
public:
  static constexpr size_t size_max = 4096;

  struct entry {
    int64_t id = 0;
    uint32_t sum = 0;
    friend bool operator==(const entry&, const entry&) = default;
  };

  sparse_window() = default;
  /// As `entries` gave them. @pre ids rise, and are not more than `size_max`.
  explicit sparse_window(std::vector<entry> oldest_first)
    : entries_{std::move(oldest_first)} {}

  /// @pre a larger id than all before.
  void add(int64_t id, uint32_t sum) {
    if (entries_.size() < size_max) {
      entries_.push_back({id, sum});
      return;
    }
    entries_[oldest_] = {id, sum};
    oldest_ = (oldest_ + 1) % size_max;
  }

  /// None: too long ago, or never seen.
  [[nodiscard]] std::optional<uint32_t> of(int64_t id) const {
    const auto in = [&](size_t begin, size_t end) -> std::optional<uint32_t> {
      const auto first = entries_.begin() + static_cast<ptrdiff_t>(begin);
      const auto last = entries_.begin() + static_cast<ptrdiff_t>(end);
      const auto found = std::lower_bound(
        first, last, id,
        [](const entry& each, int64_t wanted) { return each.id < wanted; });
      return found != last && found->id == id ? std::optional{found->sum}
                                              : std::nullopt;
    };
    const auto newer = in(0, oldest_);
    return newer ? newer : in(oldest_, entries_.size());
  }

  [[nodiscard]] std::vector<entry> entries() const {
    auto out = entries_;
    std::rotate(out.begin(), out.begin() + static_cast<ptrdiff_t>(oldest_),
                out.end());
    return out;
  }
  [[nodiscard]] size_t size() const noexcept { return entries_.size(); }

private:
  std::vector<entry> entries_;
  size_t oldest_ = 0; ///< Where the oldest lies; the newest is before it.
};

} // namespace millrace::rt
