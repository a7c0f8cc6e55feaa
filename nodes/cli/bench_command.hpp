#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

struct bench_options {
  std::string name;
  bool list = false;
  unsigned runs = 5; ///< The median of so many counts.
  double scale = 1;  ///< Of the messages and rows that figures count by.
  bool json = false;
  /// A part of a measurement that runs in a process of its own, and its
  /// arguments; in place of all else.
  std::vector<std::string> part;
};

/// Measures one thing beside its peer; or lists what can be measured. Defined
/// by bench/, whose library the program links.
/// @returns the exit code.
[[nodiscard]] int run_bench(const bench_options& options);

void add_bench_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
