#include <millrace/query/execution/group_merge_internal.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace millrace::query {

namespace {

/// Groups of a chunk among those of all chunks. Text keys are translated once
/// per distinct text and dictionary.
class key_translator {
public:
  key_translator(const scan_setup& setup, group_set& groups)
    : setup_{setup}, groups_{groups}, maps_(setup.shape.keys.size()),
      owners_(setup.shape.keys.size(), nullptr),
      key_(setup.shape.key_words + 1) {}

  std::vector<uint32_t> targets(const morsel_chunk& chunk) {
    const auto& shape = setup_.shape;
    const auto& binding = setup_.bindings[chunk.binding];
    const auto& index = chunk.groups->index();
    for (size_t k = 0; k < shape.keys.size(); ++k) {
      const auto* dictionary = binding.dictionaries[shape.keys[k].column];
      // Strings are numbered by each chunk for itself.
      const void* owner = dictionary ? static_cast<const void*>(dictionary)
                                     : chunk.groups.get();
      if (owner != owners_[k])
        maps_[k].clear();
      owners_[k] = owner;
    }
    std::vector<uint32_t> out(index.size());
    for (uint32_t g = 0; g < index.size(); ++g) {
      std::copy_n(index.key(g), shape.key_words, key_.begin());
      for (size_t k = 0; k < shape.keys.size(); ++k)
        if (is_text(shape.keys[k].type)) {
          auto& word = key_[shape.keys[k].word];
          word = translate(chunk, k, static_cast<uint32_t>(word));
        }
      out[g] = groups_.add(key_.data());
    }
    return out;
  }

private:
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
  std::vector<uint64_t> key_;
};

/// The groups of all chunks become those of one set.
class group_merge {
public:
  group_merge(const scan_setup& setup, std::vector<morsel_output>& outputs,
              const execution_options& options)
    : setup_{setup}, outputs_{outputs}, options_{options}, groups_{setup.shape},
      taken_(setup.shape.plan.aggregates.size()) {}

  result<group_set> run() {
    if (auto fault = number_groups())
      return fault;
    std::vector<error> faults(taken_.size());
    for_pieces(options_.pool, taken_.size(),
               [&](size_t a) { faults[a] = fold(a); });
    for (const auto& fault : faults)
      if (fault)
        return fault;
    return std::move(groups_);
  }

private:
  /// Which group of the set each of each chunk is.
  error number_groups() {
    const auto& plan = setup_.shape.plan;
    key_translator translator{setup_, groups_};
    // At most the memory that the morsels' groups hold already.
    size_t total = 0;
    for (const auto& output : outputs_)
      for (const auto& chunk : output.chunks)
        total += chunk.groups->index().size();
    groups_.reserve_keys(std::min(total, reserved_groups_max));
    for (const auto& output : outputs_) {
      if (options_.stop.stopped())
        return options_.stop.fault("while groups merged");
      for (const auto& chunk : output.chunks)
        targets_.push_back(translator.targets(chunk));
      if (options_.memory_max != 0
          && groups_.byte_count() > options_.memory_max)
        return setup_.memory_refused();
      if (auto fault = refuse_beyond_limits(
            plan, plan.sublist ? 0 : groups_.size(), groups_.byte_count()))
        return fault;
    }
    key_bytes_ = groups_.byte_count();
    return {};
  }

  /// Folds all chunks' states of aggregate `a`.
  error fold(size_t a) {
    auto& to = *groups_.states()[a];
    to.resize(groups_.size());
    size_t chunk_number = 0;
    for (auto& output : outputs_) {
      if (options_.stop.stopped())
        return options_.stop.fault("while groups merged");
      for (auto& chunk : output.chunks) {
        to.combine(*chunk.states[a], targets_[chunk_number++], 0);
        chunk.states[a].reset();
      }
      taken_[a] = to.byte_count();
      if (auto fault = refuse_bytes())
        return fault;
    }
    return {};
  }

  [[nodiscard]] error refuse_bytes() const {
    uint64_t bytes = key_bytes_;
    for (const auto& each : taken_)
      bytes += each;
    if (options_.memory_max != 0 && bytes > options_.memory_max)
      return setup_.memory_refused();
    return refuse_beyond_limits(setup_.shape.plan, 0, bytes);
  }

  /// Room made at once for what morsels found; often they found the same.
  static constexpr size_t reserved_groups_max = size_t{1} << 20;

  const scan_setup& setup_;
  std::vector<morsel_output>& outputs_;
  const execution_options& options_;
  group_set groups_;
  std::vector<std::vector<uint32_t>> targets_; ///< By chunk, by its groups.
  uint64_t key_bytes_ = 0;
  std::vector<std::atomic<uint64_t>> taken_; ///< Bytes, by aggregate.
};

} // namespace

result<group_set> merge_groups(const scan_setup& setup,
                               std::vector<morsel_output>& outputs,
                               const execution_options& options) {
  auto groups = group_merge{setup, outputs, options}.run();
  // Without keys there is one group, also when no row was there.
  if (groups && setup.shape.keys.empty() && groups->size() == 0
      && setup.shape.plan.alone) {
    (void)groups->add(nullptr);
    groups->grow_states();
  }
  return groups;
}

} // namespace millrace::query
