#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <string>

namespace millrace::nodes {

struct spawn_options {
  std::string config;
  std::string process;
  std::string node;
};

/// Starts a process of the configuration on a running node.
extern const command<spawn_options> spawn_command;

} // namespace millrace::nodes
