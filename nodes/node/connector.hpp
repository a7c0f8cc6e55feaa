#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/local_actors.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace millrace::nodes {

class told_refusals;

/// The cluster that this process is of.
struct known_cluster {
  std::string name;
  std::atomic<uint64_t> id{0};
  /// Of a process that founds nothing: reads the id, which others may found
  /// while it runs. Null: it is known, or never will be.
  std::function<cluster_id()> look{};

  [[nodiscard]] cluster_key key() {
    cluster_id known{id.load()};
    if (known == cluster_id{} && look) {
      known = look();
      if (known != unfounded_cluster)
        id = known.value;
    }
    return {name, known};
  }
};

/// State of the CONNECTOR: finds an actor by its endpoint, here or through a
/// connection of this process's own to the node that hosts it.
struct connector_state {
  static constexpr const char* name = "connector";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit connector_state(connector_actor::pointer owner) : self{owner} {}

  caf::result<caf::strong_actor_ptr> connect(const endpoint& to);

  connector_actor::pointer self;
  std::shared_ptr<local_actors> locals;
  std::shared_ptr<known_cluster> cluster;
  std::string host;
  uint16_t port = 0;
  caf::actor middleman;
  std::shared_ptr<told_refusals> told;
};

/// @param host, port this node's own address: its actors are found directly.
///   port 0: this process listens nowhere.
/// @param middleman what connects to other processes; `told` has what they say
///   when they refuse that.
connector_actor::behavior_type
connector(connector_actor::stateful_pointer<connector_state> self,
          std::shared_ptr<local_actors> locals,
          std::shared_ptr<known_cluster> cluster, std::string host,
          uint16_t port, caf::actor middleman,
          std::shared_ptr<told_refusals> told);

} // namespace millrace::nodes
