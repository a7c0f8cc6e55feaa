#pragma once

#include <millrace/bench/outcome.hpp>

namespace millrace::bench {

/// Text to encoded batches, on two threads, beside DuckDB's read_csv.
[[nodiscard]] result<outcome> csv_parse(const measure_options& options);
/// The same text through feed handler, stream and RDB, until the last row is
/// seen by its readers.
[[nodiscard]] result<outcome> csv_feed(const measure_options& options);
/// What an RDB does with batches of 100 rows, beside DuckDB's appender.
[[nodiscard]] result<outcome> rdb_insert(const measure_options& options);

/// A period of quotes sorted and written as an RDB does, synced, beside
/// DuckDB's ORDER BY into a table of its own file.
[[nodiscard]] result<outcome> eop_write(const measure_options& options);
/// An RDB that starts and replays its stream in batches of 100 rows.
[[nodiscard]] result<outcome> rdb_recovery(const measure_options& options);

} // namespace millrace::bench
