#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What a DISCOVERY of the cluster knows of processes of a type ("" = all),
/// those that `spawn` started among them. `unavailable` when none answers.
/// Blocks: not for handlers.
[[nodiscard]] result<std::vector<process_row>>
registered_processes(runtime& host, const cluster_config& config,
                     const std::string& type,
                     std::chrono::milliseconds deadline);

} // namespace millrace::nodes
