#pragma once

#include <millrace/actors/rt/raft/raft_message.hpp>
#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace millrace::rt {

/// A message as it travels: the schema RaftMessage.
[[nodiscard]] std::vector<std::byte> encode(const raft_message& message);
[[nodiscard]] result<raft_message>
decode_raft_message(std::span<const std::byte> bytes);

} // namespace millrace::rt
