#pragma once

#include <millrace/nodes/command_support.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

struct bench_options {
  std::string name;
  bool list = false;
  bool json = false;
};

/// Measures one thing beside its peer; or lists what can be measured.
/// @returns the exit code.
[[nodiscard]] int run_bench(const bench_options& options);

void add_bench_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
