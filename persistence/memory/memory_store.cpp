#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

error no_table(std::string_view table) {
  return {errc::not_found, "table '" + std::string{table} + "'"};
}

} // namespace

std::vector<std::string> store_snapshot::table_names() const {
  std::vector<std::string> out;
  for (const auto& [name, index] : *names_)
    out.push_back(name);
  return out;
}

const store_snapshot::entry*
store_snapshot::find(std::string_view table) const noexcept {
  const auto at = names_->find(table);
  return at == names_->end() ? nullptr : &entries_[at->second];
}

std::shared_ptr<const table_schema>
store_snapshot::schema(std::string_view table) const noexcept {
  const auto* found = find(table);
  return found ? found->mark.version->schema : nullptr;
}

result<table_view> store_snapshot::view(std::string_view table) const {
  const auto* found = find(table);
  if (!found)
    return no_table(table);
  return found->mark.view();
}

result<table_view> store_snapshot::view(std::string_view table, position lower,
                                        position upper) const {
  if (lower < begin)
    return error{errc::pruned, "rows after " + to_string(lower)
                                 + " are asked for, the earliest here are "
                                   "after "
                                 + to_string(begin)};
  if (upper > end)
    return error{errc::ahead, "rows up to " + to_string(upper)
                                + " are asked for, the rdb stands at "
                                + to_string(end)};
  const auto* found = find(table);
  if (!found)
    return no_table(table);
  const auto from = found->rows_at(lower);
  return found->mark.view(from, std::max(from, found->rows_at(upper)));
}

int64_t store_snapshot::newest_time() const {
  int64_t newest = null_long;
  for (const auto& one : entries_) {
    const auto view = one.mark.view();
    const auto time = *view.schema->column_index(view.schema->time_column);
    for (const auto& segment : view.segments) {
      const auto zone
        = segment.zones.empty()
            ? zone_of(column_type::timestamp, segment.columns[time].values,
                      segment.row_count)
            : segment.zones[time];
      if (!zone.empty)
        newest = std::max(newest, zone.high);
    }
  }
  return newest;
}

uint64_t store_snapshot::entry::rows_at(position at) const noexcept {
  size_t low = 0;
  size_t high = history_size;
  while (low < high) {
    const auto middle = (low + high) / 2;
    if ((*history)[middle].end <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low == 0 ? mark.version->first_row : (*history)[low - 1].row_end;
}

memory_store::memory_store(memory_table_options options)
  : options_{options},
    names_{std::make_shared<std::map<std::string, size_t, std::less<>>>()},
    published_{[this] {
      auto first = std::make_shared<store_snapshot>();
      first->names_ = names_;
      return first;
    }()} {}

memory_store::slot* memory_store::find(std::string_view table) noexcept {
  const auto at = names_->find(table);
  return at == names_->end() ? nullptr : &slots_[at->second];
}

const memory_table* memory_store::table(std::string_view name) const noexcept {
  const auto at = names_->find(name);
  return at == names_->end() ? nullptr : slots_[at->second].table.get();
}

error memory_store::declare(const table_schema& schema) {
  if (auto fault = validate(schema))
    return fault;
  if (auto* known = find(schema.name)) {
    known->changed = true;
    return known->table->schema() == schema ? error{}
                                            : known->table->alter(schema);
  }
  slots_.push_back({std::make_unique<memory_table>(schema, options_),
                    std::make_shared<stable_array<row_mark>>(), true});
  auto names
    = std::make_shared<std::map<std::string, size_t, std::less<>>>(*names_);
  names->emplace(schema.name, slots_.size() - 1);
  names_ = std::move(names);
  return {};
}

error memory_store::append(const batch_view& batch, position end) {
  auto* known = find(batch.table);
  if (!known)
    return no_table(batch.table);
  if (end <= end_)
    return {errc::bad_position, "a message that ends at " + to_string(end)
                                  + " came when the rdb stood at "
                                  + to_string(end_)};
  if (auto fault = known->table->append(batch))
    return fault;
  known->changed = true;
  end_ = end;
  known->history->push_back({end, known->table->row_end()});
  return {};
}

void memory_store::publish(position end) {
  MILLRACE_ASSERT(end >= end_);
  end_ = end;
  show();
}

void memory_store::end_period(position end) {
  for (auto& one : slots_) {
    one.table->close_segment();
    one.changed = true;
  }
  publish(end);
}

error memory_store::drop(position cutover) {
  const auto shown = published_.current();
  if (cutover > shown->end)
    return {errc::ahead, "rows up to " + to_string(cutover)
                           + " are to be dropped, the rdb stands at "
                           + to_string(shown->end)};
  if (cutover <= begin_)
    return {};
  for (const auto& [name, index] : *names_) {
    auto& one = slots_[index];
    const auto* entry = shown->find(name);
    if (!entry)
      continue; // Declared since: it has no rows up to there.
    one.table->drop(entry->rows_at(cutover));
    auto kept = std::make_shared<stable_array<row_mark>>();
    for (size_t i = 0; i < one.history->size(); ++i)
      if ((*one.history)[i].end > cutover)
        kept->push_back((*one.history)[i]);
    one.history = std::move(kept);
    one.changed = true;
  }
  begin_ = cutover;
  show();
  // Both counters turn over once, so that without a reader in the middle of
  // taking a snapshot the memory is free now and not two batches later.
  published_.reclaim();
  published_.reclaim();
  return {};
}

void memory_store::reset(position begin) {
  for (auto& one : slots_) {
    one.table->drop(one.table->row_end());
    one.history = std::make_shared<stable_array<row_mark>>();
    one.changed = true;
  }
  begin_ = begin;
  end_ = begin;
  show();
  published_.reclaim();
  published_.reclaim();
}

position memory_store::begin() const noexcept { return begin_; }

size_t memory_store::byte_count() const noexcept {
  size_t total = 0;
  for (const auto& one : slots_)
    total += one.table->byte_count() + one.history->byte_count();
  return total;
}

void memory_store::show() {
  auto next = std::make_shared<store_snapshot>();
  const auto& last = *published_.current();
  next->begin = begin_;
  next->end = end_;
  next->names_ = names_;
  next->entries_.reserve(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    auto& one = slots_[i];
    if (one.changed)
      next->entries_.push_back(
        {one.table->mark(), one.history, one.history->size()});
    else
      next->entries_.push_back(last.entries_[i]);
    one.changed = false;
  }
  published_.store(std::move(next));
}

} // namespace millrace::persistence
