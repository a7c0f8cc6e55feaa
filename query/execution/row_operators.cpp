#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/expression_program.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/rows_view.hpp>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace millrace::query {

namespace {

/// A key column, whose values become words.
class key_words {
public:
  key_words(const column_data& column, text::interner& pool)
    : column_{column}, ref_{ref_of(column)}, pool_{pool} {
    if (column.type == column_type::symbol)
      for (uint32_t code = 0; code < column.dictionary_ends.size(); ++code)
        codes_.push_back(pool.code(column.entry(code)));
  }

  [[nodiscard]] size_t words_per_row() const noexcept {
    return column_.type == column_type::guid ? 2 : 1;
  }

  /// Those of rows [begin, end), `stride` apart.
  void fill(uint64_t begin, uint64_t end, uint64_t* words, size_t stride) {
    if (column_.type == column_type::guid) {
      for (auto row = begin; row < end; ++row, words += stride)
        std::memcpy(words, column_.values.data() + 16 * row, 16);
    } else if (column_.type == column_type::symbol) {
      const auto* codes = column_.as<uint32_t>();
      for (auto row = begin; row < end; ++row, words += stride)
        *words = codes_[codes[row]];
    } else if (column_.type == column_type::string) {
      for (auto row = begin; row < end; ++row, words += stride)
        *words = pool_.code(column_.text(row));
    } else if (is_float(column_.type)) {
      for (auto row = begin; row < end; ++row, words += stride)
        *words = key_word(float_at(ref_, row));
    } else {
      with_integer(column_.type, [&](auto load) {
        const auto* from = column_.as<typename decltype(load)::raw>();
        for (auto row = begin; row < end; ++row, words += stride)
          *words = static_cast<uint64_t>(load.widen(from[row]));
      });
    }
  }

private:
  const column_data& column_;
  column_ref ref_;
  text::interner& pool_;
  std::vector<uint64_t> codes_; ///< Of the pool, by those of the column.
};

} // namespace

const column_data* column_named(const table_data& table,
                                std::string_view name) noexcept {
  for (const auto& each : table.columns)
    if (each.name == name)
      return &each;
  return nullptr;
}

void put_column(table_data& table, column_data column) {
  for (auto& each : table.columns)
    if (each.name == column.name) {
      each = std::move(column);
      return;
    }
  table.columns.push_back(std::move(column));
}

table_data no_rows(const std::vector<column_schema>& columns) {
  table_data out;
  for (const auto& each : columns)
    out.columns.push_back(*column_writer{each.name, each.type}.finish());
  return out;
}

error row_numbers::take_room(uint64_t rows, const interruption& stop) {
  if (!stop.memory)
    return {};
  if (room_.held() == 0)
    room_ = held_memory{stop.memory};
  uint64_t bytes = 0;
  if (index_)
    bytes += index_->byte_count()
             + rows * (index_->words() * sizeof(uint64_t) + sizeof(uint64_t));
  for (const auto& pool : pools_)
    bytes += pool.byte_count();
  return room_.set(bytes);
}

result<std::vector<uint32_t>> row_numbers::of(const table_data& table,
                                              const interruption& stop) {
  held_memory numbers{stop.memory};
  if (auto refused = numbers.set(table.row_count * sizeof(uint32_t)))
    return refused;
  std::vector<uint32_t> out(table.row_count, 0);
  if (names_.empty())
    return out;
  std::vector<key_words> keys;
  size_t stride = 0;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto* column = column_named(table, names_[i]);
    MILLRACE_ASSERT(column != nullptr);
    stride += keys.emplace_back(*column, pools_[i]).words_per_row();
  }
  if (!index_)
    index_.emplace(static_cast<uint32_t>(stride));
  if (const auto* only = column_named(table, names_.front());
      names_.size() == 1 && only->type == column_type::symbol)
    return of_symbols(*only, std::move(out), stop);
  const auto rows = table.row_count;
  // Of some rows at a time: they stay in the cache.
  std::vector<uint64_t> words(std::min<uint64_t>(rows, rows_between_looks)
                              * stride);
  for (uint64_t row = 0; row < rows; row += rows_between_looks) {
    if (stop.stopped())
      return stop.fault("while rows were matched");
    const auto some = std::min<uint64_t>(rows_between_looks, rows - row);
    if (auto refused = take_room(some, stop))
      return refused;
    size_t at = 0;
    for (auto& key : keys) {
      key.fill(row, row + some, words.data() + at, stride);
      at += key.words_per_row();
    }
    const auto before = index_->size();
    index_->find_or_add_all(words.data(), some, out.data() + row);
    // Room at once for as many as there may be: to make more of it later, time
    // and again, is work that cannot be stopped.
    if (row == 0 && index_->size() - before > some / 2) {
      if (auto refused = take_room(rows, stop))
        return refused;
      index_->reserve(before + rows, true, stop);
    }
  }
  return out;
}

/// One look-up per symbol, not per row.
result<std::vector<uint32_t>>
row_numbers::of_symbols(const column_data& column, std::vector<uint32_t> out,
                        const interruption& stop) {
  std::vector<uint32_t> known(column.dictionary_ends.size(), no_row);
  const auto* codes = column.as<uint32_t>();
  const bool goes_on = for_rows(out.size(), stop, [&](uint64_t row) {
    auto& number = known[codes[row]];
    if (number == no_row) {
      const uint64_t word = pools_[0].code(column.entry(codes[row]));
      number = index_->find_or_add(&word);
    }
    out[row] = number;
  });
  if (!goes_on)
    return stop.fault("while rows were matched");
  return out;
}

result<grouped_rows> grouped(std::span<const uint32_t> numbers, uint32_t count,
                             const interruption& stop) {
  grouped_rows out;
  out.begins.resize(size_t{count} + 1);
  bool goes_on = for_rows(numbers.size(), stop, [&](uint64_t row) {
    ++out.begins[size_t{numbers[row]} + 1];
  });
  std::partial_sum(out.begins.begin(), out.begins.end(), out.begins.begin());
  auto next = out.begins;
  out.rows.resize(numbers.size());
  goes_on = goes_on && for_rows(numbers.size(), stop, [&](uint64_t row) {
              out.rows[next[numbers[row]]++] = static_cast<uint32_t>(row);
            });
  if (!goes_on)
    return stop.fault("while rows were grouped");
  return out;
}

namespace {

/// The rows of each group one after the other, and their times.
void group_rows(std::span<const uint32_t> numbers, uint32_t count,
                const column_data& times, grouped_rows& rows,
                std::vector<int64_t>& times_of, const run_options& options) {
  rows.begins.assign(size_t{count} + 1, 0);
  for (const auto number : numbers)
    ++rows.begins[size_t{number} + 1];
  std::partial_sum(rows.begins.begin(), rows.begins.end(), rows.begins.begin());
  rows.rows.resize(numbers.size());
  times_of.resize(numbers.size());
  for_pieces(options, 2, [&](size_t which) {
    auto next = rows.begins;
    if (which == 0) {
      for (uint32_t row = 0; row < numbers.size(); ++row)
        rows.rows[next[numbers[row]]++] = row;
      return;
    }
    with_integer(times.type, [&](auto load) {
      using loader = decltype(load);
      const auto* from = times.as<typename loader::raw>();
      for (size_t row = 0; row < numbers.size(); ++row)
        times_of[next[numbers[row]]++] = loader::widen(from[row]);
    });
  });
}

/// Rows of one group by their times; equal ones stay in order.
void order_rows(std::span<uint32_t> rows, std::span<int64_t> times) {
  if (std::is_sorted(times.begin(), times.end()))
    return;
  std::vector<std::pair<int64_t, uint32_t>> keyed(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    keyed[i] = {times[i], rows[i]};
  std::sort(keyed.begin(), keyed.end());
  for (size_t i = 0; i < rows.size(); ++i)
    std::tie(times[i], rows[i]) = keyed[i];
}

} // namespace

result<timed_matches> timed_matches::find(std::vector<std::string> on,
                                          const table_data& left,
                                          const table_data& right,
                                          const run_options& options) {
  const auto& stop = options.stop;
  const auto& times = *column_named(right, on.back());
  on.pop_back();
  timed_matches out;
  out.room_ = held_memory{stop.memory};
  // The numbers of both sides, and of the right one its rows in another order,
  // with their times; where groups begin twice.
  if (auto refused = out.room_.set(
        left.row_count * sizeof(uint32_t)
        + right.row_count * (4 * sizeof(uint32_t) + sizeof(int64_t))))
    return refused;
  row_numbers numbers{std::move(on)};
  const auto right_groups = numbers.of(right, stop);
  if (!right_groups)
    return right_groups.failure();
  const auto count = numbers.count();
  auto left_groups = numbers.of(left, stop);
  if (!left_groups)
    return left_groups.failure();
  out.left_groups_ = *std::move(left_groups);
  if (stop.stopped())
    return stop.fault("while rows were matched");
  group_rows(*right_groups, count, times, out.right_, out.times_, options);
  // Few pieces of many groups each.
  constexpr uint32_t groups_per_piece = 64;
  for_pieces(
    options, (count + groups_per_piece - 1) / groups_per_piece, [&](size_t i) {
      const auto first = static_cast<uint32_t>(i) * groups_per_piece;
      const auto last = std::min(count, first + groups_per_piece);
      for (auto group = first; group < last && !stop.stopped(); ++group) {
        const auto begin = out.right_.begins[group];
        order_rows(out.right_.of(group),
                   std::span{out.times_}.subspan(
                     begin, out.right_.begins[group + 1] - begin));
      }
    });
  if (stop.stopped())
    return stop.fault("while rows were ordered");
  return out;
}

result<column_data> picked(const std::string& name, const column_data& right,
                           std::span<const uint32_t> rows,
                           const column_data* left, const interruption& stop) {
  column_writer writer{name, right.type};
  const auto ref = ref_of(right);
  for (size_t begin = 0; begin < rows.size();) {
    const bool there = rows[begin] != no_row;
    auto end = begin + 1;
    const auto last = std::min(rows.size(), begin + rows_between_looks);
    while (end < last && (rows[end] != no_row) == there)
      ++end;
    if (begin / rows_between_looks != end / rows_between_looks
        && stop.stopped())
      return stop.fault("while rows were gathered");
    if (there)
      writer.append(ref, &right, rows.data() + begin, end - begin);
    else if (left)
      writer.append_range(ref_of(*left), left, begin, end);
    else
      writer.append_nulls(end - begin);
    begin = end;
  }
  return writer.finish();
}

result<column_data> evaluate(const std::string& name, const expression& what,
                             const table_data& over, const interruption& stop) {
  if (is_column(what)) {
    auto out = *column_named(over, what.name);
    out.name = name;
    return out;
  }
  std::vector<column_schema> columns;
  std::vector<column_ref> refs;
  for (const auto& each : over.columns) {
    columns.push_back({each.name, each.type});
    refs.push_back(ref_of(each));
  }
  held_memory room{stop.memory};
  if (auto refused = room.set(over.row_count * width_of(what.type)))
    return refused;
  expression_program program{what, columns};
  column_data out{name, what.type, {}, {}, {}};
  out.values.resize(over.row_count * width_of(what.type));
  text::interner texts;
  for (uint64_t begin = 0; begin < over.row_count; begin += vector_rows) {
    if (begin % rows_between_looks == 0 && stop.stopped())
      return stop.fault("while a column was computed");
    const auto count = std::min<uint64_t>(vector_rows, over.row_count - begin);
    program.run(refs, static_cast<uint32_t>(begin), nullptr,
                static_cast<uint32_t>(count));
    if (program.overflowed())
      return expression_program::overflow_of(what);
    program.store(out.values.data(), 0, texts);
  }
  if (what.type == column_type::symbol)
    move_into(out, texts);
  return out;
}

bool only_projects(const logical_plan& plan, const table_data& over) {
  if (plan.grouped() || plan.range || plan.symbols || !plan.filters.empty()
      || !plan.ordering.empty() || plan.sublist)
    return false;
  return std::all_of(plan.outputs.begin(), plan.outputs.end(),
                     [&](const auto& output) {
                       const auto type = plan.type_of(output.column);
                       if (plan.is_computed(output.column))
                         return !is_text(*type);
                       const auto* held = column_named(over, output.column);
                       return held && held->type == *type;
                     });
}

namespace {

/// What is computed, some rows at a time.
result<std::vector<column_data>> computed_of(const logical_plan& plan,
                                             const table_data& over,
                                             const run_options& options) {
  std::vector<column_schema> columns;
  std::vector<column_ref> refs;
  for (const auto& each : over.columns) {
    columns.push_back({each.name, each.type});
    refs.push_back(ref_of(each));
  }
  std::vector<column_data> out;
  uint64_t width = 0;
  for (const auto& each : plan.computed)
    width += width_of(*plan.type_of(each.name));
  held_memory room{options.stop.memory};
  if (auto refused = room.set(over.row_count * width))
    return refused;
  for (const auto& each : plan.computed) {
    const auto type = *plan.type_of(each.name);
    out.push_back({each.name, type, {}, {}, {}});
    out.back().values.resize(over.row_count * width_of(type));
  }
  if (out.empty())
    return out;
  const auto pieces
    = (over.row_count + rows_between_looks - 1) / rows_between_looks;
  std::vector<error> faults(pieces);
  for_pieces(options, pieces, [&](size_t piece) {
    if (options.stop.stopped()) {
      faults[piece] = options.stop.fault("while a column was computed");
      return;
    }
    const auto first = piece * rows_between_looks;
    const auto last
      = std::min<uint64_t>(first + rows_between_looks, over.row_count);
    text::interner no_texts;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto& what = plan.computed[i].value;
      expression_program program{what, columns};
      for (auto begin = first; begin < last; begin += vector_rows) {
        program.run(
          refs, static_cast<uint32_t>(begin), nullptr,
          static_cast<uint32_t>(std::min<uint64_t>(vector_rows, last - begin)));
        program.store(out[i].values.data(), 0, no_texts);
      }
      if (program.overflowed())
        faults[piece] = expression_program::overflow_of(what);
    }
  });
  for (const auto& fault : faults)
    if (fault)
      return fault;
  return out;
}

} // namespace

result<table_data> project(const logical_plan& plan, table_data over,
                           const run_options& options) {
  auto computed = computed_of(plan, over, options);
  if (!computed)
    return computed.failure();
  for (auto& column : *computed)
    over.columns.push_back(std::move(column));
  table_data out;
  out.row_count = over.row_count;
  for (auto output = plan.outputs.begin(); output != plan.outputs.end();
       ++output) {
    // Of a column that is computed and one of the input's the first counts.
    const auto from = std::find_if(
      over.columns.rbegin(), over.columns.rend(),
      [&](const auto& each) { return each.name == output->column; });
    const bool again
      = std::any_of(output + 1, plan.outputs.end(), [&](const auto& later) {
          return later.column == output->column;
        });
    if (again)
      out.columns.push_back(*from);
    else
      out.columns.push_back(std::move(*from));
    // It is looked for by name once more when it stays.
    if (!again)
      from->name.clear();
    out.columns.back().name = output->name;
  }
  if (auto fault = refuse_beyond_limits(plan, out.row_count, out.byte_count()))
    return fault;
  return out;
}

result<table_data> run_fused(logical_plan plan, const table_data& over,
                             const run_options& options) {
  auto view = view_of(over);
  if (!view)
    return view.failure();
  auto partial = execute(plan, {*std::move(view)}, {.stop = options.stop});
  if (!partial)
    return partial.failure();
  merger merged{std::move(plan), options.stop};
  if (auto fault = merged.add(*std::move(partial)))
    return fault;
  return merged.finish();
}

namespace {

/// Of a row's arguments, and of its group.
uint64_t width_of_arguments(const std::vector<operators::folded>& columns) {
  uint64_t width = sizeof(int64_t);
  for (const auto& each : columns)
    for (const auto& argument : each.arguments)
      width += width_of(argument.type);
  return width;
}

} // namespace

result<table_data> totals_of(const std::vector<operators::folded>& columns,
                             const table_data& over,
                             std::span<const uint32_t> numbers, uint32_t count,
                             const run_options& options) {
  // The arguments of the rows, and which group each is of.
  held_memory room{options.stop.memory};
  if (auto refused = room.set(numbers.size() * width_of_arguments(columns)))
    return refused;
  table_data inputs;
  inputs.row_count = numbers.size();
  logical_plan plan;
  plan.table = rows_table;
  plan.order_column = no_time_column;
  plan.types = {{plan.order_column, column_type::timestamp},
                {".group", column_type::long_}};
  column_data group{".group", column_type::long_, {}, {}, {}};
  for (const auto number : numbers)
    group.push(int64_t{number});
  inputs.columns.push_back(std::move(group));
  for (size_t i = 0; i < columns.size(); ++i) {
    aggregate made{
      columns[i].function, {}, columns[i].name, columns[i].fraction};
    for (size_t j = 0; j < columns[i].arguments.size(); ++j) {
      const auto name = ".a" + std::to_string(i) + "." + std::to_string(j);
      auto column = evaluate(name, columns[i].arguments[j], over, options.stop);
      if (!column)
        return column.failure();
      plan.types.push_back({name, column->type});
      inputs.columns.push_back(*std::move(column));
      made.columns.push_back(name);
    }
    plan.aggregates.push_back(std::move(made));
  }
  // What no rows make, for groups without any.
  const table_data nothing;
  auto empty = run_fused(plan, nothing, options);
  if (!empty)
    return empty;
  plan.keys.push_back({".group", 0, ".group", false});
  auto found = run_fused(std::move(plan), inputs, options);
  if (!found)
    return found;
  std::vector<uint32_t> places(count, no_row);
  const auto* keys = found->columns[0].as<int64_t>();
  for (uint32_t row = 0; row < found->row_count; ++row)
    places[static_cast<size_t>(keys[row])] = row;
  table_data out;
  out.row_count = count;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& from = found->columns[i + 1];
    const auto& none = empty->columns[i];
    column_writer writer{columns[i].name, from.type};
    constexpr uint32_t first = 0;
    for (const auto place : places)
      // Texts of no rows are null, and keep what the writer knows of others.
      if (place == no_row && is_text(from.type))
        writer.append_nulls(1);
      else if (place == no_row)
        writer.append(ref_of(none), &none, &first, 1);
      else
        writer.append(ref_of(from), &from, &place, 1);
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

} // namespace millrace::query
