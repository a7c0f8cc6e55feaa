#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct stop_process_options {
  std::string config;
  std::string process;
  std::string node; ///< Empty: where it is found.
  output_format output = output_format::table;
};

/// Ends one process of a running node.
extern const command<stop_process_options> stop_command;

} // namespace millrace::nodes
