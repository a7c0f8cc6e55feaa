#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/servers/kdb/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::nodes::kdb {

/// The symbols that a subscriber wants; none: all.
using wanted_symbols = std::optional<std::set<std::string, std::less<>>>;

/// The rows of a batch as the message (`upd; table; rows), in the columns that
/// the table is declared with. Empty: none of its rows is wanted.
/// `schema_mismatch` when a column does not fit; `limit_exceeded`.
[[nodiscard]] result<std::string> update_message(const batch_view& batch,
                                                 const table_schema& schema,
                                                 const wanted_symbols& wanted,
                                                 char capability);

/// (`.u.end; date)
[[nodiscard]] std::string end_message(period_id period);

/// What a feed of kdb+ sends as rows: a table, a list of columns, or one row,
/// as a batch. Columns are widened where nothing is lost; texts and symbols
/// stand for each other. Rows without a time get `now_ns` when the time is the
/// first column and is left out, or when the table stamps. `type`, `length`
/// and what else is wrong, with the column.
/// @param now_ns wall time since 2000.01.01 UTC
[[nodiscard]] result<std::vector<std::byte>>
batch_of(const value& rows, const table_schema& schema, bool stamps,
         int64_t now_ns);

} // namespace millrace::nodes::kdb
