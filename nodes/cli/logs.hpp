#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct logs_options {
  std::string config;
  std::string node;
  uint64_t lines = 20;
  bool follow = false;
  output_format output = output_format::table;
};

/// Prints what a node of this host wrote of itself.
extern const command<logs_options> logs_command;

} // namespace millrace::nodes
