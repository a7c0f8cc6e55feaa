#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

namespace millrace::nodes {

/// Asks every node of the configuration that answers: object "processes" by
/// name, and "streams" by name and rt process. A node that does not answer is
/// left out; where one of another cluster answers at its port, "strangers" says
/// by the node's name which; "answered" has those that did; "hosts" says by the
/// name of a process of the file on which node it runs.
[[nodiscard]] result<text::json_value>
collect_status(const cluster_config& config);
/// The same by a host that is there. Blocks: not for handlers.
[[nodiscard]] text::json_value collect_status(runtime& host,
                                              const cluster_config& config);

/// Why nodes that answer at their ports told nothing: `config` with the words
/// of those that are of another cluster, else `permission` with those that let
/// this process ask nothing. None: all that answer told.
[[nodiscard]] error why_not_told(const text::json_value& live);

/// What an rt process that orders nothing waits for.
/// @param blocked as its `repair` in `status` says
[[nodiscard]] inline std::string blocked_text(const std::string& process,
                                              const std::string& blocked) {
  return process + " orders nothing: " + blocked
         + "; once that is mended it goes on by itself";
}

} // namespace millrace::nodes
