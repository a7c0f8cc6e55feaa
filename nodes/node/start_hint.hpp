#pragma once

#include <millrace/nodes/assembly/endpoints.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// What starts what should answer at these places: "; `millrace up db1` starts
/// it", or, of a process that is away from a node that runs, "; `millrace spawn
/// rdb1 --on db1` starts it, if somebody stopped it". Empty: they are of no
/// node of the configuration. Blocks for a second at most per place.
[[nodiscard]] std::string start_hint(const cluster_config& config,
                                     const std::vector<endpoint>& places);

} // namespace millrace::nodes
