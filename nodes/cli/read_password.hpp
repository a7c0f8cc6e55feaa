#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>

#include <string>

namespace millrace::nodes {

/// A new password: from a terminal, twice and without an echo, or the first
/// line of standard input when that is none, or of a file. A signal ends it
/// (`cancelled`), with the terminal as it was.
/// @param file "-": standard input; empty: a terminal, if there is one
[[nodiscard]] result<std::string> read_password(const std::string& user,
                                                const std::string& file,
                                                const interrupts& signals);

} // namespace millrace::nodes
