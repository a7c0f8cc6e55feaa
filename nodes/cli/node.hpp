#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <string>

namespace millrace::nodes {

struct node_options {
  std::string config;
  std::string name;
};

/// Hosts what the configuration says of one node, until a signal ends it.
extern const command<node_options> node_command;

} // namespace millrace::nodes
