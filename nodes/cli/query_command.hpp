#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace millrace::nodes {

struct query_options {
  std::string config;
  std::string language = "getdata";
  std::string text; ///< Empty: read from standard input.
  output_format output = output_format::table;
  /// Waits until the answer covers this position of the stream.
  std::optional<uint64_t> at_least;
  bool show_cut = false; ///< Prints the cut of the answer to stderr.
  int timeout_s = 30;
};

/// Asks the gateway, prints the rows.
/// @returns the exit code.
[[nodiscard]] int run_query(const query_options& options);

void add_query_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
