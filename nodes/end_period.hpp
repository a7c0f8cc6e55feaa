#pragma once

#include <millrace/nodes/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Ends a period (days since 2000.01.01) on one stream and waits until an HDB
/// serves what every RDB of the stream wrote down.
/// `already_exists`: the period had ended before. Blocks: not for handlers.
/// @param deadline for each of the steps.
/// @returns the end of the marker in the stream.
[[nodiscard]] result<uint64_t> end_period(runtime& host,
                                          const cluster_config& config,
                                          const std::string& stream,
                                          int64_t period,
                                          std::chrono::seconds deadline);

} // namespace millrace::nodes
