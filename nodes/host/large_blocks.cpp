// `new` and `delete` of a program whose large blocks come from a block_heap.
#include <millrace/nodes/host/block_heap.hpp>

#include <algorithm>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <unistd.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MILLRACE_LARGE_BLOCKS 1
#else
#define MILLRACE_LARGE_BLOCKS 0
#endif

namespace millrace::nodes {

namespace {

#if MILLRACE_LARGE_BLOCKS

/// From here on a block is large: less fits the allocator's own arenas.
constexpr size_t large_min = size_t{4} << 20;
/// A tebibyte of addresses.
constexpr size_t unit_count = size_t{1} << 19;
/// As much as one query may hold unless its process says otherwise.
constexpr size_t kept_max = size_t{2} << 30;
/// Of smaller blocks that the allocator keeps at the end of an arena. A query
/// that took more gives it back when it ends.
constexpr size_t arena_kept_max = size_t{1} << 30;
/// As large as a part of a thread's arena is at most: none goes alone.
constexpr size_t arena_step = size_t{64} << 20;

/// Threads that run at once do not wait for each other.
size_t arenas_max() noexcept {
  return std::max<size_t>(
    4, 2 * static_cast<size_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

/// Never destroyed: blocks are given back until the process is gone.
block_heap& heap() noexcept {
  alignas(block_heap) static std::byte room[sizeof(block_heap)];
  static auto* made = new (room) block_heap{unit_count, kept_max};
  return *made;
}

/// The addresses of more than there is could be had, and nothing to write to:
/// the allocator refuses as much.
size_t large_max() noexcept {
  static const auto most = static_cast<size_t>(::sysconf(_SC_PHYS_PAGES))
                           * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return most;
}

void* allocate(size_t bytes) {
  if (bytes >= large_min && bytes <= large_max())
    if (auto* block = heap().allocate(bytes))
      return block;
  for (;;) {
    if (auto* block = std::malloc(bytes == 0 ? 1 : bytes))
      return block;
    const auto handler = std::get_new_handler();
    if (!handler)
      throw std::bad_alloc{};
    handler();
  }
}

void release(void* block) noexcept {
  // What lies at the border of a unit may be one of the heap's.
  if (reinterpret_cast<uintptr_t>(block) % block_heap::unit_bytes == 0
      && block != nullptr && heap().owns(block))
    return heap().release(block);
  std::free(block);
}

#endif

} // namespace

void use_large_blocks() noexcept {
#if MILLRACE_LARGE_BLOCKS
  (void)heap();
  // What is smaller comes from the allocator's arenas, and stays there.
  ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(large_min));
  ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(arena_kept_max));
  ::mallopt(M_TOP_PAD, static_cast<int>(arena_step));
  // Each takes 64 MiB of address space; eight per core, as the allocator would
  // have them, are most of what a limited process may have.
  if (std::getenv("MALLOC_ARENA_MAX") == nullptr)
    ::mallopt(M_ARENA_MAX, static_cast<int>(arenas_max()));
#endif
}

size_t give_back_unused_blocks() noexcept {
#if MILLRACE_LARGE_BLOCKS
  return heap().give_back_unused();
#else
  return 0;
#endif
}

} // namespace millrace::nodes

#if MILLRACE_LARGE_BLOCKS

// Weak: a program may have its own.
#define MILLRACE_WEAK __attribute__((weak))

MILLRACE_WEAK void* operator new(size_t bytes) {
  return millrace::nodes::allocate(bytes);
}
MILLRACE_WEAK void* operator new[](size_t bytes) {
  return millrace::nodes::allocate(bytes);
}
MILLRACE_WEAK void operator delete(void* block) noexcept {
  millrace::nodes::release(block);
}
MILLRACE_WEAK void operator delete[](void* block) noexcept {
  millrace::nodes::release(block);
}
MILLRACE_WEAK void operator delete(void* block, size_t) noexcept {
  millrace::nodes::release(block);
}
MILLRACE_WEAK void operator delete[](void* block, size_t) noexcept {
  millrace::nodes::release(block);
}

#endif
