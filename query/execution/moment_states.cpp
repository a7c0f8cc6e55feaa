#include <millrace/query/execution/aggregate_states_internal.hpp>
#include <millrace/query/execution/exact_number.hpp>
#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/number_blocks.hpp>

#include <algorithm>
#include <cmath>

namespace millrace::query {

namespace {

/// var, dev, cov, cor of populations and svar, sdev, scov of samples. Sums of
/// values and of their exact products are kept, so that n * sum(xy) - sum(x) *
/// sum(y) is exact, and rounded once.
class moment_state : public aggregate_state {
public:
  explicit moment_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)},
      function_{args.spec.function} {
    using fn = aggregate_function;
    pairs_ = takes_pairs(function_);
    squares_ = function_ != fn::cov && function_ != fn::scov;
    sample_
      = function_ == fn::svar || function_ == fn::sdev || function_ == fn::scov;
    rooted_ = function_ == fn::dev || function_ == fn::sdev;
    other_type_ = *args.plan.type_of(args.spec.columns.back());
    // Sums of x and y, and of each product.
    sums_.resize(!pairs_    ? 1 + product_sums
                 : squares_ ? 2 + 3 * product_sums
                            : 2 + product_sums);
  }

  void resize(size_t count) override {
    present_.resize(count);
    for (auto& sum : sums_)
      sum.resize(count);
  }
  void reserve(size_t count) override {
    present_.reserve(count);
    for (auto& sum : sums_)
      sum.reserve(count);
  }
  [[nodiscard]] size_t byte_count() const noexcept override {
    auto total = present_.capacity() * sizeof(int64_t);
    for (const auto& sum : sums_)
      total += sum.byte_count();
    return total;
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    double x_buffer[number_block_rows];
    double y_buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      const auto* xs
        = numbers(segment.columns[inputs_[0]], input_type_, block, x_buffer);
      const auto* ys = pairs_ ? numbers(segment.columns[inputs_[1]],
                                        other_type_, block, y_buffer)
                              : xs;
      for (uint32_t i = 0; i < block.count; ++i)
        if (xs[i] == xs[i] && ys[i] == ys[i])
          add(block.groups ? block.groups[i] : batch.group, xs[i], ys[i]);
    });
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const moment_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g) {
      present_[targets[g]] += other.present_[begin + g];
      for (size_t i = 0; i < sums_.size(); ++i)
        sums_[i].add(targets[g], other.sums_[i], begin + g);
    }
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    std::vector<column_schema> out{{name_ + ".present", column_type::long_}};
    for (size_t i = 0; i < sums_.size(); ++i)
      for (auto& column : exact_sums::columns(name_ + "." + std::to_string(i)))
        out.push_back(std::move(column));
    return out;
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    auto* to = add_columns(out, end - begin);
    for (auto g = begin; g < end; ++g)
      to->push(present_[g]);
    ++to;
    for (const auto& sum : sums_) {
      sum.save(begin, end, to);
      to += exact_sums::column_count;
    }
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    for (uint32_t g = 0; g < targets.size(); ++g)
      present_[targets[g]] += columns[0].as<uint64_t>()[g];
    for (size_t i = 0; i < sums_.size(); ++i)
      if (auto fault = sums_[i].load(
            columns.subspan(1 + i * exact_sums::column_count), targets))
        return fault;
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = static_cast<uint32_t>(begin); g < end; ++g)
      out.push(value(g));
    return out;
  }

private:
  void add_product(size_t at, uint32_t group, double x, double y) {
    const auto product = x * y;
    const auto size = std::fabs(product);
    if ((size > 0x1p-900 && size < 0x1p960) || x == 0 || y == 0
        || !std::isfinite(x) || !std::isfinite(y)) [[likely]] {
      sums_[at].add(group, product);
      sums_[at + 1].add(group, std::fma(x, y, -product));
      return;
    }
    // Neither the product nor its rest would fit a float.
    const bool large = size > 1;
    x *= large ? 0x1p-608 : 0x1p608;
    y *= large ? 0x1p-608 : 0x1p608;
    const auto scaled = x * y;
    auto& sum = sums_[at + (large ? 2 : 3)];
    sum.add(group, scaled);
    sum.add(group, std::fma(x, y, -scaled));
  }
  void add(uint32_t group, double x, double y) {
    ++present_[group];
    sums_[0].add(group, x);
    if (!pairs_)
      return add_product(1, group, x, x);
    sums_[1].add(group, y);
    add_product(2, group, x, y);
    if (!squares_)
      return;
    add_product(2 + product_sums, group, x, x);
    add_product(2 + 2 * product_sums, group, y, y);
  }

  /// n * (the products at `at`) - (sum `a`) * (sum `b`).
  [[nodiscard]] exact_number::rounded_number moment(uint32_t g, size_t at,
                                                    size_t a, size_t b) const {
    auto exact
      = [&](size_t i) { return exact_number::of_sum(sums_[i].exact(g)); };
    auto products = exact(at) + exact(at + 1);
    if (!sums_[at + 2].is_empty(g))
      products = products + exact(at + 2).shifted(scaled_words);
    if (!sums_[at + 3].is_empty(g))
      products = products + exact(at + 3).shifted(-scaled_words);
    return (exact_number{present_[g]} * products + -(exact(a) * exact(b)))
      .rounded();
  }

  [[nodiscard]] double value(uint32_t g) const {
    const bool finite
      = std::all_of(sums_.begin(), sums_.end(),
                    [g](const exact_sums& sum) { return sum.finite(g); });
    if (present_[g] < (sample_ ? 2 : 1) || !finite)
      return std::numeric_limits<double>::quiet_NaN();
    const auto count = static_cast<double>(present_[g]);
    const auto found = pairs_ ? moment(g, 2, 0, 1) : moment(g, 1, 0, 0);
    if (function_ == aggregate_function::cor)
      return correlation(found, moment(g, 2 + product_sums, 0, 0),
                         moment(g, 2 + 2 * product_sums, 1, 1));
    const auto spread = found.digits / (count * (sample_ ? count - 1 : count));
    if (!rooted_)
      return std::ldexp(spread, found.exponent);
    // The root of what is beyond a float may fit one.
    const auto odd = found.exponent % 2 != 0 ? 1 : 0;
    return std::ldexp(std::sqrt(odd ? 2 * spread : spread),
                      (found.exponent - odd) / 2);
  }

  static double correlation(const exact_number::rounded_number& xy,
                            const exact_number::rounded_number& xx,
                            const exact_number::rounded_number& yy) {
    auto square = xx.digits * yy.digits;
    auto exponent = xx.exponent + yy.exponent;
    if (exponent % 2 != 0) {
      square *= 2;
      --exponent;
    }
    const auto value
      = std::ldexp(xy.digits / std::sqrt(square), xy.exponent - exponent / 2);
    return value > 1 ? 1 : value < -1 ? -1 : value;
  }

  /// Of a product: the rounded one, its rest, and both together of what is
  /// above or below the range of floats, times 2^-1216 or 2^1216.
  static constexpr size_t product_sums = 4;
  static constexpr int32_t scaled_words = 1216 / 64;

  aggregate_function function_;
  bool pairs_ = false;
  bool squares_ = false;
  bool sample_ = false; ///< Not of a population.
  bool rooted_ = false;
  column_type other_type_ = column_type::float_;
  std::vector<uint64_t> present_;
  std::vector<exact_sums> sums_;
};

} // namespace

state_pointer make_moments(state_args args) {
  return std::make_unique<moment_state>(std::move(args));
}

} // namespace millrace::query
