#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/up.hpp>

namespace millrace::nodes {

struct restart_options : up_options {
  int grace_s = 10; ///< That a node may take to end.
};

/// Ends nodes of a configuration on this host, and starts them again.
extern const command<restart_options> restart_command;

} // namespace millrace::nodes
