#include <millrace/messages/data/chunk.hpp>

#include <array>
#include <bit>
#include <mutex>
#include <vector>

namespace millrace {

namespace {

/// Keeps blocks of 32 KiB to 1 MiB, each twice as large as the one before, up
/// to 4 MiB of each size. Thread safe.
class block_pool {
public:
  static constexpr size_t smallest_log2 = 15;
  static constexpr size_t size_count = 6;
  static constexpr size_t bytes_kept = size_t{4} << 20; ///< Of one size.

  /// Index of the size that holds `bytes`; none: it is not pooled.
  [[nodiscard]] static size_t index_of(size_t bytes) noexcept {
    if (bytes <= (size_t{1} << (smallest_log2 - 1)))
      return size_count;
    const size_t log2 = std::bit_width(bytes - 1);
    return log2 < smallest_log2 ? 0 : log2 - smallest_log2;
  }
  [[nodiscard]] static size_t bytes_of(size_t index) noexcept {
    return size_t{1} << (smallest_log2 + index);
  }

  [[nodiscard]] std::byte* take(size_t index) {
    {
      const std::scoped_lock lock{mutex_};
      if (auto& free = free_[index]; !free.empty()) {
        auto* block = free.back().release();
        free.pop_back();
        return block;
      }
    }
    // Not value-initialised: the caller overwrites every byte.
    return new std::byte[bytes_of(index)];
  }

  void give(size_t index, std::byte* block) {
    std::unique_ptr<std::byte[]> owned{block};
    const std::scoped_lock lock{mutex_};
    if (auto& free = free_[index];
        (free.size() + 1) * bytes_of(index) <= bytes_kept)
      free.push_back(std::move(owned));
  }

private:
  std::mutex mutex_;
  std::array<std::vector<std::unique_ptr<std::byte[]>>, size_count> free_;
};

/// Never destroyed: chunks may outlive every other static object.
block_pool& pool() {
  static auto* blocks = new block_pool;
  return *blocks;
}

} // namespace

chunk::writable chunk::allocate(size_t size) {
  chunk out;
  if (const auto index = block_pool::index_of(size);
      index < block_pool::size_count)
    out.owner_ = {pool().take(index),
                  [index](std::byte* block) { pool().give(index, block); }};
  else
    out.owner_ = std::shared_ptr<std::byte[]>(new std::byte[size]);
  out.data_ = out.owner_.get();
  out.size_ = size;
  auto* memory = out.owner_.get();
  return {std::move(out), memory};
}

} // namespace millrace
