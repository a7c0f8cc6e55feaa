#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Where a process of the configuration is found. `not_found` when it is not
/// configured or no node starts it.
[[nodiscard]] result<endpoint> endpoint_of(const cluster_config& config,
                                           std::string_view process);
/// Where the SEQUENCERs of a stream are found, one or more, in the order of
/// `members_of`; of one that no rt orders, the LOG SERVER of its publisher.
[[nodiscard]] result<std::vector<endpoint>>
endpoints_of_stream(const cluster_config& config, std::string_view stream);
/// The endpoints of all processes of a type.
[[nodiscard]] std::vector<endpoint> endpoints_of(const cluster_config& config,
                                                 std::string_view type);

} // namespace millrace::nodes
