#pragma once

#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <cstdio>
#include <functional>
#include <string>

namespace millrace::nodes {

/// Where an answer goes.
struct answer_place {
  std::FILE* into = stdout;
  std::function<bool()> interrupted{}; ///< True: nobody waits for it any more.
  bool is_prompt = false; ///< Who asks can type what the prompt obeys.
};

/// Asks a gateway, and prints the rows, or to stderr why there are none.
/// @returns an exit code
[[nodiscard]] int answer_query(runtime& host, const cluster_config& config,
                               const query_options& options,
                               const std::string& asked,
                               const answer_place& place = {});

} // namespace millrace::nodes
