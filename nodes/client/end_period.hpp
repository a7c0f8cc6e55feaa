#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <string>

namespace millrace::nodes {

/// The position at which a stream ends now. Blocks: not for handlers.
[[nodiscard]] result<position> stream_end(runtime& host,
                                          const cluster_config& config,
                                          const std::string& stream);

/// What became of a period on one stream.
struct ended_period {
  /// End of its marker; when it had ended before, a position after that.
  position end;
  bool before = false; ///< It had ended before.
};

/// Ends a period on one stream, unless that has ended
/// before, and waits until an HDB serves what every RDB of the stream wrote
/// down. `timeout` names the RDB and what it lacks. Blocks: not for handlers.
/// @param deadline for each of the steps.
[[nodiscard]] result<ended_period> end_period(runtime& host,
                                              const cluster_config& config,
                                              const std::string& stream,
                                              period_id period,
                                              std::chrono::seconds deadline);

} // namespace millrace::nodes
