#include <millrace/messages/base/caught.hpp>
#include <millrace/query/execution/join_execution.hpp>
#include <millrace/query/execution/join_rest_internal.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/rows_view.hpp>
#include <millrace/query/execution/symbol_join_internal.hpp>
#include <millrace/query/execution/symbol_sizes_internal.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

namespace millrace::query {

namespace {

using table_views = std::vector<persistence::table_view>;

/// Beyond these the parts would be opened too often.
constexpr uint64_t morsels_max = 96;
constexpr auto purpose_last = partial_chunk::purpose::last_right;
constexpr auto purpose_single = partial_chunk::purpose::single_left;

/// What a morsel found.
struct joined_morsel {
  partial_result folded;
  std::vector<partial_chunk> others; ///< @see partial_chunk::purpose
  join_bounds bounds;
  scan_statistics statistics;
  held_memory room; ///< Of the question's memory.
};

/// The smallest and the largest time of rows; none: there is none.
std::optional<std::pair<int64_t, int64_t>> bounds_of(const table_data& rows,
                                                     const std::string& time) {
  if (rows.row_count == 0)
    return std::nullopt;
  const auto& column = *column_named(rows, time);
  auto low = inf_long;
  auto high = null_long;
  with_integer(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.as<typename loader::raw>();
    for (uint64_t row = 0; row < rows.row_count; ++row) {
      const auto at = loader::widen(from[row]);
      low = std::min(low, at);
      high = std::max(high, at);
    }
  });
  return std::pair{low, high};
}

/// The last row by time, of equal ones the last, of each key.
result<table_data> last_rows(const joined_tables& what, const table_data& right,
                             const interruption& stop) {
  auto keys = what.on;
  keys.pop_back();
  row_numbers numbers{std::move(keys)};
  const auto groups = numbers.of(right, stop);
  if (!groups)
    return groups.failure();
  std::vector<uint32_t> rows(numbers.count(), no_row);
  const auto times = ref_of(*column_named(right, what.on.back()));
  for (uint32_t row = 0; row < right.row_count; ++row) {
    auto& last = rows[(*groups)[row]];
    if (last == no_row || integer_at(times, row) >= integer_at(times, last))
      last = row;
  }
  std::erase(rows, no_row);
  return take_rows(right, rows, right.columns.size(), stop);
}

/// What is found is not finished, even if it is all that there is: left rows
/// without a right one are still to be told apart.
logical_plan of_one_store(logical_plan plan) {
  plan.alone = false;
  return plan;
}

} // namespace

struct join_execution::state {
  state(logical_plan given, table_views left_views, table_views right_views,
        bool is_live, execution_options how)
    : plan{of_one_store(std::move(given))}, shape{plan},
      step{*plan.joined.tables}, left{std::move(left_views)},
      right{std::move(right_views)}, live{is_live}, options{std::move(how)} {
    options.stop.table = plan.table;
    own.bound(options, subject());
  }

  logical_plan plan;
  plan_shape shape;
  join_step step;
  table_views left;
  table_views right;
  bool live;
  execution_options options;
  own_account own;
  /// By morsel: its symbols; none: all that the plan has.
  std::vector<std::optional<std::vector<std::string>>> morsels;
  std::vector<joined_morsel> found;
  std::atomic<bool> failed{false};
  /// Whether rows must be copied before they are joined: a morsel found it.
  std::atomic<bool> copies{false};
  std::mutex mutex; ///< Guards `first_fault`.
  error first_fault;

  [[nodiscard]] const joined_tables& tables() const noexcept {
    return *plan.joined.tables;
  }
  [[nodiscard]] std::string subject() const {
    return "the query on tables '" + tables().left.table + "' and '"
           + tables().right.table + "'";
  }
  void fail(error fault) {
    const std::lock_guard lock{mutex};
    if (!first_fault)
      first_fault = std::move(fault);
    failed = true;
  }

  error cut_into_morsels(uint64_t rows);
  [[nodiscard]] logical_plan asked(const logical_plan& side,
                                   size_t morsel) const;
  result<table_data> rows_of(const logical_plan& side, const table_views& views,
                             size_t morsel, scan_statistics& statistics);
  error join(size_t morsel);
  /// The rows of both tables as they are stored.
  result<table_data> copy_and_join(size_t morsel);
  error fold(const table_data& rows, joined_morsel& out);
  error take_singles(table_data& from, std::vector<uint32_t>& rights,
                     joined_morsel& out);
  [[nodiscard]] error account(joined_morsel& what) const;
  result<partial_result> finish();
};

/// The most frequent symbols first, each with those that fill its morsel.
error join_execution::state::cut_into_morsels(uint64_t rows_per_morsel) {
  const auto& [of_left, of_right] = std::pair{&tables().left, &tables().right};
  if (of_left->symbols && of_right->symbols && of_left->symbols->size() == 1
      && of_right->symbols->size() == 1) {
    morsels.emplace_back();
    return {};
  }
  std::map<std::string, uint64_t, std::less<>> sizes;
  if (auto fault = add_symbol_sizes(*of_left, left, options, sizes))
    return fault;
  if (auto fault = add_symbol_sizes(*of_right, right, options, sizes))
    return fault;
  std::vector<std::pair<uint64_t, std::string>> ordered;
  uint64_t total = 0;
  for (const auto& [symbol, rows] : sizes) {
    ordered.emplace_back(rows, symbol);
    total += rows;
  }
  std::sort(ordered.rbegin(), ordered.rend());
  const auto wanted = std::max(rows_per_morsel, total / morsels_max);
  if (total <= wanted) {
    morsels.emplace_back();
    return {};
  }
  uint64_t filled = wanted;
  for (auto& [rows, symbol] : ordered) {
    if (filled >= wanted) {
      morsels.emplace_back(std::in_place);
      filled = 0;
    }
    morsels.back()->push_back(std::move(symbol));
    filled += rows;
  }
  return {};
}

/// What a morsel asks of one table.
logical_plan join_execution::state::asked(const logical_plan& side,
                                          size_t morsel) const {
  auto out = side;
  if (const auto& symbols = morsels[morsel]) {
    auto wanted = *symbols;
    if (side.symbols)
      std::erase_if(wanted, [&](const std::string& symbol) {
        return std::find(side.symbols->begin(), side.symbols->end(), symbol)
               == side.symbols->end();
      });
    out.symbols = std::move(wanted);
  }
  return out;
}

/// The rows of one table, part by part, as a merger has them.
result<table_data> join_execution::state::rows_of(const logical_plan& side,
                                                  const table_views& views,
                                                  size_t morsel,
                                                  scan_statistics& statistics) {
  auto partial = execute(asked(side, morsel), views, options);
  if (!partial)
    return partial.failure();
  statistics += partial->statistics;
  const auto columns = result_columns(side);
  auto& chunks = partial->chunks;
  if (chunks.empty())
    return no_rows(columns);
  std::stable_sort(
    chunks.begin(), chunks.end(),
    [](const auto& a, const auto& b) { return a.part_order < b.part_order; });
  for (auto& chunk : chunks)
    for (size_t i = 0; i < columns.size(); ++i)
      chunk.table.columns[i].name = columns[i].name;
  std::vector<partial_result> parts;
  parts.push_back(*std::move(partial));
  return joined_rows(std::move(parts), options.stop);
}

/// Left rows without a right one, whose right one may be in the other store.
error join_execution::state::take_singles(table_data& from,
                                          std::vector<uint32_t>& rights,
                                          joined_morsel& out) {
  std::vector<uint32_t> singles;
  for (uint32_t row = 0; row < rights.size(); ++row)
    if (rights[row] == no_row)
      singles.push_back(row);
  if (singles.empty())
    return {};
  auto alone = take_rows(from, singles, from.columns.size(), options.stop);
  if (!alone)
    return alone.failure();
  out.others.push_back({0, *std::move(alone), purpose_single});
  return drop_singles(from, rights, options.stop);
}

error join_execution::state::account(joined_morsel& what) const {
  uint64_t size = what.folded.byte_count();
  for (const auto& each : what.others)
    size += each.table.byte_count();
  what.room = held_memory{options.stop.memory};
  return what.room.set(size);
}

error join_execution::state::join(size_t morsel) {
  auto& out = found[morsel];
  if (!copies) {
    auto joined = join_in_place({plan, step, asked(tables().left, morsel),
                                 asked(tables().right, morsel), live, options},
                                left, right);
    if (!joined)
      return joined.failure();
    if (auto& done = *joined) {
      out.others = std::move(done->others);
      out.bounds = done->bounds;
      out.statistics = done->statistics;
      return fold(done->rows, out);
    }
    copies = true;
  }
  const auto rows = copy_and_join(morsel);
  return rows ? fold(*rows, out) : rows.failure();
}

result<table_data> join_execution::state::copy_and_join(size_t morsel) {
  auto& out = found[morsel];
  const auto& what = tables();
  const auto& time = what.on.back();
  auto lefts = rows_of(what.left, left, morsel, out.statistics);
  if (!lefts)
    return lefts.failure();
  auto rights = rows_of(what.right, right, morsel, out.statistics);
  if (!rights)
    return rights.failure();
  out.bounds.live = live;
  if (const auto bounds = bounds_of(*lefts, time))
    out.bounds.left_max = bounds->second;
  if (const auto bounds = bounds_of(*rights, time)) {
    out.bounds.right_min = bounds->first;
    out.bounds.right_max = bounds->second;
  }
  held_memory room{options.stop.memory};
  if (auto refused = room.set(lefts->byte_count() + rights->byte_count()))
    return refused;
  const run_options how{.stop = options.stop};
  if (!live && rights->row_count > 0) {
    auto lasts = last_rows(what, *rights, options.stop);
    if (!lasts)
      return lasts.failure();
    out.others.push_back({0, *std::move(lasts), purpose_last});
  }
  auto rows = nearest_rows(step.join, *lefts, *rights, how);
  if (!rows)
    return rows.failure();
  if (live || step.join.inner)
    if (auto fault = live ? take_singles(*lefts, *rows, out)
                          : drop_singles(*lefts, *rows, options.stop))
      return fault;
  if (lefts->row_count == 0)
    return table_data{};
  return with_nearest(step.join, step.node, *std::move(lefts), *rights, *rows,
                      options.stop);
}

error join_execution::state::fold(const table_data& rows, joined_morsel& out) {
  if (rows.row_count == 0)
    return account(out);
  auto view = view_of(rows);
  if (!view)
    return view.failure();
  auto folded = execute(plan, {*std::move(view)}, options);
  if (!folded)
    return folded.failure();
  out.folded = *std::move(folded);
  return account(out);
}

/// The groups of all morsels, each once.
result<partial_result> join_execution::state::finish() {
  partial_result out;
  out.grouped = true;
  out.bounds.emplace().live = live;
  auto& bounds = *out.bounds;
  group_set groups{shape};
  held_memory room{options.stop.memory};
  for (auto& each : found) {
    if (options.stop.stopped())
      return options.stop.fault("while groups merged");
    out.statistics += each.statistics;
    for (const auto& chunk : each.folded.chunks) {
      if (chunk.table.row_count == 0)
        continue;
      if (auto refused
          = room.set(groups.byte_count() + 3 * chunk.table.byte_count()))
        return refused;
      if (auto fault = groups.load(chunk.table, 0, false))
        return fault;
    }
    each.room.shrink(each.folded.byte_count());
    each.folded = {};
    std::move(each.others.begin(), each.others.end(),
              std::back_inserter(out.chunks));
    if (each.bounds.left_max)
      bounds.left_max
        = std::max(bounds.left_max.value_or(null_long), *each.bounds.left_max);
    if (!each.bounds.right_max)
      continue;
    bounds.right_min
      = std::min(bounds.right_min.value_or(inf_long), *each.bounds.right_min);
    bounds.right_max
      = std::max(bounds.right_max.value_or(null_long), *each.bounds.right_max);
  }
  if (groups.size() == 0)
    return out;
  if (auto fault = refuse_beyond_limits(plan, plan.sublist ? 0 : groups.size(),
                                        groups.byte_count()))
    return fault;
  if (auto refused = room.set(2 * groups.byte_count()))
    return refused;
  groups.settle();
  auto table = groups.save(0, groups.size(), {}, false, options.stop);
  if (!table)
    return table.failure();
  out.chunks.push_back({0, *std::move(table)});
  return out;
}

join_execution::join_execution(logical_plan plan, table_views left,
                               table_views right, bool live,
                               execution_options options,
                               uint64_t rows_per_morsel)
  : state_{std::make_unique<state>(std::move(plan), std::move(left),
                                   std::move(right), live,
                                   std::move(options))} {
  auto fault = caught(state_->subject(), [&] {
    return state_->cut_into_morsels(rows_per_morsel);
  });
  if (fault) {
    state_->fail(std::move(fault));
    state_->morsels.clear();
  }
  state_->found.resize(state_->morsels.size());
}

join_execution::~join_execution() = default;

size_t join_execution::morsel_count() const noexcept {
  return state_->morsels.size();
}

void join_execution::run(size_t i) {
  auto& self = *state_;
  if (self.failed)
    return;
  if (auto fault = caught(self.subject(), [&] { return self.join(i); }))
    self.fail(std::move(fault));
}

result<partial_result> join_execution::finish() {
  auto& self = *state_;
  if (self.failed) {
    const std::lock_guard lock{self.mutex};
    return self.first_fault;
  }
  return caught(self.subject(), [&] { return self.finish(); });
}

} // namespace millrace::query
