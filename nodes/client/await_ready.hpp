#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// A process that cannot be asked yet.
struct unready_process {
  std::string name;
  std::string why;
  uint32_t replayed_percent = 0;
  bool goes_on = true; ///< False: time alone does not make it ready.
  bool runs = true;    ///< False: it was stopped.
};

/// Of the processes that these nodes host, those that were stopped, and the
/// RDBs that are not ready, as `live`, the answer of `collect_status`, says.
[[nodiscard]] std::vector<unready_process>
unready_of(const cluster_config& config, const std::vector<std::string>& nodes,
           const text::json_value& live);

/// Waits until all RDBs of these nodes are ready, or only time cannot help, or
/// the time is up. @returns those that are not, and processes that were
/// stopped. Blocks: not for handlers.
/// @param progress called now and then with those that are not ready yet.
[[nodiscard]] std::vector<unready_process> await_ready(
  runtime& host, const cluster_config& config,
  const std::vector<std::string>& nodes, std::chrono::nanoseconds limit,
  const std::function<void(const std::vector<unready_process>&)>& progress
  = {});

} // namespace millrace::nodes
