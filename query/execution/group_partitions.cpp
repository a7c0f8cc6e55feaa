#include <millrace/query/execution/group_merge.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <map>
#include <utility>

namespace millrace::query {

namespace {

/// Groups of a partition, so that a table of them fits a processor's cache.
constexpr size_t partition_groups = 32 * 1024;
constexpr size_t partitions_max = 256;
constexpr uint32_t no_code = ~uint32_t{0};

/// How the words of all chunks' keys become one word, if they fit.
class word_packing {
public:
  explicit word_packing(uint32_t words) : fields_(words) {}

  void take(uint32_t word, uint64_t low, uint64_t high) {
    auto& [least, most, shift] = fields_[word];
    least = static_cast<uint64_t>(
      std::min(static_cast<int64_t>(least), static_cast<int64_t>(low)));
    most = static_cast<uint64_t>(
      std::max(static_cast<int64_t>(most), static_cast<int64_t>(high)));
  }
  /// To be called when all was taken. @returns whether one word is enough.
  [[nodiscard]] bool settle() {
    uint32_t total = 0;
    for (auto& [least, most, shift] : fields_) {
      shift = total;
      total += static_cast<uint32_t>(std::bit_width(most - least));
      if (total > 64)
        return false;
      // A word without bits of its own stands anywhere.
      shift = std::min(shift, 63u);
    }
    return true;
  }
  [[nodiscard]] uint64_t pack(const uint64_t* key) const noexcept {
    uint64_t out = 0;
    for (size_t w = 0; w < fields_.size(); ++w)
      out |= (key[w] - fields_[w].least) << fields_[w].shift;
    return out;
  }
  void unpack(uint64_t packed, uint64_t* key) const noexcept {
    for (size_t w = 0; w < fields_.size(); ++w) {
      const auto& [least, most, shift] = fields_[w];
      const auto bits = std::bit_width(most - least);
      const auto mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
      key[w] = ((packed >> shift) & mask) + least;
    }
  }

private:
  struct field {
    uint64_t least = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::min());
    uint32_t shift = 0;
  };
  std::vector<field> fields_; ///< By word of a key.
};

/// Numbers the groups of all chunks by partitions of their keys' hashes: each
/// is looked up apart, on any thread, in a table that a cache holds.
class partitioned_numbering {
public:
  partitioned_numbering(const group_work& work, numbered_groups& out)
    : work_{work}, shape_{work.setup.shape}, out_{out}, chunks_{work.chunks()},
      seen_(chunks_.size()),
      spread_(chunks_.size()), packing_{shape_.key_words} {}

  /// @returns whether it was done; else nothing was.
  result<bool> run() {
    for (const auto* chunk : chunks_)
      total_ += chunk->groups->index().size();
    if (!is_worth_it())
      return false;
    const auto asked = std::bit_ceil(total_ / partition_groups + 8);
    partition_bits_ = static_cast<uint32_t>(
      std::countr_zero(std::min(asked, partitions_max)));
    partitions_.resize(size_t{1} << partition_bits_, group_index{1});
    each_chunk([this](size_t c) { look_at(c); });
    translate_texts();
    one_word_ = packing_.settle();
    if (!one_word_)
      partitions_.assign(partitions_.size(), group_index{shape_.key_words});
    each_chunk([this](size_t c) { spread(c); });
    for_pieces(work_.options.pool, partitions_.size(), [this](size_t p) {
      if (!work_.options.stop.stopped())
        number(p);
    });
    if (work_.options.stop.stopped())
      return work_.options.stop.fault("while groups merged");
    adopt();
    out_.of_chunks.resize(chunks_.size());
    each_chunk([this](size_t c) { place(c); });
    if (work_.options.stop.stopped())
      return work_.options.stop.fault("while groups merged");
    return true;
  }

private:
  struct text_codes {
    std::vector<uint32_t> codes; ///< By code: that of the set's pool.
  };
  /// What the keys of a chunk's groups are.
  struct seen_keys {
    /// By key, of a text with a dictionary: whether a group has the code.
    std::vector<std::vector<uint8_t>> codes;
    std::vector<const text_codes*> texts; ///< By key: what its codes become.
    std::vector<std::pair<uint64_t, uint64_t>> ranges; ///< By word.
  };
  /// The groups of a chunk, partition by partition.
  struct spread_groups {
    std::vector<uint64_t> keys;
    std::vector<uint32_t> groups;  ///< Which of the chunk's each is.
    std::vector<uint32_t> numbers; ///< In its partition.
    std::vector<uint32_t> begins;  ///< By partition, and the end.
  };

  [[nodiscard]] bool is_worth_it() {
    if (total_ < std::max(work_.options.partitioned_min, 1u)
        || chunks_.size() < 2 || out_.set.is_dense())
      return false;
    // What it takes for a while beside the result.
    const auto bytes
      = total_ * (size_t{shape_.key_words} * sizeof(uint64_t) + 8);
    const auto* account = work_.options.stop.memory;
    const auto most = account ? account->most() : work_.options.memory_max;
    if (most != 0 && bytes > most / 4)
      return false;
    room_ = held_memory{work_.options.stop.memory};
    // Keys and numbers twice, and the slots of tables that keys are found in.
    return !room_.set(2 * bytes + total_ * 4 * sizeof(uint64_t));
  }

  void each_chunk(const std::function<void(size_t)>& what) {
    for_pieces(work_.options.pool, chunks_.size(), [&](size_t c) {
      if (!work_.options.stop.stopped())
        what(c);
    });
  }

  [[nodiscard]] const persistence::symbol_dictionary*
  dictionary_of(size_t c, size_t k) const {
    return work_.setup.bindings[chunks_[c]->binding]
      .dictionaries[shape_.keys[k].column];
  }
  /// How many words key `k` has.
  [[nodiscard]] uint32_t words_of(size_t k) const {
    const auto end
      = k + 1 < shape_.keys.size() ? shape_.keys[k + 1].word : shape_.key_words;
    return end - shape_.keys[k].word;
  }

  void look_at(size_t c) {
    const auto& index = chunks_[c]->groups->index();
    auto& seen = seen_[c];
    seen.codes.resize(shape_.keys.size());
    seen.texts.resize(shape_.keys.size());
    seen.ranges.resize(shape_.key_words);
    for (size_t k = 0; index.size() > 0 && k < shape_.keys.size(); ++k)
      if (is_text(shape_.keys[k].type))
        note_codes(c, k);
      else
        for (uint32_t w = 0; w < words_of(k); ++w)
          note_range(c, shape_.keys[k].word + w);
  }

  void note_range(size_t c, uint32_t word) {
    const auto& index = chunks_[c]->groups->index();
    auto low = static_cast<int64_t>(index.key(0)[word]);
    auto high = low;
    for (uint32_t g = 0; g < index.size(); ++g) {
      const auto value = static_cast<int64_t>(index.key(g)[word]);
      low = std::min(low, value);
      high = std::max(high, value);
    }
    seen_[c].ranges[word]
      = {static_cast<uint64_t>(low), static_cast<uint64_t>(high)};
  }

  void note_codes(size_t c, size_t k) {
    const auto& index = chunks_[c]->groups->index();
    const auto word = shape_.keys[k].word;
    auto& codes = seen_[c].codes[k];
    uint64_t most = 0;
    for (uint32_t g = 0; g < index.size(); ++g)
      most = std::max(most, index.key(g)[word]);
    codes.resize(most + 1);
    for (uint32_t g = 0; g < index.size(); ++g)
      codes[index.key(g)[word]] = 1;
  }

  /// Gives each text that a group has a number in the set's pool, and words
  /// their bits.
  void translate_texts() {
    for (size_t c = 0; c < chunks_.size(); ++c) {
      if (chunks_[c]->groups->index().size() == 0
          || work_.options.stop.stopped())
        continue;
      for (size_t k = 0; k < shape_.keys.size(); ++k)
        if (is_text(shape_.keys[k].type))
          translate(c, k);
        else
          for (uint32_t w = 0; w < words_of(k); ++w) {
            const auto word = shape_.keys[k].word + w;
            const auto& [low, high] = seen_[c].ranges[word];
            packing_.take(word, low, high);
          }
    }
    for (size_t k = 0; k < shape_.keys.size(); ++k)
      if (is_text(shape_.keys[k].type))
        packing_.take(shape_.keys[k].word, 0,
                      std::max<uint64_t>(out_.set.pool(k).size(), 1) - 1);
  }

  void translate(size_t c, size_t k) {
    const auto* dictionary = dictionary_of(c, k);
    // Strings are numbered by each chunk for itself.
    const void* owner = dictionary ? static_cast<const void*>(dictionary)
                                   : chunks_[c]->groups.get();
    auto& texts = texts_[{k, owner}];
    const auto& codes = seen_[c].codes[k];
    if (texts.codes.size() < codes.size())
      texts.codes.resize(codes.size(), no_code);
    for (uint32_t code = 0; code < codes.size(); ++code) {
      if (!codes[code] || texts.codes[code] != no_code)
        continue;
      std::string_view text;
      if (!dictionary)
        text = chunks_[c]->groups->pool(k).text(code);
      else if (code != 0)
        text = dictionary->text(code);
      texts.codes[code] = out_.set.pool(k).code(text);
    }
    seen_[c].texts[k] = &texts;
  }

  [[nodiscard]] uint32_t stride() const noexcept {
    return one_word_ ? 1 : shape_.key_words;
  }

  [[nodiscard]] uint32_t partition_of(const uint64_t* key) const noexcept {
    uint64_t h = 0;
    for (uint32_t w = 0; w < stride(); ++w) {
      h = (h ^ key[w]) * 0xd6e8feb86659fd93ULL;
      h ^= h >> 32;
    }
    return static_cast<uint32_t>((h * 0xd6e8feb86659fd93ULL)
                                 >> (64 - partition_bits_));
  }

  /// The keys of a chunk's groups as all chunks have them.
  [[nodiscard]] std::vector<uint64_t> common_keys(size_t c) const {
    const auto& index = chunks_[c]->groups->index();
    const auto words = shape_.key_words;
    std::vector<uint64_t> out(size_t{index.size()} * stride());
    std::vector<uint64_t> key(words);
    for (uint32_t g = 0; g < index.size(); ++g) {
      std::copy_n(index.key(g), words, key.data());
      for (size_t k = 0; k < shape_.keys.size(); ++k)
        if (const auto* texts = seen_[c].texts[k]) {
          auto& word = key[shape_.keys[k].word];
          word = texts->codes[word];
        }
      if (one_word_)
        out[g] = packing_.pack(key.data());
      else
        std::copy_n(key.data(), words, out.data() + size_t{g} * words);
    }
    return out;
  }

  void spread(size_t c) {
    const auto keys = common_keys(c);
    const auto count = keys.size() / stride();
    auto& to = spread_[c];
    to.begins.resize(partitions_.size() + 1);
    std::vector<uint8_t> partitions(count);
    for (size_t g = 0; g < count; ++g) {
      const auto p = partition_of(keys.data() + g * stride());
      partitions[g] = static_cast<uint8_t>(p);
      ++to.begins[p + 1];
    }
    for (size_t p = 1; p < to.begins.size(); ++p)
      to.begins[p] += to.begins[p - 1];
    auto next = to.begins;
    to.keys.resize(keys.size());
    to.groups.resize(count);
    to.numbers.resize(count);
    for (uint32_t g = 0; g < count; ++g) {
      const auto at = next[partitions[g]]++;
      to.groups[at] = g;
      if (one_word_)
        to.keys[at] = keys[g];
      else
        std::copy_n(keys.data() + size_t{g} * stride(), stride(),
                    to.keys.data() + size_t{at} * stride());
    }
  }

  void number(size_t p) {
    auto& index = partitions_[p];
    size_t keys = 0;
    for (const auto& from : spread_)
      keys += from.begins[p + 1] - from.begins[p];
    // Many of them come more than once.
    index.reserve(keys / 2);
    for (auto& from : spread_) {
      const auto begin = from.begins[p];
      index.find_or_add_all(from.keys.data() + size_t{begin} * stride(),
                            from.begins[p + 1] - begin,
                            from.numbers.data() + begin);
    }
  }

  /// The groups of one partition after the other become those of the set.
  void adopt() {
    size_t count = out_.set.size();
    for (const auto& index : partitions_)
      count += index.size();
    out_.set.expect(count);
    std::vector<uint64_t> keys;
    for (const auto& index : partitions_) {
      if (work_.options.stop.stopped())
        return;
      first_.push_back(out_.set.size());
      if (index.size() == 0)
        continue;
      const auto* from = index.key(0);
      if (one_word_) {
        keys.resize(size_t{index.size()} * shape_.key_words);
        for (uint32_t g = 0; g < index.size(); ++g)
          packing_.unpack(from[g], keys.data() + size_t{g} * shape_.key_words);
        from = keys.data();
      }
      out_.set.adopt(from, index.size());
    }
  }

  void place(size_t c) {
    auto from = std::exchange(spread_[c], {});
    auto& to = out_.of_chunks[c];
    to.resize(from.groups.size());
    for (size_t p = 0; p < partitions_.size(); ++p)
      for (auto at = from.begins[p]; at < from.begins[p + 1]; ++at)
        to[from.groups[at]] = first_[p] + from.numbers[at];
  }

  const group_work& work_;
  const plan_shape& shape_;
  numbered_groups& out_;
  std::vector<morsel_chunk*> chunks_;
  std::vector<seen_keys> seen_;       ///< By chunk.
  std::vector<spread_groups> spread_; ///< By chunk.
  /// By key, and by whose codes they are.
  std::map<std::pair<size_t, const void*>, text_codes> texts_;
  word_packing packing_;
  bool one_word_ = true; ///< Whether keys are packed.
  size_t total_ = 0;
  uint32_t partition_bits_ = 0;
  held_memory room_; ///< Of the question's memory.
  std::vector<group_index> partitions_;
  std::vector<uint32_t> first_; ///< By partition: its first group in the set.
};

} // namespace

result<bool> number_in_partitions(const group_work& work,
                                  numbered_groups& groups) {
  return partitioned_numbering{work, groups}.run();
}

} // namespace millrace::query
