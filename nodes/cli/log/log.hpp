#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// Looks at a log directory, live or dead, without writing to it or locking
/// it: ls, info, dump, verify, tail, explain-pos.
extern const command_group log_commands;

} // namespace millrace::nodes
