#pragma once

namespace millrace::nodes {

/// The program `millrace`: parses the command line, runs the sub-command.
/// @returns the exit code of the process; see exit_codes.hpp.
[[nodiscard]] int run_cli(int argc, const char* const* argv);

} // namespace millrace::nodes
