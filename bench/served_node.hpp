#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace millrace::bench {

/// "5001,5002" as numbers.
[[nodiscard]] std::vector<uint16_t> ports_of(const std::string& text);

/// Hosts one of the bench_node()s of a cluster in this process, on loopback;
/// says "ready" when it serves, and closes it after `use` returned. Blocks.
[[nodiscard]] error serve_node(const nodes::cluster_config& config,
                               size_t index, uint16_t port,
                               const std::function<void()>& use);

} // namespace millrace::bench
