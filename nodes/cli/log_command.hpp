#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace millrace::nodes {

/// Looks at a log directory, live or dead, without writing to it or locking
/// it: ls, info, dump, verify, tail, explain-pos.
void add_log_command(CLI::App& app, std::function<int()>& run);

} // namespace millrace::nodes
