#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/scan.hpp>

#include <algorithm>

namespace millrace::query {

struct execution::state {
  state(logical_plan plan, execution_options given)
    : setup{std::move(plan)}, options{given} {}

  scan_setup setup;
  execution_options options;
  std::vector<morsel_output> outputs;
  std::atomic<bool> failed{false};
  std::atomic<uint64_t> bytes{0};
  std::mutex mutex; ///< Guards the members below.
  error fault;
  /// Rows of the morsels 0..done_prefix, for `n first rows`.
  std::vector<uint8_t> done;
  size_t done_prefix = 0;
  uint64_t prefix_rows = 0;

  void fail(error failure) {
    const std::lock_guard lock{mutex};
    if (!fault)
      fault = std::move(failure);
    failed.store(true, std::memory_order_release);
  }

  [[nodiscard]] bool may_run(size_t i) {
    if (failed.load(std::memory_order_acquire))
      return false;
    if (options.cancel && options.cancel->load(std::memory_order_acquire)) {
      fail({errc::cancelled, "the query on table '" + setup.shape.plan.table
                               + "' was withdrawn"});
      return false;
    }
    if (options.deadline_ns != 0 && options.clock
        && options.clock->monotonic_ns() >= options.deadline_ns) {
      fail({errc::timeout, "the query on table '" + setup.shape.plan.table
                             + "' passed its deadline at morsel "
                             + std::to_string(i) + " of "
                             + std::to_string(outputs.size())});
      return false;
    }
    return true;
  }

  /// Whether the morsels before `i` already hold all rows that are asked for.
  [[nodiscard]] bool satisfied(size_t i) {
    const auto& plan = setup.shape.plan;
    if (plan.grouped() || !plan.ordering.empty() || !plan.sublist
        || *plan.sublist < 0)
      return false;
    const std::lock_guard lock{mutex};
    return done_prefix <= i
           && prefix_rows >= static_cast<uint64_t>(*plan.sublist);
  }

  void note_done(size_t i) {
    const std::lock_guard lock{mutex};
    done[i] = 1;
    while (done_prefix < done.size() && done[done_prefix])
      prefix_rows += outputs[done_prefix++].rows_matched;
  }

  void account(size_t i) {
    uint64_t size = 0;
    for (const auto& chunk : outputs[i].chunks)
      size += chunk.byte_count();
    const auto total = bytes.fetch_add(size) + size;
    if (options.memory_max != 0 && total > options.memory_max)
      fail({errc::limit_exceeded,
            "the query on table '" + setup.shape.plan.table
              + "' needs more than " + std::to_string(options.memory_max)
              + " bytes (query_memory_max)"});
  }

  result<partial_result> merge_groups();
  result<partial_result> merge_rows();
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
  if (auto fault = prepare(state_->setup, options.morsel_rows)) {
    state_->fail(std::move(fault));
    state_->setup.morsels.clear();
    return;
  }
  state_->outputs.resize(morsel_count());
  state_->done.resize(morsel_count());
}

execution::~execution() = default;

size_t execution::morsel_count() const noexcept {
  const auto borders = state_->setup.morsels.size();
  return borders == 0 ? 0 : borders - 1;
}

bool execution::failed() const noexcept {
  return state_->failed.load(std::memory_order_acquire);
}

void execution::run(size_t i) {
  auto& self = *state_;
  if (!self.may_run(i) || self.satisfied(i))
    return;
  const auto first = self.setup.morsels[i];
  const auto last = self.setup.morsels[i + 1];
  self.outputs[i] = scan(
    self.setup, std::span{self.setup.units}.subspan(first, last - first));
  if (self.outputs[i].fault)
    self.fail(self.outputs[i].fault);
  self.account(i);
  self.note_done(i);
}

namespace {

/// Groups of a chunk among those of all chunks. Text keys are translated once
/// per distinct text and dictionary.
class key_translator {
public:
  key_translator(const scan_setup& setup, group_set& groups)
    : setup_{setup}, groups_{groups}, maps_(setup.shape.keys.size()),
      owners_(setup.shape.keys.size(), nullptr),
      key_(setup.shape.key_words + 1) {}

  const std::vector<uint32_t>& targets(const morsel_chunk& chunk) {
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
    targets_.resize(index.size());
    for (uint32_t g = 0; g < index.size(); ++g) {
      std::copy_n(index.key(g), shape.key_words, key_.begin());
      for (size_t k = 0; k < shape.keys.size(); ++k)
        if (is_text(shape.keys[k].type)) {
          auto& word = key_[shape.keys[k].word];
          word = translate(chunk, k, static_cast<uint32_t>(word));
        }
      targets_[g] = groups_.add(key_.data());
    }
    return targets_;
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
  std::vector<uint32_t> targets_;
};

/// Where first and last find the values of input column `column`, by source.
std::vector<column_ref> value_sources(const scan_setup& setup,
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
  return out;
}

} // namespace

result<partial_result> execution::state::merge_groups() {
  const auto& shape = setup.shape;
  group_set groups{shape};
  key_translator translator{setup, groups};
  // At most the memory that the morsels' groups hold already.
  size_t total = 0;
  for (const auto& output : outputs)
    for (const auto& chunk : output.chunks)
      total += chunk.groups->index().size();
  groups.reserve(total);
  for (auto& output : outputs) {
    for (auto& chunk : output.chunks) {
      const auto& targets = translator.targets(chunk);
      groups.grow_states();
      for (size_t a = 0; a < chunk.states.size(); ++a)
        groups.states()[a].combine(chunk.states[a], targets);
      // The address of a chunk's strings must not come twice while it counts.
      chunk.states.clear();
    }
    if (options.memory_max != 0 && groups.byte_count() > options.memory_max)
      return error{errc::limit_exceeded,
                   "the groups of table '" + shape.plan.table
                     + "' need more than " + std::to_string(options.memory_max)
                     + " bytes (query_memory_max)"};
  }
  std::vector<std::vector<column_ref>> values;
  for (const auto& held : groups.states())
    values.push_back(held.keeps_rows() ? value_sources(setup, held.inputs()[0])
                                       : std::vector<column_ref>{});
  auto table = groups.save(values, false);
  if (!table)
    return table.failure();
  partial_result out;
  out.grouped = true;
  if (table->row_count > 0)
    out.chunks.push_back({0, std::move(*table)});
  return out;
}

result<partial_result> execution::state::merge_rows() {
  partial_result out;
  for (auto& output : outputs)
    for (auto& chunk : output.chunks)
      if (chunk.rows.row_count > 0)
        out.chunks.push_back(
          {setup.parts[setup.bindings[chunk.binding].part].part_order,
           std::move(chunk.rows)});
  return out;
}

result<partial_result> execution::finish() {
  auto& self = *state_;
  // A withdrawn query may have run none or only some of its morsels.
  if (!self.failed)
    (void)self.may_run(self.outputs.size());
  if (self.failed) {
    const std::lock_guard lock{self.mutex};
    return self.fault;
  }
  auto out
    = self.setup.shape.plan.grouped() ? self.merge_groups() : self.merge_rows();
  if (!out)
    return out;
  out->statistics = self.setup.statistics;
  for (const auto& output : self.outputs) {
    out->statistics.rows_scanned += output.rows_scanned;
    out->statistics.rows_matched += output.rows_matched;
  }
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
