#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct spawn_options {
  std::string config;
  std::string process;
  std::string node;
  output_format output = output_format::table;
};

/// Starts a process of the configuration on a running node.
extern const command<spawn_options> spawn_command;

} // namespace millrace::nodes
