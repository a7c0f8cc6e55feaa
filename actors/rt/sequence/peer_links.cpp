#include <millrace/actors/rt/sequence/peer_links.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

peer_links::peer_links(std::vector<peer_settings> peers,
                       const reconnection::pace& how)
  : silence_ns_{how.silence_ns} {
  for (auto& each : peers)
    peers_.push_back({std::move(each), reconnection{how}, {}});
}

const peer_links::peer* peer_links::find(node_id node) const noexcept {
  const auto found
    = std::find_if(peers_.begin(), peers_.end(),
                   [&](const peer& each) { return each.at.node == node; });
  return found == peers_.end() ? nullptr : &*found;
}

peer_links::peer* peer_links::at(node_id node) noexcept {
  return const_cast<peer*>(find(node));
}

std::vector<node_id> peer_links::due(int64_t now_ns) {
  std::vector<node_id> out;
  for (auto& each : peers_) {
    if (each.link.silent(now_ns))
      lost(each.at.node,
           {errc::timeout, each.at.name + ": silent for "
                             + std::to_string(silence_ns_ / 1'000'000) + " ms"},
           now_ns);
    if (!each.link.due(now_ns))
      continue;
    each.link.begin();
    out.push_back(each.at.node);
  }
  return out;
}

void peer_links::found(node_id node, const sequencer_actor& handle,
                       int64_t now_ns) {
  auto* one = at(node);
  one->handle = handle;
  one->link.found(now_ns);
}

void peer_links::lost(node_id node, const error& why, int64_t now_ns) {
  auto* one = at(node);
  one->handle = nullptr;
  one->link.lost(why, now_ns);
}

void peer_links::went(const caf::actor_addr& who, int64_t now_ns) {
  for (auto& each : peers_)
    if (each.handle && each.handle.address() == who)
      lost(each.at.node,
           {errc::unavailable, each.at.name + ": its process is gone"}, now_ns);
}

void peer_links::heard(node_id node, int64_t now_ns) {
  if (auto* one = at(node))
    one->link.heard(now_ns);
}

} // namespace millrace::rt
