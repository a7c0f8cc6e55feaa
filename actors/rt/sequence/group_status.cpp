#include <millrace/actors/rt/sequence/group_status.hpp>

namespace millrace::rt {

std::map<std::string, std::string> group_status(const stream_group& group,
                                                const peer_links& peers) {
  std::map<std::string, std::string> out;
  out["self"] = to_string(group.self());
  if (!group.founded()) {
    std::string names;
    for (const auto& each : group.forming().waits_for())
      names += (names.empty() ? "" : ", ") + each;
    out["role"] = "forming";
    out["waits_for"] = names;
    if (group.forming().left_out())
      out["left_out"] = "the group was founded without this life of the "
                        "node's directory";
    return out;
  }
  constexpr const char* roles[]
    = {"follower", "pre-candidate", "candidate", "leader"};
  const auto& raft = *group.raft();
  out["role"] = roles[static_cast<int>(raft.role())];
  out["term"] = to_string(raft.term());
  out["commit"] = to_string(raft.commit_index());
  out["durable"] = to_string(raft.durable_index());
  if (const auto leader = raft.leader())
    if (const auto* peer = peers.find(leader->node))
      out["leader"] = peer->at.name;
  for (const auto& peer : peers.all())
    out["peer " + peer.at.name]
      = peer.handle ? "connected" : to_string(peer.last_failure);
  return out;
}

} // namespace millrace::rt
