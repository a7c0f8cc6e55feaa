#pragma once

#include <millrace/messages/base/reconnection.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// Another node that orders the stream.
struct peer_settings {
  node_id node;
  std::string name; ///< Of its rt process.
  endpoint at;      ///< Its SEQUENCER.
};

/// When to look for the other nodes of a stream, and which are there. Pure; one
/// owner.
class peer_links {
public:
  struct peer {
    peer_settings at;
    reconnection link;
    sequencer_actor handle; ///< Null while it is not connected.
  };

  explicit peer_links(std::vector<peer_settings> peers,
                      const reconnection::pace& how
                      = {.silence_ns = 3'000'000'000});

  /// The peers to look for now; `found` or `lost` follows for each.
  [[nodiscard]] std::vector<node_id> due(int64_t now_ns);
  void found(node_id node, const sequencer_actor& handle, int64_t now_ns);
  void lost(node_id node, const error& why, int64_t now_ns);
  /// The actor at this address is gone.
  void went(const caf::actor_addr& who, int64_t now_ns);
  /// It said something.
  void heard(node_id node, int64_t now_ns);

  [[nodiscard]] const peer* find(node_id node) const noexcept;
  [[nodiscard]] const std::vector<peer>& all() const noexcept { return peers_; }

private:
  [[nodiscard]] peer* at(node_id node) noexcept;

  int64_t silence_ns_;
  std::vector<peer> peers_;
};

} // namespace millrace::rt
