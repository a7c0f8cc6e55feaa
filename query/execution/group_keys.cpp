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

/// Another number for each, of which also the lower bits differ.
uint32_t mixed(uint32_t x) noexcept {
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  return x ^ x >> 16;
}

uint64_t twice(uint32_t half) noexcept { return uint64_t{half} << 32 | half; }

/// So many slots; none when it was stopped: memory that nobody had yet takes
/// its time.
std::vector<uint64_t> free_slots(size_t count, const interruption& stop = {}) {
  constexpr size_t step = size_t{1} << 19;
  std::vector<uint64_t> out;
  out.reserve(count);
  while (out.size() < count) {
    if (stop.stopped())
      return {};
    out.resize(std::min(count, out.size() + step), 0);
  }
  return out;
}

} // namespace

bool key_packing::pack(const uint64_t* keys, size_t count,
                       uint32_t* packed) const noexcept {
  const auto words = fields_.size();
  std::fill_n(packed, count, 0u);
  uint64_t beyond = empty_;
  for (size_t w = 0; w < words; ++w) {
    const auto [base, bits, shift] = fields_[w];
    const auto* word = keys + w;
    uint64_t over = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto distance = word[i * words] - base;
      over |= distance;
      packed[i] |= static_cast<uint32_t>(distance << shift);
    }
    beyond |= over >> bits;
  }
  return beyond == 0;
}

bool key_packing::widen(const uint64_t* keys, size_t count) noexcept {
  const auto words = fields_.size();
  uint32_t total = 0;
  for (size_t w = 0; w < words; ++w) {
    auto& to = fields_[w];
    auto low = static_cast<int64_t>(empty_ ? keys[w] : to.base);
    auto high = low;
    if (!empty_)
      high = static_cast<int64_t>(to.base + ((uint64_t{1} << to.bits) - 1));
    const auto known_low = low;
    for (size_t i = 0; i < count; ++i) {
      const auto word = static_cast<int64_t>(keys[i * words + w]);
      low = std::min(low, word);
      high = std::max(high, word);
    }
    const auto range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    to.bits = static_cast<uint32_t>(std::bit_width(range));
    total += to.bits;
    if (total > 32)
      return false;
    // What is left over lies where words came from, unless none is beyond.
    const auto spare
      = static_cast<int64_t>((uint64_t{1} << to.bits) - 1 - range);
    const bool downwards
      = low >= std::numeric_limits<int64_t>::min() + spare
        && (low < known_low
            || high > std::numeric_limits<int64_t>::max() - spare);
    to.base = static_cast<uint64_t>(low - (downwards ? spare : 0));
    to.shift = total - to.bits;
  }
  empty_ = false;
  return true;
}

group_index::group_index(uint32_t words)
  : words_{words}, packed_{words > 0}, packing_{words}, slots_(slots_min, 0) {}

void group_index::hash_tagged(const uint64_t* keys, size_t count,
                              uint64_t* hashes) const noexcept {
  for (size_t k = 0; k < count; ++k) {
    uint64_t h = 0;
    for (uint32_t i = 0; i < words_; ++i) {
      h = (h ^ keys[k * words_ + i]) * 0x9e3779b97f4a7c15ULL;
      h ^= h >> 32;
    }
    hashes[k] = h;
  }
}

void group_index::hash(const uint64_t* keys, size_t count, uint64_t* hashes) {
  if (packed_) {
    uint32_t packed[at_once];
    if (!packing_.pack(keys, count, packed))
      make_packed(keys, count);
    if (packed_ && packing_.pack(keys, count, packed)) {
      for (size_t i = 0; i < count; ++i)
        hashes[i] = twice(mixed(packed[i]));
      return;
    }
  }
  hash_tagged(keys, count, hashes);
}

/// Makes the keys that are there and these ones ready for `pack`, if they can
/// be.
void group_index::make_packed(const uint64_t* keys, size_t count) {
  packed_ = packing_.widen(keys, count);
  put_all(free_slots(slots_.size()));
}

template <bool Packed>
void group_index::find_these(const uint64_t* keys, size_t count,
                             const uint64_t* hashes, uint32_t* groups) {
  auto mask = slots_.size() - 1;
  for (size_t i = 0; i < count; ++i)
    __builtin_prefetch(slots_.data() + (hashes[i] & mask));
  if constexpr (!Packed)
    for (size_t i = 0; i < count; ++i) {
      const auto slot = slots_[hashes[i] & mask];
      if (slot != 0 && tag_of(slot) == tag_of(hashes[i]))
        __builtin_prefetch(key(group_of(slot)));
    }
  for (size_t i = 0; i < count; ++i) {
    const auto* wanted = keys + i * words_;
    const auto tag = tag_of(hashes[i]);
    auto at = hashes[i] & mask;
    auto slot = slots_[at];
    while (
      slot != 0
      && (tag_of(slot) != tag
          || (!Packed && !same_key(key(group_of(slot)), wanted, words_)))) {
      at = (at + 1) & mask;
      slot = slots_[at];
    }
    if (slot != 0) {
      groups[i] = group_of(slot);
      continue;
    }
    groups[i] = count_;
    slots_[at] = slot_of(hashes[i], count_++);
    keys_.insert(keys_.end(), wanted, wanted + words_);
    if (is_full()) {
      grow();
      mask = slots_.size() - 1;
    }
  }
}

void group_index::find_or_add_all(const uint64_t* keys, size_t count,
                                  uint32_t* groups) {
  if (!hashed_)
    put_all(free_slots(std::bit_ceil(size_t{count_} * 2 + 64)));
  uint64_t hashes[at_once];
  for (size_t begin = 0; begin < count; begin += at_once) {
    const auto these = std::min(at_once, count - begin);
    const auto* first = keys + begin * words_;
    hash(first, these, hashes);
    if (packed_)
      find_these<true>(first, these, hashes, groups + begin);
    else
      find_these<false>(first, these, hashes, groups + begin);
  }
}

void group_index::reserve(size_t count, bool hashed, const interruption& stop) {
  keys_.reserve(count * words_);
  if (!hashed || count * 3 <= slots_.size() * 2)
    return;
  auto slots = free_slots(std::bit_ceil(count * 3 / 2 + 1), stop);
  if (!slots.empty())
    put_all(std::move(slots));
}

/// Twice as many slots.
void group_index::grow() {
  if (!packed_)
    return put_all(free_slots(slots_.size() * 2));
  // What a slot has is where it belongs.
  std::vector<uint64_t> more(slots_.size() * 2, 0);
  const auto mask = more.size() - 1;
  for (const auto slot : slots_) {
    if (slot == 0)
      continue;
    auto at = tag_of(slot) & mask;
    while (more[at] != 0)
      at = (at + 1) & mask;
    more[at] = slot;
  }
  slots_ = std::move(more);
}

void group_index::put_all(std::vector<uint64_t> slots) {
  hashed_ = true;
  slots_ = std::move(slots);
  const auto mask = slots_.size() - 1;
  uint64_t hashes[at_once];
  for (uint32_t begin = 0; begin < count_; begin += at_once) {
    const auto these = std::min<uint32_t>(at_once, count_ - begin);
    uint32_t packed[at_once];
    // Keys that were adopted may be beyond the bits that there are.
    if (packed_ && !packing_.pack(key(begin), these, packed)) {
      packed_ = packing_.widen(key(begin), count_ - begin);
      return put_all(free_slots(slots_.size()));
    }
    if (packed_)
      for (uint32_t i = 0; i < these; ++i)
        hashes[i] = twice(mixed(packed[i]));
    else
      hash_tagged(key(begin), these, hashes);
    for (uint32_t i = 0; i < these; ++i)
      __builtin_prefetch(slots_.data() + (hashes[i] & mask));
    for (uint32_t i = 0; i < these; ++i) {
      auto at = hashes[i] & mask;
      while (slots_[at] != 0)
        at = (at + 1) & mask;
      slots_[at] = slot_of(hashes[i], begin + i);
    }
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
