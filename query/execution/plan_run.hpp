#pragma once

#include <millrace/persistence/disk/executor.hpp>
#include <millrace/query/execution/interruption.hpp>
#include <millrace/query/plan/split.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <string>
#include <vector>

// The operators are in join_operators.cpp, window_operator.cpp,
// over_operator.cpp and window_join_operator.cpp.

namespace millrace::query {

struct run_options {
  interruption stop;
  /// Bytes that may be held at a time: of what was fetched, and of what steps
  /// read and give. 0: no limit. What a step needs beside that, as an order of
  /// its rows, is not counted.
  uint64_t memory_max = 0;
  std::string process; ///< Whose memory it is, for messages.
  /// Whose threads help; none: the caller's works alone.
  persistence::executor* pool = nullptr;
};

/// Carries out what is left of a plan, over the results of its fragments.
/// `limit_exceeded` when its steps hold more than they may,
/// `cancelled` or `timeout` when told to stop, `overflow`.
/// @param fetched by number of the fragment; used up
[[nodiscard]] result<table_data> run_plan(const physical_node& node,
                                          std::vector<table_data>& fetched,
                                          const run_options& options);

} // namespace millrace::query
