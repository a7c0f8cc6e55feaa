#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace millrace::nodes {

/// Prints the version, and with `-o json` how it was built.
void add_version_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
