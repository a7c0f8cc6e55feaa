#include <millrace/actors/rt/sequence/group_status.hpp>

namespace millrace::rt {

namespace {

text::json_value list_of(const std::vector<std::string>& names) {
  auto out = text::json_value::array();
  for (const auto& each : names)
    out.add(each);
  return out;
}

text::json_value members_of(const raft_core& raft, const peer_links& peers,
                            const member_id& self, int64_t now_ns) {
  auto out = text::json_value::array();
  for (const auto& member : raft.members().members()) {
    const auto* peer = peers.find(member.id.node);
    text::json_value row{{"id", to_string(member.id)}, {"votes", member.votes}};
    if (member.id == self)
      row["name"] = "self";
    else if (peer != nullptr)
      row["name"] = peer->at.name;
    for (const auto& each : raft.peers())
      if (each.id() == member.id) {
        row["durable"] = each.durable().value;
        row["heard_ms"] = (now_ns - each.heard_at_ns) / 1'000'000;
      }
    out.add(std::move(row));
  }
  return out;
}

} // namespace

text::json_value group_status(const stream_group& group,
                              const peer_links& peers, int64_t now_ns) {
  text::json_value out{{"self", to_string(group.self())},
                       {"set_aside", list_of(group.set_aside())},
                       {"whose", group.whose()}};
  if (!group.founded()) {
    out["role"] = group.forgot() ? "forgot" : "forming";
    out["waits_for"] = list_of(group.forming().waits_for());
    out["forgetful"] = list_of(group.forming().forgetful());
    return out;
  }
  constexpr const char* roles[]
    = {"follower", "pre-candidate", "candidate", "leader"};
  const auto& raft = *group.raft();
  out["role"] = raft.members().votes(group.self())
                  ? roles[static_cast<int>(raft.role())]
                  : "learner";
  out["generation"] = group.founding().generation.value;
  out["term"] = raft.term().value;
  out["commit"] = raft.commit_index().value;
  out["commit_times"] = group.commit_times().to_json();
  out["durable"] = raft.durable_index().value;
  out["log_begin"] = group.begin().value;
  out["leader"] = {};
  if (const auto leader = raft.leader()) {
    const auto* peer = peers.find(leader->node);
    out["leader"] = *leader == group.self() ? std::string{"self"}
                    : peer != nullptr       ? peer->at.name
                                            : to_string(*leader);
  }
  out["members"] = members_of(raft, peers, group.self(), now_ns);
  auto links = text::json_value::object();
  for (const auto& peer : peers.all())
    links[peer.at.name] = peer.handle ? std::string{"connected"}
                                      : to_string(peer.link.last_failure());
  out["peers"] = std::move(links);
  return out;
}

} // namespace millrace::rt
