#pragma once

#include <millrace/messages/base/reconnection.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <string>
#include <vector>

namespace millrace::torq {

/// The REGISTRAR, with what it sends itself: signs of life, reconnects.
using registrar_self_actor
  = registrar_actor::extend<caf::reacts_to<caf::tick_atom>>;

/// State of the REGISTRAR: says at every DISCOVERY, again and again, which
/// processes live on this node, and carries what they want to hear of others.
/// One per node; data paths never depend on it.
struct registrar_state {
  static constexpr const char* name = "registrar";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit registrar_state(registrar_self_actor::pointer owner) : self{owner} {}

  struct registry {
    endpoint at;
    discovery_actor handle; ///< Null while not connected.
    reconnection link{{.first_ns = 0, .max_ns = 0}}; ///< At each tick.
  };
  struct wish {
    std::string type;
    watcher_actor who;
  };

  void add(process_row row);
  void remove(const std::string& process);
  void set_ready(const std::string& process, bool ready);
  void watch(std::string type, watcher_actor who);
  void tick();
  void connect(size_t which);
  void ask(const registry& from, const wish& what);
  void lost(const caf::actor_addr& who);

  registrar_self_actor::pointer self;
  persistence::env* env = nullptr;
  connector_actor connector;
  std::vector<registry> registries;
  std::vector<process_row> rows;
  /// What they say of themselves, as soon as they do.
  std::map<std::string, bool> readiness;
  std::vector<wish> wishes;
  /// Between two looks for discoveries that are not there; doubles.
  caf::timespan pause{0};
};

registrar_self_actor::behavior_type
registrar(registrar_self_actor::stateful_pointer<registrar_state> self,
          persistence::env* world, connector_actor connector,
          std::vector<endpoint> discoveries);

} // namespace millrace::torq
