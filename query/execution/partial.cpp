#include <millrace/query/execution/join_rest_internal.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/execution/sort.hpp>

#include <algorithm>
#include <malloc.h>

namespace millrace::query {

result<table_data> joined_rows(std::vector<partial_result> parts,
                               const interruption& stop) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  size_t pieces = 0;
  for (const auto& part : parts)
    for (const auto& piece : part.chunks) {
      rows += piece.table.row_count;
      bytes += piece.table.byte_count();
      ++pieces;
    }
  held_memory room{stop.memory};
  if (pieces > 1)
    if (auto refused = room.set(bytes))
      return refused;
  // A writer knows what a column's symbols became by where it lies: all parts
  // stay there until the end.
  std::vector<column_writer> writers;
  table_data out;
  for (auto& part : parts)
    for (auto& piece : part.chunks) {
      if (pieces == 1)
        return std::move(piece.table);
      if (stop.stopped())
        return stop.fault("while rows were put together");
      const auto& columns = piece.table.columns;
      if (writers.empty())
        for (const auto& column : columns)
          writers.emplace_back(column.name, column.type).reserve(rows);
      if (columns.size() != writers.size())
        return error{errc::malformed_message,
                     "the answer's parts have different columns"};
      for (size_t i = 0; i < columns.size(); ++i)
        writers[i].append_range(ref_of(columns[i]), &columns[i], 0,
                                piece.table.row_count);
      out.row_count += piece.table.row_count;
    }
  for (auto& writer : writers) {
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(std::move(*column));
  }
  return out;
}

size_t partial_result::byte_count() const noexcept {
  size_t total = 0;
  for (const auto& chunk : chunks)
    total += chunk.table.byte_count();
  return total;
}

merger::merger(logical_plan plan, interruption stop)
  : shape_{std::move(plan)}, stop_{std::move(stop)},
    layout_{shape_.partial_columns()}, room_{stop_.memory} {
  stop_.table = shape_.plan.table;
  if (shape_.plan.grouped())
    groups_ = std::make_unique<group_set>(shape_);
  if (shape_.keeps_top())
    top_.emplace(shape_, bound_, stop_.memory);
  if (shape_.plan.joined)
    join_ = std::make_unique<join_rest>(shape_.plan);
}

merger::~merger() {
  const auto bytes = bytes_ + (groups_ ? groups_->byte_count() : 0);
  groups_.reset();
  chunks_.clear();
  // What took much gives its memory back to the system.
  if (bytes > uint64_t{1} << 30)
    malloc_trim(0);
}

error merger::check(const partial_result& partial) const {
  auto mismatch = [&](const std::string& what) {
    return error{errc::schema_mismatch, "partial result for table '"
                                          + shape_.plan.table + "': " + what};
  };
  if (partial.finished)
    return mismatch("a finished result, which merges with nothing");
  if (partial.grouped != shape_.plan.grouped())
    return mismatch(partial.grouped ? "groups where rows were asked for"
                                    : "rows where groups were asked for");
  for (const auto& chunk : partial.chunks) {
    if (chunk.use != partial_chunk::purpose::result) {
      if (!join_ || !join_->fits(chunk))
        return mismatch("rows of a join that was not asked for");
      continue;
    }
    const auto& columns = chunk.table.columns;
    if (columns.size() != layout_.size())
      return mismatch(std::to_string(columns.size()) + " columns for "
                      + std::to_string(layout_.size()));
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].type != layout_[i].type)
        return mismatch("column '" + layout_[i].name + "' is "
                        + std::string{to_string(columns[i].type)} + ", not "
                        + std::string{to_string(layout_[i].type)});
  }
  return {};
}

error refuse_beyond_limits(const logical_plan& plan, uint64_t rows,
                           uint64_t bytes) {
  auto more = [&](uint64_t limit, const std::string& what) {
    return error{errc::limit_exceeded,
                 "the result of table '" + plan.table + "' has more than "
                   + std::to_string(limit) + ' ' + what
                   + ": ask for less by conditions, groups or a limit of "
                     "rows, or raise "
                   + (what == "rows" ? "rows_max" : "memory_max")
                   + " of the gateway, or of the user who asks"};
  };
  if (plan.rows_max && rows > plan.rows_max)
    return more(plan.rows_max, "rows");
  if (plan.bytes_max && bytes > plan.bytes_max)
    return more(plan.bytes_max, "bytes");
  return {};
}

error merger::add(partial_result partial) {
  if (stop_.stopped())
    return stop_.fault("while partial results merged");
  if (auto fault = check(partial))
    return fault;
  statistics_
    += answer_statistics{partial.statistics, partial.nodes, partial.steps};
  const bool keep_rows
    = !groups_
      || std::any_of(groups_->states().begin(), groups_->states().end(),
                     [](const auto& state) { return state->keeps_rows(); });
  const bool fresh = groups_ && groups_->size() == 0;
  if (join_)
    join_->take(partial);
  for (auto& chunk : partial.chunks) {
    if (chunk.table.row_count == 0
        || chunk.use != partial_chunk::purpose::result)
      continue;
    const auto bytes = chunk.table.byte_count();
    if (groups_) {
      // States of texts and of many values take more than they travel as.
      if (auto refused = room_.set(held_bytes() + 3 * bytes))
        return refused;
      if (auto fault = groups_->load(
            chunk.table, static_cast<uint32_t>(chunks_.size()), fresh))
        return fault;
    }
    rows_ += chunk.table.row_count;
    if (top_) {
      held_memory room{stop_.memory};
      if (auto refused = room.set(bytes))
        return refused;
      if (auto fault = top_->add(chunk.part_order, std::move(chunk.table),
                                 std::move(room), stop_))
        return fault;
    } else if (keep_rows) {
      bytes_ += chunk.table.byte_count();
      chunks_.push_back(std::make_unique<partial_chunk>(std::move(chunk)));
    }
  }
  if (auto refused = room_.set(held_bytes()))
    return refused;
  if (groups_)
    return refuse_beyond_limits(
      shape_.plan, shape_.plan.sublist ? 0 : groups_->size(),
      groups_->byte_count() + (join_ ? join_->byte_count() : 0));
  return refuse_beyond_limits(shape_.plan, shape_.plan.sublist ? 0 : rows_,
                              top_ ? top_->byte_count() : bytes_);
}

uint64_t merger::held_bytes() const noexcept {
  return bytes_ + (groups_ ? groups_->byte_count() : 0)
         + (join_ ? join_->byte_count() : 0);
}

error merger::finish_join() {
  auto rest = join_->finish(stop_);
  if (!rest)
    return rest.failure();
  return add(*std::move(rest));
}

result<table_data> merger::finish() {
  if (join_)
    if (auto fault = finish_join())
      return fault;
  auto out = groups_                        ? finish_groups()
             : top_                         ? finish_top()
             : shape_.plan.ordering.empty() ? finish_rows()
                                            : finish_ordered();
  if (!out)
    return out;
  if (auto fault
      = refuse_beyond_limits(shape_.plan, out->row_count, out->byte_count()))
    return fault;
  const auto names = result_columns(shape_.plan);
  for (size_t i = 0; i < names.size(); ++i)
    out->columns[i].name = names[i].name;
  return out;
}

result<table_data> merger::finish_groups() {
  // Without keys there is one group, also when no row was there.
  if (shape_.keys.empty() && groups_->size() == 0) {
    (void)groups_->add(nullptr);
    groups_->grow_states();
  }
  // What is not asked for is not finished, and cannot fail.
  if (shape_.keeps_some_groups()
      && groups_->size() > *shape_.plan.rows_wanted()) {
    auto some = std::move(*groups_).some(stop_);
    if (!some)
      return some.failure();
    groups_ = std::make_unique<group_set>(std::move(*some));
  }
  groups_->settle();
  std::vector<std::vector<column_ref>> values;
  size_t column = shape_.keys.size();
  for (auto& state : groups_->states()) {
    auto& sources = values.emplace_back();
    if (state->keeps_rows())
      for (const auto& chunk : chunks_)
        sources.push_back(
          ref_of(chunk->table.columns[column + aggregate_state::value_column]));
    column += state->state_columns().size();
  }
  return groups_->finish(values, stop_);
}

result<table_data> merger::finish_rows() {
  std::stable_sort(
    chunks_.begin(), chunks_.end(),
    [](const auto& a, const auto& b) { return a->part_order < b->part_order; });
  const auto [first, last] = result_rows(rows_, shape_.plan);
  held_memory room{stop_.memory};
  if (auto refused
      = room.set(bytes_ / std::max<uint64_t>(rows_, 1) * (last - first)))
    return refused;
  table_data out;
  out.row_count = last - first;
  for (size_t i = 0; i < shape_.outputs.size(); ++i) {
    column_writer writer{layout_[i].name, layout_[i].type};
    writer.reserve(out.row_count);
    uint64_t start = 0;
    for (const auto& chunk : chunks_) {
      if (stop_.stopped())
        return stop_.fault("while rows were put together");
      const auto& column = chunk->table.columns[i];
      const auto end = start + chunk->table.row_count;
      const auto from = std::clamp(first, start, end);
      const auto to = std::clamp(last, start, end);
      writer.append_range(ref_of(column), &column, from - start, to - start);
      start = end;
    }
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(std::move(*column));
  }
  return out;
}

result<table_data> merger::finish_top() {
  return top_->finish(shape_.outputs.size(), shape_.plan.skip, stop_);
}

result<table_data> merger::finish_ordered() {
  // All columns, those that break ties too, and the part's place. What is held
  // twice is one of them at a time, and its texts.
  uint64_t texts = 0;
  for (const auto& chunk : chunks_)
    for (const auto& column : chunk->table.columns)
      texts += column.bytes.size();
  held_memory room{stop_.memory};
  if (auto refused
      = room.set(texts + rows_ * (2 * sizeof(int64_t) + sizeof(uint32_t))))
    return refused;
  table_data all;
  all.row_count = rows_;
  for (size_t i = 0; i < layout_.size(); ++i) {
    column_writer writer{layout_[i].name, layout_[i].type};
    writer.reserve(rows_);
    for (auto& chunk : chunks_) {
      if (stop_.stopped())
        return stop_.fault("while rows were put together");
      auto& from = chunk->table.columns[i];
      writer.append_range(ref_of(from), &from, 0, chunk->table.row_count);
      // Held twice no longer than the column takes; its symbols are known by
      // where it lies.
      std::vector<std::byte>{}.swap(from.values);
    }
    auto column = writer.finish();
    if (!column)
      return column.failure();
    all.columns.push_back(std::move(*column));
  }
  column_data places{".part_order", column_type::long_, {}, {}, {}};
  places.values.reserve(rows_ * sizeof(int64_t));
  for (const auto& chunk : chunks_) {
    if (stop_.stopped())
      return stop_.fault("while rows were put together");
    for (uint64_t row = 0; row < chunk->table.row_count; ++row)
      places.push(chunk->part_order);
  }
  all.columns.push_back(std::move(places));
  auto order = sort_rows(all, shape_.top_terms(), stop_);
  if (!order)
    return order.failure();
  const auto [first, last] = result_rows(order->size(), shape_.plan);
  return moved_rows(std::move(all),
                    std::span{*order}.subspan(first, last - first),
                    shape_.outputs.size(), stop_);
}

result<table_data> joined_rows(const chunks& answer) {
  std::vector<partial_result> parts;
  for (const auto& message : answer) {
    auto part = decode_partial(message.bytes());
    if (!part)
      return part.failure();
    parts.push_back(*std::move(part));
  }
  return joined_rows(std::move(parts));
}

} // namespace millrace::query
