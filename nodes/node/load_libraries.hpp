#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>

namespace millrace::nodes {

/// Checks what the processes of a node name in `load`, and those that `spawn`
/// may start there, before anything starts: directories are there, and
/// libraries are files that nobody but their owner can change, of this user or
/// root, made for this release. Has the libraries add their types to `roles`;
/// they stay loaded until the program ends. Every fault is a line
/// `<file>:<line>:process.load: <reason>` of one `config` error.
[[nodiscard]] error load_libraries(const cluster_config& config,
                                   const std::string& node, role_table& roles);

} // namespace millrace::nodes
