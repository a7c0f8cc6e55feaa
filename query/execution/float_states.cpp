#include <millrace/query/execution/aggregate_states_internal.hpp>
#include <millrace/query/execution/exact_number.hpp>
#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/number_blocks.hpp>
#include <millrace/query/execution/whole_floats.hpp>

#include <cmath>

namespace millrace::query {

namespace {

/// Adds values[i] to the sum of its group. @returns how many were not null.
uint64_t add_values(exact_sums& sums, const row_batch& batch,
                    const row_block& block, const double* values) {
  if (!block.groups)
    return sums.add_run(batch.group, values, block.count);
  sums.add_each(block.groups, values, block.count);
  return 0;
}

/// sum, sumsq: one exact sum.
class float_sum_state : public aggregate_state {
public:
  explicit float_sum_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)},
      squares_{args.spec.function == aggregate_function::sumsq} {}

  void resize(size_t count) override { sums_.resize(count); }
  void reserve(size_t count) override { sums_.reserve(count); }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return sums_.byte_count();
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (!column.values)
      return;
    if (column.type == column_type::float_ && !batch.rows && !batch.groups
        && !squares_) {
      sums_.add_run(batch.group, column.as<double>() + batch.base, batch.count);
      return;
    }
    double buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      const auto* values = numbers(column, input_type_, block, buffer);
      if (squares_) {
        for (uint32_t i = 0; i < block.count; ++i)
          buffer[i] = values[i] * values[i];
        values = buffer;
      }
      add_values(sums_, batch, block, values);
    });
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const float_sum_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g)
      sums_.add(targets[g], other.sums_, begin + g);
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return exact_sums::columns(name_);
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    sums_.save(begin, end, add_columns(out, end - begin));
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    return sums_.load(columns, targets);
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = begin; g < end; ++g)
      out.push(sums_.value(static_cast<uint32_t>(g)));
    return out;
  }

private:
  bool squares_;
  exact_sums sums_;
};

class float_average_state : public aggregate_state {
public:
  explicit float_average_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override {
    sums_.resize(count);
    present_.resize(count);
  }
  void reserve(size_t count) override {
    sums_.reserve(count);
    present_.reserve(count);
  }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return sums_.byte_count() + present_.capacity() * 8;
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (!column.values)
      return;
    double buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      const auto* values = numbers(column, input_type_, block, buffer);
      const auto present = add_values(sums_, batch, block, values);
      if (!block.groups)
        present_[batch.group] += static_cast<int64_t>(present);
      else
        for (uint32_t i = 0; i < block.count; ++i)
          present_[block.groups[i]] += values[i] == values[i];
    });
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const float_average_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g) {
      sums_.add(targets[g], other.sums_, begin + g);
      present_[targets[g]] += other.present_[begin + g];
    }
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    auto columns = exact_sums::columns(name_);
    columns.push_back({name_ + ".present", column_type::long_});
    return columns;
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    auto* to = add_columns(out, end - begin);
    sums_.save(begin, end, to);
    for (auto g = begin; g < end; ++g)
      to[exact_sums::column_count].push(present_[g]);
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    const auto* present = columns[exact_sums::column_count].as<int64_t>();
    for (uint32_t g = 0; g < targets.size(); ++g)
      present_[targets[g]] += present[g];
    return sums_.load(columns, targets);
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = begin; g < end; ++g)
      out.push(present_[g] == 0 ? std::numeric_limits<double>::quiet_NaN()
                                : mean(static_cast<uint32_t>(g)));
    return out;
  }

private:
  [[nodiscard]] double mean(uint32_t g) const {
    const auto count = static_cast<double>(present_[g]);
    const auto sum = sums_.value(g);
    if (!std::isinf(sum) || !sums_.finite(g))
      return sum / count;
    // The sum is beyond a float, the mean of floats is not.
    const auto exact = exact_number::of_sum(sums_.exact(g)).rounded();
    return std::ldexp(exact.digits / count, exact.exponent);
  }

  exact_sums sums_;
  std::vector<int64_t> present_;
};

/// wavg, wsum over (weight, value): each product is rounded once. Weights that
/// are whole numbers are summed as such.
class weighted_state : public aggregate_state {
public:
  explicit weighted_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)},
      average_{args.spec.function == aggregate_function::wavg},
      whole_{average_ && !is_float(input_type_)},
      value_type_{*args.plan.type_of(args.spec.columns[1])} {}

  void resize(size_t count) override {
    products_.resize(count);
    if (whole_)
      whole_weights_.resize(count);
    else if (average_)
      weights_.resize(count);
  }
  void reserve(size_t count) override {
    products_.reserve(count);
    if (whole_)
      whole_weights_.reserve(count);
    else if (average_)
      weights_.reserve(count);
  }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return products_.byte_count() + weights_.byte_count()
           + whole_weights_.capacity() * sizeof(int128);
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& weighed = segment.columns[inputs_[0]];
    const auto& measured = segment.columns[inputs_[1]];
    double value_buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      const auto* values = numbers(measured, value_type_, block, value_buffer);
      if (whole_)
        add_whole(batch, block, weighed, values);
      else
        add_floats(batch, block, weighed, values);
    });
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const weighted_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g) {
      products_.add(targets[g], other.products_, begin + g);
      if (whole_)
        whole_weights_[targets[g]] += other.whole_weights_[begin + g];
      else if (average_)
        weights_.add(targets[g], other.weights_, begin + g);
    }
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    auto columns = exact_sums::columns(name_ + ".products");
    if (whole_) {
      columns.push_back({name_ + ".weights.low", column_type::long_});
      columns.push_back({name_ + ".weights.high", column_type::long_});
    } else if (average_) {
      for (auto& column : exact_sums::columns(name_ + ".weights"))
        columns.push_back(std::move(column));
    }
    return columns;
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    auto* to = add_columns(out, end - begin);
    products_.save(begin, end, to);
    to += exact_sums::column_count;
    if (average_ && !whole_)
      weights_.save(begin, end, to);
    for (auto g = begin; whole_ && g < end; ++g) {
      to[0].push(static_cast<uint64_t>(whole_weights_[g]));
      to[1].push(static_cast<int64_t>(whole_weights_[g] >> 64));
    }
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    if (auto fault = products_.load(columns, targets))
      return fault;
    const auto weights = columns.subspan(exact_sums::column_count);
    if (average_ && !whole_)
      return weights_.load(weights, targets);
    for (uint32_t g = 0; whole_ && g < targets.size(); ++g)
      whole_weights_[targets[g]]
        += static_cast<int128>(weights[1].as<int64_t>()[g] % whole_high_max)
             << 64
           | weights[0].as<uint64_t>()[g];
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = static_cast<uint32_t>(begin); g < end; ++g) {
      const auto products = products_.value(g);
      if (whole_)
        out.push(products / static_cast<double>(whole_weights_[g]));
      else
        out.push(average_ ? products / weights_.value(g) : products);
    }
    return out;
  }

private:
  /// Sums of a merge stay within 128 bits, whatever bytes say.
  static constexpr int64_t whole_high_max = int64_t{1} << 62;
  static constexpr auto null = std::numeric_limits<double>::quiet_NaN();

  void add_floats(const row_batch& batch, const row_block& block,
                  const column_ref& column, const double* __restrict values) {
    double buffer[number_block_rows];
    const double* __restrict weights
      = numbers(column, input_type_, block, buffer);
    double products[number_block_rows];
    double kept[number_block_rows];
    int64_t odd = 0;
    for (uint32_t i = 0; i < block.count; ++i) {
      const auto product = weights[i] * values[i];
      const auto weight = values[i] == values[i] ? weights[i] : null;
      products[i] = product;
      kept[i] = weight;
      odd |= (product != product) & (weight == weight);
    }
    // Zero times infinity.
    for (uint32_t i = 0; odd != 0 && i < block.count; ++i)
      if (products[i] != products[i] && kept[i] == kept[i])
        products_.spoil(block.groups ? block.groups[i] : batch.group);
    add_values(products_, batch, block, products);
    if (average_)
      add_values(weights_, batch, block, kept);
  }

  void add_whole(const row_batch& batch, const row_block& block,
                 const column_ref& column, const double* __restrict values) {
    int64_t buffer[number_block_rows];
    const int64_t* __restrict weights
      = integers(column, input_type_, block, buffer);
    double products[number_block_rows];
    int64_t kept[number_block_rows];
    double weighing[number_block_rows];
    floats_of_whole(weights, block.count, false, weighing);
    int64_t odd = 0;
    for (uint32_t i = 0; i < block.count; ++i) {
      const auto value = values[i];
      const bool pair = (weights[i] != null_long) & (value == value);
      const auto product = weighing[i] * value;
      products[i] = pair ? product : null;
      kept[i] = pair ? weights[i] : 0;
      odd |= pair & (product != product);
    }
    // Zero times infinity.
    for (uint32_t i = 0; odd != 0 && i < block.count; ++i)
      if (weights[i] == 0 && std::isinf(values[i]))
        products_.spoil(block.groups ? block.groups[i] : batch.group);
    add_values(products_, batch, block, products);
    auto* totals = whole_weights_.data();
    if (!block.groups)
      totals[batch.group]
        += kernels::sum_integers<load_long>(kept, block.count).sum;
    else
      for (uint32_t i = 0; i < block.count; ++i)
        totals[block.groups[i]] += kept[i];
  }

  bool average_;
  bool whole_;
  column_type value_type_;
  exact_sums products_;
  exact_sums weights_;
  std::vector<int128> whole_weights_;
};

} // namespace

state_pointer make_float_sum(state_args args) {
  return std::make_unique<float_sum_state>(std::move(args));
}
state_pointer make_float_squares(state_args args) {
  return std::make_unique<float_sum_state>(std::move(args));
}
state_pointer make_float_average(state_args args) {
  return std::make_unique<float_average_state>(std::move(args));
}
state_pointer make_weighted(state_args args) {
  return std::make_unique<weighted_state>(std::move(args));
}

} // namespace millrace::query
