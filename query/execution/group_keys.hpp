#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/execution/interruption.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::query {

/// Whether two keys of so many words are the same: they are short, and a call
/// would take longer.
[[nodiscard]] inline bool same_key(const uint64_t* a, const uint64_t* b,
                                   uint32_t words) noexcept {
  uint64_t different = 0;
  for (uint32_t i = 0; i < words; ++i)
    different |= a[i] ^ b[i];
  return different == 0;
}

/// Where the words of keys stand in 32 bits, when what they differ by fits:
/// each is told by how far it is from the least one.
class key_packing {
public:
  explicit key_packing(uint32_t words) : fields_(words) {}

  /// By key what it is packed as: the same only for the same key.
  /// @returns false when a word is beyond its bits, and nothing that counts
  [[nodiscard]] bool pack(const uint64_t* keys, size_t count,
                          uint32_t* packed) const noexcept;
  /// Gives words the bits that these keys need, too, so that all keys are to be
  /// packed again: at least one bit more, once there were keys.
  /// @returns false when 32 bits are too few
  [[nodiscard]] bool widen(const uint64_t* keys, size_t count) noexcept;

private:
  struct field {
    uint64_t base = 0; ///< The word that is packed as 0.
    uint32_t bits = 0;
    uint32_t shift = 0;
  };
  std::vector<field> fields_; ///< By word.
  bool empty_ = true;
};

/// Numbers distinct keys of a fixed count of 64-bit words from 0. Keys that
/// differ in no more than 32 bits, as those of texts and small numbers do, are
/// told apart without a look at them. Owner: one thread.
class group_index {
public:
  explicit group_index(uint32_t words);

  [[nodiscard]] uint32_t find_or_add(const uint64_t* key) {
    uint32_t group = 0;
    find_or_add_all(key, 1, &group);
    return group;
  }
  /// The same of `count` keys, one after the other: what many look-ups wait for
  /// is fetched at once.
  void find_or_add_all(const uint64_t* keys, size_t count, uint32_t* groups);
  /// Whether there is nothing yet but adopted keys.
  [[nodiscard]] bool adopts() const noexcept { return count_ == 0 || !hashed_; }
  /// Takes `count` keys that are known to be distinct, also from those before,
  /// as the next groups; they are hashed only if another key is looked for.
  /// @pre adopts()
  void adopt(const uint64_t* keys, uint32_t count) {
    MILLRACE_ASSERT(adopts());
    if (count == 1)
      for (uint32_t i = 0; i < words_; ++i)
        keys_.push_back(keys[i]);
    else
      keys_.insert(keys_.end(), keys, keys + size_t{count} * words_);
    count_ += count;
    hashed_ = false;
  }
  /// Makes room for `count` groups in all; `hashed`: that are looked for.
  /// Without it, and nothing else, when it was stopped.
  void reserve(size_t count, bool hashed = true, const interruption& stop = {});
  /// Gives back what only looking up needs; it is made again if need be.
  void drop_slots() {
    slots_ = std::vector<uint64_t>(slots_min, 0);
    hashed_ = count_ == 0;
  }
  [[nodiscard]] uint32_t size() const noexcept { return count_; }
  /// Of a key.
  [[nodiscard]] uint32_t words() const noexcept { return words_; }
  [[nodiscard]] const uint64_t* key(uint32_t group) const noexcept {
    return keys_.data() + size_t{group} * words_;
  }
  [[nodiscard]] size_t byte_count() const noexcept {
    return (keys_.capacity() + slots_.capacity()) * sizeof(uint64_t);
  }

private:
  static constexpr size_t slots_min = 32;
  /// Look-ups that are under way at a time.
  static constexpr size_t at_once = 32;

  /// By key where to look for it, in the lower half, and in the upper one what
  /// its slot has: of a packed key that is all of it.
  void hash(const uint64_t* keys, size_t count, uint64_t* hashes);
  void hash_tagged(const uint64_t* keys, size_t count,
                   uint64_t* hashes) const noexcept;
  void make_packed(const uint64_t* keys, size_t count);
  template <bool Packed>
  void find_these(const uint64_t* keys, size_t count, const uint64_t* hashes,
                  uint32_t* groups);
  /// Puts all groups in these slots, which are free.
  void put_all(std::vector<uint64_t> slots);
  void grow();
  [[nodiscard]] bool is_full() const noexcept {
    return size_t{count_} * 3 > slots_.size() * 2;
  }

  uint32_t words_;
  uint32_t count_ = 0;
  bool hashed_ = true;
  bool packed_;
  key_packing packing_;
  std::vector<uint64_t> keys_;
  /// Upper half of a key's hash, and group + 1 in the lower; 0: free. A power
  /// of two.
  std::vector<uint64_t> slots_;
};

/// The word(s) of a key as they stand in a group_index: integers as they are,
/// floats by their bits with one zero and one null.
[[nodiscard]] uint64_t key_word(double value) noexcept;
[[nodiscard]] double float_of_word(uint64_t word) noexcept;

/// Finds groups of a text key, alone or beside one of whole numbers, in a table
/// with a place for each pair that there may be: no pair is hashed, and those
/// of one number lie side by side. Owner: one thread.
class dense_keys {
public:
  /// Words of a key: of its text's code, and of its number.
  struct words {
    uint32_t text = 0;
    std::optional<uint32_t> number; ///< None: the text stands alone.
  };
  explicit dense_keys(words of) : words_{of} {}

  /// Where the key's group stands: its number + 1; 0: it has none yet, and is
  /// given one by `put`. nullptr: the table would have far more places than
  /// there are groups, and serves no more. Valid until the next call.
  [[nodiscard]] uint32_t* find(const uint64_t* key);
  void put(uint32_t* place, uint32_t group) noexcept {
    *place = group + 1;
    ++groups_;
  }

  /// The groups by their numbers, and those of a number by their texts'
  /// `ranks`, which ascend with the codes in `by_rank`; `texts_first`: by text,
  /// and then by number. None when few of the places are taken.
  [[nodiscard]] std::optional<std::vector<uint32_t>>
  in_order(std::span<const uint32_t> by_rank, bool texts_first) const;

  [[nodiscard]] size_t byte_count() const noexcept {
    return cells_.capacity() * sizeof(uint32_t) + numbers_.byte_count();
  }

private:
  [[nodiscard]] size_t slab_of(uint64_t number);
  [[nodiscard]] uint32_t group_at(size_t slab, size_t code) const noexcept {
    return code < stride_ ? cells_[slab * stride_ + code] : 0;
  }
  [[nodiscard]] bool grow(size_t slabs, uint64_t code);

  words words_;
  group_index numbers_{1};      ///< Of the keys' numbers.
  std::vector<uint32_t> cells_; ///< By number, then by code.
  size_t stride_ = 64;          ///< Codes that a number has places for.
  size_t slabs_ = 0;            ///< Numbers that have places.
  size_t last_slab_ = 0;
  size_t groups_ = 0;
};

} // namespace millrace::query
