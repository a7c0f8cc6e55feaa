#pragma once

#include <string>
#include <vector>

namespace millrace::nodes {

/// The running program's file; "millrace" where the system does not tell.
[[nodiscard]] std::string own_program();

/// Becomes the program that stands beside this one where it was built, or in
/// `../libexec/millrace` where a package put it.
/// @param who_has_it for the message, where it is at neither place
/// @returns the exit code of the failure, when it does not
[[nodiscard]] int become(const std::string& program,
                         std::vector<std::string> words,
                         const std::string& who_has_it);

} // namespace millrace::nodes
