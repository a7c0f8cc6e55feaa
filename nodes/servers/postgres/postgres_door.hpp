#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/servers/gateway/door.hpp>
#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes::postgres {

/// POSTGRES DOOR: the port at which clients of PostgreSQL ask a cluster.
using postgres_door_actor = door_actor;

struct postgres_door_settings {
  std::string address; ///< Where it listens.
  uint16_t port = 0;
  tables_by_name tables;
  std::vector<endpoint> gateways;
  /// How long a question waits for its answer.
  int64_t query_timeout_ns = 30'000'000'000;
  port_core<pg_session>::limits limits;
  std::shared_ptr<const port_access> access;
  /// What the port proves itself by; null: it speaks in the clear.
  std::shared_ptr<renewable<tls_identity>> tls;
  /// That the limits' sessions are served with; the door alone changes it.
  std::shared_ptr<served_cluster> served = std::make_shared<served_cluster>();
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
};

/// What came of a question that the gateway was asked.
struct rows_done {
  connection_id from = 0;
  uint64_t request = 0;
  std::string messages; ///< As a session takes them.
  bool is_failure = false;
  bool is_lost = false;       ///< The gateway ended meanwhile.
  bool is_incomplete = false; ///< Rows may be missing.
};

using postgres_input
  = std::variant<connection_event, login_judged, logins_looked_at, rows_done>;

/// State of the POSTGRES DOOR. What is said on connections is `port_core`'s and
/// its sessions'; here they meet the port and the gateway.
struct postgres_door_state
  : door_state<postgres_door_state, postgres_door_actor, port_core<pg_session>,
               postgres_input, postgres_door_settings> {
  static constexpr const char* name = "postgres-door";

  using door_state::act;
  using door_state::door_state;
  using door_state::perform;

  void act(rows_done& what);
  void perform(take_up<pg_wish>& what);
  void perform(const give_up& what);
  void undertake(const take_up<pg_wish>& of, const login_wish& who);
  void undertake(const take_up<pg_wish>& of, query_wish& what);
  void undertake(const take_up<pg_wish>& of, const cancel_wish& what);
  void answer(connection_id to, uint64_t request, std::string messages,
              bool is_failure);
  /// Null: clients cannot name it.
  [[nodiscard]] const table_schema* schema_of(const std::string& table) const;
  void add(const table_news& what);
  [[nodiscard]] status_facts status() const;

  /// Requests that the gateway was asked.
  std::map<connection_id, uint64_t> asking;
  uint64_t incomplete = 0; ///< Answers that may lack rows.
  uint64_t cancelled = 0;
};

/// @param open a port that nobody listens to yet
postgres_door_actor::behavior_type
postgres_door(postgres_door_actor::stateful_pointer<postgres_door_state> self,
              persistence::env* world, postgres_door_settings settings,
              std::shared_ptr<std::unique_ptr<listener>> open,
              connector_actor connector, registrar_actor registry);

} // namespace millrace::nodes::postgres
