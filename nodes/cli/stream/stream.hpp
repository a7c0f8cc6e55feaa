#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// Looks after streams and their files (ls, info, prune, archive, reset,
/// losses, give-up), after the group of one (members, replace, remove, recover,
/// explain-pos), and makes them (create).
extern const command_group stream_commands;

} // namespace millrace::nodes
