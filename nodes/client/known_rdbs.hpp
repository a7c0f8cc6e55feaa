#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/query/plan/plan.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace millrace::nodes {

/// An RDB of a stream: of the file, or known to discovery alone.
struct known_rdb {
  std::string name;
  bool writes = false;   ///< Its tables, at the end of a period.
  bool has_node = false; ///< In the file: it is to live there.
};

/// Those of the file, no matter who starts them, then those that only discovery
/// knows. Blocks, as all here: not for handlers.
[[nodiscard]] std::vector<known_rdb>
rdbs_of(runtime& host, const cluster_config& config, const std::string& stream,
        std::chrono::milliseconds deadline = std::chrono::seconds{1});

/// Where it lives: `spawn` may have started it on any node. `not_found` when
/// only `spawn` starts it and discovery never heard of it.
[[nodiscard]] result<rdb_actor> find_rdb(runtime& host,
                                         const cluster_config& config,
                                         const known_rdb& rdb,
                                         std::chrono::milliseconds deadline);

/// Rows of a table that an RDB holds after a position, by their date (days
/// since 2000.01.01). @pre its time column is a timestamp.
/// @param choice the rows that are meant, by filters, symbols and range; null:
///   all
[[nodiscard]] result<std::map<int64_t, uint64_t>>
dates_in_rdb(runtime& host, const rdb_actor& rdb, const table_schema& table,
             position cutover, const query::logical_plan* choice = nullptr);

} // namespace millrace::nodes
