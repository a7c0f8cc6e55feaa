#include <millrace/persistence/memory/growing_dictionary.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <cstring>
#include <xxhash.h>

namespace millrace::persistence {

namespace {

constexpr size_t first_slot_count = 64;
constexpr size_t text_chunk_bytes = 64u << 10;

uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

uint64_t tag_of(uint64_t hash) noexcept {
  return hash & 0xffff'ffff'0000'0000u;
}

} // namespace

growing_dictionary::hash_table::hash_table(size_t slot_count)
  : mask{slot_count - 1}, slots{std::make_unique<std::atomic<uint64_t>[]>(
                            slot_count)} {
  // Value-initialised by make_unique: all slots are free.
}

growing_dictionary::growing_dictionary() {
  tables_.push_back(std::make_unique<hash_table>(first_slot_count));
  table_.store(tables_.back().get(), std::memory_order_release);
  entries_.push_back({});
  size_.store(1, std::memory_order_release);
}

uint32_t growing_dictionary::insert(std::string_view symbol) {
  return symbol.empty() ? 0 : insert_hashed(symbol, hash_of(symbol));
}

void growing_dictionary::insert_all(const batch_column& column,
                                    std::vector<uint32_t>& codes) {
  const auto count = column.dictionary_ends.size();
  codes.resize(count);
  codes[0] = 0;
  // Short loops hash everything first, so that the table's cache misses of a
  // large dictionary overlap.
  hashes_.resize(count);
  const auto* table = table_.load(std::memory_order_relaxed);
  for (uint32_t i = 1; i < count; ++i) {
    hashes_[i] = hash_of(column.symbol(i));
    __builtin_prefetch(&table->slots[hashes_[i] & table->mask]);
  }
  for (uint32_t i = 1; i < count; ++i) {
    const auto symbol = column.symbol(i);
    codes[i] = symbol.empty() ? 0 : insert_hashed(symbol, hashes_[i]);
  }
}

uint32_t growing_dictionary::insert_hashed(std::string_view symbol,
                                           uint64_t hash) {
  const auto* table = table_.load(std::memory_order_relaxed);
  const auto tag = tag_of(hash);
  auto slot = hash & table->mask;
  for (;; slot = (slot + 1) & table->mask) {
    const auto found = table->slots[slot].load(std::memory_order_relaxed);
    if (found == 0)
      break;
    const auto code = static_cast<uint32_t>(found) - 1;
    if (tag_of(found) == tag && text(code) == symbol)
      return code;
  }
  const auto code = static_cast<uint32_t>(entries_.size());
  entries_.push_back({keep(symbol), static_cast<uint32_t>(symbol.size())});
  // The entry must be readable before its slot or the size shows it.
  table->slots[slot].store(tag | (code + 1), std::memory_order_release);
  size_.store(code + 1, std::memory_order_release);
  if (entries_.size() * 2 > table->mask)
    grow();
  return code;
}

std::optional<uint32_t>
growing_dictionary::find(std::string_view symbol) const noexcept {
  if (symbol.empty())
    return 0;
  const auto hash = hash_of(symbol);
  const auto tag = tag_of(hash);
  const auto* table = table_.load(std::memory_order_acquire);
  for (auto slot = hash & table->mask;; slot = (slot + 1) & table->mask) {
    const auto found = table->slots[slot].load(std::memory_order_acquire);
    if (found == 0)
      return std::nullopt;
    const auto code = static_cast<uint32_t>(found) - 1;
    if (tag_of(found) == tag && text(code) == symbol)
      return code;
  }
}

const char* growing_dictionary::keep(std::string_view text) {
  if (text.size() > text_room_) {
    const auto bytes = std::max(text.size(), text_chunk_bytes);
    texts_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    text_next_ = texts_.back().get();
    text_room_ = bytes;
    text_bytes_ += bytes;
  }
  auto* at = text_next_;
  std::memcpy(at, text.data(), text.size());
  text_next_ += text.size();
  text_room_ -= text.size();
  return at;
}

void growing_dictionary::grow() {
  const auto& old = *tables_.back();
  auto next
    = std::make_unique<hash_table>((old.mask + 1) * (old.mask < 65536 ? 4 : 2));
  for (uint32_t code = 1; code < entries_.size(); ++code) {
    const auto hash = hash_of(text(code));
    auto slot = hash & next->mask;
    while (next->slots[slot].load(std::memory_order_relaxed) != 0)
      slot = (slot + 1) & next->mask;
    next->slots[slot].store(tag_of(hash) | (code + 1),
                            std::memory_order_relaxed);
  }
  table_.store(next.get(), std::memory_order_release);
  tables_.push_back(std::move(next));
}

size_t growing_dictionary::byte_count() const noexcept {
  size_t total = entries_.byte_count() + text_bytes_;
  for (const auto& table : tables_)
    total += (table->mask + 1) * sizeof(uint64_t);
  return total;
}

std::optional<uint32_t>
dictionary_prefix::find(std::string_view symbol) const noexcept {
  const auto code = all_->find(symbol);
  if (code && *code >= size_)
    return std::nullopt;
  return code;
}

} // namespace millrace::persistence
