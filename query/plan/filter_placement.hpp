#pragma once

#include <millrace/query/plan/plan_tree.hpp>

namespace millrace::query {

/// Whether it may be another value for 0.0 than for -0.0 of a column: where
/// rows are matched, grouped and ordered, these are one.
[[nodiscard]] bool tells_zeroes_apart(const expression& what);

/// The same rows of a plan, whose filters stand as near to the tables as they
/// can: below sorts, joins, unions, windows and groups where they are about
/// rows that these take as they are. So a store is asked for the rows, and for
/// the dates, that count, and not for all.
/// A condition that may fail of a row (`overflow`) stays where it was: it has
/// not met the rows that an operator leaves out.
/// @pre `plan` is resolved; the result is, too
[[nodiscard]] plan_node with_filters_placed(plan_node plan);

} // namespace millrace::query
