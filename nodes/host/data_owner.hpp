#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

namespace millrace::nodes {

/// Whether the directories of this host's data belong to this user or root, and
/// are not open to all: `data` with two levels below it, and the directories of
/// its databases with one; what is not there yet is none. Links to directories
/// are followed. `permission` has a line per directory, of the first ones.
[[nodiscard]] error check_data_owner(const cluster_config& config);

/// Whether the data is this user's, or not there: one of others may look at a
/// cluster, and is no judge of it.
[[nodiscard]] bool owns_data(const cluster_config& config);

} // namespace millrace::nodes
