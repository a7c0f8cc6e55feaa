#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/tls/member_identity.hpp>
#include <millrace/persistence/disk/executor.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Reads what a process of the cluster proves itself by to the others; null:
/// the configuration names nothing, and they talk in the clear. `config` has a
/// line `<file>:<line>:<key>: <why>` per fault: of a file that cannot be read,
/// is not what it has to be, does not go with the others, or is a key that
/// others could read. `permission`, with the same lines, when the system
/// refuses one.
/// @param nodes whose addresses the certificate has to be for; none: it is for
///   a process that listens nowhere, and may read a key of another user
/// @param warnings gets such lines of what is no fault yet
[[nodiscard]] result<std::shared_ptr<const member_identity>>
load_cluster_tls(persistence::file_system& fs, persistence::clock_source& clock,
                 const cluster_config& config,
                 const std::vector<std::string>& nodes,
                 std::vector<std::string>& warnings);

} // namespace millrace::nodes
