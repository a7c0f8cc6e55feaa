#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

struct up_options {
  std::string config;
  std::vector<std::string> nodes; ///< Empty: all.
  int timeout_s = 60;
};

/// Starts the nodes of a configuration on this host, as `millrace node`.
[[nodiscard]] int run_up(const up_options& options);

void add_up_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
