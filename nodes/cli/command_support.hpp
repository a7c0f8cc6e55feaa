#pragma once

#include <millrace/nodes/assembly/parse_date.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace millrace::nodes {

/// How a command prints data: for people, or for programs.
enum class output_format { table, csv, json };

/// Prints an error to stderr. A fault of the configuration is printed as its
/// lines `<file>:<line>:<key>: <reason>`, another as `millrace: <text>`.
/// @returns the exit code that stands for it.
int fail(const error& failure);

/// Adds `--config FILE`.
void add_config_option(CLI::App& command, std::string& path);

/// Adds `-o, --output` with those of table, csv, json that are allowed.
void add_output_option(CLI::App& command, output_format& output, bool with_csv);

/// Refuses what is no whole number of 64 bits: CLI11 takes "-1" as unsigned,
/// and means a very large one.
[[nodiscard]] CLI::Validator whole_number();

/// Adds a sub-command with a description and an example for its help text.
CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& description,
                      const std::string& example);

/// Loads what `--config`, or `$MILLRACE_CONFIG`, names.
[[nodiscard]] result<cluster_config> load_cluster(const std::string& path);

} // namespace millrace::nodes
