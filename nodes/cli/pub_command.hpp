#pragma once

#include <millrace/nodes/cli/command_support.hpp>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace millrace::nodes {

/// How the lines of `pub` and `sub` hold data.
enum class line_format {
  json, ///< An object a line: the fields of a row, or {"data": text}.
  csv,  ///< With a header line that names the columns.
};

struct pub_options {
  std::string config;
  std::string stream;
  std::string table; ///< Empty: each line is one opaque payload.
  line_format format = line_format::json;
  std::string origin; ///< Empty: the name of the publisher's directory.
  /// What to wait for before the end: recorded, synced or committed.
  std::string level = "committed";
};

/// Adds `--format json|csv`.
void add_line_format_option(CLI::App& command, line_format& format);

/// Publishes the lines of standard input.
/// @returns the exit code.
[[nodiscard]] int run_pub(const pub_options& options);

void add_pub_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
