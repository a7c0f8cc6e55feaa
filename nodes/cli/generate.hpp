#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// What other programs need to watch a cluster.
extern const command_group generate_commands;

} // namespace millrace::nodes
