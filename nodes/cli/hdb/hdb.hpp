#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// The directory of a historical database, whether it is served or not: ls, du,
/// check and ledger look at it without writing to it or locking it; amend and
/// drop change it as a writer does.
extern const command_group hdb_commands;

} // namespace millrace::nodes
