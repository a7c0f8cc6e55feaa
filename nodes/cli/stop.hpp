#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <string>

namespace millrace::nodes {

struct stop_process_options {
  std::string config;
  std::string process;
  std::string node; ///< Empty: where it is found.
};

/// Ends one process of a running node.
extern const command<stop_process_options> stop_command;

} // namespace millrace::nodes
