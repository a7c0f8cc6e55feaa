#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/table/columns.hpp>

namespace millrace::query {

/// Rows that are there as a view of a table that is called `rows_table`, in one
/// segment, whose stream order is their place. `limit_exceeded` beyond 2^32 - 1
/// rows. `rows` must stay while the view lives.
[[nodiscard]] result<persistence::table_view> view_of(const table_data& rows);

} // namespace millrace::query
