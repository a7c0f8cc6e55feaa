#include <millrace/query/execution/aggregate_states_internal.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

namespace millrace::query {

namespace {

/// A row by its place in the stream; part_order and order break ties.
struct row_key {
  static constexpr uint32_t none = ~uint32_t{0};

  int64_t time = null_long;
  uint64_t part_order = 0;
  uint64_t order = 0;
  uint32_t source = none;
  uint32_t row = 0;
};

/// first and last, by (order column, stream order).
template <bool First>
class edge_state : public aggregate_state {
public:
  explicit edge_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override { rows_.resize(count); }
  void reserve(size_t count) override { rows_.reserve(count); }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return rows_.capacity() * sizeof(row_key);
  }
  [[nodiscard]] bool keeps_rows() const noexcept override { return true; }

  void update(const row_batch& batch, const segment_context& segment) override {
    auto key_of = [&](uint32_t row) {
      return row_key{segment.times ? segment.times[row] : null_long,
                     segment.part_order, segment.order_of(row), segment.source,
                     row};
    };
    if (batch.count == 0)
      return;
    if (batch.sorted && !batch.groups) {
      const auto i = First ? 0 : batch.count - 1;
      offer(batch.group,
            key_of(batch.base + (batch.rows ? uint32_t{batch.rows[i]} : i)));
      return;
    }
    kernels::each_row(batch, [&](uint32_t group, uint32_t offset) {
      const auto row = batch.base + offset;
      const auto& held = rows_[group];
      const auto time = segment.times ? segment.times[row] : null_long;
      // Mostly decided by time alone; a tie needs the whole key.
      if (held.source != row_key::none
          && (First ? time > held.time : time < held.time))
        return;
      offer(group, key_of(row));
    });
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const edge_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g) {
      auto candidate = other.rows_[begin + g];
      if (candidate.source == row_key::none)
        continue;
      offer(targets[g], candidate);
    }
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return {{name_ + ".time", column_type::long_},
            {name_ + ".part_order", column_type::long_},
            {name_ + ".order", column_type::long_},
            {name_, input_type_}};
  }
  error save(size_t begin, size_t end, std::span<const column_ref> values,
             std::vector<column_data>& out) const override {
    auto column = finish(begin, end, values);
    if (!column)
      return column.failure();
    auto* to = add_columns(out, end - begin);
    auto* times = to[0].template extend<int64_t>(end - begin);
    auto* parts = to[1].template extend<uint64_t>(end - begin);
    auto* orders = to[2].template extend<uint64_t>(end - begin);
    for (auto g = begin; g < end; ++g) {
      const auto& held = rows_[g];
      *times++ = held.time;
      *parts++ = held.part_order;
      *orders++ = held.order;
    }
    to[value_column] = std::move(*column);
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t source) override {
    for (uint32_t g = 0; g < targets.size(); ++g)
      offer(targets[g],
            {columns[0].as<int64_t>()[g], columns[1].as<uint64_t>()[g],
             columns[2].as<uint64_t>()[g], source, g});
    return {};
  }

  result<column_data>
  finish(size_t begin, size_t end,
         std::span<const column_ref> values) const override {
    if (are_alike(values))
      switch (width_of(result_type_)) {
        case 1:
          return copied<1>(begin, end, values);
        case 2:
          return copied<2>(begin, end, values);
        case 4:
          return copied<4>(begin, end, values);
        case 8:
          return copied<8>(begin, end, values);
        default:
          return copied<16>(begin, end, values);
      }
    column_writer writer{name_, result_type_};
    for (auto g = begin; g < end; ++g) {
      const auto& key = rows_[g];
      if (key.source == row_key::none || !values[key.source].values)
        writer.append_nulls(1);
      else if (is_text(result_type_))
        // Neighbours come from any dictionary: no map of codes would hold.
        writer.append_text(values[key.source].text(key.row));
      else
        writer.append(values[key.source], nullptr, &key.row, 1);
    }
    return writer.finish();
  }

private:
  /// Whether values are taken as they lie, where there are any.
  [[nodiscard]] bool are_alike(std::span<const column_ref> values) const {
    return !is_text(result_type_)
           && std::all_of(values.begin(), values.end(),
                          [&](const column_ref& each) {
                            return !each.values || each.type == result_type_;
                          });
  }
  template <size_t Width>
  [[nodiscard]] column_data copied(size_t begin, size_t end,
                                   std::span<const column_ref> values) const {
    using value = std::array<std::byte, Width>;
    column_writer nulls{name_, result_type_};
    nulls.append_nulls(1);
    // One null is no text that could be too long.
    const auto null = *nulls.finish();
    auto out = result_column(end - begin);
    auto* to = out.template extend<value>(end - begin);
    for (auto g = begin; g < end; ++g, ++to) {
      const auto& key = rows_[g];
      const auto* from
        = key.source == row_key::none ? nullptr : values[key.source].values;
      std::memcpy(
        to, from ? from + size_t{key.row} * Width : null.values.data(), Width);
    }
    return out;
  }

  void offer(uint32_t group, const row_key& candidate) {
    auto& held = rows_[group];
    const auto a = std::tie(held.time, held.part_order, held.order);
    const auto b
      = std::tie(candidate.time, candidate.part_order, candidate.order);
    if (held.source == row_key::none || (First ? b < a : a < b))
      held = candidate;
  }

  std::vector<row_key> rows_;
};

} // namespace

state_pointer make_edge(state_args args) {
  if (args.spec.function == aggregate_function::first)
    return std::make_unique<edge_state<true>>(std::move(args));
  return std::make_unique<edge_state<false>>(std::move(args));
}

} // namespace millrace::query
