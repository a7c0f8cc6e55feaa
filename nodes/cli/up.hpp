#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

struct up_options {
  std::string config;
  std::vector<std::string> nodes; ///< Empty: all.
  int timeout_s = 60;
};

/// Starts the nodes of a configuration on this host, as `millrace node`.
extern const command<up_options> up_command;

} // namespace millrace::nodes
