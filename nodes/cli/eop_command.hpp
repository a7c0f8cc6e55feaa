#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace millrace::nodes {

struct eop_options {
  std::string config;
  int64_t period = 0; ///< Days since 2000.01.01.
  int timeout_s = 300;
};

/// Ends a period, and returns when the hdb serves its partition.
/// @returns the exit code.
[[nodiscard]] int run_eop(const eop_options& options);

void add_eop_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
