#pragma once

#include <millrace/nodes/host/supervisor.hpp>

#include <nlohmann/json.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

/// Asks the running nodes how they are. The answer's objects "processes" and
/// "streams" hold, by name, what is to be merged into the rows of status.
using status_collector
  = std::function<result<nlohmann::ordered_json>(const cluster_config&)>;

struct status_options {
  std::string config;
  bool json = false;
};

/// What status prints: cluster, nodes with state, pid, port, start, uptime and
/// processes, and streams with their mode. `live` may be null.
[[nodiscard]] result<nlohmann::ordered_json>
cluster_status(persistence::env& world, const cluster_config& config,
               const nlohmann::ordered_json& live);

/// Prints the state of each node. @returns 1 when one does not run.
[[nodiscard]] int run_status(const status_options& options,
                             const status_collector& collect);

/// Without a collector, status tells what the host knows of the processes.
void add_status_command(CLI::App& app, std::function<int()>& run,
                        status_collector collect = {});

} // namespace millrace::nodes
