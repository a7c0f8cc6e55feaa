#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/sim/script/fault_script.hpp>

#include <string>
#include <utility>
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

/// Flips a bit of a file below these directories, or shortens it. @returns what
/// was done, or why not, for people; and whether it was
[[nodiscard]] std::pair<std::string, bool>
damage_file(const std::vector<std::string>& directories,
            const sim::fault& what);

} // namespace millrace::chaos
