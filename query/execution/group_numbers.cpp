#include <millrace/query/execution/group_merge.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace millrace::query {

namespace {

/// Groups of a chunk among those of all chunks. Text keys are translated once
/// per distinct text and dictionary.
class key_translator {
public:
  key_translator(const scan_setup& setup, group_set& groups)
    : setup_{setup}, groups_{groups}, maps_(setup.shape.keys.size()),
      owners_(setup.shape.keys.size(), nullptr) {}

  std::vector<uint32_t> targets(const morsel_chunk& chunk) {
    note_owners(chunk);
    const auto& index = chunk.groups->index();
    std::vector<uint32_t> out(index.size());
    const auto keys = translated(chunk);
    groups_.add_all(keys.data(), out.size(), out.data());
    return out;
  }

  /// The same of a chunk whose groups are all new, but for the first one when
  /// it `goes_on` with the last that there is.
  std::vector<uint32_t> adopted(const morsel_chunk& chunk, bool goes_on) {
    const auto& shape = setup_.shape;
    note_owners(chunk);
    const auto count = chunk.groups->index().size();
    std::vector<uint32_t> out(count);
    std::iota(out.begin(), out.end(), groups_.size() - (goes_on ? 1 : 0));
    const auto keys = translated(chunk);
    const auto first = goes_on ? shape.key_words : 0;
    if (keys.size() > first)
      groups_.adopt(keys.data() + first, count - (goes_on ? 1 : 0));
    return out;
  }

private:
  /// The keys of a chunk's groups, texts by their numbers in the set's pools.
  std::vector<uint64_t> translated(const morsel_chunk& chunk) {
    const auto& shape = setup_.shape;
    const auto& index = chunk.groups->index();
    std::vector<uint64_t> keys(size_t{index.size()} * shape.key_words);
    if (!keys.empty())
      std::copy_n(index.key(0), keys.size(), keys.begin());
    for (size_t k = 0; k < shape.keys.size(); ++k)
      if (is_text(shape.keys[k].type))
        for (size_t at = shape.keys[k].word; at < keys.size();
             at += shape.key_words)
          keys[at] = translate(chunk, k, static_cast<uint32_t>(keys[at]));
    return keys;
  }

  /// Whose codes a chunk has: what is known of those of others goes.
  void note_owners(const morsel_chunk& chunk) {
    const auto& shape = setup_.shape;
    const auto& binding = setup_.bindings[chunk.binding];
    for (size_t k = 0; k < shape.keys.size(); ++k) {
      const auto* dictionary = binding.dictionaries[shape.keys[k].column];
      // Strings are numbered by each chunk for itself.
      const void* owner = dictionary ? static_cast<const void*>(dictionary)
                                     : chunk.groups.get();
      if (owner != owners_[k])
        maps_[k].clear();
      owners_[k] = owner;
    }
  }

  uint32_t translate(const morsel_chunk& chunk, size_t k, uint32_t code) {
    auto& map = maps_[k];
    if (code >= map.size())
      map.resize(std::max<size_t>(size_t{code} + 1, map.size() * 2), 0);
    if (map[code] == 0) {
      const auto* dictionary = setup_.bindings[chunk.binding]
                                 .dictionaries[setup_.shape.keys[k].column];
      std::string_view text;
      if (!dictionary)
        text = chunk.groups->pool(k).text(code);
      else if (code != 0)
        text = dictionary->text(code);
      map[code] = groups_.pool(k).code(text) + 1;
    }
    return map[code] - 1;
  }

  const scan_setup& setup_;
  group_set& groups_;
  std::vector<std::vector<uint32_t>> maps_; ///< code -> the pool's number + 1.
  std::vector<const void*> owners_;         ///< Whose codes the map is of.
};

/// Chunks of sorted parts: their groups stand in the order of a text and of a
/// number, so that those of one part are strung together, and of several ones
/// follow each other when each has its own numbers, as days have their bars.
class strung_chunks {
public:
  strung_chunks(const scan_setup& setup,
                const std::vector<morsel_chunk*>& chunks)
    : chunks_{chunks} {
    const auto& keys = setup.shape.keys;
    if (keys.size() != 2 || setup.shape.key_words != 2)
      return;
    const auto text = is_text(keys[0].type) ? size_t{0} : size_t{1};
    const auto& number = keys[1 - text];
    text_word_ = keys[text].word;
    // Only codes of a dictionary are the same in all chunks of a part.
    ascend_ = is_text(keys[text].type) && number.is_span();
    for (size_t c = 0; ascend_ && c < chunks.size(); ++c)
      ascend_
        = setup.bindings[chunks[c]->binding].dictionaries[keys[text].column]
          && look_at(*chunks[c]);
    ascend_ = ascend_ && numbers_are_apart();
  }

  /// Whether no key comes twice, but for the last one of a chunk as the first
  /// of the next.
  [[nodiscard]] bool ascend() const noexcept { return ascend_; }
  /// Whether chunk c goes on with the last group of the one before it.
  [[nodiscard]] bool goes_on(size_t c) const noexcept { return goes_on_[c]; }
  [[nodiscard]] uint32_t text_word() const noexcept { return text_word_; }

  /// Chunks in the order of their numbers, those of one part as they are.
  [[nodiscard]] std::vector<size_t> by_number() const {
    std::vector<size_t> out(chunks_.size());
    std::iota(out.begin(), out.end(), size_t{0});
    std::stable_sort(out.begin(), out.end(), [&](size_t a, size_t b) {
      return spans_.at(chunks_[a]->binding).low
             < spans_.at(chunks_[b]->binding).low;
    });
    return out;
  }

private:
  struct span {
    int64_t low = std::numeric_limits<int64_t>::max();
    int64_t high = std::numeric_limits<int64_t>::min();
  };

  bool look_at(const morsel_chunk& chunk) {
    const auto& index = chunk.groups->index();
    goes_on_.push_back(false);
    auto& seen = spans_[chunk.binding];
    const auto number_word = 1 - text_word_;
    for (uint32_t g = 0; g < index.size(); ++g) {
      const auto* key = index.key(g);
      const auto number = static_cast<int64_t>(key[number_word]);
      seen.low = std::min(seen.low, number);
      seen.high = std::max(seen.high, number);
      if (last_ && last_binding_ == chunk.binding) {
        const auto last_number = static_cast<int64_t>(last_[number_word]);
        const bool same_text = key[text_word_] == last_[text_word_];
        const bool equal = same_text && number == last_number;
        if (equal && g == 0)
          goes_on_.back() = true;
        else if (key[text_word_] < last_[text_word_]
                 || (same_text && number <= last_number))
          return false;
      }
      last_ = key;
      last_binding_ = chunk.binding;
    }
    return true;
  }

  [[nodiscard]] bool numbers_are_apart() const {
    std::vector<span> all;
    for (const auto& [binding, each] : spans_)
      if (each.low <= each.high)
        all.push_back(each);
    std::sort(all.begin(), all.end(),
              [](const span& a, const span& b) { return a.low < b.low; });
    for (size_t i = 1; i < all.size(); ++i)
      if (all[i - 1].high >= all[i].low)
        return false;
    return true;
  }

  const std::vector<morsel_chunk*>& chunks_;
  uint32_t text_word_ = 0;
  bool ascend_ = false;
  std::vector<uint8_t> goes_on_;   ///< By chunk.
  std::map<uint32_t, span> spans_; ///< By binding.
  const uint64_t* last_ = nullptr;
  uint32_t last_binding_ = 0;
};

class group_numbering {
public:
  explicit group_numbering(const group_work& work)
    : work_{work}, chunks_{work.chunks()}, out_{work.setup.shape},
      translator_{work.setup, out_.set} {}

  result<numbered_groups> run() {
    const strung_chunks strung{work_.setup, chunks_};
    if (!strung.ascend()) {
      const auto done = number_in_partitions(work_, out_);
      if (!done)
        return done.failure();
      if (*done) {
        if (auto fault = refuse())
          return fault;
        return std::move(out_);
      }
    }
    size_t total = 0;
    for (const auto* chunk : chunks_)
      total += chunk->groups->index().size();
    // At most the memory that the morsels' groups hold already.
    const auto at_once = std::min(total, reserved_groups_max);
    if (auto refused = take_room(at_once))
      return refused;
    out_.set.reserve_keys(at_once);
    for (size_t c = 0; c < chunks_.size(); ++c) {
      if (work_.options.stop.stopped())
        return work_.options.stop.fault("while groups merged");
      if (auto refused = take_room(chunks_[c]->groups->index().size()))
        return refused;
      out_.of_chunks.push_back(
        strung.ascend() ? translator_.adopted(*chunks_[c], strung.goes_on(c))
                        : translator_.targets(*chunks_[c]));
      if (auto fault = refuse())
        return fault;
    }
    if (strung.ascend() && strung.text_word() == 0)
      put_in_order(strung);
    return std::move(out_);
  }

private:
  /// Takes memory for keys of so many groups more, and their numbers.
  [[nodiscard]] error take_room(size_t groups) {
    // Beside its words a key takes two to four slots of a table, and a number.
    const auto width = work_.setup.shape.key_words * sizeof(uint64_t)
                       + 4 * sizeof(uint64_t) + sizeof(uint32_t);
    numbered_ += groups;
    return out_.room.set(out_.set.byte_count() + groups * width
                         + numbered_ * sizeof(uint32_t));
  }

  [[nodiscard]] error refuse() {
    const auto& plan = work_.setup.shape.plan;
    const auto bytes = out_.set.byte_count();
    if (auto refused = out_.room.set(bytes + numbered_ * sizeof(uint32_t)))
      return refused;
    return refuse_beyond_limits(plan, plan.sublist ? 0 : out_.set.size(),
                                bytes);
  }

  /// By text: of each, the chunks in the order of their numbers.
  void put_in_order(const strung_chunks& strung) {
    const auto count = out_.set.size();
    const auto codes = out_.set.texts_in_order(0);
    std::vector<uint32_t> next(codes.size(), 0);
    for (uint32_t group = 0; group < count; ++group)
      ++next[out_.set.key(group)[0]];
    uint32_t begin = 0;
    for (const auto code : codes)
      begin += std::exchange(next[code], begin);
    auto& order = out_.order.emplace(count);
    for (const auto c : strung.by_number()) {
      const auto& groups = out_.of_chunks[c];
      for (size_t g = strung.goes_on(c) ? 1 : 0; g < groups.size(); ++g)
        order[next[out_.set.key(groups[g])[0]]++] = groups[g];
    }
  }

  /// Room made at once for what morsels found; often they found the same.
  static constexpr size_t reserved_groups_max = size_t{1} << 20;

  const group_work& work_;
  std::vector<morsel_chunk*> chunks_;
  numbered_groups out_;
  size_t numbered_ = 0; ///< Groups of chunks that got their number.
  key_translator translator_;
};

} // namespace

std::vector<morsel_chunk*> group_work::chunks() const {
  std::vector<morsel_chunk*> out;
  for (auto& output : outputs)
    for (auto& chunk : output.chunks)
      out.push_back(&chunk);
  return out;
}

result<numbered_groups> number_groups(const group_work& work) {
  return group_numbering{work}.run();
}

} // namespace millrace::query
