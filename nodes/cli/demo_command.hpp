#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

struct demo_options {
  std::string directory; ///< Empty: a new temporary one.
  bool once = false;     ///< Ends after the show; else stays up for clients.
  uint16_t port = 7400;  ///< Of its node, on loopback.
};

/// Runs a whole cluster in this process, on generated data.
/// @returns the exit code.
[[nodiscard]] int run_demo(const demo_options& options);

void add_demo_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
