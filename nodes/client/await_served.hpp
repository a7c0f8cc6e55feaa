#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::nodes {

/// An HDB looks twice a second, and takes up no manifest while it is busy.
inline constexpr auto served_deadline = std::chrono::seconds{30};

/// Waits until every HDB of the cluster that runs on a directory serves this
/// version of its manifest, or a later one. Blocks: not for handlers.
/// @returns their names, none when none runs there; `timeout` names those that
///   do not after `served_deadline`.
[[nodiscard]] result<std::vector<std::string>>
await_served(runtime& host, const cluster_config& config,
             const std::string& directory, manifest_version version);

/// What there is to say of them.
[[nodiscard]] std::string served_text(const std::vector<std::string>& hdbs);

} // namespace millrace::nodes
