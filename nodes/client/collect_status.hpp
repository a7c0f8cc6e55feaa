#pragma once

#include <millrace/nodes/configuration/configuration.hpp>

#include <nlohmann/json.hpp>

namespace millrace::nodes {

/// Asks every node of the configuration that answers: objects "processes" and
/// "streams" by name. A node that does not answer is left out.
[[nodiscard]] result<nlohmann::ordered_json>
collect_status(const cluster_config& config);

} // namespace millrace::nodes
