#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/node/runtime.hpp>

namespace millrace::bench {

/// Starts an RDB with the trades of `bench_cluster` that reads the stream from
/// its begin and writes nothing down. It ends with `host`, or before.
[[nodiscard]] result<rdb_actor> start_rdb(nodes::runtime& host);
/// Waits until readers of it see so many trades.
[[nodiscard]] error wait_for_rows(nodes::runtime& host, const rdb_actor& rdb,
                                  uint64_t rows);
void end_rdb(nodes::runtime& host, rdb_actor rdb);

} // namespace millrace::bench
