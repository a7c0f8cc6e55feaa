#pragma once

#include <millrace/bench/outcome.hpp>

namespace millrace::bench {

// What askers, and those who publish beside them, notice of more than the time
// of one warm question.

/// `millrace query` of a question that finds no row, from its start to its end:
/// the median, in milliseconds, beside psql and a server of PostgreSQL.
[[nodiscard]] result<outcome> query_shell(const measure_options& options);

/// Ten million trades as rows, from their store through a gateway to a client:
/// bytes of columns per second.
[[nodiscard]] result<outcome> result_stream(const measure_options& options);

/// Rows per second that come to be seen in an rdb while q4 is asked over and
/// over, beside the same without questions.
[[nodiscard]] result<outcome>
ingest_beside_queries(const measure_options& options);

/// From when an asker gives a question of seconds up until no thread of the
/// process works for it, in milliseconds.
[[nodiscard]] result<outcome> cancel_query(const measure_options& options);

/// A column of 50 million floats of an hdb that is in no cache: bytes per
/// second of a sum, beside the same bytes read in order from one file.
[[nodiscard]] result<outcome> cold_scan(const measure_options& options);

} // namespace millrace::bench
