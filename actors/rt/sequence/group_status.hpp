#pragma once

#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>
#include <millrace/messages/text/json_value.hpp>

namespace millrace::rt {

/// What `status` says of a node's part in the group of a stream.
[[nodiscard]] text::json_value group_status(const stream_group& group,
                                            const peer_links& peers,
                                            int64_t now_ns);

} // namespace millrace::rt
