#include <millrace/query/execution/aggregate_state.hpp>

#include <array>

namespace millrace::query {

std::vector<column_schema> aggregate_state::state_columns() const {
  constexpr auto whole = column_type::long_;
  constexpr auto real = column_type::float_;
  switch (kind_) {
    case kind::count:
    case kind::sum_integer:
      return {{name_, whole}};
    case kind::min_integer:
    case kind::max_integer:
    case kind::min_float:
    case kind::max_float:
      return {{name_, input_type_}};
    case kind::sum_float:
      return {{name_, real}, {name_ + ".low", real}};
    case kind::avg:
      return {{name_ + ".sum", real},
              {name_ + ".low", real},
              {name_ + ".present", whole}};
    case kind::wavg:
      return {{name_ + ".products", real},
              {name_ + ".products_low", real},
              {name_ + ".weights", real},
              {name_ + ".weights_low", real}};
    case kind::first:
    case kind::last:
      return {{name_ + ".time", whole},
              {name_ + ".part_order", whole},
              {name_ + ".order", whole},
              {name_, input_type_}};
  }
  return {};
}

error aggregate_state::save(size_t count, std::span<const column_ref> values,
                            std::vector<column_data>& out) const {
  const auto first_column = out.size();
  for (auto& column : state_columns()) {
    out.push_back({std::move(column.name), column.type, {}, {}, {}});
    out.back().values.reserve(count * width_of(column.type));
  }
  auto* to = out.data() + first_column;
  for (size_t g = 0; g < count; ++g) {
    switch (kind_) {
      case kind::count:
      case kind::sum_integer:
        to[0].push(integers_[g]);
        break;
      case kind::min_integer:
        push_integer(to[0], kernels::null_first(integers_[g]));
        break;
      case kind::max_integer:
        push_integer(to[0], integers_[g]);
        break;
      case kind::min_float:
      case kind::max_float:
        push_float(to[0], floats_[g]);
        break;
      case kind::sum_float:
        to[0].push(sums_[g].high);
        to[1].push(sums_[g].low);
        break;
      case kind::avg:
        to[0].push(averages_[g].sum.high);
        to[1].push(averages_[g].sum.low);
        to[2].push(averages_[g].present);
        break;
      case kind::wavg:
        to[0].push(weighted_[g].products.high);
        to[1].push(weighted_[g].products.low);
        to[2].push(weighted_[g].weights.high);
        to[3].push(weighted_[g].weights.low);
        break;
      case kind::first:
      case kind::last:
        to[0].push(rows_[g].time);
        to[1].push(rows_[g].part_order);
        to[2].push(rows_[g].order);
        break;
    }
  }
  if (keeps_rows()) {
    auto column = finish(count, values);
    if (!column)
      return column.failure();
    to[value_column] = std::move(*column);
  }
  return {};
}

void aggregate_state::load(std::span<const column_data> columns,
                           std::span<const uint32_t> targets, uint32_t source) {
  auto number
    = [&](size_t column, size_t g) { return columns[column].as<double>()[g]; };
  auto whole
    = [&](size_t column, size_t g) { return columns[column].as<int64_t>()[g]; };
  const auto value = ref_of(columns[0]);
  for (uint32_t g = 0; g < targets.size(); ++g) {
    const auto to = targets[g];
    switch (kind_) {
      case kind::count:
      case kind::sum_integer:
        integers_[to]
          = static_cast<int64_t>(static_cast<uint64_t>(integers_[to])
                                 + static_cast<uint64_t>(whole(0, g)));
        break;
      case kind::min_integer:
      case kind::max_integer:
        fold_integer(to, integer_at(value, g));
        break;
      case kind::min_float:
      case kind::max_float:
        fold_float(to, float_at(value, g));
        break;
      case kind::sum_float:
        sums_[to].add(float_sum{number(0, g), number(1, g)});
        break;
      case kind::avg:
        averages_[to].sum.add(float_sum{number(0, g), number(1, g)});
        averages_[to].present += whole(2, g);
        break;
      case kind::wavg:
        weighted_[to].products.add(float_sum{number(0, g), number(1, g)});
        weighted_[to].weights.add(float_sum{number(2, g), number(3, g)});
        break;
      case kind::first:
      case kind::last:
        offer(to, {whole(0, g), static_cast<uint64_t>(whole(1, g)),
                   static_cast<uint64_t>(whole(2, g)), source, g});
        break;
    }
  }
}

result<column_data>
aggregate_state::finish(size_t count,
                        std::span<const column_ref> values) const {
  if (keeps_rows()) {
    column_writer writer{name_, result_type_};
    for (size_t g = 0; g < count; ++g) {
      const auto& key = rows_[g];
      if (key.source == none || !values[key.source].values)
        writer.append_nulls(1);
      else if (is_text(result_type_))
        // Neighbours come from any dictionary: no map of codes would hold.
        writer.append_text(values[key.source].text(key.row));
      else
        writer.append(values[key.source], nullptr, &key.row, 1);
    }
    return writer.finish();
  }
  column_data out{name_, result_type_, {}, {}, {}};
  out.values.reserve(count * width_of(result_type_));
  for (size_t g = 0; g < count; ++g) {
    switch (kind_) {
      case kind::count:
      case kind::sum_integer:
        out.push(integers_[g]);
        break;
      case kind::min_integer:
        push_integer(out, kernels::null_first(integers_[g]));
        break;
      case kind::max_integer:
        push_integer(out, integers_[g]);
        break;
      case kind::min_float:
      case kind::max_float:
        push_float(out, floats_[g]);
        break;
      case kind::sum_float:
        out.push(sums_[g].value());
        break;
      case kind::avg: {
        const auto& state = averages_[g];
        out.push(state.present == 0
                   ? std::numeric_limits<double>::quiet_NaN()
                   : state.sum.value() / static_cast<double>(state.present));
        break;
      }
      case kind::wavg:
        out.push(weighted_[g].products.value() / weighted_[g].weights.value());
        break;
      default:
        break;
    }
  }
  return out;
}

} // namespace millrace::query
