#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/query/plan/plan.hpp>

#include <vector>

namespace millrace::torq {

/// Whether none of the partitions of a directory, whose manifest cannot be
/// read, can hold rows of the plan: rows lie in the partition of their own
/// date, and the plan's times are of other dates. False when that cannot be
/// told.
/// @param table that the plan is for
[[nodiscard]] bool
none_holds_rows_of(const std::vector<persistence::directory_entry>& there,
                   const query::logical_plan& plan, const table_schema& table);

} // namespace millrace::torq
