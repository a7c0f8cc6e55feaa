#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/node/runtime.hpp>

namespace millrace::bench {

/// Starts an RDB with the generator's trades that reads the stream "bench" from
/// its begin and writes nothing down. It ends with `host`, or before.
[[nodiscard]] rdb_actor spawn_rdb(nodes::runtime& host, const endpoint& rt);
/// Waits until readers of it see so many trades.
[[nodiscard]] error wait_for_rows(nodes::runtime& host, const rdb_actor& rdb,
                                  uint64_t rows);
void end_rdb(nodes::runtime& host, rdb_actor rdb);

} // namespace millrace::bench
