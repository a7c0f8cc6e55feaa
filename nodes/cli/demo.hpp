#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct demo_options {
  std::string directory; ///< Empty: a new temporary one.
  bool once = false;     ///< Ends after the show; else stays up for clients.
  uint16_t port = 7400; ///< Of its node, on loopback; its console's is 80 more.
};

/// Runs a whole cluster in this process, on generated data.
extern const command<demo_options> demo_command;

} // namespace millrace::nodes
