#pragma once

#include <millrace/query/execution/kernels.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <span>
#include <vector>

// How states are saved and loaded is in aggregate_codec.cpp.

namespace millrace::query {

/// Where rows come from during a fold: one segment of one part.
struct segment_context {
  uint32_t source = 0; ///< Number by which first and last find values.
  std::span<const column_ref> columns; ///< By the plan's column number.
  const int64_t* times = nullptr;      ///< Order column; nullptr: all null.
  const uint32_t* order = nullptr;     ///< Stream order, see segment_view.
  uint64_t order_base = 0;
  uint64_t part_order = 0;

  [[nodiscard]] uint64_t order_of(uint32_t row) const noexcept {
    return order ? order[row] : order_base + row;
  }
};

/// The running states of one aggregate over many groups. Owner: one thread.
class aggregate_state {
public:
  /// `inputs`: numbers of the aggregate's columns among the plan's.
  aggregate_state(const aggregate& spec, const logical_plan& plan,
                  std::vector<uint32_t> inputs);

  /// Gives groups [0, count) a state.
  void resize(size_t count);
  /// Makes room, so that `resize` up to `count` moves nothing.
  void reserve(size_t count);
  [[nodiscard]] size_t byte_count() const noexcept;

  void update(const row_batch& batch, const segment_context& segment);

  /// Folds group g of `from` into group targets[g] of this. `source_shift` is
  /// added to the sources of first and last.
  void combine(const aggregate_state& from, std::span<const uint32_t> targets,
               uint32_t source_shift = 0);

  /// The columns that carry this state in a partial result.
  [[nodiscard]] std::vector<column_schema> state_columns() const;
  /// Appends them for groups [0, count). `values[source]`: the input column of
  /// that source, for first and last.
  [[nodiscard]] error save(size_t count, std::span<const column_ref> values,
                           std::vector<column_data>& out) const;
  /// Folds the state columns of a partial's chunk, row g into targets[g].
  void load(std::span<const column_data> columns,
            std::span<const uint32_t> targets, uint32_t source);

  /// The result column for groups [0, count).
  [[nodiscard]] result<column_data>
  finish(size_t count, std::span<const column_ref> values) const;

  /// Index of the value among the state columns: what `values` of `save` and
  /// `finish` must hold after `load`; only first and last have one.
  [[nodiscard]] bool keeps_rows() const noexcept {
    return kind_ == kind::first || kind_ == kind::last;
  }
  static constexpr size_t value_column = 3;
  [[nodiscard]] const std::vector<uint32_t>& inputs() const noexcept {
    return inputs_;
  }

private:
  enum class kind : uint8_t {
    count,
    sum_integer,
    sum_float,
    avg,
    min_integer,
    max_integer,
    min_float,
    max_float,
    first,
    last,
    wavg,
  };
  struct average {
    float_sum sum;
    int64_t present = 0;
  };
  struct weighted {
    float_sum products;
    float_sum weights;
  };
  /// A row by its place in the stream; part_order and order break ties.
  struct row_key {
    int64_t time = null_long;
    uint64_t part_order = 0;
    uint64_t order = 0;
    uint32_t source = none;
    uint32_t row = 0;
  };
  static constexpr uint32_t none = ~uint32_t{0};

  [[nodiscard]] bool replaces(const row_key& held,
                              const row_key& candidate) const noexcept;
  void offer(uint32_t group, const row_key& candidate);
  void update_integers(const row_batch& batch, const column_ref& column);
  void update_floats(const row_batch& batch, const column_ref& column);
  void update_average(const row_batch& batch, const column_ref& column);
  void update_weighted(const row_batch& batch, const column_ref& weight,
                       const column_ref& value);
  void update_rows(const row_batch& batch, const segment_context& segment);
  void update_absent(const row_batch& batch);
  void fold_integer(uint32_t group, int64_t value) noexcept;
  void fold_float(uint32_t group, double value) noexcept;

  kind kind_ = kind::count;
  std::string name_;
  column_type input_type_ = column_type::long_;
  column_type result_type_ = column_type::long_;
  std::vector<uint32_t> inputs_;
  std::vector<int64_t> integers_; ///< min: null_last(value).
  std::vector<double> floats_;
  std::vector<float_sum> sums_;
  std::vector<average> averages_;
  std::vector<weighted> weighted_;
  std::vector<row_key> rows_;
};

} // namespace millrace::query
