#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct tables_options {
  std::string config;
  std::string table; ///< Empty: all of them, a line each.
  output_format output = output_format::table;
};

/// Lists the tables of a cluster, or describes one.
extern const command<tables_options> tables_command;

} // namespace millrace::nodes
