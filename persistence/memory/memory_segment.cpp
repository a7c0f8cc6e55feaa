#include <millrace/persistence/memory/memory_segment.hpp>

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace millrace::persistence {

namespace {

constexpr size_t page_bytes = 4096;

constexpr size_t large_page_bytes = size_t{2} << 20;

size_t round_up(size_t bytes, size_t unit) noexcept {
  return (bytes + unit - 1) / unit * unit;
}

size_t to_pages(size_t bytes) noexcept { return round_up(bytes, page_bytes); }

std::byte* reserve(size_t bytes) noexcept {
  auto* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

} // namespace

reserved_memory::reserved_memory(size_t bytes, size_t dense_bytes) {
  const auto wanted = to_pages(bytes);
  if (dense_bytes == 0) {
    data_ = reserve(wanted);
    size_ = data_ != nullptr ? wanted : 0;
    return;
  }
  // A large page lies at a multiple of its size: reserve more, and give back
  // what is around it.
  auto* found = reserve(wanted + large_page_bytes);
  if (found == nullptr)
    return;
  const auto address = reinterpret_cast<uintptr_t>(found);
  const auto before = round_up(address, large_page_bytes) - address;
  if (before != 0)
    ::munmap(found, before);
  if (const auto after = large_page_bytes - before; after != 0)
    ::munmap(found + before + wanted, after);
  data_ = found + before;
  size_ = wanted;
  // A hint: without large pages it is filled page by page.
  (void)::madvise(data_,
                  std::min(size_, round_up(dense_bytes, large_page_bytes)),
                  MADV_HUGEPAGE);
}

reserved_memory::~reserved_memory() {
  if (data_ != nullptr)
    ::munmap(data_, size_);
}

reserved_memory::reserved_memory(reserved_memory&& other) noexcept
  : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_,
                                                                    0)} {}

reserved_memory& reserved_memory::operator=(reserved_memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void reserved_memory::trim(size_t bytes) {
  const auto kept = std::max(to_pages(bytes), page_bytes);
  if (kept >= size_)
    return;
  ::munmap(data_ + kept, size_ - kept);
  size_ = kept;
}

segment_index::segment_index(std::byte* memory) noexcept
  : postings_{reinterpret_cast<posting*>(memory)},
    arena_{reinterpret_cast<uint16_t*>(
      memory + size_t{segment_rows_max} * sizeof(posting))},
    tables_{memory + size_t{segment_rows_max} * (sizeof(posting) + 8)} {
  std::memset(tables_, 0, sizeof(uint64_t) << level_bits[0]);
}

std::atomic<uint64_t>* segment_index::slots_of(uint32_t level) const noexcept {
  size_t before = 0;
  for (uint32_t i = 0; i < level; ++i)
    before += size_t{1} << level_bits[i];
  return reinterpret_cast<std::atomic<uint64_t>*>(tables_) + before;
}

segment_index::posting& segment_index::posting_of(uint32_t code) noexcept {
  const auto level = level_.load(std::memory_order_relaxed);
  const auto bits = level_bits[level];
  const auto* slots = slots_of(level);
  const auto mask = (1u << bits) - 1;
  for (auto slot = slot_of(code, bits);; slot = (slot + 1) & mask) {
    const auto found = slots[slot].load(std::memory_order_relaxed);
    if (found == 0)
      return add_posting(code);
    if (static_cast<uint32_t>(found >> 32) == code)
      return postings_[static_cast<uint32_t>(found) - 1];
  }
}

segment_index::posting& segment_index::add_posting(uint32_t code) noexcept {
  if (posting_count_ * 2 >= 1u << level_bits[level_.load()]
      && level_.load() + 1 < std::size(level_bits))
    grow_table();
  auto& p = *new (&postings_[posting_count_]) posting{};
  p.rows.store(arena_ + arena_used_, std::memory_order_relaxed);
  p.capacity = 4;
  arena_used_ += 4;
  const auto level = level_.load(std::memory_order_relaxed);
  const auto bits = level_bits[level];
  auto* slots = slots_of(level);
  auto slot = slot_of(code, bits);
  while (slots[slot].load(std::memory_order_relaxed) != 0)
    slot = (slot + 1) & ((1u << bits) - 1);
  ++posting_count_;
  // The posting must be readable before its slot shows it.
  slots[slot].store(uint64_t{code} << 32 | posting_count_,
                    std::memory_order_release);
  return p;
}

void segment_index::grow_table() noexcept {
  const auto level = level_.load(std::memory_order_relaxed);
  const auto bits = level_bits[level + 1];
  const auto* old = slots_of(level);
  auto* next = slots_of(level + 1);
  std::memset(static_cast<void*>(next), 0, sizeof(uint64_t) << bits);
  for (uint32_t i = 0; i < 1u << level_bits[level]; ++i) {
    const auto moved = old[i].load(std::memory_order_relaxed);
    if (moved == 0)
      continue;
    auto slot = slot_of(static_cast<uint32_t>(moved >> 32), bits);
    while (next[slot].load(std::memory_order_relaxed) != 0)
      slot = (slot + 1) & ((1u << bits) - 1);
    next[slot].store(moved, std::memory_order_relaxed);
  }
  level_.store(level + 1, std::memory_order_release);
}

void segment_index::grow_posting(posting& p) noexcept {
  const auto* old = p.rows.load(std::memory_order_relaxed);
  auto* next = arena_ + arena_used_;
  arena_used_ += p.capacity * 2;
  std::memcpy(next, old, p.capacity * sizeof(uint16_t));
  p.capacity *= 2;
  // A reader loads the count before the array: whatever count it has seen, the
  // array it then gets holds as many rows.
  p.rows.store(next, std::memory_order_release);
}

void segment_index::append(std::span<const uint32_t> codes,
                           uint32_t first_row) noexcept {
  auto row = static_cast<uint16_t>(first_row);
  for (const auto code : codes) {
    auto& p = posting_of(code);
    const auto count = p.count.load(std::memory_order_relaxed);
    if (count == p.capacity)
      grow_posting(p);
    p.rows.load(std::memory_order_relaxed)[count] = row++;
    p.count.store(count + 1, std::memory_order_release);
  }
}

std::span<const uint16_t>
segment_index::rows(uint32_t code, uint32_t row_count) const noexcept {
  const auto level = level_.load(std::memory_order_acquire);
  const auto bits = level_bits[level];
  const auto* slots = slots_of(level);
  const auto mask = (1u << bits) - 1;
  for (auto slot = slot_of(code, bits);; slot = (slot + 1) & mask) {
    const auto found = slots[slot].load(std::memory_order_acquire);
    if (found == 0)
      return {};
    if (static_cast<uint32_t>(found >> 32) != code)
      continue;
    const auto& p = postings_[static_cast<uint32_t>(found) - 1];
    const auto count = p.count.load(std::memory_order_acquire);
    const auto* first = p.rows.load(std::memory_order_acquire);
    const auto* last = first + count;
    if (count != 0 && last[-1] >= row_count)
      last = std::lower_bound(first, last, row_count);
    return {first, last};
  }
}

size_t segment_index::byte_count() const noexcept {
  size_t slots = 0;
  for (uint32_t i = 0; i <= level_.load(std::memory_order_relaxed); ++i)
    slots += size_t{1} << level_bits[i];
  return posting_count_ * sizeof(posting) + arena_used_ * sizeof(uint16_t)
         + slots * sizeof(uint64_t);
}

segment_layout::segment_layout(const table_schema& schema, uint32_t rows)
  : row_max{std::min(rows, segment_rows_max)} {
  size_t at = 0;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const auto type = schema.columns[i].type;
    offsets.push_back(at);
    // Whole cache lines, so that vector code may read past the last row.
    at += (row_max * width_of(type) + 63) / 64 * 64;
    row_bytes += width_of(type);
    if (type == column_type::string)
      string_columns.push_back(i);
  }
  index_offset = to_pages(at);
  bytes
    = to_pages(index_offset
               + (schema.symbol_column.empty() ? 1 : segment_index::bytes_max));
}

} // namespace millrace::persistence
