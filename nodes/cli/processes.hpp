#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct processes_options {
  std::string config;
  std::string type; ///< Empty: all.
  output_format output = output_format::table;
};

/// Asks discovery which processes there are.
extern const command<processes_options> processes_command;

} // namespace millrace::nodes
