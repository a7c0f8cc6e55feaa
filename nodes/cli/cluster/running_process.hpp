#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <string>

namespace millrace::nodes {

/// The node that hosts a process now, found by asking each of the cluster;
/// empty: none that answers does. Blocks: not for handlers.
[[nodiscard]] std::string node_of_running(runtime& host,
                                          const cluster_config& config,
                                          const std::string& process);

} // namespace millrace::nodes
