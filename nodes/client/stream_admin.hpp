#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace millrace::nodes {

// Of a stream that no rt orders its publisher answers, and only what it has:
// the rest is `unsupported`.

/// What the node says of a stream that orders it: positions, what was cut off,
/// consumers and what they need. `not_found` when the configuration has no such
/// stream, `unavailable` when no node of it was reached.
[[nodiscard]] result<text::json_value>
stream_status(runtime& host, const cluster_config& config,
              const std::string& stream);

/// A loss that a node of a stream wrote down.
struct told_loss {
  std::vector<std::string> nodes; ///< All that wrote down the same.
  text::json_value what;          ///< See `rt::loss_ledger`.
};
struct told_losses {
  std::vector<told_loss> losses;   ///< The oldest first.
  std::vector<std::string> silent; ///< Nodes that could not be asked.
  uint64_t forgotten = 0; ///< At most so many are older than what is kept.
};
/// What was lost, refused or let go of a stream, as all of its nodes wrote it
/// down. `unavailable` when none of them answers.
[[nodiscard]] result<told_losses> stream_losses(runtime& host,
                                                const cluster_config& config,
                                                const std::string& stream);

struct prune_request {
  position at;         ///< Files that end at or before it go, on all nodes.
  bool dry = false;    ///< Nothing goes: what would is told.
  bool forced = false; ///< Also what a consumer may still need.
};

/// Cuts a stream. Returns when the cut is committed: what went, and which
/// consumers lost what. `invalid_argument` names the consumers that would lose
/// something and were not overruled; nothing goes then. `timeout` when the
/// answer did not come: whether it was cut, `stream_status` tells.
[[nodiscard]] result<text::json_value>
prune_stream(runtime& host, const cluster_config& config,
             const std::string& stream, const prune_request& what);

/// Lets files of a stream go that end at or before a position, as far as no
/// consumer needs them: what goes, and who holds the rest. As `prune_stream`.
[[nodiscard]] result<text::json_value>
archive_stream(runtime& host, const cluster_config& config,
               const std::string& stream, position at, bool dry);

/// What `stream_status` says, with who is connected to any of its nodes:
/// "connected", with the "node" of each, and "subscribers" are of all of them,
/// "nodes" has the role and the end of each, and "silent" names those that did
/// not say.
[[nodiscard]] result<text::json_value>
whole_stream_status(runtime& host, const cluster_config& config,
                    const std::string& stream);

/// Lets a stream go on in its next session, and all before it go. As
/// `prune_stream`; what is asked for may be carried out after a `timeout`.
/// @param session which that is: `already_exists` where it has begun; 0: any.
[[nodiscard]] result<text::json_value>
reset_stream(runtime& host, const cluster_config& config,
             const std::string& stream, bool dry, bool forced,
             session_number session);

/// Has a durable consumer forgotten: nothing is kept for it any more. Returns
/// what it needed, and which closed files were kept for it alone, once that is
/// agreed on. `not_found` when the stream knows no such consumer,
/// `invalid_argument` for one that is connected or that the configuration
/// names.
[[nodiscard]] result<text::json_value>
forget_consumer(runtime& host, const cluster_config& config,
                const std::string& stream, const std::string& consumer,
                bool dry);

/// By rt process of the stream: the checkpoint that it took, with which its
/// part of the group's log begins, or why there is none.
[[nodiscard]] result<std::map<std::string, result<text::json_value>>>
snapshot_stream(runtime& host, const cluster_config& config,
                const std::string& stream);

/// Takes for lost what a stream waits for, because only a publisher or a node
/// that is away may have it; see `give_up_atom`. Returns what that is.
/// @param dry only says it.
[[nodiscard]] result<text::json_value>
give_up_waiting(runtime& host, const cluster_config& config,
                const std::string& stream, bool dry);

} // namespace millrace::nodes
