#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// Looks at the directory of a historical database, whether it is served or
/// not, without writing to it or locking it: ls, du, check.
extern const command_group hdb_commands;

} // namespace millrace::nodes
