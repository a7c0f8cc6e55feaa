#pragma once

#include <millrace/nodes/cli/command/command.hpp>

namespace millrace::nodes {

/// What is kept for those that may lose nothing of a stream: ls, info, rm.
extern const command_group consumer_commands;

} // namespace millrace::nodes
