#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/servers/gateway/door.hpp>
#include <millrace/nodes/servers/gateway/publishing_door.hpp>
#include <millrace/nodes/servers/kdb/door_core.hpp>
#include <millrace/nodes/servers/kdb/door_inbox.hpp>
#include <millrace/nodes/servers/kdb/request.hpp>
#include <millrace/nodes/servers/kdb/subscriptions.hpp>
#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What clients have of streams, and give to them, is in kdb_door_streams.cpp.

namespace millrace::nodes::kdb {

/// KDB DOOR: the port at which kdb+ clients ask a cluster. Asks a GATEWAY for
/// each of them, one question of a client at a time.
using kdb_door_actor = publishing_door_actor;

struct kdb_door_settings {
  std::string process;
  std::string address; ///< Where it listens.
  uint16_t port = 0;
  std::string host;
  int32_t pid = 0;
  std::map<std::string, table_schema> tables;
  std::map<std::string, std::string> streams; ///< By table.
  std::set<std::string> stamped;              ///< Tables.
  /// RDBs that were to have rows of a table when this began, by the table's
  /// name; they were told of those that came later before this was.
  std::map<std::string, std::set<std::string>> holders;
  /// Where clients publish, by stream; of others they may not.
  std::map<std::string, std::shared_ptr<rt::publisher>> publishers;
  /// Has what a stream brings from now on put into the inbox.
  std::function<error(const std::string& stream,
                      const std::shared_ptr<door_inbox>& into)>
    follow;
  std::vector<endpoint> gateways;
  /// That its clients can ask by name, as the gateways have them; null: none.
  std::shared_ptr<const query::named_queries> queries;
  /// How long a question waits for its answer.
  int64_t query_timeout_ns = 30'000'000'000;
  door_core::limits limits;
  std::shared_ptr<const port_access> access;
  /// What the port proves itself by; null: it speaks in the clear.
  std::shared_ptr<renewable<tls_identity>> tls;
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
};

/// Rows that a client publishes.
struct running_publish {
  uint64_t request = 0;
  publish_request what;
  bool wants_answer = false;
  int64_t deadline_ns = 0;
  std::optional<position> end; ///< Once it is in the publisher's log.
};

/// State of the KDB DOOR. What is said on connections is `door_core`'s, what is
/// asked `understand`'s; here they meet the port and the gateway.
struct kdb_door_state : door_state<kdb_door_state, kdb_door_actor, door_core,
                                   door_input, kdb_door_settings>,
                        publishing_door<kdb_door_state, running_publish> {
  static constexpr const char* name = "kdb-door";

  using door_state::act;
  using door_state::door_state;
  using door_state::perform;

  ~kdb_door_state();

  struct running_question {
    uint64_t request = 0;
    bool is_text = false;
    bool is_deferred = false;
  };
  struct waiting_subscription {
    uint64_t request = 0;
    subscribe_request what;
    int64_t deadline_ns = 0;
  };

  void act(question_done& what);
  void act(const stream_rows& what);
  void act(const stream_begun& what);
  void act(const period_ended& what);
  void act(const stream_told& what);
  void perform(const finish_connection& what);
  void perform(const drop_connection& what);
  void perform(const take_up<value>& what);
  void undertake(const take_up<value>& of, const value& known);
  void undertake(const take_up<value>& of, gateway_question& question);
  void undertake(const take_up<value>& of, const deferred_answer& known);
  void undertake(const take_up<value>& of, subscribe_request& wish);
  void undertake(const take_up<value>& of, publish_request& rows);
  [[nodiscard]] std::set<connection_id>
  subscribers_of(const std::string& stream) const;
  [[nodiscard]] bool follows(const subscribe_request& wish);
  void subscribe(connection_id who, uint64_t request,
                 const subscribe_request& wish);
  [[nodiscard]] error put_rows(running_publish& what);
  void publish(connection_id from);
  void tick_streams(int64_t now_ns);
  void perform(const give_up& what);
  void answer(connection_id to, uint64_t request, const result<value>& with);
  [[nodiscard]] bool compresses_for(connection_id to) const;
  void answer_deferred(connection_id to, uint64_t request,
                       result<std::string> message);
  void tick();
  /// Null: clients cannot name it.
  [[nodiscard]] const table_schema* schema_of(const std::string& table) const;
  void add(const table_news& what);
  [[nodiscard]] status_facts status() const;

  std::map<connection_id, running_question> asking;
  subscriptions subscribed;
  std::map<std::string, bool> followed; ///< By stream: whether it has begun.
  std::map<connection_id, waiting_subscription> subscribing;
  uint64_t pushed = 0;
  uint64_t incomplete = 0; ///< Answers that may lack rows.
};

/// @param open a port that nobody listens to yet
kdb_door_actor::behavior_type
kdb_door(kdb_door_actor::stateful_pointer<kdb_door_state> self,
         persistence::env* world, kdb_door_settings settings,
         std::shared_ptr<std::unique_ptr<listener>> open,
         connector_actor connector, registrar_actor registry);

} // namespace millrace::nodes::kdb
