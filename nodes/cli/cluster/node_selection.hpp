#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/host/supervisor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// `invalid_argument` when one of these stands twice: what is done to it the
/// second time would meet the first.
[[nodiscard]] error check_named_once(const std::vector<std::string>& nodes);

/// A node that a command of this host is to act on: `unavailable` when it lies
/// on another one.
[[nodiscard]] result<const node_config*>
node_of_this_host(const cluster_config& config, const std::string& name);

/// The names of those whose address is of this host, as they stand in the file.
[[nodiscard]] std::vector<std::string>
nodes_of_this_host(const cluster_config& config);

/// Whether the rows of a table are kept on this host, for a command that writes
/// them itself: `unavailable` when they are not.
[[nodiscard]] error check_home(const cluster_config& config,
                               const std::string& table);

/// Loads a configuration and calls `act` with the nodes named, or all in the
/// order of the file, of which those of other hosts are left alone. @returns
/// its exit code, or that of the failure before.
int with_nodes(
  const std::string& config_path, const std::vector<std::string>& wanted,
  const std::function<int(supervisor&, const std::vector<std::string>&)>& act);

/// Prints a line for each outcome, unless JSON is wanted; failures to stderr.
/// @returns the exit code of the first failure, else 0.
int report(const std::vector<node_outcome>& outcomes, output_format output);

/// The same outcomes for programs; one that failed has a "failure".
[[nodiscard]] text::json_value
json_of(const std::vector<node_outcome>& outcomes);

} // namespace millrace::nodes
