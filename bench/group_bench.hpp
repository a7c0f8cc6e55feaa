#pragma once

#include <millrace/bench/outcome.hpp>

namespace millrace::bench {

// A stream of three RT nodes; publisher, nodes and subscriber in a process
// each, the subscriber without a local copy. Beside JetStream with three
// servers and three replicas, and the limit program with two.
[[nodiscard]] result<outcome>
publish_cached_100_r3(const measure_options& options);
[[nodiscard]] result<outcome>
publish_cached_1k_r3(const measure_options& options);
[[nodiscard]] result<outcome>
publish_synced_100_r3(const measure_options& options);
[[nodiscard]] result<outcome>
publish_synced_1k_r3(const measure_options& options);
[[nodiscard]] result<outcome> latency_r3_p50(const measure_options& options);
[[nodiscard]] result<outcome> latency_r3_p99(const measure_options& options);

// One RT node, 64 publishers and 64 subscribers of one stream.
[[nodiscard]] result<outcome> publish_many_100(const measure_options& options);

} // namespace millrace::bench
