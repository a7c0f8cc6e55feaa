#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <string>

namespace millrace::nodes {

/// The id of the cluster whose data is in this directory, `.cluster/id` there:
/// all nodes and publishers of a cluster share the directory, and its first one
/// founds the id. Not known: there is none, or this user may not see it.
/// `corrupt` when it does not parse.
[[nodiscard]] result<cluster_id> read_cluster_id(persistence::file_system& fs,
                                                 const std::string& data);

/// The same for one who founds nothing: `unfounded_cluster` where there is
/// none.
[[nodiscard]] result<cluster_id> asked_cluster_id(persistence::file_system& fs,
                                                  const std::string& data);

/// The same; founded now if there is none. Of several that found it at the same
/// time one does, and all answer the same. Durable when this returns.
[[nodiscard]] result<cluster_id> found_cluster_id(persistence::env& world,
                                                  const std::string& data);

} // namespace millrace::nodes
