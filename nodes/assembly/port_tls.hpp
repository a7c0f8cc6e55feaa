#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>
#include <millrace/persistence/disk/executor.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Reads what a port proves itself by; null: its configuration names nothing,
/// and it speaks in the clear. `config` has a line `<file>:<line>:<key>: <why>`
/// per fault: of a file that cannot be read, is not what it has to be, does not
/// go with the other, or is a key that others could read. `permission`, with
/// the same lines, when the system refuses one.
/// @param warnings gets such lines of what is no fault yet
[[nodiscard]] result<std::shared_ptr<const tls_identity>>
load_port_tls(persistence::file_system& fs, persistence::clock_source& clock,
              const cluster_config& config, const process_config& process,
              std::vector<std::string>& warnings);

/// The faults of all ports among these processes, before one of them starts.
[[nodiscard]] error check_ports(persistence::file_system& fs,
                                persistence::clock_source& clock,
                                const cluster_config& config,
                                const std::vector<std::string>& processes,
                                std::vector<std::string>& warnings);

} // namespace millrace::nodes
