#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

struct up_options {
  std::string config;
  std::string process_csv;        ///< Given in the place of `config`.
  std::vector<std::string> nodes; ///< Empty: all.
  int timeout_s = 60;
  output_format output = output_format::table;
};

/// Starts the nodes of a configuration on this host, as `millrace node`.
extern const command<up_options> up_command;

} // namespace millrace::nodes
