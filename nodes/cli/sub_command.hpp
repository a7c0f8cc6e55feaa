#pragma once

#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/pub_command.hpp>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace millrace::nodes {

struct sub_options {
  std::string config;
  std::string stream;
  std::string table; ///< Only rows of it; empty: all messages.
  line_format format = line_format::json;
  /// Where to start: "begin", "end", a position, or a time in ISO 8601.
  std::string from = "end";
  uint64_t count = 0; ///< Ends after so many messages; 0: never.
};

/// Prints the messages of a stream, one a line, as they come.
/// @returns the exit code.
[[nodiscard]] int run_sub(const sub_options& options);

void add_sub_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
