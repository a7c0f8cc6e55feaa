#include <millrace/query/execution/group_merge.hpp>
#include <millrace/query/table/value_width.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::query {

namespace {

/// Of a group that is not asked for.
constexpr uint32_t no_place = ~uint32_t{0};

/// Puts values where they belong: value i to place places[i] of `to`.
template <class Wanted>
void scatter(const column_data& from, std::span<const uint32_t> groups,
             const std::vector<uint32_t>& places, std::byte* to,
             Wanted wanted) {
  auto copy = [&]<size_t Width>() {
    const auto* value = from.values.data();
    for (const auto group : groups) {
      const auto place = places[group];
      if (place != no_place && wanted(group))
        std::memcpy(to + size_t{place} * Width, value, Width);
      value += Width;
    }
  };
  with_width(from.type, copy);
}

class chunk_finisher {
public:
  chunk_finisher(const group_work& work, numbered_groups& groups)
    : work_{work}, shape_{work.setup.shape}, groups_{groups},
      chunks_{work.chunks()} {}

  result<std::optional<table_data>> run() {
    const auto columns = result_columns(shape_.plan);
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].type == column_type::string
          || (i >= shape_.keys.size() && is_text(columns[i].type)))
        return std::optional<table_data>{};
    if (!count_uses())
      return std::optional<table_data>{};
    if (auto fault = place_groups())
      return fault;
    if (auto fault = refuse_size(columns))
      return fault;
    if (auto fault = fold_shared())
      return fault;
    for (const auto& column : columns)
      table_.columns.push_back({column.name, column.type, {}, {}, {}});
    table_.row_count = rows_;
    for_pieces(work_.options.pool, columns.size(), [&](size_t i) {
      auto& column = table_.columns[i];
      column.values.resize(rows_ * width_of(column.type));
    });
    if (auto fault = fill()) {
      // Parts of groups overflow that as a whole do not, and groups that are
      // not asked for.
      if (fault.code == errc::overflow)
        return std::optional<table_data>{};
      return fault;
    }
    if (!shape_.plan.ordering.empty())
      return ordered();
    return std::optional{std::move(table_)};
  }

private:
  /// @returns false when too few groups are of one chunk only.
  bool count_uses() {
    uses_.assign(groups_.set.size(), 0);
    for (const auto& targets : groups_.of_chunks)
      for (const auto target : targets)
        uses_[target] = static_cast<uint8_t>(std::min(uses_[target] + 1, 2));
    const auto shared = std::count(uses_.begin(), uses_.end(), uint8_t{2});
    return static_cast<size_t>(shared) * 2 <= uses_.size() && !uses_.empty();
  }

  /// Where each group stands in the table that is made.
  error place_groups() {
    const auto count = groups_.set.size();
    places_.assign(count, no_place);
    if (!shape_.plan.ordering.empty()) {
      for (uint32_t group = 0; group < count; ++group)
        places_[group] = group;
      rows_ = count;
      return {};
    }
    auto order = std::move(groups_.order);
    if (!order)
      order = groups_.set.key_order();
    if (!order) {
      auto keys = groups_.set.save_keys(0, count);
      if (!keys)
        return keys.failure();
      auto sorted = sort_rows(*keys, shape_.group_terms(), work_.options.stop);
      if (!sorted)
        return sorted.failure();
      order = *std::move(sorted);
    }
    const auto [first, last] = result_rows(count, shape_.plan);
    for (auto i = first; i < last; ++i)
      places_[(*order)[i]] = static_cast<uint32_t>(i - first);
    rows_ = last - first;
    return {};
  }

  [[nodiscard]] error refuse_size(const std::vector<column_schema>& columns) {
    uint64_t bytes = 0;
    for (const auto& column : columns)
      bytes += rows_ * width_of(column.type);
    // Beside them: by group its place, and how many chunks have it.
    room_ = held_memory{work_.options.stop.memory};
    if (auto refused
        = room_.set(bytes
                    + groups_.set.size()
                        * (sizeof(places_.front()) + sizeof(uses_.front()))))
      return refused;
    return refuse_beyond_limits(shape_.plan, 0, bytes);
  }

  /// A run of groups of a chunk that others have, too.
  struct shared_run {
    size_t chunk = 0;
    uint32_t begin = 0;
    std::vector<uint32_t> targets; ///< Numbers among the shared ones.
  };

  error fold_shared() {
    std::vector<uint32_t> numbers(uses_.size(), 0);
    for (uint32_t group = 0; group < uses_.size(); ++group)
      if (uses_[group] > 1) {
        numbers[group] = static_cast<uint32_t>(shared_.size());
        shared_.push_back(group);
      }
    std::vector<shared_run> runs;
    for (size_t c = 0; c < chunks_.size(); ++c) {
      const auto& targets = groups_.of_chunks[c];
      bool in_run = false;
      for (uint32_t g = 0; g < targets.size(); ++g) {
        const bool is_shared = uses_[targets[g]] > 1;
        if (is_shared && !in_run)
          runs.push_back({c, g, {}});
        if (is_shared)
          runs.back().targets.push_back(numbers[targets[g]]);
        in_run = is_shared;
      }
    }
    states_ = shape_.make_states();
    std::vector<error> faults(states_.size());
    for_pieces(work_.options.pool, states_.size(), [&](size_t a) {
      states_[a]->resize(shared_.size());
      for (const auto& run : runs) {
        if (work_.options.stop.stopped()) {
          faults[a] = work_.options.stop.fault("while groups merged");
          return;
        }
        states_[a]->combine(*chunks_[run.chunk]->states[a], run.begin,
                            run.targets);
      }
      states_[a]->settle();
    });
    return first_of(faults);
  }

  /// Keys in one piece each, then the shared groups, then chunk by chunk.
  error fill() {
    const auto keys = shape_.keys.size();
    std::vector<error> faults(keys + 1 + chunks_.size());
    for_pieces(work_.options.pool, faults.size(), [&](size_t i) {
      if (work_.options.stop.stopped())
        faults[i] = work_.options.stop.fault("while groups were finished");
      else if (i < keys)
        faults[i] = fill_key(i);
      else if (i == keys)
        faults[i] = fill_from(states_, shared_, [](uint32_t) { return true; });
      else
        faults[i] = fill_from_chunk(i - keys - 1);
    });
    return first_of(faults);
  }

  error fill_key(size_t k) {
    auto column = groups_.set.save_key(k, {}, 0, groups_.set.size());
    if (!column)
      return column.failure();
    std::vector<uint32_t> all(groups_.set.size());
    for (uint32_t group = 0; group < all.size(); ++group)
      all[group] = group;
    auto& to = table_.columns[k];
    scatter(*column, all, places_, to.values.data(),
            [](uint32_t) { return true; });
    to.dictionary_ends = std::move(column->dictionary_ends);
    to.bytes = std::move(column->bytes);
    return {};
  }

  error fill_from_chunk(size_t c) {
    auto& states = chunks_[c]->states;
    for (auto& state : states)
      state->settle();
    return fill_from(states, groups_.of_chunks[c],
                     [&](uint32_t group) { return uses_[group] == 1; });
  }

  template <class Wanted>
  error fill_from(const state_list& states, std::span<const uint32_t> groups,
                  Wanted wanted) {
    for (size_t a = 0; a < states.size(); ++a) {
      const auto column = states[a]->finish(0, groups.size(), work_.values[a]);
      if (!column)
        return column.failure();
      scatter(*column, groups, places_,
              table_.columns[shape_.keys.size() + a].values.data(), wanted);
    }
    return {};
  }

  result<std::optional<table_data>> ordered() {
    const auto& stop = work_.options.stop;
    const auto order = sort_rows(table_, shape_.group_terms(), stop);
    if (!order)
      return order.failure();
    const auto [first, last] = result_rows(order->size(), shape_.plan);
    auto out = take_rows(table_, std::span{*order}.subspan(first, last - first),
                         table_.columns.size(), stop, work_.options.pool);
    if (!out)
      return out.failure();
    return std::optional{*std::move(out)};
  }

  static error first_of(const std::vector<error>& faults) {
    for (const auto& fault : faults)
      if (fault)
        return fault;
    return {};
  }

  const group_work& work_;
  const plan_shape& shape_;
  numbered_groups& groups_;
  std::vector<morsel_chunk*> chunks_;
  std::vector<uint8_t> uses_;    ///< By group: chunks that have it; 2: more.
  std::vector<uint32_t> places_; ///< By group: its row.
  std::vector<uint32_t> shared_; ///< Groups of several chunks.
  state_list states_;            ///< Of the shared ones.
  uint64_t rows_ = 0;
  table_data table_;
  held_memory room_; ///< Of the question's memory.
};

} // namespace

result<std::optional<table_data>> finish_in_chunks(const group_work& work,
                                                   numbered_groups& groups) {
  return chunk_finisher{work, groups}.run();
}

} // namespace millrace::query
