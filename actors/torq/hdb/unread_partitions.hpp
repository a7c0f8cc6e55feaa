#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>
#include <millrace/query/plan/plan.hpp>

#include <optional>
#include <set>
#include <vector>

namespace millrace::torq {

/// Whether none of the partitions of a directory, whose manifest cannot be
/// read, can hold rows of the plan: rows lie in the partition of their own
/// date, and the plan's times are of other dates. False when that cannot be
/// told.
/// @param table that the plan is for
/// @param rolls by which the partitions were made; none: that is not known, and
///   each may hold what any rule would give to it
[[nodiscard]] bool none_holds_rows_of(
  const std::vector<persistence::directory_entry>& there,
  const query::logical_plan& plan, const table_schema& table,
  const std::optional<std::set<persistence::table_roll>>& rolls);

} // namespace millrace::torq
