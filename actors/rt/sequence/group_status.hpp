#pragma once

#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>

#include <map>
#include <string>

namespace millrace::rt {

/// What `status` says of a node's part in the group of a stream, by name.
[[nodiscard]] std::map<std::string, std::string>
group_status(const stream_group& group, const peer_links& peers);

} // namespace millrace::rt
