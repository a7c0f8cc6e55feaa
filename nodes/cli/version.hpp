#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

namespace millrace::nodes {

struct version_options {
  output_format output = output_format::table;
};

/// Prints the version, and with `-o json` how it was built.
extern const command<version_options> version_command;

} // namespace millrace::nodes
