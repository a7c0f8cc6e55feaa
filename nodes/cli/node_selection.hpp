#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/host/supervisor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Loads a configuration and calls `act` with the nodes named, or all in the
/// order of the file. @returns its exit code, or that of the failure before.
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
