#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <string>

namespace millrace::nodes {

/// What can be given to `millrace-chaos`, and so to `millrace chaos`.
struct chaos_options {
  std::string script;
  std::string config;
};

/// Becomes the program `millrace-chaos`, which stands beside this one where it
/// was built: what hosts a node links no fault.
extern const command<chaos_options> chaos_command;

} // namespace millrace::nodes
