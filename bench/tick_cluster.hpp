#pragma once

#include <millrace/feed/generate/generator.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

/// A process of the node of that number.
[[nodiscard]] nodes::process_config
process_of(const char* name, std::string_view type, size_t node);

/// A stream, discovery and a gateway on the first node, an rdb and an hdb on
/// the last one; the table "trade".
/// @param more processes beside them
[[nodiscard]] nodes::cluster_config
tick_cluster(const std::string& directory, const std::vector<uint16_t>& ports,
             const std::vector<nodes::process_config>& more = {});

/// All of a cluster of one node, in this process.
[[nodiscard]] result<std::unique_ptr<nodes::runtime>>
start_ticks(const nodes::cluster_config& config);

/// Publishes so many trades, in batches of 2,000, and hands each on.
/// @param name of the publisher, another one for each call of a process
[[nodiscard]] error
publish_trades(nodes::runtime& host, uint64_t count,
               const std::function<void(const feed::generated_batch&)>& each
               = {},
               const std::string& name = "localhost");

/// The gateway, once both stores answer and the rdb has so many rows.
[[nodiscard]] result<gateway_actor>
gateway_with(nodes::runtime& host, const nodes::cluster_config& config,
             uint64_t rows);

} // namespace millrace::bench
