#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <vector>

namespace millrace::query {

/// All that a row must pass: the plan's filters, its symbols, its range.
[[nodiscard]] std::vector<predicate> predicates_of(const logical_plan& plan);

/// Numbers of the rows of a partition that a plan's filters let pass,
/// ascending.
/// @param part one segment, whose schema has the plan's columns in their types
[[nodiscard]] result<std::vector<uint32_t>>
chosen_rows(const logical_plan& plan, const persistence::table_view& part);

} // namespace millrace::query
