#include <millrace/query/execution/group_keys.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace millrace::query {

namespace {

uint32_t group_of(uint64_t slot) noexcept {
  return static_cast<uint32_t>(slot) - 1;
}
uint64_t tag_of(uint64_t hash) noexcept { return hash >> 32; }
uint64_t slot_of(uint64_t hash, uint32_t group) noexcept {
  return (tag_of(hash) << 32) | (group + 1);
}

} // namespace

group_index::group_index(uint32_t words) : words_{words}, slots_(32, 0) {}

uint64_t group_index::hash(const uint64_t* key) const noexcept {
  uint64_t h = 0;
  for (uint32_t i = 0; i < words_; ++i) {
    h = (h ^ key[i]) * 0x9e3779b97f4a7c15ULL;
    h ^= h >> 32;
  }
  return h;
}

uint32_t group_index::find_or_add(const uint64_t* wanted) {
  return find_or_add(wanted, hash(wanted));
}

uint32_t group_index::find_or_add(const uint64_t* wanted, uint64_t hashed) {
  if (!hashed_)
    rehash(std::bit_ceil(size_t{count_} * 4 + 64));
  const auto mask = slots_.size() - 1;
  auto slot = hashed & mask;
  while (slots_[slot] != 0) {
    const auto group = group_of(slots_[slot]);
    if (tag_of(slots_[slot]) == tag_of(hashed)) {
      if (same_key(key(group), wanted, words_))
        return group;
    }
    slot = (slot + 1) & mask;
  }
  const auto group = count_++;
  slots_[slot] = slot_of(hashed, group);
  keys_.insert(keys_.end(), wanted, wanted + words_);
  if (size_t{count_} * 2 > slots_.size())
    rehash(slots_.size() * 4);
  return group;
}

void group_index::find_or_add_all(const uint64_t* keys, size_t count,
                                  uint32_t* groups) {
  // So many lines of memory are under way at a time.
  constexpr size_t at_once = 32;
  uint64_t hashes[at_once];
  for (size_t begin = 0; begin < count; begin += at_once) {
    const auto these = std::min(at_once, count - begin);
    const auto* first = keys + begin * words_;
    const auto mask = slots_.size() - 1;
    for (size_t i = 0; i < these; ++i) {
      hashes[i] = hash(first + i * words_);
      __builtin_prefetch(slots_.data() + (hashes[i] & mask));
    }
    for (size_t i = 0; i < these; ++i) {
      const auto slot = slots_[hashes[i] & mask];
      if (slot != 0 && tag_of(slot) == tag_of(hashes[i]))
        __builtin_prefetch(key(group_of(slot)));
    }
    for (size_t i = 0; i < these; ++i)
      groups[begin + i] = find_or_add(first + i * words_, hashes[i]);
  }
}

void group_index::reserve(size_t count, bool hashed) {
  keys_.reserve(count * words_);
  if (hashed && count * 2 > slots_.size())
    rehash(std::bit_ceil(count * 2));
}

void group_index::rehash(size_t slots) {
  hashed_ = true;
  slots_.assign(slots, 0);
  const auto mask = slots - 1;
  for (uint32_t group = 0; group < count_; ++group) {
    const auto hashed = hash(key(group));
    auto slot = hashed & mask;
    while (slots_[slot] != 0)
      slot = (slot + 1) & mask;
    slots_[slot] = slot_of(hashed, group);
  }
}

uint64_t key_word(double value) noexcept {
  if (value != value)
    value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
}

double float_of_word(uint64_t word) noexcept {
  return std::bit_cast<double>(word);
}

namespace {

/// Places for which a table is not too large, however few are taken.
constexpr size_t places_min = size_t{1} << 20;
/// Slabs that are looked at before a number is looked up.
constexpr size_t tried_slabs = 6;
/// Beyond, places for each group.
constexpr size_t places_per_group = 16;

} // namespace

size_t dense_keys::slab_of(uint64_t number) {
  // Numbers often come in the order in which they came before.
  const auto known
    = std::min<size_t>(numbers_.size(), last_slab_ + tried_slabs);
  for (auto slab = last_slab_; slab < known; ++slab)
    if (*numbers_.key(static_cast<uint32_t>(slab)) == number)
      return slab;
  return numbers_.find_or_add(&number);
}

bool dense_keys::grow(size_t slabs, uint64_t code) {
  const auto stride
    = code < stride_ ? stride_ : std::bit_ceil(size_t{code} + 1);
  if (slabs * stride > std::max(places_min, places_per_group * groups_))
    return false;
  if (stride == stride_) {
    cells_.resize(slabs * stride);
  } else {
    std::vector<uint32_t> wider(slabs * stride);
    for (size_t slab = 0; slab < slabs_; ++slab)
      std::copy_n(cells_.data() + slab * stride_, stride_,
                  wider.data() + slab * stride);
    cells_ = std::move(wider);
    stride_ = stride;
  }
  slabs_ = slabs;
  return true;
}

uint32_t* dense_keys::find(const uint64_t* key) {
  const auto slab = words_.number ? slab_of(key[*words_.number]) : 0;
  const auto code = key[words_.text];
  if ((slab >= slabs_ || code >= stride_)
      && !grow(std::max(slabs_, slab + 1), code))
    return nullptr;
  last_slab_ = slab;
  return cells_.data() + slab * stride_ + code;
}

std::optional<std::vector<uint32_t>>
dense_keys::in_order(std::span<const uint32_t> by_rank,
                     bool texts_first) const {
  if (cells_.size() > places_min / 16 + places_per_group * groups_)
    return std::nullopt;
  std::vector<uint32_t> slabs(slabs_);
  std::iota(slabs.begin(), slabs.end(), 0u);
  if (words_.number)
    std::sort(slabs.begin(), slabs.end(), [&](uint32_t a, uint32_t b) {
      return static_cast<int64_t>(*numbers_.key(a))
             < static_cast<int64_t>(*numbers_.key(b));
    });
  std::vector<uint32_t> out(groups_);
  if (!texts_first) {
    size_t at = 0;
    for (const auto slab : slabs)
      for (const auto code : by_rank)
        if (const auto held = group_at(slab, code))
          out[at++] = held - 1;
    return out;
  }
  // Slab by slab, as they lie; those of each text go on where they were.
  std::vector<size_t> next(stride_ + 1);
  for (size_t slab = 0; slab < slabs_; ++slab)
    for (size_t code = 0; code < stride_; ++code)
      next[code] += cells_[slab * stride_ + code] != 0;
  size_t begin = 0;
  for (const auto code : by_rank)
    if (code < stride_)
      begin += std::exchange(next[code], begin);
  for (const auto slab : slabs)
    for (size_t code = 0; code < stride_; ++code)
      if (const auto held = cells_[slab * stride_ + code])
        out[next[code]++] = held - 1;
  return out;
}

} // namespace millrace::query
