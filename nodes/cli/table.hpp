#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

struct table_add_options {
  std::string config;
  std::string file; ///< "-": standard input.
  std::vector<std::string> rdbs;
  bool dry_run = false;
  int timeout_s = 60;
  output_format output = output_format::table;
};

/// Changes the tables of a cluster: `add`.
extern const command_group table_commands;

} // namespace millrace::nodes
