#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct status_options {
  std::string config;
  output_format output = output_format::table;
};

/// Prints the state of each node. Its exit code is 1 when one, or a
/// process of it, does not run.
extern const command<status_options> status_command;

} // namespace millrace::nodes
