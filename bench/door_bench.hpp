#pragma once

#include <millrace/bench/outcome.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

// What a client on this host pays at a port of a node that hosts a whole tick
// database in a process of its own.

/// A query that finds no row, over each protocol, one after the other: the
/// median, in microseconds. PostgreSQL's is prepared, and stands beside
/// PostgreSQL's own.
[[nodiscard]] result<outcome> door_empty_kdb(const measure_options& options);
[[nodiscard]] result<outcome> door_empty_http(const measure_options& options);
[[nodiscard]] result<outcome>
door_empty_postgres(const measure_options& options);

/// A million trades of an rdb, as rows per second that reach a client, beside
/// PostgreSQL's COPY in binary.
[[nodiscard]] result<outcome> door_rows_kdb(const measure_options& options);
[[nodiscard]] result<outcome> door_rows_arrow(const measure_options& options);
[[nodiscard]] result<outcome>
door_rows_postgres(const measure_options& options);

/// A part: the node with the doors. Words: its directory, the ports of the node
/// and of its doors.
[[nodiscard]] error door_node(const std::vector<std::string>& words);

} // namespace millrace::bench
