#include <millrace/nodes/host/block_heap.hpp>

#include <algorithm>
#include <sys/mman.h>
#include <utility>

namespace millrace::nodes {

block_heap::block_heap(size_t unit_count, size_t kept_bytes)
  : kept_max_{kept_bytes / unit_bytes} {
  // One unit more, to begin at a multiple of a unit.
  auto* found
    = ::mmap(nullptr, (unit_count + 1) * unit_bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED)
    return;
  const auto address = reinterpret_cast<uintptr_t>(found);
  const auto begin = (address + unit_bytes - 1) / unit_bytes * unit_bytes;
  counts_.reset(
    static_cast<uint32_t*>(std::calloc(unit_count, sizeof(uint32_t))));
  if (!counts_)
    return;
  base_ = reinterpret_cast<std::byte*>(begin);
  unit_count_ = unit_count;
  // Where there are none, small pages do.
  ::madvise(base_, unit_count * unit_bytes, MADV_HUGEPAGE);
  // No vector grows while a block is asked for.
  kept_blocks_.reserve(kept_max_ + 1);
  free_.reserve(unit_count / 2 + 1);
  free_.push_back({0, static_cast<uint32_t>(unit_count)});
}

block_heap::~block_heap() {
  // The unit more lies before or after, and goes with the process.
  if (base_)
    ::munmap(base_, unit_count_ * unit_bytes);
}

std::byte* block_heap::at(uint32_t unit) const noexcept {
  return base_ + size_t{unit} * unit_bytes;
}

void* block_heap::allocate(size_t bytes) noexcept {
  const auto units = (bytes + unit_bytes - 1) / unit_bytes;
  if (units == 0 || units > unit_count_)
    return nullptr;
  const auto count = static_cast<uint32_t>(units);
  const std::lock_guard lock{mutex_};
  ++uses_;
  span found{};
  if (!take_kept(count, found) && !take_free(count, found))
    return nullptr;
  counts_[found.begin] = found.count;
  return at(found.begin);
}

bool block_heap::owns(const void* block) const noexcept {
  const auto* place = static_cast<const std::byte*>(block);
  return base_ && place >= base_ && place < base_ + unit_count_ * unit_bytes;
}

void block_heap::release(void* block) noexcept {
  const auto begin = static_cast<uint32_t>(
    static_cast<size_t>(static_cast<std::byte*>(block) - base_) / unit_bytes);
  const std::lock_guard lock{mutex_};
  ++uses_;
  const span given{begin, counts_[begin]};
  counts_[begin] = 0;
  if (given.count > kept_max_)
    return give_to_system(given);
  while (kept_ + given.count > kept_max_) {
    const auto oldest = kept_blocks_.front();
    kept_blocks_.erase(kept_blocks_.begin());
    kept_ -= oldest.count;
    give_to_system(oldest);
  }
  // Without a copy of what is in it: it counts for nothing.
  ::madvise(block, size_t{given.count} * unit_bytes, MADV_FREE);
  kept_blocks_.push_back(given);
  kept_ += given.count;
}

size_t block_heap::give_back_unused() noexcept {
  const std::lock_guard lock{mutex_};
  if (std::exchange(uses_seen_, uses_) != uses_)
    return 0;
  for (const auto& each : kept_blocks_)
    give_to_system(each);
  kept_blocks_.clear();
  return std::exchange(kept_, 0) * unit_bytes;
}

size_t block_heap::kept_bytes() const noexcept {
  const std::lock_guard lock{mutex_};
  return kept_ * unit_bytes;
}

/// The smallest that fits, unless it is larger by more than a quarter.
bool block_heap::take_kept(uint32_t count, span& out) noexcept {
  auto best = kept_blocks_.end();
  for (auto each = kept_blocks_.begin(); each != kept_blocks_.end(); ++each)
    if (each->count >= count && each->count - count <= count / 4
        && (best == kept_blocks_.end() || each->count < best->count))
      best = each;
  if (best == kept_blocks_.end())
    return false;
  out = *best;
  kept_ -= out.count;
  kept_blocks_.erase(best);
  return true;
}

bool block_heap::take_free(uint32_t count, span& out) noexcept {
  const auto found
    = std::find_if(free_.begin(), free_.end(),
                   [&](const span& each) { return each.count >= count; });
  if (found == free_.end())
    return false;
  out = {found->begin, count};
  found->begin += count;
  found->count -= count;
  if (found->count == 0)
    free_.erase(found);
  return true;
}

void block_heap::give_to_system(span what) noexcept {
  ::madvise(at(what.begin), size_t{what.count} * unit_bytes, MADV_DONTNEED);
  auto next = std::lower_bound(
    free_.begin(), free_.end(), what.begin,
    [](const span& each, uint32_t begin) { return each.begin < begin; });
  const bool joins_next
    = next != free_.end() && next->begin == what.begin + what.count;
  if (next != free_.begin()) {
    auto& before = *(next - 1);
    if (before.begin + before.count == what.begin) {
      before.count += what.count;
      if (joins_next) {
        before.count += next->count;
        free_.erase(next);
      }
      return;
    }
  }
  if (joins_next) {
    next->begin = what.begin;
    next->count += what.count;
    return;
  }
  free_.insert(next, what);
}

} // namespace millrace::nodes
