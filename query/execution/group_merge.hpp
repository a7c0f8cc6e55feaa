#pragma once

#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/scan.hpp>

#include <optional>
#include <vector>

// Groups get their numbers in group_numbers.cpp, many of them in
// group_partitions.cpp; their states become those of
// one set in group_merge.cpp, or a finished table in group_finish.cpp.

namespace millrace::query {

/// The keys of the groups that all morsels found, each once.
struct numbered_groups {
  explicit numbered_groups(const plan_shape& shape) : set{shape} {}

  group_set set;
  /// By chunk, in the order of morsels: which group of the set each of its
  /// groups is.
  std::vector<std::vector<uint32_t>> of_chunks;
  /// The groups in the order of their keys, when it is known already.
  std::optional<std::vector<uint32_t>> order;
  held_memory room; ///< Of the question's memory, for the keys.
  std::vector<held_memory> states_room; ///< The same, by aggregate.
};

/// What the steps that make one result of the morsels' groups work on.
struct group_work {
  const scan_setup& setup;
  std::vector<morsel_output>& outputs;
  const execution_options& options;
  /// By aggregate: where first and last find the values of a source.
  const std::vector<std::vector<column_ref>>& values;

  [[nodiscard]] std::vector<morsel_chunk*> chunks() const;
};

/// `cancelled`, `timeout`, `limit_exceeded`.
[[nodiscard]] result<numbered_groups> number_groups(const group_work& work);

/// The same of many groups that need to be hashed, into a set without any.
/// Threads of the options' pool help. `cancelled`, `timeout`.
/// @returns false when something else is better: the set has no group then
[[nodiscard]] result<bool> number_in_partitions(const group_work& work,
                                                numbered_groups& groups);

/// Folds the states of all chunks into those of the set, which uses them up.
/// Threads of the options' pool help. The faults of `number_groups`.
[[nodiscard]] error fold_groups(const group_work& work,
                                numbered_groups& groups);

/// The plan's result: each group is finished by the chunk that has it, and only
/// those of several chunks are folded. Threads of the options' pool help. The
/// faults of `number_groups`. None when most groups are of several chunks, a
/// column is none of fixed width, or something overflows, which may be no part
/// of the result: the chunks are as they were then.
[[nodiscard]] result<std::optional<table_data>>
finish_in_chunks(const group_work& work, numbered_groups& groups);

} // namespace millrace::query
