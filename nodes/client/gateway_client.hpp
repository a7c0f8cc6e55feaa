#pragma once

#include <millrace/nodes/node/runtime.hpp>
#include <millrace/query/table/columns.hpp>

#include <chrono>
#include <string>

namespace millrace::nodes {

/// An answer of the gateway, whole.
struct gateway_answer {
  query::table_data table;
  query_cut cut;
};

/// Asks a GATEWAY; `closed` when it ends meanwhile: another one can be
/// asked. Blocks: not for handlers.
[[nodiscard]] result<gateway_answer>
ask_gateway(runtime& host, const gateway_actor& gateway,
            const std::string& parameters, std::chrono::milliseconds deadline);

/// The first gateway of the configuration that answers, else one that is
/// registered with discovery.
[[nodiscard]] result<gateway_actor>
find_gateway(runtime& host, const cluster_config& config,
             std::chrono::milliseconds deadline);

} // namespace millrace::nodes
