#include <millrace/messages/base/caught.hpp>
#include <millrace/persistence/columns/made_values.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/group_merge.hpp>
#include <millrace/query/execution/scan.hpp>

#include <algorithm>
#include <atomic>
#include <malloc.h>
#include <map>
#include <mutex>
#include <optional>

namespace millrace::query {

namespace {

/// Groups that a chunk of a partial result holds.
constexpr size_t saved_groups = 256 * 1024;
/// What took more gives its memory back to the system when it ends.
constexpr uint64_t returned_bytes_min = uint64_t{1} << 30;

} // namespace

struct execution::state {
  state(logical_plan plan, execution_options given)
    : setup{std::move(plan)}, options{std::move(given)} {
    options.stop.table = setup.shape.plan.table;
    own.bound(options, subject());
    if (setup.shape.keeps_top())
      top.emplace(setup.shape, setup.bound, options.stop.memory);
  }

  scan_setup setup;
  execution_options options;
  own_account own;
  std::vector<morsel_output> outputs;
  /// By morsel, for values that were made for it and are kept until the end.
  std::vector<held_memory> made_rooms;
  std::atomic<bool> failed{false};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> rows{0};
  std::optional<top_keeper> top; ///< When only some rows of an order stay.
  std::mutex mutex;              ///< Guards the members below.
  error first_fault;
  /// Rows of the morsels 0..done_prefix, for `n first rows`.
  std::vector<uint8_t> done;
  size_t done_prefix = 0;
  uint64_t prefix_rows = 0;

  void fail(error failure) {
    const std::lock_guard lock{mutex};
    if (!first_fault)
      first_fault = std::move(failure);
    failed.store(true, std::memory_order_release);
  }

  [[nodiscard]] std::string subject() const {
    return "the query on table '" + setup.shape.plan.table + "'";
  }

  [[nodiscard]] bool may_run(size_t i) {
    if (failed.load(std::memory_order_acquire))
      return false;
    if (!options.stop.stopped())
      return true;
    fail(options.stop.fault("at morsel " + std::to_string(i) + " of "
                            + std::to_string(outputs.size())));
    return false;
  }

  /// Rows without an ordering of which only some are asked for.
  [[nodiscard]] bool stops_early() const noexcept {
    const auto& plan = setup.shape.plan;
    return !plan.grouped() && plan.ordering.empty() && plan.sublist;
  }
  /// Last rows are looked for from the end.
  [[nodiscard]] size_t morsel_of(size_t i) const noexcept {
    return stops_early() && *setup.shape.plan.sublist < 0
             ? outputs.size() - 1 - i
             : i;
  }

  /// Whether the morsels run before `i` already hold all rows asked for.
  [[nodiscard]] bool satisfied(size_t i) {
    if (!stops_early())
      return false;
    const std::lock_guard lock{mutex};
    return done_prefix <= i && prefix_rows >= *setup.shape.plan.rows_wanted();
  }

  void note_done(size_t i) {
    const std::lock_guard lock{mutex};
    done[i] = 1;
    while (done_prefix < done.size() && done[done_prefix])
      prefix_rows += outputs[morsel_of(done_prefix++)].rows_matched;
  }

  /// Takes the rows of a morsel among those that an ordering and a limit leave.
  [[nodiscard]] error take_top(morsel_output& output) {
    for (auto& chunk : output.chunks)
      if (auto fault = top->add(part_order_of(chunk), std::move(chunk.rows),
                                std::move(chunk.room), options.stop))
        return fault;
    output.chunks.clear();
    return {};
  }
  [[nodiscard]] uint64_t part_order_of(const morsel_chunk& chunk) const {
    return setup.parts[setup.bindings[chunk.binding].part].part_order;
  }

  /// `bytes` is the most that were held at a time.
  uint64_t note_top_bytes() {
    const auto held = top->byte_count();
    auto most = bytes.load();
    while (most < held && !bytes.compare_exchange_weak(most, held)) {
    }
    return held;
  }

  void account(size_t i) {
    uint64_t size = 0;
    for (const auto& chunk : outputs[i].chunks)
      size += chunk.byte_count();
    uint64_t made_bytes = 0;
    for (const auto& kept : outputs[i].kept)
      if (const auto* made = dynamic_cast<const persistence::made_values*>(
            kept.values.held[0].get()))
        made_bytes += made->byte_count();
    made_rooms[i] = held_memory{options.stop.memory};
    if (auto refused = made_rooms[i].set(made_bytes))
      return fail(std::move(refused));
    const auto total = top ? note_top_bytes() : bytes.fetch_add(size) + size;
    const auto& plan = setup.shape.plan;
    if (plan.grouped())
      return;
    const auto found
      = rows.fetch_add(outputs[i].rows_kept) + outputs[i].rows_kept;
    const auto wanted = plan.rows_wanted().value_or(found);
    const auto kept = std::min(found, wanted);
    if (auto fault = refuse_beyond_limits(
          plan, kept - std::min(kept, plan.skip), plan.sublist ? 0 : total))
      fail(std::move(fault));
  }
  result<partial_result> merge_groups();
  result<partial_result> of_result(table_data table);
  result<partial_result>
  save_groups(group_set& groups,
              const std::vector<std::vector<column_ref>>& values);
  result<partial_result> merge_rows();
  result<partial_result> merge_top();
  result<partial_result> as_result(partial_result merged);
};

execution::execution(logical_plan plan,
                     std::vector<persistence::table_view> parts,
                     execution_options options) {
  if (auto fault = validate(plan)) {
    // A plan that cannot be resolved has no shape: keep an empty one.
    logical_plan empty;
    empty.types = {{"time", column_type::timestamp}};
    empty.order_column = "time";
    state_ = std::make_unique<state>(std::move(empty), options);
    state_->fail(std::move(fault));
    return;
  }
  state_ = std::make_unique<state>(std::move(plan), options);
  state_->setup.parts = std::move(parts);
  state_->setup.stop = state_->options.stop;
  auto fault = caught(state_->subject(), [&] {
    return prepare(state_->setup, options.morsel_rows);
  });
  if (fault) {
    state_->fail(std::move(fault));
    state_->setup.morsels.clear();
    return;
  }
  state_->outputs.resize(morsel_count());
  state_->made_rooms.resize(morsel_count());
  state_->done.resize(morsel_count());
}

execution::~execution() {
  const bool large = state_->bytes.load() > returned_bytes_min;
  state_.reset();
  if (large)
    malloc_trim(0);
}

size_t execution::morsel_count() const noexcept {
  const auto borders = state_->setup.morsels.size();
  return borders == 0 ? 0 : borders - 1;
}

uint64_t execution::rows_to_read() const noexcept {
  uint64_t out = 0;
  for (const auto& each : state_->setup.units)
    out += each.end - each.begin;
  return out;
}

bool execution::failed() const noexcept {
  return state_->failed.load(std::memory_order_acquire);
}

void execution::run(size_t i) {
  auto& self = *state_;
  if (!self.may_run(i) || self.satisfied(i))
    return;
  const auto morsel = self.morsel_of(i);
  const auto first = self.setup.morsels[morsel];
  const auto last = self.setup.morsels[morsel + 1];
  auto failure = caught(self.subject(), [&]() -> error {
    self.outputs[morsel] = scan(
      self.setup, std::span{self.setup.units}.subspan(first, last - first));
    auto& output = self.outputs[morsel];
    return output.fault || !self.top ? output.fault : self.take_top(output);
  });
  if (failure)
    self.fail(std::move(failure));
  self.account(morsel);
  self.note_done(i);
}

namespace {

/// Where first and last find the values of input column `column`, by source.
std::vector<column_ref> value_sources(const scan_setup& setup,
                                      const std::vector<morsel_output>& outputs,
                                      uint32_t column) {
  std::vector<column_ref> out(setup.sources.size());
  // Columns lie alike in all segments of a part: any binding of it will do.
  std::vector<const part_binding*> by_part(setup.parts.size(), nullptr);
  for (const auto& binding : setup.bindings)
    by_part[binding.part] = &binding;
  for (size_t s = 0; s < out.size(); ++s) {
    const auto [part, segment] = setup.sources[s];
    if (by_part[part])
      out[s] = setup.column_of(*by_part[part],
                               setup.parts[part].segments[segment], column);
  }
  for (const auto& output : outputs)
    for (const auto& kept : output.kept)
      if (kept.column == column) {
        out[kept.source].values = kept.values.values;
        out[kept.source].bytes = kept.values.text;
      }
  return out;
}

/// What became of what morsels share, and of kept values, while they were
/// looked at.
error fault_of_held(const scan_setup& setup,
                    const std::vector<morsel_output>& outputs) {
  for (const auto& held : setup.opened)
    if (auto fault = held->fault())
      return fault;
  for (const auto& output : outputs)
    for (const auto& kept : output.kept)
      for (const auto& held : kept.values.held)
        if (held)
          if (auto fault = held->fault())
            return fault;
  return {};
}

} // namespace

result<partial_result> execution::state::merge_groups() {
  const auto& shape = setup.shape;
  std::vector<std::vector<column_ref>> values;
  for (const auto& made : shape.make_states())
    values.push_back(made->keeps_rows()
                       ? value_sources(setup, outputs, made->inputs()[0])
                       : std::vector<column_ref>{});
  const group_work work{setup, outputs, options, values};
  auto groups = number_groups(work);
  if (!groups)
    return groups.failure();
  if (shape.plan.alone) {
    auto made = finish_in_chunks(work, *groups);
    if (!made)
      return made.failure();
    if (*made)
      return of_result(std::move(**made));
  }
  if (auto fault = fold_groups(work, *groups))
    return fault;
  auto& set = groups->set;
  if (shape.keeps_some_groups() && set.size() > *shape.plan.rows_wanted()) {
    auto some = std::move(set).some(options.stop);
    if (!some)
      return some.failure();
    return save_groups(*some, values);
  }
  return save_groups(set, values);
}

/// @pre the table is the plan's result.
result<partial_result> execution::state::of_result(table_data table) {
  if (auto fault = refuse_beyond_limits(setup.shape.plan, table.row_count,
                                        table.byte_count()))
    return fault;
  partial_result out;
  out.chunks.push_back({0, std::move(table)});
  return out;
}

result<partial_result> execution::state::save_groups(
  group_set& groups, const std::vector<std::vector<column_ref>>& values) {
  if (setup.shape.plan.alone) {
    // Without keys there is one group, also when no row was there.
    if (setup.shape.keys.empty() && groups.size() == 0) {
      (void)groups.add(nullptr);
      groups.grow_states();
    }
    groups.settle();
    auto table = groups.finish(values, options.stop, options.pool);
    return table ? of_result(*std::move(table)) : table.failure();
  }
  groups.settle();
  held_memory saved{options.stop.memory};
  partial_result out;
  out.grouped = true;
  for (size_t begin = 0; begin < groups.size(); begin += saved_groups) {
    if (options.stop.stopped())
      return options.stop.fault("while groups were saved");
    const auto end = std::min<size_t>(begin + saved_groups, groups.size());
    const auto before = saved.held();
    // States are written as they are held, about.
    if (auto refused
        = saved.add(groups.byte_count() / groups.size() * (end - begin)))
      return refused;
    auto table
      = groups.save(begin, end, values, false, options.stop, options.pool);
    if (!table)
      return table.failure();
    if (auto refused = saved.set(before + table->byte_count()))
      return refused;
    out.chunks.push_back({0, std::move(*table)});
  }
  return out;
}

result<partial_result> execution::state::merge_rows() {
  if (setup.shape.keeps_top())
    return merge_top();
  partial_result out;
  for (auto& output : outputs)
    for (auto& chunk : output.chunks)
      if (chunk.rows.row_count > 0)
        out.chunks.push_back({part_order_of(chunk), std::move(chunk.rows)});
  return out;
}

/// No more than the rows that are asked for, part by part.
result<partial_result> execution::state::merge_top() {
  auto kept = top->finish(options.stop);
  if (!kept)
    return kept.failure();
  const auto columns = kept->columns.size() - 1;
  const auto* places = kept->columns.back().as<uint64_t>();
  std::map<uint64_t, std::vector<uint32_t>> parts;
  for (uint32_t row = 0; row < kept->row_count; ++row)
    parts[places[row]].push_back(row);
  partial_result out;
  for (const auto& [part, numbers] : parts) {
    auto chunk = take_rows(*kept, numbers, columns, options.stop);
    if (!chunk)
      return chunk.failure();
    out.chunks.push_back({part, *std::move(chunk)});
  }
  return out;
}

/// What a merger makes of it that gets nothing else.
result<partial_result> execution::state::as_result(partial_result merged) {
  const auto& plan = setup.shape.plan;
  if (!plan.grouped()) {
    merger alone{plan, options.stop};
    if (auto fault = alone.add(std::move(merged)))
      return fault;
    auto table = alone.finish();
    if (!table)
      return table.failure();
    merged = {};
    merged.chunks.push_back({0, *std::move(table)});
  }
  merged.finished = true;
  return merged;
}

result<partial_result> execution::finish() {
  auto& self = *state_;
  // A withdrawn query may have run none or only some of its morsels.
  if (!self.failed)
    (void)self.may_run(self.outputs.size());
  if (self.failed) {
    const std::lock_guard lock{self.mutex};
    return self.first_fault;
  }
  auto out = caught(self.subject(), [&] {
    auto merged = self.setup.shape.plan.grouped() ? self.merge_groups()
                                                  : self.merge_rows();
    if (merged && self.setup.shape.plan.alone)
      merged = self.as_result(*std::move(merged));
    return merged;
  });
  if (!out)
    return out;
  if (auto lost = fault_of_held(self.setup, self.outputs))
    return lost;
  out->statistics = self.setup.statistics;
  for (const auto& output : self.outputs) {
    out->statistics.rows_scanned += output.rows_scanned;
    out->statistics.bytes_scanned += output.bytes_scanned;
    out->statistics.rows_matched += output.rows_matched;
  }
  return out;
}

result<partial_result> execution::take(size_t i, held_memory* room) {
  auto& self = *state_;
  if (self.failed) {
    const std::lock_guard lock{self.mutex};
    return self.first_fault;
  }
  for (const auto& held : self.setup.opened)
    if (auto lost = held->fault())
      return lost;
  auto output = std::move(self.outputs[i]);
  partial_result out;
  uint64_t bytes = 0;
  const auto columns = result_columns(self.setup.shape.plan);
  for (auto& chunk : output.chunks) {
    bytes += chunk.byte_count();
    if (chunk.rows.row_count == 0)
      continue;
    if (room && room->held() == 0)
      *room = std::move(chunk.room);
    chunk.rows.columns.resize(columns.size());
    for (size_t c = 0; c < columns.size(); ++c)
      chunk.rows.columns[c].name = columns[c].name;
    out.chunks.push_back({0, std::move(chunk.rows)});
  }
  self.bytes -= bytes;
  if (i == 0)
    out.statistics = self.setup.statistics;
  out.statistics.rows_scanned = output.rows_scanned;
  out.statistics.bytes_scanned = output.bytes_scanned;
  out.statistics.rows_matched = output.rows_matched;
  return out;
}

result<partial_result> execute(const logical_plan& plan,
                               std::vector<persistence::table_view> parts,
                               execution_options options) {
  execution work{plan, std::move(parts), options};
  for (size_t i = 0; i < work.morsel_count() && !work.failed(); ++i)
    work.run(i);
  return work.finish();
}

} // namespace millrace::query
