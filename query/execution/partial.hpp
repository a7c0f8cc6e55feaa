#pragma once

#include <millrace/messages/data/answer.hpp>
#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/scan_statistics.hpp>
#include <millrace/query/execution/top_rows.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

// Messages of partial results are in partial_codec.cpp.

namespace millrace::query {

/// A piece of a partial result, with dictionaries of its own.
struct partial_chunk {
  /// What it is for. Numbers travel between nodes: append only.
  enum class purpose : uint8_t {
    result = 0,
    /// Of a join: the last right row of each key, which may be that of left
    /// rows in a store of later rows.
    last_right = 1,
    /// Of a join: left rows that found no right one here.
    single_left = 2,
  };
  uint64_t part_order = 0; ///< Rows: where they stand among the parts.
  /// Columns as plan_shape::partial_columns(); of a join's as its table's.
  table_data table;
  purpose use = purpose::result;
};

/// The times of the rows that a store joined, nulls lowest.
struct join_bounds {
  bool live = false; ///< Of the store whose rows are the later ones.
  std::optional<int64_t> left_max;
  std::optional<int64_t> right_min;
  std::optional<int64_t> right_max;
  friend bool operator==(const join_bounds&, const join_bounds&) = default;
};

/// What one back end answers: rows as found, or groups with states that merge.
struct partial_result {
  bool grouped = false; ///< Then no key comes twice in all its chunks.
  /// Its rows, in their order, are the plan's result: it was the only one
  /// asked. Not grouped.
  bool finished = false;
  std::vector<partial_chunk> chunks;
  scan_statistics statistics;
  /// What those that it came from did for it, and the gateway after them.
  std::vector<node_statistics> nodes{};
  std::vector<step_statistics> steps{};
  std::optional<join_bounds> bounds; ///< Of joined tables.
  [[nodiscard]] size_t byte_count() const noexcept;
};

/// Cuts the result into messages (Cap'n Proto PartialResult) of about
/// `bytes_max` each; every one is a partial result itself, and merging all of
/// them is merging the whole. At least one message; incomplete only when told
/// to stop.
[[nodiscard]] chunks encode(const partial_result& partial,
                            size_t bytes_max = 256 * 1024,
                            const interruption& stop = {});

/// Checks lengths, offsets and codes; a fault is `malformed_message`.
[[nodiscard]] result<partial_result>
decode_partial(std::span<const std::byte> bytes);

/// Whether a message is of a result that needs no merger any more.
[[nodiscard]] result<bool> is_finished(std::span<const std::byte> message);

/// How many rows, or groups, a message of a partial result has, without a look
/// at them.
[[nodiscard]] result<uint64_t> row_count_of(std::span<const std::byte> message);

/// What it took to find them, of one message: the first of a partial result has
/// all of it, the last one of a flow what its back ends did.
[[nodiscard]] result<answer_statistics>
statistics_of(std::span<const std::byte> message);

/// The rows of all chunks of the parts, in their order, as one table.
/// `malformed_message` when they have different columns.
[[nodiscard]] result<table_data> joined_rows(std::vector<partial_result> parts,
                                             const interruption& stop = {});

/// `limit_exceeded` when a result of so many rows and bytes is more than the
/// plan allows.
[[nodiscard]] error refuse_beyond_limits(const logical_plan& plan,
                                         uint64_t rows, uint64_t bytes);

class join_rest;

/// Folds partial results of one plan into its result. Owner: one thread.
class merger {
public:
  /// @pre validate(plan) found nothing.
  explicit merger(logical_plan plan, interruption stop = {});
  ~merger();

  /// Takes one partial result, in any order. `schema_mismatch` when it is not
  /// of this plan, `limit_exceeded` beyond the plan's rows_max or bytes_max,
  /// and when its account gives no memory for more, `cancelled` or `timeout`
  /// when told to stop.
  [[nodiscard]] error add(partial_result partial);

  /// The result: merged, ordered, cut. Once. `moved` when tables were joined
  /// in stores whose rows do not follow each other.
  [[nodiscard]] result<table_data> finish();

  /// Of all partial results that were added.
  [[nodiscard]] const answer_statistics& statistics() const noexcept {
    return statistics_;
  }

private:
  [[nodiscard]] error check(const partial_result& partial) const;
  [[nodiscard]] uint64_t held_bytes() const noexcept;
  /// Joins what no store could alone.
  [[nodiscard]] error finish_join();
  [[nodiscard]] result<table_data> finish_groups();
  [[nodiscard]] result<table_data> finish_rows();
  [[nodiscard]] result<table_data> finish_ordered();
  [[nodiscard]] result<table_data> finish_top();

  plan_shape shape_;
  interruption stop_;
  std::vector<column_schema> layout_;
  std::unique_ptr<group_set> groups_;
  top_bound bound_;
  std::optional<top_keeper> top_; ///< When only some rows of an order stay.
  std::vector<std::unique_ptr<partial_chunk>> chunks_;
  std::unique_ptr<join_rest> join_; ///< When tables are joined.
  answer_statistics statistics_;
  held_memory room_; ///< For the chunks and the groups.
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

/// The rows of the messages of an answer, in their order, as one table.
/// `malformed_message` when one is none, or they have different columns.
[[nodiscard]] result<table_data> joined_rows(const chunks& answer);

} // namespace millrace::query
