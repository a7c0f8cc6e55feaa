#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::persistence {

/// A growing array whose elements never move: chunks that double in size. One
/// writer appends; any thread may read elements below a size that the writer
/// has published to it (release and acquire are the owner's business).
template <class T, unsigned FirstBits = 8>
class stable_array {
public:
  stable_array() = default;
  stable_array(const stable_array&) = delete;
  stable_array& operator=(const stable_array&) = delete;

  [[nodiscard]] const T& operator[](size_t index) const noexcept {
    const auto at = place_of(index);
    return chunks_[at.chunk][at.offset];
  }

  /// The writer's own count.
  [[nodiscard]] size_t size() const noexcept { return size_; }

  void push_back(const T& value) {
    const auto at = place_of(size_);
    auto& chunk = chunks_[at.chunk];
    if (!chunk)
      chunk = std::make_unique<T[]>(size_t{1} << (FirstBits + at.chunk));
    chunk[at.offset] = value;
    ++size_;
  }

  /// Bytes allocated.
  [[nodiscard]] size_t byte_count() const noexcept {
    size_t total = 0;
    for (size_t i = 0; i < chunks_.size() && chunks_[i]; ++i)
      total += sizeof(T) << (FirstBits + i);
    return total;
  }

private:
  struct place {
    size_t chunk = 0;
    size_t offset = 0;
  };

  static place place_of(size_t index) noexcept {
    const auto shifted = index + (size_t{1} << FirstBits);
    const auto top = static_cast<size_t>(std::bit_width(shifted)) - 1;
    return {top - FirstBits, shifted - (size_t{1} << top)};
  }

  std::array<std::unique_ptr<T[]>, 64 - FirstBits> chunks_;
  size_t size_ = 0;
};

} // namespace millrace::persistence
