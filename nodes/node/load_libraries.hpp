#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// Checks the libraries that the processes of these nodes name in `load`, and
/// those that `spawn` may start there, before anything starts: they are files
/// that nobody but their owner can change, of this user or root. With `roles`,
/// that they are made for this release too, and has them add their types there:
/// once in a program, where they stay loaded until it ends. Every fault is a
/// line `<file>:<line>:process.load: <reason>` of one `config` error.
/// @param roles null: libraries are looked at, and none of their code runs
/// @param warnings gets such lines of processes that only `spawn` starts
[[nodiscard]] error load_libraries(const cluster_config& config,
                                   const std::vector<std::string>& nodes,
                                   role_table* roles,
                                   std::vector<std::string>& warnings);

} // namespace millrace::nodes
