#include <millrace/actors/rt/sequence/peer_links.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

peer_links::peer_links(std::vector<peer_settings> peers)
  : peer_links{std::move(peers), settings{}} {}

peer_links::peer_links(std::vector<peer_settings> peers, const settings& how)
  : settings_{how} {
  for (auto& each : peers) {
    peer next;
    next.at = std::move(each);
    peers_.push_back(std::move(next));
  }
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
    if (each.handle && now_ns - each.heard_at_ns > settings_.silence_ns)
      lost(each.at.node,
           {errc::timeout, each.at.name + ": silent for "
                             + std::to_string(settings_.silence_ns / 1'000'000)
                             + " ms"},
           now_ns);
    if (each.handle || each.connecting || now_ns < each.retry_at_ns)
      continue;
    each.connecting = true;
    out.push_back(each.at.node);
  }
  return out;
}

void peer_links::found(node_id node, const sequencer_actor& handle,
                       int64_t now_ns) {
  auto* one = at(node);
  one->handle = handle;
  one->connecting = false;
  one->heard_at_ns = now_ns;
  one->last_failure = {};
}

void peer_links::lost(node_id node, const error& why, int64_t now_ns) {
  auto* one = at(node);
  one->handle = nullptr;
  one->connecting = false;
  one->last_failure = why;
  one->backoff_ns = std::clamp(one->backoff_ns * 2, settings_.backoff_first_ns,
                               settings_.backoff_max_ns);
  one->retry_at_ns = now_ns + one->backoff_ns;
}

void peer_links::went(const caf::actor_addr& who, int64_t now_ns) {
  for (auto& each : peers_)
    if (each.handle && each.handle.address() == who)
      lost(each.at.node,
           {errc::unavailable, each.at.name + ": its process is gone"}, now_ns);
}

void peer_links::heard(node_id node, int64_t now_ns) {
  if (auto* one = at(node)) {
    one->heard_at_ns = now_ns;
    one->backoff_ns = 0;
  }
}

} // namespace millrace::rt
