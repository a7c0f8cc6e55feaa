#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

// use_large_blocks and give_back_unused_blocks are in large_blocks.cpp.

namespace millrace::nodes {

/// Memory for large blocks, in huge pages: queries make and give up gigabytes
/// in a second, and every small page that the system has to find and clear
/// costs more than what is written to it. Some blocks that were given back are
/// kept for the next ones; the system takes them when it is short of memory.
/// Thread safe.
class block_heap {
public:
  /// Blocks are whole multiples of it.
  static constexpr size_t unit_bytes = size_t{2} << 20;

  /// Reserves the addresses of `unit_count` units, and no memory.
  /// @param kept_bytes of blocks given back that stay with the process
  block_heap(size_t unit_count, size_t kept_bytes);
  ~block_heap();
  block_heap(const block_heap&) = delete;
  block_heap& operator=(const block_heap&) = delete;

  /// Aligned to a unit, of any content; nullptr when there are no addresses
  /// left, or there never were any.
  [[nodiscard]] void* allocate(size_t bytes) noexcept;
  /// Whether it is one of its blocks that begins here.
  [[nodiscard]] bool owns(const void* at) const noexcept;
  /// @pre owns(at)
  void release(void* at) noexcept;

  /// Gives all that is kept to the system, if nothing was asked for or given
  /// back since the last call. @returns its bytes
  size_t give_back_unused() noexcept;

  /// Of blocks that were given back and are kept.
  [[nodiscard]] size_t kept_bytes() const noexcept;

private:
  /// `new` may be what asks this heap: it has its own memory from elsewhere.
  template <class Value>
  struct plain_allocator {
    using value_type = Value;
    plain_allocator() noexcept = default;
    template <class Other>
    plain_allocator(const plain_allocator<Other>&) noexcept {}
    [[nodiscard]] Value* allocate(size_t count) {
      auto* out = std::malloc(count * sizeof(Value));
      return out ? static_cast<Value*>(out) : throw std::bad_alloc{};
    }
    // lint: allow(half_used): vectors call it.
    void deallocate(Value* at, size_t) noexcept { std::free(at); }
    bool operator==(const plain_allocator&) const noexcept { return true; }
  };
  struct plain_free {
    void operator()(uint32_t* numbers) const noexcept { std::free(numbers); }
  };
  struct span {
    uint32_t begin;
    uint32_t count;
  };

  [[nodiscard]] std::byte* at(uint32_t unit) const noexcept;
  [[nodiscard]] bool take_kept(uint32_t count, span& out) noexcept;
  [[nodiscard]] bool take_free(uint32_t count, span& out) noexcept;
  void give_to_system(span what) noexcept;

  std::byte* base_ = nullptr;
  size_t unit_count_ = 0;
  size_t kept_max_ = 0;      ///< In units.
  mutable std::mutex mutex_; ///< Guards what follows.
  size_t kept_ = 0;          ///< In units.
  uint64_t uses_ = 0;
  uint64_t uses_seen_ = 0; ///< By give_back_unused.
  /// Units of the block that begins there.
  std::unique_ptr<uint32_t[], plain_free> counts_;
  std::vector<span, plain_allocator<span>> kept_blocks_; ///< The oldest first.
  /// Ascending, none beside another.
  std::vector<span, plain_allocator<span>> free_;
};

/// Has large blocks of this process's `new` come from a heap of its own, which
/// is what a call of it makes sure of: `new` is replaced where this is linked.
/// Without 64-bit addresses to spare, and under AddressSanitizer, nothing
/// changes.
void use_large_blocks() noexcept;
/// block_heap::give_back_unused of that heap.
size_t give_back_unused_blocks() noexcept;

} // namespace millrace::nodes
