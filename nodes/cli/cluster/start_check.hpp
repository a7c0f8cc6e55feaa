#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

enum class library_check {
  look, ///< Whether the files are there, and nobody else can change them.
  load, ///< They are loaded as well, and stay: of a program that starts nodes.
};

/// As load_cluster; of a configuration with faults what its feeds read and is
/// not there is told with them, in one error.
[[nodiscard]] result<cluster_config>
load_cluster_to_start(const std::string& path);

/// What would keep these nodes of this host, or what they host, from starting:
/// what `load` names, databases, files of feeds, whose the data is, tables,
/// queries, ports, certificates; every fault is a line `<file>:<line>: <key>:
/// <reason>` of one error. What other nodes miss is theirs, and what only
/// `spawn` starts may be there by then. Changes nothing.
/// @param warnings gets lines of what keeps none of them from starting
[[nodiscard]] error check_start(const cluster_config& config,
                                const std::vector<std::string>& nodes,
                                library_check libraries,
                                std::vector<std::string>& warnings);

} // namespace millrace::nodes
