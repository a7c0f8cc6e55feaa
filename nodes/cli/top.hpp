#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct top_options {
  std::string config;
  double interval_s = 2;
  bool once = false; ///< Ends after the first interval.
  output_format output = output_format::table;
};

/// Shows what a cluster does, interval after interval.
extern const command<top_options> top_command;

} // namespace millrace::nodes
