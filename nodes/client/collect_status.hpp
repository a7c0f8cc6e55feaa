#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

namespace millrace::nodes {

/// Asks every node of the configuration that answers: objects "processes" and
/// "streams" by name. A node that does not answer is left out.
[[nodiscard]] result<text::json_value>
collect_status(const cluster_config& config);

} // namespace millrace::nodes
