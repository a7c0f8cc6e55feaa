#include <millrace/query/execution/aggregate_state.hpp>

#include <tuple>

namespace millrace::query {

namespace {

constexpr auto nan_value = std::numeric_limits<double>::quiet_NaN();

uint64_t wrap(int64_t x) noexcept { return static_cast<uint64_t>(x); }

} // namespace

aggregate_state::aggregate_state(const aggregate& spec,
                                 const logical_plan& plan,
                                 std::vector<uint32_t> inputs)
  : name_{spec.name}, inputs_{std::move(inputs)} {
  using fn = aggregate_function;
  std::vector<column_type> types;
  for (const auto& column : spec.columns)
    types.push_back(*plan.type_of(column));
  result_type_ = *result_type(spec.function, types);
  if (!types.empty())
    input_type_ = types[0];
  const bool floats = is_float(input_type_);
  switch (spec.function) {
    case fn::count:
      kind_ = kind::count;
      break;
    case fn::sum:
      kind_ = floats ? kind::sum_float : kind::sum_integer;
      break;
    case fn::avg:
      kind_ = kind::avg;
      break;
    case fn::min:
      kind_ = floats ? kind::min_float : kind::min_integer;
      break;
    case fn::max:
      kind_ = floats ? kind::max_float : kind::max_integer;
      break;
    case fn::first:
      kind_ = kind::first;
      break;
    case fn::last:
      kind_ = kind::last;
      break;
    case fn::wavg:
      kind_ = kind::wavg;
      break;
  }
}

void aggregate_state::resize(size_t count) {
  switch (kind_) {
    case kind::count:
    case kind::sum_integer:
      return integers_.resize(count, 0);
    case kind::min_integer:
      return integers_.resize(count, inf_long);
    case kind::max_integer:
      return integers_.resize(count, null_long);
    case kind::sum_float:
      return sums_.resize(count);
    case kind::avg:
      return averages_.resize(count);
    case kind::min_float:
    case kind::max_float:
      return floats_.resize(count, nan_value);
    case kind::first:
    case kind::last:
      return rows_.resize(count);
    case kind::wavg:
      return weighted_.resize(count);
  }
}

void aggregate_state::reserve(size_t count) {
  switch (kind_) {
    case kind::count:
    case kind::sum_integer:
    case kind::min_integer:
    case kind::max_integer:
      return integers_.reserve(count);
    case kind::sum_float:
      return sums_.reserve(count);
    case kind::avg:
      return averages_.reserve(count);
    case kind::min_float:
    case kind::max_float:
      return floats_.reserve(count);
    case kind::first:
    case kind::last:
      return rows_.reserve(count);
    case kind::wavg:
      return weighted_.reserve(count);
  }
}

size_t aggregate_state::byte_count() const noexcept {
  return integers_.capacity() * sizeof(int64_t)
         + floats_.capacity() * sizeof(double)
         + sums_.capacity() * sizeof(float_sum)
         + averages_.capacity() * sizeof(average)
         + weighted_.capacity() * sizeof(weighted)
         + rows_.capacity() * sizeof(row_key);
}

void aggregate_state::fold_integer(uint32_t group, int64_t value) noexcept {
  auto& state = integers_[group];
  switch (kind_) {
    case kind::sum_integer:
      state = static_cast<int64_t>(wrap(state)
                                   + (value == null_long ? 0 : wrap(value)));
      return;
    case kind::min_integer:
      state = std::min(state, kernels::null_last(value));
      return;
    default:
      state = std::max(state, value);
      return;
  }
}

void aggregate_state::fold_float(uint32_t group, double value) noexcept {
  auto& state = floats_[group];
  state = kind_ == kind::min_float ? kernels::smaller(state, value)
                                   : kernels::larger(state, value);
}

void aggregate_state::update_integers(const row_batch& batch,
                                      const column_ref& column) {
  with_integer(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.as<typename loader::raw>() + batch.base;
    if (!batch.rows && !batch.groups) {
      const auto value = kind_ == kind::sum_integer ? static_cast<int64_t>(
                           kernels::sum_integers<loader>(from, batch.count))
                         : kind_ == kind::min_integer
                           ? kernels::min_integers<loader>(from, batch.count)
                           : kernels::max_integers<loader>(from, batch.count);
      // A wrapped sum may look like a null.
      if (kind_ == kind::sum_integer)
        integers_[batch.group]
          = static_cast<int64_t>(wrap(integers_[batch.group]) + wrap(value));
      else
        fold_integer(batch.group, value);
      return;
    }
    auto* states = integers_.data();
    if (kind_ == kind::sum_integer)
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        const auto x = loader::widen(from[row]);
        states[group] = static_cast<int64_t>(wrap(states[group])
                                             + (x == null_long ? 0 : wrap(x)));
      });
    else if (kind_ == kind::min_integer)
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        states[group] = std::min(states[group],
                                 kernels::null_last(loader::widen(from[row])));
      });
    else
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        states[group] = std::max(states[group], loader::widen(from[row]));
      });
  });
}

void aggregate_state::update_floats(const row_batch& batch,
                                    const column_ref& column) {
  // A column that was integer in an older part counts as float here.
  if (!is_float(column.type)) {
    kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
      const auto x = float_at(column, batch.base + row);
      if (kind_ != kind::sum_float)
        fold_float(group, x);
      else if (x == x)
        sums_[group].add(x);
    });
    return;
  }
  with_float(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.as<typename loader::raw>() + batch.base;
    const bool run = !batch.rows && !batch.groups;
    if (kind_ == kind::sum_float) {
      if constexpr (std::is_same_v<loader, load_float>)
        if (run) {
          kernels::sum_block(from, batch.count, sums_[batch.group]);
          return;
        }
      auto* states = sums_.data();
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        const double x = loader::widen(from[row]);
        states[group].add(x == x ? x : 0.0);
      });
    } else if (run) {
      fold_float(batch.group,
                 kind_ == kind::min_float
                   ? kernels::extreme_floats<true, loader>(from, batch.count)
                   : kernels::extreme_floats<false, loader>(from, batch.count));
    } else if (kind_ == kind::min_float) {
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        floats_[group]
          = kernels::smaller(floats_[group], loader::widen(from[row]));
      });
    } else {
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        floats_[group]
          = kernels::larger(floats_[group], loader::widen(from[row]));
      });
    }
  });
}

void aggregate_state::update_average(const row_batch& batch,
                                     const column_ref& column) {
  with_number(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.as<typename loader::raw>() + batch.base;
    constexpr bool floats
      = std::is_same_v<loader, load_float> || std::is_same_v<loader, load_real>;
    if (!batch.rows && !batch.groups) {
      auto& state = averages_[batch.group];
      if constexpr (std::is_same_v<loader, load_float>) {
        state.present += static_cast<int64_t>(
          kernels::sum_block(from, batch.count, state.sum));
        return;
      } else if constexpr (!floats) {
        state.present += static_cast<int64_t>(
          kernels::sum_block_as_float<loader>(from, batch.count, state.sum));
        return;
      }
    }
    kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
      const auto x = loader::widen(from[row]);
      bool present;
      if constexpr (floats)
        present = x == x;
      else
        present = x != null_long;
      auto& state = averages_[group];
      state.sum.add(present ? static_cast<double>(x) : 0.0);
      state.present += present;
    });
  });
}

namespace {

/// The value as a double, null as NaN.
template <class Loader>
double as_float(typename Loader::raw raw) noexcept {
  const auto x = Loader::widen(raw);
  if constexpr (std::is_same_v<Loader,
                               load_float> || std::is_same_v<Loader, load_real>)
    return x;
  else
    return x == null_long ? nan_value : static_cast<double>(x);
}

} // namespace

void aggregate_state::update_weighted(const row_batch& batch,
                                      const column_ref& weight,
                                      const column_ref& value) {
  auto add = [&](auto weight_load, auto value_load) {
    using weight_loader = decltype(weight_load);
    using value_loader = decltype(value_load);
    const auto* ws = weight.as<typename weight_loader::raw>() + batch.base;
    const auto* xs = value.as<typename value_loader::raw>() + batch.base;
    auto* states = weighted_.data();
    if (batch.rows || batch.groups) {
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        const double w = as_float<weight_loader>(ws[row]);
        const double x = as_float<value_loader>(xs[row]);
        const bool pair = w == w && x == x;
        states[group].products.add(pair ? w * x : 0.0);
        states[group].weights.add(pair ? w : 0.0);
      });
      return;
    }
    auto& state = states[batch.group];
    for (uint32_t start = 0; start < batch.count;
         start += kernels::block_rows) {
      const auto end = std::min<uint32_t>(
        batch.count, start + uint32_t{kernels::block_rows});
      double products[8] = {};
      double weights[8] = {};
      auto lane = [&](uint32_t i, uint32_t l) {
        const double w = as_float<weight_loader>(ws[i]);
        const double x = as_float<value_loader>(xs[i]);
        const bool pair = w == w && x == x;
        products[l] += pair ? w * x : 0.0;
        weights[l] += pair ? w : 0.0;
      };
      auto i = start;
      for (; i + 8 <= end; i += 8)
        for (uint32_t l = 0; l < 8; ++l)
          lane(i + l, l);
      for (; i < end; ++i)
        lane(i, 0);
      auto fold = [](const double* x) {
        return ((x[0] + x[1]) + (x[2] + x[3]))
               + ((x[4] + x[5]) + (x[6] + x[7]));
      };
      state.products.add(fold(products));
      state.weights.add(fold(weights));
    }
  };
  with_number(weight.type, [&](auto w) {
    with_number(value.type, [&](auto x) { add(w, x); });
  });
}

bool aggregate_state::replaces(const row_key& held,
                               const row_key& candidate) const noexcept {
  if (held.source == none)
    return true;
  const auto a = std::tie(held.time, held.part_order, held.order);
  const auto b
    = std::tie(candidate.time, candidate.part_order, candidate.order);
  return kind_ == kind::first ? b < a : a < b;
}

void aggregate_state::offer(uint32_t group, const row_key& candidate) {
  if (replaces(rows_[group], candidate))
    rows_[group] = candidate;
}

void aggregate_state::update_rows(const row_batch& batch,
                                  const segment_context& segment) {
  auto key_of = [&](uint32_t row) {
    return row_key{segment.times ? segment.times[row] : null_long,
                   segment.part_order, segment.order_of(row), segment.source,
                   row};
  };
  auto row_at = [&](uint32_t i) {
    return batch.base + (batch.rows ? uint32_t{batch.rows[i]} : i);
  };
  if (batch.count == 0)
    return;
  if (batch.sorted && !batch.groups) {
    offer(batch.group,
          key_of(row_at(kind_ == kind::first ? 0 : batch.count - 1)));
    return;
  }
  const bool wants_first = kind_ == kind::first;
  kernels::each_row(batch, [&](uint32_t group, uint32_t offset) {
    const auto row = batch.base + offset;
    const auto& held = rows_[group];
    const auto time = segment.times ? segment.times[row] : null_long;
    // Mostly decided by time alone; a tie needs the whole key.
    if (held.source != none
        && (wants_first ? time > held.time : time < held.time))
      return;
    offer(group, key_of(row));
  });
}

/// The column is not there: every value is null, and a boolean or byte, which
/// have no null, reads as zero.
void aggregate_state::update_absent(const row_batch& batch) {
  const bool zero
    = input_type_ == column_type::boolean || input_type_ == column_type::byte_;
  if (!zero)
    return;
  kernels::each_row(batch, [&](uint32_t group, uint32_t) {
    if (kind_ == kind::min_integer || kind_ == kind::max_integer)
      fold_integer(group, 0);
    else if (kind_ == kind::avg)
      ++averages_[group].present;
  });
}

void aggregate_state::update(const row_batch& batch,
                             const segment_context& segment) {
  if (kind_ == kind::count) {
    if (!batch.groups)
      integers_[batch.group] += batch.count;
    else
      for (uint32_t i = 0; i < batch.count; ++i)
        ++integers_[batch.groups[i]];
    return;
  }
  if (keeps_rows())
    return update_rows(batch, segment);
  const auto& column = segment.columns[inputs_[0]];
  if (kind_ == kind::wavg) {
    const auto& value = segment.columns[inputs_[1]];
    if (column.values && value.values)
      update_weighted(batch, column, value);
    return;
  }
  if (!column.values)
    return update_absent(batch);
  switch (kind_) {
    case kind::avg:
      return update_average(batch, column);
    case kind::sum_integer:
    case kind::min_integer:
    case kind::max_integer:
      return update_integers(batch, column);
    default:
      return update_floats(batch, column);
  }
}

void aggregate_state::combine(const aggregate_state& from,
                              std::span<const uint32_t> targets,
                              uint32_t source_shift) {
  for (uint32_t g = 0; g < targets.size(); ++g) {
    const auto to = targets[g];
    switch (kind_) {
      case kind::count:
      case kind::sum_integer:
        integers_[to]
          = static_cast<int64_t>(wrap(integers_[to]) + wrap(from.integers_[g]));
        break;
      case kind::min_integer:
        integers_[to] = std::min(integers_[to], from.integers_[g]);
        break;
      case kind::max_integer:
        integers_[to] = std::max(integers_[to], from.integers_[g]);
        break;
      case kind::min_float:
      case kind::max_float:
        fold_float(to, from.floats_[g]);
        break;
      case kind::sum_float:
        sums_[to].add(from.sums_[g]);
        break;
      case kind::avg:
        averages_[to].sum.add(from.averages_[g].sum);
        averages_[to].present += from.averages_[g].present;
        break;
      case kind::wavg:
        weighted_[to].products.add(from.weighted_[g].products);
        weighted_[to].weights.add(from.weighted_[g].weights);
        break;
      case kind::first:
      case kind::last: {
        auto candidate = from.rows_[g];
        if (candidate.source == none)
          break;
        candidate.source += source_shift;
        offer(to, candidate);
        break;
      }
    }
  }
}

} // namespace millrace::query
