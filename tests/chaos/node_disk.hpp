#pragma once

#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::chaos {

/// What the disk of a node holds and no other node's does: the streams of its
/// rt processes, the schemas and rejects of its rdbs, the indexes of its hdbs.
/// An hdb's partitions and the logs of publishers are not among them.
[[nodiscard]] std::vector<std::string>
directories_of(const nodes::cluster_config& config, const std::string& node);

/// Of files below these directories the first whose path ends with `/name`.
/// Empty: none.
[[nodiscard]] std::string find_file(const std::vector<std::string>& directories,
                                    const std::string& name);

} // namespace millrace::chaos
