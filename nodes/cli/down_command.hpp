#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

struct down_options {
  std::string config;
  std::vector<std::string> nodes; ///< Empty: all.
  int grace_s = 10;
  bool force = false;
};

/// Ends the nodes of a configuration on this host with SIGTERM.
[[nodiscard]] int run_down(const down_options& options);

void add_down_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
