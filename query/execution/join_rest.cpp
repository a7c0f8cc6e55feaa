#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/join_rest_internal.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/rows_view.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

/// The rows of chunks, or none of the columns.
result<table_data> rows_of(std::vector<partial_chunk> chunks,
                           const std::vector<column_schema>& columns,
                           const interruption& stop) {
  if (chunks.empty())
    chunks.push_back({0, no_rows(columns)});
  std::vector<partial_result> parts(1);
  parts[0].chunks = std::move(chunks);
  return joined_rows(std::move(parts), stop);
}

} // namespace

join_step::join_step(const joined_tables& what)
  : join{what.on, operators::asof_join::direction::backward, what.tolerance,
         what.right_time, what.inner},
    node{join, {}, what.columns} {}

join_rest::join_rest(const logical_plan& plan)
  : plan_{plan}, left_{result_columns(plan.joined->left)},
    right_{result_columns(plan.joined->right)} {}

bool join_rest::fits(const partial_chunk& chunk) const {
  const auto& layout
    = chunk.use == partial_chunk::purpose::last_right ? right_ : left_;
  return std::equal(layout.begin(), layout.end(), chunk.table.columns.begin(),
                    chunk.table.columns.end(),
                    [](const column_schema& a, const column_data& b) {
                      return a.name == b.name && a.type == b.type;
                    });
}

void join_rest::take(partial_result& partial) {
  if (partial.bounds)
    bounds_.push_back(*partial.bounds);
  for (auto& chunk : partial.chunks)
    if (chunk.use == partial_chunk::purpose::last_right)
      lasts_.push_back(std::move(chunk));
    else if (chunk.use == partial_chunk::purpose::single_left)
      singles_.push_back(std::move(chunk));
  std::erase_if(partial.chunks, [](const partial_chunk& chunk) {
    return chunk.use != partial_chunk::purpose::result;
  });
}

uint64_t join_rest::byte_count() const noexcept {
  uint64_t total = 0;
  for (const auto* list : {&lasts_, &singles_})
    for (const auto& chunk : *list)
      total += chunk.table.byte_count();
  return total;
}

/// No right row of the later store is that of a left one of the other store,
/// none of the other store lies among the later ones, and its last ones are
/// before all left rows that were left.
bool join_rest::follow_each_other(const table_data& singles) const {
  join_bounds earlier;
  join_bounds later{.live = true};
  for (const auto& each : bounds_) {
    auto& of = each.live ? later : earlier;
    if (each.left_max)
      of.left_max = std::max(of.left_max.value_or(null_long), *each.left_max);
    if (!each.right_max)
      continue;
    of.right_min = std::min(of.right_min.value_or(inf_long), *each.right_min);
    of.right_max = std::max(of.right_max.value_or(null_long), *each.right_max);
  }
  if (later.right_min && earlier.left_max
      && *later.right_min <= *earlier.left_max)
    return false;
  if (!earlier.right_max)
    return true;
  if (later.right_min && *earlier.right_max > *later.right_min)
    return false;
  const auto times = ref_of(*column_named(singles, plan_.joined->on.back()));
  for (uint64_t row = 0; row < singles.row_count; ++row)
    if (integer_at(times, row) < *earlier.right_max)
      return false;
  return true;
}

result<partial_result> join_rest::finish(const interruption& stop) {
  auto singles = rows_of(std::exchange(singles_, {}), left_, stop);
  if (!singles)
    return singles.failure();
  if (!follow_each_other(*singles))
    return error{errc::moved, "rows of the tables '" + plan_.joined->left.table
                                + "' and '" + plan_.joined->right.table
                                + "' in the RDB are as old as such in the HDB"};
  partial_result none;
  none.grouped = true;
  if (singles->row_count == 0)
    return none;
  auto lasts = rows_of(std::exchange(lasts_, {}), right_, stop);
  if (!lasts)
    return lasts.failure();
  const join_step step{*plan_.joined.tables};
  auto rows = run_asof(step.join, step.node, *std::move(singles), *lasts,
                       {.stop = stop});
  if (!rows)
    return rows.failure();
  auto view = view_of(*rows);
  if (!view)
    return view.failure();
  return execute(plan_, {*std::move(view)}, {.stop = stop});
}

} // namespace millrace::query
