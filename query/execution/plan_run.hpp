#pragma once

#include <millrace/persistence/disk/executor.hpp>
#include <millrace/query/execution/interruption.hpp>
#include <millrace/query/execution/scan_statistics.hpp>
#include <millrace/query/plan/split.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <string>
#include <vector>

// The operators are in join_operators.cpp, window_operator.cpp,
// over_operator.cpp and window_join_operator.cpp.

namespace millrace::query {

struct run_options {
  /// With the account of which steps take what they read, what they give, and
  /// what they need beside that, as an order of their rows.
  interruption stop;
  /// Without one: bytes that they may hold at a time; 0: no limit.
  // lint: allow(half_used): for those who keep no account, as tests.
  uint64_t memory_max = 0;
  std::string process; ///< Whose memory that is, for messages.
  /// Whose threads help; none: the caller's works alone.
  persistence::executor* pool = nullptr;
  /// Where what each step did is added, timed by the clock of `stop`; may be
  /// nullptr.
  std::vector<step_statistics>* steps = nullptr;
};

/// Carries out what is left of a plan, over the results of its fragments.
/// `limit_exceeded` when its steps hold more than they may,
/// `cancelled` or `timeout` when told to stop, `overflow`.
/// @param fetched by number of the fragment; used up
[[nodiscard]] result<table_data> run_plan(const physical_node& node,
                                          std::vector<table_data>& fetched,
                                          const run_options& options);

} // namespace millrace::query
