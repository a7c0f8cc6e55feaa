#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/servers/gateway/door.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes::http {

/// HTTP DOOR: the port at which programs ask a cluster by HTTP.
using http_door_actor = door_actor;

struct http_door_settings {
  std::string cluster;
  std::string address; ///< Where it listens.
  uint16_t port = 0;
  std::vector<endpoint> gateways;
  /// The front doors of all nodes, by node.
  std::map<std::string, endpoint> nodes;
  /// How long a question waits for its answer.
  int64_t query_timeout_ns = 30'000'000'000;
  port_core<http_session>::limits limits;
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
};

/// What came of a question that the gateway was asked.
struct response_done {
  connection_id from = 0;
  uint64_t request = 0;
  known_response what{};
  bool is_lost = false;     ///< The gateway ended meanwhile.
  std::string incomplete{}; ///< Why rows may be missing.
};

using http_input = std::variant<connection_event, response_done>;

/// State of the HTTP DOOR. What is said on connections is `port_core`'s, what
/// is asked `wish_of`'s; here they meet the port, the gateway and the nodes.
struct http_door_state
  : door_state<http_door_state, http_door_actor, port_core<http_session>,
               http_input, http_door_settings> {
  static constexpr const char* name = "http-door";

  using door_state::act;
  using door_state::door_state;
  using door_state::perform;

  struct running_request {
    uint64_t request = 0;
    bool keeps_alive = true;
    std::optional<status_wish> status; ///< It waits for what nodes say.
  };

  void act(response_done& what);
  void perform(const take_up<http_request>& what);
  void perform(const give_up& what);
  void undertake(connection_id from, const known_response& what);
  void undertake(connection_id from, query_wish& what);
  void undertake(connection_id from, const status_wish& what);
  void undertake(connection_id from, const readiness_wish& what);
  void answer(connection_id to, const known_response& what);
  void gather();
  void gathered(const std::string& node, const status_facts* said);
  [[nodiscard]] status_facts status() const;

  connector_actor connector;
  std::map<connection_id, running_request> running;
  /// What nodes said; null: nobody asked. Serves all that wait when it is
  /// whole.
  std::map<std::string, text::json_value> said;
  size_t silent = 0;       ///< Nodes that have not said anything yet.
  uint64_t incomplete = 0; ///< Answers that may lack rows.
};

/// @param open a port that nobody listens to yet
http_door_actor::behavior_type
http_door(http_door_actor::stateful_pointer<http_door_state> self,
          persistence::env* world, http_door_settings settings,
          std::shared_ptr<std::unique_ptr<listener>> open,
          connector_actor connector, registrar_actor registry);

} // namespace millrace::nodes::http
