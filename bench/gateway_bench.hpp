#pragma once

#include <millrace/bench/outcome.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::bench {

/// What an empty query costs beside its rows: gateway, RDB and HDB as actors of
/// this process, asked one query after the other.
[[nodiscard]] result<outcome> gateway_empty(const measure_options& options);
/// The same with the gateway, and the RDB and HDB, in a process each beside
/// this one.
[[nodiscard]] result<outcome> gateway_empty_3p(const measure_options& options);

/// A tick database whose gateway and whose stores are in a process each.
struct spread_ticks {
  std::vector<std::unique_ptr<part_process>> parts;
  std::unique_ptr<nodes::runtime> host; ///< Of this process, which asks.
};
[[nodiscard]] result<spread_ticks>
start_spread_ticks(const std::string& directory);

/// A part: a node of that cluster. Words: its directory, the nodes' ports, its
/// index.
[[nodiscard]] error query_node(const std::vector<std::string>& words);

} // namespace millrace::bench
