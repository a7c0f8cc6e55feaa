#pragma once

#include <millrace/nodes/configuration/configuration.hpp>

namespace millrace::nodes {

// Parts of a configuration that a user names. `not_found` names the file, and
// the part that was likely meant. They live as long as the configuration.

[[nodiscard]] result<const stream_config*>
configured_stream(const cluster_config& config, const std::string& name);
/// The same of one that rts order. `unsupported` names the process that
/// publishes it otherwise, for what only rts do.
[[nodiscard]] result<const stream_config*>
ordered_stream(const cluster_config& config, const std::string& name);
[[nodiscard]] result<const table_config*>
configured_table(const cluster_config& config, const std::string& name);
[[nodiscard]] result<const node_config*>
configured_node(const cluster_config& config, const std::string& name);
[[nodiscard]] result<const process_config*>
configured_process(const cluster_config& config, const std::string& name);

} // namespace millrace::nodes
