#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What a consumer that may lose nothing still needs of its stream, such as an
/// rdb the rows that are not written down.
struct consumer_lag {
  std::string stream;
  std::string consumer;
  /// From here on all is needed; none: it has not told, and all may be.
  std::optional<position> needs_from;
  position end; ///< Of the stream, when it was asked.
  uint64_t messages = 0;
  uint64_t bytes = 0; ///< Of the merged log.
  /// When the first of them was published; none: there is none.
  std::optional<int64_t> oldest_ns;
};

/// Of all consumers of a stream: reads the stream from the first place that one
/// of them needs to its end. `unavailable` while no node orders it, `timeout`
/// when no more of it comes.
[[nodiscard]] result<std::vector<consumer_lag>>
consumer_lags(runtime& host, const cluster_config& config,
              const std::string& stream);

} // namespace millrace::nodes
