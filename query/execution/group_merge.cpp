#include <millrace/query/execution/group_merge.hpp>

#include <atomic>
#include <utility>

namespace millrace::query {

namespace {

/// The states of all chunks become those of one set.
class state_fold {
public:
  state_fold(const group_work& work, numbered_groups& groups)
    : work_{work}, groups_{groups}, chunks_{work.chunks()},
      key_bytes_{groups.set.byte_count()},
      taken_(work.setup.shape.plan.aggregates.size()) {
    for (size_t a = 0; a < taken_.size(); ++a)
      rooms_.emplace_back(work.options.stop.memory);
  }

  error run() {
    std::vector<error> faults(taken_.size());
    groups_.states_room.clear();
    for_pieces(work_.options.pool, taken_.size(),
               [&](size_t a) { faults[a] = fold(a); });
    for (const auto& fault : faults)
      if (fault)
        return fault;
    groups_.states_room = std::move(rooms_);
    return {};
  }

private:
  /// Folds all chunks' states of aggregate `a`.
  error fold(size_t a) {
    auto& to = *groups_.set.states()[a];
    to.resize(groups_.set.size());
    for (size_t c = 0; c < chunks_.size(); ++c) {
      if (work_.options.stop.stopped())
        return work_.options.stop.fault("while groups merged");
      // What it takes up is at most what there was, and moves as it grows.
      auto& from = chunks_[c]->states[a];
      const auto given = from->byte_count();
      if (auto refused = rooms_[a].set(to.byte_count() + given))
        return refused;
      to.combine(*from, 0, groups_.of_chunks[c]);
      from.reset();
      chunks_[c]->room.shrink(given);
      taken_[a] = to.byte_count();
      if (auto refused = rooms_[a].set(taken_[a]))
        return refused;
      if (auto fault = refuse_bytes())
        return fault;
    }
    return {};
  }

  [[nodiscard]] error refuse_bytes() const {
    uint64_t bytes = key_bytes_;
    for (const auto& each : taken_)
      bytes += each;
    return refuse_beyond_limits(work_.setup.shape.plan, 0, bytes);
  }

  const group_work& work_;
  numbered_groups& groups_;
  std::vector<morsel_chunk*> chunks_;
  uint64_t key_bytes_;
  std::vector<std::atomic<uint64_t>> taken_; ///< Bytes, by aggregate.
  std::vector<held_memory> rooms_;           ///< By aggregate.
};

} // namespace

error fold_groups(const group_work& work, numbered_groups& groups) {
  return state_fold{work, groups}.run();
}

} // namespace millrace::query
