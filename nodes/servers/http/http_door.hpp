#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/servers/gateway/gateway_link.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/port/port_inbox.hpp>
#include <millrace/nodes/servers/port/told_lines.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes::http {

using inbox_atom = caf::atom_constant<caf::atom("inbox")>;

/// HTTP DOOR: the port at which programs ask a cluster by HTTP.
using http_door_actor = status_actor::extend<
  // As a WATCHER of gateways.
  caf::reacts_to<watch_atom, std::vector<process_row>>,
  // INTERNAL: its inbox has something.
  caf::reacts_to<inbox_atom>,
  // INTERNAL: what is over its time.
  caf::reacts_to<caf::tick_atom>>;

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
  bool is_lost = false; ///< The gateway ended meanwhile.
};

using http_input = std::variant<connection_event, response_done>;

/// State of the HTTP DOOR. What is said on connections is `port_core`'s, what
/// is asked `wish_of`'s; here they meet the port, the gateway and the nodes.
struct http_door_state {
  static constexpr const char* name = "http-door";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit http_door_state(http_door_actor::pointer owner) : self{owner} {}
  ~http_door_state();

  using core_type = port_core<http_session>;

  struct running_request {
    uint64_t request = 0;
    bool keeps_alive = true;
    std::optional<status_wish> status; ///< It waits for what nodes say.
  };

  void take_inbox();
  void act(const connection_event& what);
  void act(response_done& what);
  void perform(core_type::effects effects);
  void perform(send_to& what);
  void perform(const read_on& what);
  void perform(const finish_connection& what);
  void perform(const drop_connection& what);
  void perform(const take_up<http_request>& what);
  void perform(const give_up& what);
  void perform(const tell_of& what);
  void undertake(connection_id from, const known_response& what);
  void undertake(connection_id from, query_wish& what);
  void undertake(connection_id from, const status_wish& what);
  void undertake(connection_id from, const readiness_wish& what);
  void answer(connection_id to, const known_response& what);
  void gather();
  void gathered(const std::string& node, const status_facts* said);
  void tick();
  void lost(const caf::down_msg& down);
  void tell(const std::string& id, const std::string& text);
  [[nodiscard]] status_facts status() const;

  http_door_actor::pointer self;
  persistence::env* env = nullptr;
  http_door_settings settings;
  connector_actor connector;
  /// Questions are by connection: each has one at a time.
  std::optional<gateway_link<http_door_actor::base>> gateway;
  std::shared_ptr<port_inbox<http_input>> inbox;
  std::unique_ptr<listener> port;
  core_type core;
  effects_in_turn<core_type::effect> in_turn;
  std::map<connection_id, running_request> running;
  /// What nodes said; null: nobody asked. Serves all that wait when it is
  /// whole.
  std::map<std::string, text::json_value> said;
  size_t silent = 0; ///< Nodes that have not said anything yet.
  told_lines told;
};

/// @param open a port that nobody listens to yet
http_door_actor::behavior_type
http_door(http_door_actor::stateful_pointer<http_door_state> self,
          persistence::env* world, http_door_settings settings,
          std::shared_ptr<std::unique_ptr<listener>> open,
          connector_actor connector, registrar_actor registry);

} // namespace millrace::nodes::http
