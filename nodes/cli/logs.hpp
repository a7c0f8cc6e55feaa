#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct logs_options {
  std::string config;
  std::string node;
  uint64_t lines = 20;
  bool follow = false;
};

/// Prints what a node of this host wrote of itself.
extern const command<logs_options> logs_command;

} // namespace millrace::nodes
