#pragma once

#include <millrace/query/execution/kernels.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

/// The running states of one aggregate over many groups. What they hold is a
/// function of the rows folded in, whatever their order, so that any split of
/// them ends in the same bits. Owner: one thread.
class aggregate_state {
public:
  virtual ~aggregate_state() = default;

  /// Gives groups [0, count) a state.
  virtual void resize(size_t count) = 0;
  /// Makes room, so that `resize` up to `count` moves nothing.
  virtual void reserve(size_t count) = 0;
  [[nodiscard]] virtual size_t byte_count() const noexcept = 0;

  virtual void update(const row_batch& batch, const segment_context& segment)
    = 0;

  /// Folds group begin + i of `from`, of the same aggregate, into group
  /// targets[i] of this.
  virtual void combine(const aggregate_state& from, uint32_t begin,
                       std::span<const uint32_t> targets)
    = 0;

  /// The columns that carry this state in a partial result.
  [[nodiscard]] virtual std::vector<column_schema> state_columns() const = 0;
  /// To be called when all is folded in, before `save` and `finish`.
  virtual void settle() {}
  /// Appends them for groups [begin, end). `values[source]`: the input column
  /// of that source, for first and last.
  [[nodiscard]] virtual error save(size_t begin, size_t end,
                                   std::span<const column_ref> values,
                                   std::vector<column_data>& out) const = 0;
  /// Folds the state columns of a partial's chunk, row g into targets[g].
  /// `malformed_message` when they hold no state.
  [[nodiscard]] virtual error load(std::span<const column_data> columns,
                                   std::span<const uint32_t> targets,
                                   uint32_t source)
    = 0;

  /// The result column for groups [begin, end). `overflow` when a whole
  /// number does not fit its type.
  [[nodiscard]] virtual result<column_data>
  finish(size_t begin, size_t end,
         std::span<const column_ref> values) const = 0;

  /// Whether `save` and `finish` need values, as first and last do: after a
  /// `load` those of state column `value_column`.
  [[nodiscard]] virtual bool keeps_rows() const noexcept { return false; }
  static constexpr size_t value_column = 3;

  /// Numbers of the aggregate's columns among the plan's.
  [[nodiscard]] const std::vector<uint32_t>& inputs() const noexcept {
    return inputs_;
  }

protected:
  /// `spec` must outlive the state.
  aggregate_state(const aggregate& spec, const logical_plan& plan,
                  std::vector<uint32_t> inputs);

  /// An empty column of the result's name and type.
  [[nodiscard]] column_data result_column(size_t rows) const;
  /// Appends state_columns() to `out`. @returns the first.
  [[nodiscard]] column_data* add_columns(std::vector<column_data>& out,
                                         size_t rows) const;
  [[nodiscard]] error overflow() const;

  const aggregate& spec_;
  const std::string& name_; ///< Of the result's column.
  std::vector<uint32_t> inputs_;
  column_type input_type_ = column_type::long_; ///< Of the first input.
  column_type result_type_ = column_type::long_;
};

/// `spec` must outlive the state.
/// @pre validate(plan) found nothing, and `spec` is one of its aggregates.
[[nodiscard]] std::unique_ptr<aggregate_state>
make_state(const aggregate& spec, const logical_plan& plan,
           std::vector<uint32_t> inputs);

} // namespace millrace::query
