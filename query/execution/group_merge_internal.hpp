#pragma once

#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/scan.hpp>

#include <vector>

namespace millrace::query {

/// The groups that all morsels found as one set. Uses their states up; what
/// else is in `outputs` stays. Threads of `options.pool` help. `cancelled`,
/// `timeout`, `limit_exceeded`.
[[nodiscard]] result<group_set>
merge_groups(const scan_setup& setup, std::vector<morsel_output>& outputs,
             const execution_options& options);

} // namespace millrace::query
