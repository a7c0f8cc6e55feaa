#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

struct spawn_options {
  std::string config;
  std::string process;
  std::string node;
};

/// Starts a process of the configuration on a running node.
/// @returns the exit code.
[[nodiscard]] int run_spawn(const spawn_options& options);

void add_spawn_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
