#pragma once

#include <millrace/bench/outcome.hpp>

namespace millrace::bench {

// Publisher -> one RT node -> the callback of a subscriber without a local
// copy, all through the library's actors in this process.
[[nodiscard]] result<outcome>
publish_cached_100(const measure_options& options);
[[nodiscard]] result<outcome> publish_cached_1k(const measure_options& options);
/// The same with a subscriber that keeps a local copy, beside one without.
[[nodiscard]] result<outcome>
publish_cached_100_copy(const measure_options& options);
[[nodiscard]] result<outcome>
publish_cached_1k_copy(const measure_options& options);
[[nodiscard]] result<outcome>
publish_synced_100(const measure_options& options);
[[nodiscard]] result<outcome> publish_synced_1k(const measure_options& options);
/// A subscriber that starts at the start of what was published before.
[[nodiscard]] result<outcome> replay_100(const measure_options& options);
/// From when a message was due to its callback, at 10,000 per second.
[[nodiscard]] result<outcome> latency_p50(const measure_options& options);
[[nodiscard]] result<outcome> latency_p99(const measure_options& options);

// Publisher, node and subscriber in a process each.
[[nodiscard]] result<outcome>
publish_cached_100_3p(const measure_options& options);
/// The same beside a second subscriber that stands still.
[[nodiscard]] result<outcome>
publish_cached_100_stopped(const measure_options& options);
[[nodiscard]] result<outcome> latency_3p_p50(const measure_options& options);
[[nodiscard]] result<outcome> latency_3p_p99(const measure_options& options);

} // namespace millrace::bench
