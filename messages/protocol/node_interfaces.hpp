#pragma once

// What a node and its processes say to each other, whatever they are: part of
// the map of interfaces.hpp.

#include <millrace/messages/protocol/type_ids.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/actor.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// What an actor says of itself: names and values, some of them groups and
/// lists. It becomes JSON or text where people read it, and only there.
using status_facts = text::json_value;

/// A row of the registry. DISCOVERY keeps it whatever becomes of the process.
struct process_row {
  std::string name; ///< Unique: "rdb1".
  std::string type; ///< As `[[process]]` says it; see process_type.
  std::string node; ///< Name of the node that hosts it.
  endpoint at;      ///< How anyone can open a connection of their own.
  text::json_value attributes; ///< An object: stream, tables, ...
  int64_t last_seen_ns = 0;    ///< Wall time of the last registration.
  /// Registered within the last seconds, and ready for questions.
  bool available = false;
  bool ready = true; ///< It says of itself that it can answer.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, process_row& x) {
  return f(caf::meta::type_name("process_row"), x.name, x.type, x.node, x.at,
           x.attributes, x.last_seen_ns, x.available, x.ready);
}

/// Says of itself: role, positions, counts, lag.
using status_actor
  = caf::typed_actor<caf::replies_to<status_atom>::with<status_facts>>;

/// FRONT DOOR: the one actor that a node publishes at its port.
using front_door_actor = status_actor::extend<
  // The local actor of this name, for example "rdb1" or "rt/market", for a
  // process of this cluster: one of another is refused, with both names, and
  // one of other data. Every conversation between nodes begins here.
  caf::replies_to<resolve_atom, std::string,
                  cluster_key>::with<caf::strong_actor_ptr>,
  // Starts a configured process here; answers its endpoint name.
  caf::replies_to<spawn_atom, std::string>::with<std::string>,
  // Ends a process that runs here, for good; answers its name.
  caf::replies_to<stop_atom, std::string>::with<std::string>>;

/// CONNECTOR: opens connections for the actors of a process, so that these
/// touch no socket. A handle obtained through it dies with its own node only.
using connector_actor = caf::typed_actor<
  caf::replies_to<caf::connect_atom, endpoint>::with<caf::strong_actor_ptr>>;

/// WATCHER: hears of processes that became available.
using watcher_actor
  = caf::typed_actor<caf::reacts_to<watch_atom, std::vector<process_row>>>;

/// DISCOVERY: the registry. Holds no connections.
using discovery_actor = status_actor::extend<
  // A process says that it is there; repeated, as a sign of life.
  caf::reacts_to<register_atom, process_row>,
  // A process says that it ended.
  caf::reacts_to<caf::leave_atom, process_row>,
  // Rows of a process type ("" = all), whether available or not.
  caf::replies_to<lookup_atom, std::string>::with<std::vector<process_row>>,
  // Rows as above now, and each newly available one from now on.
  caf::replies_to<caf::subscribe_atom, std::string,
                  watcher_actor>::with<std::vector<process_row>>>;

/// REGISTRAR: keeps a node's processes registered, and its watchers told.
using registrar_actor = caf::typed_actor<
  caf::reacts_to<register_atom, process_row>,
  // The process of this name ended.
  caf::reacts_to<caf::leave_atom, std::string>,
  // The process of this name can answer questions, or cannot.
  caf::reacts_to<ready_atom, std::string, bool>,
  // Tell this watcher of processes of a type ("" = all), now
  // and later.
  caf::reacts_to<caf::subscribe_atom, std::string, watcher_actor>>;

/// TABLE TAKER: takes in tables while it runs. `already_exists`: it knows
/// another one by this name.
using table_taker_actor = caf::typed_actor<
  caf::replies_to<take_table_atom, table_news>::with<table_intake>>;

} // namespace millrace
