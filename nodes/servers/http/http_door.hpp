#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/servers/gateway/door.hpp>
#include <millrace/nodes/servers/gateway/publishing_door.hpp>
#include <millrace/nodes/servers/http/publish_rows.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Streams of clients are in http_door_streams.cpp, what they publish in
// http_door_publish.cpp.

namespace millrace::nodes::http {

/// HTTP DOOR: the port at which programs ask a cluster by HTTP.
using http_door_actor = publishing_door_actor;

struct http_table {
  table_schema schema;
  std::string stream;
  bool stamps = false; ///< Gives rows without a time that of their publishing.
};

struct http_door_settings {
  std::string process;
  std::string cluster;
  std::string address; ///< Where it listens.
  uint16_t port = 0;
  std::vector<endpoint> gateways;
  /// The front doors of all nodes, by node.
  std::map<std::string, endpoint> nodes;
  /// Who orders a stream, by its name.
  std::map<std::string, std::vector<endpoint>> streams;
  std::map<std::string, http_table> tables;
  /// RDBs that were to have rows of a table when this began, by the table's
  /// name; they were told of those that came later before this was.
  std::map<std::string, std::set<std::string>> holders;
  /// Where clients publish, by stream; of others they may not.
  std::map<std::string, std::shared_ptr<rt::publisher>> publishers;
  /// How long a question waits for its answer.
  int64_t query_timeout_ns = 30'000'000'000;
  port_core<http_session>::limits limits;
  std::shared_ptr<const port_access> access;
  /// What the port proves itself by; null: it speaks in the clear.
  std::shared_ptr<renewable<tls_identity>> tls;
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

/// What is for a client of a stream.
struct stream_piece {
  connection_id to = 0;
  uint64_t request = 0;
  std::string bytes;
  bool is_last = false; ///< Nothing comes after it.
};

/// The rows of a client are read.
struct rows_read {
  connection_id from = 0;
  uint64_t request = 0;
  result<read_rows> rows = read_rows{};
};

using http_input
  = std::variant<connection_event, login_judged, logins_looked_at,
                 response_done, stream_piece, rows_read>;

/// What a client publishes.
struct running_publish {
  uint64_t request = 0;
  publish_wish wish; ///< Without its lines.
  std::string stream;
  size_t digest = 0; ///< Of its lines.
  int64_t deadline_ns = 0;
  bool is_read = false;
  read_rows rows;
  bool is_duplicate = false;
  std::optional<position> end; ///< Once it is in the publisher's log.
};

/// What the handlers of a stream and the door know of what is between them.
struct stream_between {
  std::atomic<size_t> bytes{0};     ///< In the inbox of the door.
  std::atomic<uint64_t> reached{0}; ///< All before it is in the inbox.
};

/// State of the HTTP DOOR. What is said on connections is `port_core`'s, what
/// is asked `wish_of`'s; here they meet the port, the gateway and the nodes.
struct http_door_state
  : door_state<http_door_state, http_door_actor, port_core<http_session>,
               http_input, http_door_settings>,
    publishing_door<http_door_state, running_publish> {
  static constexpr const char* name = "http-door";

  using door_state::act;
  using door_state::door_state;
  using door_state::perform;

  struct running_request {
    uint64_t request = 0;
    std::string user; ///< Who logged in; empty: nobody had to.
    bool keeps_alive = true;
    std::optional<status_wish> status; ///< It waits for what nodes say.
  };
  struct open_stream {
    uint64_t request = 0;
    bool is_websocket = false;
    bool is_paused = false;
    int64_t told_ns = 0; ///< When it was told something last.
    std::shared_ptr<stream_between> between;
    std::shared_ptr<rt::subscription> control;
    subscriber_actor subscriber;
  };

  ~http_door_state();

  void act(const connection_event& what);
  void act(stream_piece& what);

  void act(response_done& what);
  void perform(const take_up<http_request>& what);
  void perform(const give_up& what);
  void undertake(connection_id from, const known_response& what);
  void undertake(connection_id from, query_wish& what);
  void undertake(connection_id from, stream_wish& what);
  void begin_stream(connection_id from, const stream_wish& what);
  void hold_back(connection_id to);
  void end_stream(connection_id to);
  void end(const open_stream& what);
  void cut_off(connection_id to, const std::string& cause);
  void tick_streams(int64_t now_ns);
  void act(rows_read& what);
  void undertake(connection_id from, publish_wish& what);
  [[nodiscard]] result<bool> is_duplicate(const running_publish& what) const;
  [[nodiscard]] error put_rows(running_publish& what);
  void publish(connection_id from);
  void tell_end(connection_id from, const running_publish& of);
  void undertake(connection_id from, const status_wish& what);
  void undertake(connection_id from, const readiness_wish& what);
  void answer(connection_id to, const known_response& what);
  void gather();
  void gathered(const std::string& node, const status_facts* said);
  void tick();
  /// Null: clients cannot name it.
  [[nodiscard]] const table_schema* schema_of(const std::string& table) const;
  void add(const table_news& what);
  [[nodiscard]] status_facts status() const;

  connector_actor connector;
  own_site site;
  std::shared_ptr<const tls_identity> site_shown; ///< That its names are of.
  std::map<connection_id, running_request> running;
  /// What nodes said; null: nobody asked. Serves all that wait when it is
  /// whole.
  std::map<std::string, text::json_value> said;
  size_t silent = 0;       ///< Nodes that have not said anything yet.
  uint64_t incomplete = 0; ///< Answers that may lack rows.
  std::map<connection_id, open_stream> streaming;
  /// By stream and origin: its last id, and what it held.
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, size_t>>
    digests;
  uint64_t rows_published = 0;
  uint64_t pushed = 0;    ///< Messages of streams.
  uint64_t times_cut = 0; ///< Clients of streams that were too slow.
};

/// @param open a port that nobody listens to yet
http_door_actor::behavior_type
http_door(http_door_actor::stateful_pointer<http_door_state> self,
          persistence::env* world, http_door_settings settings,
          std::shared_ptr<std::unique_ptr<listener>> open,
          connector_actor connector, registrar_actor registry);

} // namespace millrace::nodes::http
