#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

struct node_options {
  std::string config;
  std::string name;
};

/// Hosts what the configuration says of one node, until a signal ends it.
/// @returns the exit code.
[[nodiscard]] int run_node(const node_options& options);

void add_node_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
