#pragma once

#include <millrace/actors/rt/raft/entry_log.hpp>

#include <string>
#include <vector>

namespace millrace::rt {

/// A log of a stream's group, as a node that is down holds it: its own, or one
/// that was set aside.
struct left_group {
  std::string directory;
  group_founding founding;
  entry_index begin; ///< A state, and the entries after this one.
  raft_place last;
  raft_term term;
};

/// What a node holds of the group of a stream. Damaged logs are left out.
/// @param directory of the stream. @pre no process has it open.
[[nodiscard]] result<std::vector<left_group>>
find_left_groups(persistence::env& world, const std::string& directory);

/// Makes a new group, with this node as its only member, of all that one of its
/// logs holds, be it agreed on or not. The node's own log is set aside. A crash
/// leaves all logs as they are.
/// @param generation higher than that of any group of the stream so far.
[[nodiscard]] error make_group(persistence::env& world,
                               const std::string& directory,
                               const left_group& from, node_id node,
                               group_generation generation);

} // namespace millrace::rt
