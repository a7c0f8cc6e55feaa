#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>

namespace millrace::nodes {

/// What is known of a cluster: nodes with state, pid, port, start, uptime and
/// processes, and streams with their mode.
/// @param live what the nodes said: its objects "processes" and "streams" hold,
///   by name, what is to be merged into the rows. May be null.
[[nodiscard]] result<text::json_value>
cluster_status(persistence::env& world, const cluster_config& config,
               const text::json_value& live);

} // namespace millrace::nodes
