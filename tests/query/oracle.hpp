#pragma once

#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <limits>
#include <optional>
#include <vector>

#include "vector_table.hpp"

namespace millrace::query::testing_support {

inline constexpr auto nan_value = std::numeric_limits<double>::quiet_NaN();
inline constexpr auto infinity = std::numeric_limits<double>::infinity();

/// Answers a plan the slow and obvious way. `rows` in arrival order: first,
/// last and ties of an ordering follow (time, place in `rows`). Integers of
/// type char are their byte, a blank is null. None when a whole number does
/// not fit 64 bits.
std::optional<std::vector<row>> answer(const logical_plan& plan,
                                       const table_schema& schema,
                                       const std::vector<row>& rows);

/// All that have a row in the table of functions, by number.
inline std::vector<aggregate_function> aggregate_functions() {
  std::vector<aggregate_function> out;
  for (uint8_t i = 1;
       to_string(static_cast<aggregate_function>(i)) != "unknown"; ++i)
    out.push_back(static_cast<aggregate_function>(i));
  return out;
}

/// The cells of a result.
std::vector<row> cells_of(const table_data& table);

/// Equal, floats to the last bit (and all NaN being equal).
bool same_cell(const cell& a, const cell& b);

/// The first difference in words, or "".
std::string difference(const std::vector<row>& wanted,
                       const std::vector<row>& found);

/// Total order, null smallest.
int compare_cells(const cell& a, const cell& b);

} // namespace millrace::query::testing_support
