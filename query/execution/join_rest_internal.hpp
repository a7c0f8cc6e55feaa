#pragma once

#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/split.hpp>

#include <vector>

namespace millrace::query {

/// A join of stored tables as an operator over rows that are there.
struct join_step {
  explicit join_step(const joined_tables& what);

  operators::asof_join join;
  physical_node node; ///< Only its columns count.
};

/// What of a join no store can tell alone: left rows of the store of the later
/// rows that found no right one there have the last ones of the other store.
/// That holds while the rows of the two follow each other. Owner: one thread.
class join_rest {
public:
  /// `plan` must outlive it. @pre its tables are joined
  explicit join_rest(const logical_plan& plan);

  /// Whether a chunk of a join has the columns of its table.
  [[nodiscard]] bool fits(const partial_chunk& chunk) const;
  /// Takes the chunks that are no results, and the bounds.
  void take(partial_result& partial);
  [[nodiscard]] uint64_t byte_count() const noexcept;
  /// The partial result of the left rows that were left. `moved` when the
  /// stores' rows do not follow each other.
  [[nodiscard]] result<partial_result> finish(const interruption& stop);

private:
  [[nodiscard]] bool follow_each_other(const table_data& singles) const;

  const logical_plan& plan_;
  std::vector<column_schema> left_;
  std::vector<column_schema> right_;
  std::vector<partial_chunk> lasts_;
  std::vector<partial_chunk> singles_;
  std::vector<join_bounds> bounds_;
};

} // namespace millrace::query
