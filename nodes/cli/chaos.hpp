#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

/// What can be given to `millrace-chaos`, and so to `millrace chaos`.
struct chaos_options {
  std::string script;
  std::string config;
  output_format output = output_format::table;
};

/// Becomes the program `millrace-chaos`, which stands beside this one where it
/// was built: what hosts a node links no fault.
extern const command<chaos_options> chaos_command;

} // namespace millrace::nodes
