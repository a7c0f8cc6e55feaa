#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace millrace::nodes {

/// A SEQUENCER of a stream: the one that leads, or another one that is there;
/// of a stream that no rt orders, the LOG SERVER of its publisher.
/// `unavailable` when none was reached before the deadline.
[[nodiscard]] result<stream_server_actor>
find_stream(runtime& host, const cluster_config& config,
            const std::string& stream, std::chrono::milliseconds deadline);

/// The same of one whose SEQUENCERs are at these places, one or more.
[[nodiscard]] result<stream_server_actor>
find_stream(runtime& host, const std::string& stream,
            const std::vector<endpoint>& nodes,
            std::chrono::milliseconds deadline);

/// The position at which a stream ends now, as a node that leads says.
/// `unavailable` where none does within 5 s. Blocks: not for handlers.
[[nodiscard]] result<position> stream_end(runtime& host,
                                          const cluster_config& config,
                                          const std::string& stream);

[[nodiscard]] result<position> stream_end(runtime& host,
                                          const std::string& stream,
                                          const std::vector<endpoint>& nodes);

/// The same, and where the life of the stream begins that is there.
struct stream_bounds {
  position first;
  position end;
};
[[nodiscard]] result<stream_bounds>
bounds_of_stream(runtime& host, const std::string& stream,
                 const std::vector<endpoint>& nodes);

/// What is told when all was published, and `stream_end` failed then.
[[nodiscard]] error end_unknown(error fault);

/// Why nothing is ordered now, and what mends it: "nobody orders it: 1 of 3 rt
/// processes answers (rt3), and 2 are needed; `millrace up n1 n2` starts it".
/// Empty: one that leads answers, or there is a publisher instead. Blocks for a
/// second per place at most: not for handlers.
[[nodiscard]] std::string unordered_text(runtime& host,
                                         const std::string& stream,
                                         const std::vector<endpoint>& nodes);

/// Whether a node that orders the stream holds its port, and answers nothing
/// there: it stands still, and may go on. Blocks for some seconds.
[[nodiscard]] bool stands_still(runtime& host,
                                const std::vector<endpoint>& nodes);

} // namespace millrace::nodes
