#pragma once

#include <string>
#include <vector>

namespace millrace::nodes {

/// The running program's file; "millrace" where the system does not tell.
[[nodiscard]] std::string own_program();

/// Becomes the program that stands beside this one where it was built.
/// @param made_by option of the build that makes it, for the message
/// @returns the exit code of the failure, when it does not
[[nodiscard]] int become(const std::string& program,
                         std::vector<std::string> words,
                         const std::string& made_by);

} // namespace millrace::nodes
