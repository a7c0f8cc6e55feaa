#include <millrace/query/execution/filter.hpp>
#include <millrace/query/execution/row_choice.hpp>

#include <algorithm>
#include <memory>

namespace millrace::query {

namespace {

/// A filter of one partition, and the values that it looks at.
struct ready_filter {
  bound_filter filter;
  column_ref column;
};

/// What keeps the values readable, and says what became of them.
using kept_bytes = std::vector<std::shared_ptr<const persistence::held_bytes>>;

result<std::vector<ready_filter>>
make_ready(const std::vector<predicate>& filters,
           const persistence::table_view& part, kept_bytes& kept) {
  const auto& segment = part.segments.front();
  std::vector<uint32_t> columns;
  for (const auto& each : filters)
    columns.push_back(
      static_cast<uint32_t>(*part.schema->column_index(each.column)));
  auto opened = segment.source->open(columns, false, kept.emplace_back());
  if (!opened)
    return opened.failure();
  std::vector<ready_filter> out;
  for (size_t i = 0; i < filters.size(); ++i) {
    auto column = opened->columns[columns[i]];
    if (column.unread) {
      auto values = segment.source->read(columns[i], 0, segment.row_count);
      if (!values)
        return values.failure();
      column.values = values->values;
      column.text = values->text;
      kept.insert(kept.end(), values->held.begin(), values->held.end());
    }
    out.push_back(
      {bound_filter{filters[i], columns[i], column.type, column.dictionary},
       ref_of(column)});
  }
  return out;
}

/// Whether the extremes of the columns say that no row passes.
bool excluded(const std::vector<predicate>& filters,
              const persistence::table_view& part) {
  const auto& segment = part.segments.front();
  return std::any_of(filters.begin(), filters.end(), [&](const auto& each) {
    const auto column = *part.schema->column_index(each.column);
    const auto type = part.schema->columns[column].type;
    return column < segment.zones.size() && segment.columns[column].has_values()
           && !is_text(type)
           && bound_filter{each, static_cast<uint32_t>(column), type, nullptr}
                .excludes(segment.zones[column]);
  });
}

} // namespace

std::vector<predicate> predicates_of(const logical_plan& plan) {
  auto out = plan.filters;
  if (plan.symbols) {
    predicate wanted{plan.symbol_column, predicate_op::in, false, {}};
    for (const auto& symbol : *plan.symbols)
      wanted.values.emplace_back(symbol);
    out.push_back(std::move(wanted));
  }
  if (plan.range)
    out.push_back({plan.time_column,
                   predicate_op::within,
                   false,
                   {plan.range->first, plan.range->second}});
  return out;
}

result<std::vector<uint32_t>> chosen_rows(const logical_plan& plan,
                                          const persistence::table_view& part) {
  std::vector<uint32_t> out;
  const auto filters = predicates_of(plan);
  if (excluded(filters, part))
    return out;
  kept_bytes kept;
  const auto ready = make_ready(filters, part, kept);
  if (!ready)
    return ready.failure();
  uint8_t mask[vector_rows];
  uint16_t offsets[vector_rows];
  const auto rows = part.segments.front().row_count;
  for (uint32_t base = 0; base < rows; base += vector_rows) {
    const auto count = std::min(rows - base, vector_rows);
    std::fill_n(mask, count, uint8_t{1});
    for (const auto& each : *ready)
      each.filter.apply(each.column, base, nullptr, count, mask);
    const auto passed = select(mask, count, offsets);
    for (uint32_t i = 0; i < passed; ++i)
      out.push_back(base + offsets[i]);
  }
  for (const auto& held : kept)
    if (held)
      if (auto fault = held->fault())
        return fault;
  return out;
}

} // namespace millrace::query
