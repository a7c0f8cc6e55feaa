#pragma once

#include <millrace/query/execution/execution.hpp>

#include <map>
#include <string>

namespace millrace::query {

/// Adds by symbol how many rows of the parts have it, or a few more: those that
/// the plan's other conditions leave out may count. Symbols that the plan does
/// not ask for may be there.
[[nodiscard]] error
add_symbol_sizes(const logical_plan& plan,
                 const std::vector<persistence::table_view>& parts,
                 const execution_options& options,
                 std::map<std::string, uint64_t, std::less<>>& sizes);

} // namespace millrace::query
