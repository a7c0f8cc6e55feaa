#pragma once

#include <millrace/sim/world/rt_nodes.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::sim {

/// What a run must keep of its published messages.
struct stream_promise {
  /// The lowest level whose messages must all be in the stream at the end:
  /// `recorded` when only processes died, `synced` after power cuts too.
  rt::ack_level kept = rt::ack_level::synced;
  /// Origins whose logs were damaged: of them only what was committed is
  /// promised, and may be lost where an event names it. What such a publisher
  /// counts as committed is over and done with, be it as a loss.
  std::set<std::string> damaged{};
  /// Ends of periods were asked for: a publisher says with a number of its own
  /// that it has no more of one, and nobody is given that message.
  bool periods = false;
};

/// Holds a merged stream (in order, as read from out/) against what was
/// published. Returns every broken invariant, in words; empty: all hold.
///  - positions strictly increase, an event's pair is in order, and the next
///    thing starts where the one before ended or later;
///  - every message was published by its origin, under that id, with that
///    payload;
///  - ids of an origin grow by one, and each hole is named by exactly one
///    event of that origin, or (with periods) is no message's;
///  - no (origin, id) comes twice, and no end of a period that is not later
///    than the one before it;
///  - everything that was promised is there.
[[nodiscard]] std::vector<std::string>
check_stream(const std::vector<delivered>& stream,
             const std::vector<std::shared_ptr<ledger>>& books,
             const stream_promise& promise);

/// Every life of a subscription was given a part of the stream: from its start,
/// without a hole, byte for byte. It ends by none but the `expected` failures.
[[nodiscard]] std::vector<std::string>
check_reading(const std::vector<delivered>& stream, const reading& read,
              const std::set<errc>& expected = {});

/// A log directory as bytes: file name to content.
[[nodiscard]] std::map<std::string, std::vector<std::byte>>
log_bytes(memory_file_system& disk, const std::string& directory);

/// Rebuilds out/ of an RT node that is alone from in/ and the group's log, as
/// far as that goes back, on a copy of its disk, and compares. @pre it is down.
[[nodiscard]] std::vector<std::string>
check_out_is_pure(memory_file_system& disk, const std::string& process,
                  const rt_node_options& options);

} // namespace millrace::sim
