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

/// A leader's offer to a member that lacks what its log no longer holds: the
/// state as of where its log begins.
struct raft_snapshot {
  raft_term term;
  raft_base base;
  uint64_t state_bytes = 0;
  friend bool operator==(const raft_snapshot&, const raft_snapshot&) = default;
};
[[nodiscard]] std::vector<std::byte> encode(const raft_snapshot& snapshot);
[[nodiscard]] result<raft_snapshot>
decode_raft_snapshot(std::span<const std::byte> bytes);

} // namespace millrace::rt
