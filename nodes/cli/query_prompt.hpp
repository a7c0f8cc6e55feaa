#pragma once

#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/node/runtime.hpp>

namespace millrace::nodes {

/// Reads queries from the terminal until ctrl-D or \\q, and answers them.
/// @param options how it begins
/// @returns an exit code
[[nodiscard]] int prompt_for_queries(runtime& host,
                                     const cluster_config& config,
                                     query_options options);

} // namespace millrace::nodes
