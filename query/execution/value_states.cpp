#include <millrace/query/execution/aggregate_states_internal.hpp>
#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/number_blocks.hpp>
#include <millrace/query/execution/ordered_bits_internal.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace millrace::query {

namespace {

/// A value of a group, and how often it is there.
struct held_value {
  uint64_t value; ///< Ordered as the values are.
  uint32_t group;
  uint32_t count;
  friend bool operator<(const held_value& a, const held_value& b) noexcept {
    return a.group != b.group ? a.group < b.group : a.value < b.value;
  }
};

constexpr auto count_max = std::numeric_limits<uint32_t>::max();

/// Fewer are sorted by comparing them.
constexpr size_t radix_min = 512;

/// Values of one group by value, a byte of all of them at a time: those that
/// all have the same cost no pass.
class value_sorter {
public:
  void sort(std::span<held_value> values) {
    const auto by_value = [](const held_value& a, const held_value& b) {
      return a.value < b.value;
    };
    if (std::is_sorted(values.begin(), values.end(), by_value))
      return;
    if (values.size() < radix_min) {
      std::sort(values.begin(), values.end(), by_value);
      return;
    }
    counts_.assign(bytes * 256, 0);
    for (const auto& held : values)
      for (size_t byte = 0; byte < bytes; ++byte)
        ++counts_[256 * byte + digit(held, byte)];
    spare_.resize(std::max(spare_.size(), values.size()));
    auto* from = values.data();
    auto* to = spare_.data();
    for (size_t byte = 0; byte < bytes; ++byte) {
      auto* counts = counts_.data() + 256 * byte;
      if (counts[digit(from[0], byte)] == values.size())
        continue;
      uint32_t begin = 0;
      for (size_t i = 0; i < 256; ++i)
        begin += std::exchange(counts[i], begin);
      for (size_t i = 0; i < values.size(); ++i)
        to[counts[digit(from[i], byte)]++] = from[i];
      std::swap(from, to);
    }
    if (from != values.data())
      std::copy_n(from, values.size(), values.data());
  }

private:
  static constexpr size_t bytes = sizeof(held_value::value);
  static size_t digit(const held_value& held, size_t byte) noexcept {
    return held.value >> (8 * byte) & 255;
  }

  std::vector<uint32_t> counts_;
  std::vector<held_value> spare_;
};

/// med, percentiles, distinct values, and prd of floats: what needs every value
/// of a group. Equal ones are kept once, with their count.
class value_state : public aggregate_state {
public:
  explicit value_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)},
      function_{args.spec.function},
      counts_nulls_{function_ == aggregate_function::distinct},
      floats_{is_float(input_type_)} {}

  void resize(size_t count) override { size_ = count; }
  void reserve(size_t) override {}
  [[nodiscard]] size_t byte_count() const noexcept override {
    return values_.capacity() * sizeof(held_value)
           + starts_.capacity() * sizeof(size_t);
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    double number_buffer[number_block_rows];
    int64_t integer_buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      auto group = [&](uint32_t i) {
        return block.groups ? block.groups[i] : batch.group;
      };
      if (floats_) {
        const auto* from = numbers(column, input_type_, block, number_buffer);
        for (uint32_t i = 0; i < block.count; ++i)
          if (from[i] == from[i])
            values_.push_back({ordered_bits(from[i]), group(i), 1});
          else if (counts_nulls_)
            values_.push_back({0, group(i), 1});
      } else {
        const auto* from = integers(column, input_type_, block, integer_buffer);
        for (uint32_t i = 0; i < block.count; ++i)
          if (from[i] != null_long || counts_nulls_)
            values_.push_back({ordered_bits(from[i]), group(i), 1});
      }
    });
    compact_when_large();
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    for (auto held : static_cast<const value_state&>(from).values_) {
      const auto group = held.group - begin;
      if (group >= targets.size())
        continue;
      held.group = targets[group];
      values_.push_back(held);
    }
    // What morsels found is without equal values already.
    compact_at_ = std::max(compact_at_, merged_min);
    compact_when_large();
  }

  void settle() override {
    compact();
    starts_.assign(size_ + 1, 0);
    for (const auto& held : values_)
      ++starts_[held.group + 1];
    for (size_t g = 0; g < size_; ++g)
      starts_[g + 1] += starts_[g];
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return {{name_ + ".values", column_type::string}};
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    column_writer writer{name_ + ".values", column_type::string};
    std::string text;
    for (auto g = begin; g < end; ++g) {
      text.clear();
      for (auto i = starts_[g]; i < starts_[g + 1]; ++i) {
        char bytes[entry_bytes];
        std::memcpy(bytes, &values_[i].value, 8);
        std::memcpy(bytes + 8, &values_[i].count, 4);
        text.append(bytes, sizeof bytes);
      }
      writer.append_text(text);
    }
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.push_back(std::move(*column));
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    for (uint32_t g = 0; g < targets.size(); ++g) {
      const auto text = columns[0].text(g);
      if (text.size() % entry_bytes != 0)
        return {errc::malformed_message,
                "partial result: column '" + columns[0].name
                  + "': torn values in row " + std::to_string(g)};
      for (size_t at = 0; at < text.size(); at += entry_bytes) {
        held_value held{0, targets[g], 0};
        std::memcpy(&held.value, text.data() + at, 8);
        std::memcpy(&held.count, text.data() + at + 8, 4);
        values_.push_back(held);
      }
    }
    compact_at_ = std::max(compact_at_, merged_min);
    compact_when_large();
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = begin; g < end; ++g)
      finish(g, out);
    return out;
  }

private:
  static constexpr size_t entry_bytes = 12;
  static constexpr size_t merged_min = size_t{1} << 20;

  void finish(size_t g, column_data& out) const {
    switch (function_) {
      case aggregate_function::med:
        return out.push(median(g));
      case aggregate_function::percentile:
        return out.push(percentile(g));
      case aggregate_function::percentile_discrete:
        return push_discrete(g, out);
      case aggregate_function::distinct:
        return out.push(distinct(g));
      default:
        return out.push(product(g));
    }
  }

  /// By group and value: first by group, in a pass of its own where that pays.
  void sort_values() {
    if (std::is_sorted(values_.begin(), values_.end()))
      return;
    if (size_ > values_.size() / 4 || values_.size() > count_max)
      return std::sort(values_.begin(), values_.end());
    std::vector<size_t> ends(size_ + 1, 0);
    for (const auto& held : values_)
      ++ends[held.group + 1];
    for (size_t g = 0; g < size_; ++g)
      ends[g + 1] += ends[g];
    auto next = ends;
    std::vector<held_value> by_group(values_.size());
    for (const auto& held : values_)
      by_group[next[held.group]++] = held;
    values_.swap(by_group);
    value_sorter sorter;
    for (size_t g = 0; g < size_; ++g)
      sorter.sort(std::span{values_}.subspan(ends[g], ends[g + 1] - ends[g]));
  }

  void compact() {
    sort_values();
    size_t kept = 0;
    for (const auto& held : values_) {
      if (held.count == 0)
        continue;
      if (kept > 0) {
        auto& last = values_[kept - 1];
        const auto count = uint64_t{last.count} + held.count;
        if (last.group == held.group && last.value == held.value
            && count <= count_max) {
          last.count = static_cast<uint32_t>(count);
          continue;
        }
      }
      values_[kept++] = held;
    }
    values_.resize(kept);
  }
  void compact_when_large() {
    if (values_.size() < compact_at_)
      return;
    compact();
    compact_at_ = std::max<size_t>(size_t{1} << 16, values_.size() * 2);
  }

  /// Of values in order, the one with `rank` others before it.
  [[nodiscard]] uint64_t at_rank(size_t g, uint64_t rank) const {
    auto i = starts_[g];
    while (rank >= values_[i].count)
      rank -= values_[i++].count;
    return values_[i].value;
  }

  [[nodiscard]] uint64_t count_of(size_t g) const {
    uint64_t total = 0;
    for (auto i = starts_[g]; i < starts_[g + 1]; ++i)
      total += values_[i].count;
    return total;
  }

  /// One that is there very often has more than one entry.
  [[nodiscard]] int64_t distinct(size_t g) const {
    int64_t out = 0;
    for (auto i = starts_[g]; i < starts_[g + 1]; ++i)
      out += i == starts_[g] || values_[i].value != values_[i - 1].value;
    return out;
  }

  [[nodiscard]] double real_of(uint64_t value) const {
    return floats_ ? float_of_bits(value)
                   : static_cast<double>(integer_of_bits(value));
  }

  [[nodiscard]] double percentile(size_t g) const {
    const auto total = count_of(g);
    if (total == 0)
      return std::numeric_limits<double>::quiet_NaN();
    const auto place = spec_.fraction * static_cast<double>(total - 1);
    const auto below = std::min(static_cast<uint64_t>(place), total - 1);
    const auto part = place - static_cast<double>(below);
    const auto low = real_of(at_rank(g, below));
    const auto high = real_of(at_rank(g, std::min(below + 1, total - 1)));
    if (part <= 0 || low == high)
      return low;
    const auto apart = high - low;
    return std::isfinite(apart) ? low + part * apart
                                : low * (1 - part) + high * part;
  }

  void push_discrete(size_t g, column_data& out) const {
    const auto total = count_of(g);
    const auto place = std::ceil(spec_.fraction * static_cast<double>(total));
    const auto rank
      = place < 1 ? 0 : std::min(static_cast<uint64_t>(place), total) - 1;
    if (floats_)
      push_float(out, total == 0 ? std::numeric_limits<double>::quiet_NaN()
                                 : float_of_bits(at_rank(g, rank)));
    else
      push_integer(out,
                   total == 0 ? null_long : integer_of_bits(at_rank(g, rank)));
  }

  /// Between two middle values half of their sum, rounded once.
  [[nodiscard]] double median(size_t g) const {
    const auto total = count_of(g);
    if (total == 0)
      return std::numeric_limits<double>::quiet_NaN();
    const auto low = at_rank(g, (total - 1) / 2);
    const auto high = at_rank(g, total / 2);
    if (!floats_) {
      const auto sum
        = static_cast<int128>(integer_of_bits(low)) + integer_of_bits(high);
      return static_cast<double>(sum) / 2;
    }
    if (low == high)
      return float_of_bits(low);
    const auto sum = float_of_bits(low) + float_of_bits(high);
    return std::isinf(sum) ? float_of_bits(low) / 2 + float_of_bits(high) / 2
                           : sum / 2;
  }

  /// digits * 2^exponent, so that a product on its way may pass what a float
  /// can hold.
  struct scaled {
    double digits = 1;
    int64_t exponent = 0;
    void multiply(const scaled& by) {
      int shift = 0;
      digits = std::frexp(digits * by.digits, &shift);
      exponent += by.exponent + (std::isfinite(digits) ? shift : 0);
    }
  };

  /// From the smallest value to the largest, each step rounded.
  [[nodiscard]] double product(size_t g) const {
    scaled out;
    for (auto i = starts_[g]; i < starts_[g + 1]; ++i) {
      scaled power;
      power.multiply({float_of_bits(values_[i].value), 0});
      for (auto n = values_[i].count; n > 0; n >>= 1, power.multiply(power))
        if (n & 1)
          out.multiply(power);
    }
    return std::ldexp(out.digits, static_cast<int>(std::clamp<int64_t>(
                                    out.exponent, -5000, 5000)));
  }

  aggregate_function function_;
  bool counts_nulls_;
  bool floats_;
  size_t size_ = 0;
  size_t compact_at_ = size_t{1} << 16;
  std::vector<held_value> values_;
  std::vector<size_t> starts_; ///< After `settle`: by group, and the end.
};

} // namespace

state_pointer make_values(state_args args) {
  return std::make_unique<value_state>(std::move(args));
}

} // namespace millrace::query
