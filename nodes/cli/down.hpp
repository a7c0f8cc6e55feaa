#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

struct down_options {
  std::string config;
  std::vector<std::string> nodes; ///< Empty: all.
  int grace_s = 10;
  bool force = false;
  output_format output = output_format::table;
};

/// Ends the nodes of a configuration on this host with SIGTERM.
extern const command<down_options> down_command;

} // namespace millrace::nodes
