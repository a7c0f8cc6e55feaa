#pragma once

#include <millrace/messages/data/answer.hpp>
#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/top_rows.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

// Messages of partial results are in partial_codec.cpp.

namespace millrace::query {

/// What a scan cost; sums over back ends.
struct scan_statistics {
  uint64_t rows_total = 0;   ///< Rows of all parts.
  uint64_t rows_scanned = 0; ///< Looked at after pruning.
  uint64_t rows_matched = 0; ///< Passed all filters.
  uint64_t segments_total = 0;
  uint64_t segments_scanned = 0; ///< Left after pruning.
  friend bool operator==(const scan_statistics&, const scan_statistics&)
    = default;
};

/// A piece of a partial result, with dictionaries of its own.
struct partial_chunk {
  uint64_t part_order = 0; ///< Rows: where they stand among the parts.
  table_data table;        ///< Columns as plan_shape::partial_columns().
};

/// What one back end answers: rows as found, or groups with states that merge.
struct partial_result {
  bool grouped = false; ///< Then no key comes twice in all its chunks.
  std::vector<partial_chunk> chunks;
  scan_statistics statistics;
  [[nodiscard]] size_t byte_count() const noexcept;
};

/// Cuts the result into messages (Cap'n Proto PartialResult) of about
/// `bytes_max` each; every one is a partial result itself, and merging all of
/// them is merging the whole. At least one message; incomplete only when told
/// to stop.
[[nodiscard]] std::vector<std::vector<std::byte>>
encode(const partial_result& partial, size_t bytes_max = 256 * 1024,
       const interruption& stop = {});

/// Checks lengths, offsets and codes; a fault is `malformed_message`.
[[nodiscard]] result<partial_result>
decode_partial(std::span<const std::byte> bytes);

/// How many rows, or groups, a message of a partial result has, without a look
/// at them.
[[nodiscard]] result<uint64_t> row_count_of(std::span<const std::byte> message);

/// The rows of all chunks of the parts, in their order, as one table.
/// `malformed_message` when they have different columns.
[[nodiscard]] result<table_data> joined_rows(std::vector<partial_result> parts);

/// `limit_exceeded` when a result of so many rows and bytes is more than the
/// plan allows.
[[nodiscard]] error refuse_beyond_limits(const logical_plan& plan,
                                         uint64_t rows, uint64_t bytes);

/// Folds partial results of one plan into its result. Owner: one thread.
class merger {
public:
  /// @pre validate(plan) found nothing.
  explicit merger(logical_plan plan, interruption stop = {});
  ~merger();

  /// Takes one partial result, in any order. `schema_mismatch` when it is not
  /// of this plan, `limit_exceeded` beyond the plan's rows_max or bytes_max,
  /// `cancelled` or `timeout` when told to stop.
  [[nodiscard]] error add(partial_result partial);

  /// The result: merged, ordered, cut. Once.
  [[nodiscard]] result<table_data> finish();

  [[nodiscard]] const scan_statistics& statistics() const noexcept {
    return statistics_;
  }

private:
  [[nodiscard]] error check(const partial_result& partial) const;
  [[nodiscard]] result<table_data> finish_groups();
  [[nodiscard]] result<table_data>
  finished_groups(std::span<const std::vector<column_ref>> values);
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
  scan_statistics statistics_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

/// The rows of the messages of an answer, in their order, as one table.
/// `malformed_message` when one is none, or they have different columns.
[[nodiscard]] result<table_data> joined_rows(const chunks& answer);

} // namespace millrace::query
