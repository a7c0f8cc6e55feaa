#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/query/front/named_queries.hpp>

#include <memory>

namespace millrace::nodes {

/// The queries of a configuration and of the files that its gateways load, and
/// the built-in ones whose names are none of these. All gateways and ports have
/// the same. `config` has a line `<file>:<line>:<key>: <why>` per fault: of a
/// file that cannot be read, a name that two have, a text that is no query.
[[nodiscard]] result<std::shared_ptr<const query::named_queries>>
load_queries(persistence::file_system& fs, const cluster_config& config);

} // namespace millrace::nodes
