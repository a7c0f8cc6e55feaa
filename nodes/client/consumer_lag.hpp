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
  /// From here on all is needed, as it said last; none: it has not told, and
  /// all may be.
  std::optional<position> needs_from;
  /// The same as the nodes agreed on: nothing from there on goes. At most some
  /// seconds, and a MiB, before what it said.
  std::optional<position> agreed;
  bool configured = false; ///< By a `[[process]]`; an rdb.
  bool connected = false;  ///< Heard of a moment ago, and did not end.
  std::string process;     ///< Where it runs, or ran, if the leader knows.
  /// When it was heard of, ns since 2000.01.01; none: never.
  std::optional<int64_t> heard_ns;
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
