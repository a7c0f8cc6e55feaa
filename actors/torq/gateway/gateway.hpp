#pragma once

#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::torq {

/// The GATEWAY, with what it sends itself: reconnects, held questions.
using gateway_self_actor
  = gateway_actor::extend<caf::reacts_to<caf::tick_atom>>;

struct gateway_settings {
  std::string process;
  struct table {
    table_schema schema;
    std::string stream;
    /// Configured to be in an RDB, in an HDB: an answer without it would lack
    /// rows, even while discovery has not named it yet.
    bool in_rdb = false;
    bool in_hdb = false;
  };
  std::map<std::string, table> tables; ///< By name.
  int64_t query_timeout_ns = 30'000'000'000;
  uint64_t result_rows_max = 0;  ///< 0: no limit.
  uint64_t result_bytes_max = 0; ///< 0: no limit.
  /// Questions that run or wait; more are refused with `limit_exceeded`.
  size_t running_max = 256;
};

/// What a gateway did, and the back ends it can ask.
struct gateway_facts {
  uint64_t answered = 0;
  uint64_t refused = 0;
  uint64_t running = 0;
  struct known_backend {
    std::string type;
    bool connected = false;
  };
  std::map<std::string, known_backend> backends; ///< By process name.
};

/// As `status` shows it.
[[nodiscard]] std::string to_json(const gateway_facts& facts);

/// State of the GATEWAY: the one entry over all RDBs and HDBs. Knows from
/// DISCOVERY what is where, and keeps knowing when discovery is gone.
struct gateway_state {
  static constexpr const char* name = "gateway";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_state(gateway_self_actor::pointer owner) : self{owner} {}

  caf::result<chunks, query_cut> query(const std::string& parameters);
  void watch(const std::vector<process_row>& rows);
  void connect(const std::string& backend_name);
  void tick();
  void hear(const hdb_announcement& news);

  struct held_question {
    query::logical_plan plan;
    position at_least;
    int64_t deadline_ns = 0; ///< Monotonic.
    caf::typed_response_promise<chunks, query_cut> promise;
  };
  [[nodiscard]] bool ready(const held_question& what) const;
  void run(held_question what);
  void run_waiting();
  [[nodiscard]] gateway_facts facts() const;

  gateway_self_actor::pointer self;
  persistence::env* env = nullptr;
  gateway_settings settings;
  connector_actor connector;
  backend_table backends;
  uint64_t answered = 0;
  uint64_t refused = 0;
  size_t running = 0;
  uint64_t turn = 0; ///< Spreads questions over equal back ends.
  int64_t started_ns = 0;
  std::vector<held_question> waiting; ///< For back ends, just after the start.
};

gateway_self_actor::behavior_type
gateway(gateway_self_actor::stateful_pointer<gateway_state> self,
        persistence::env* world, gateway_settings settings,
        connector_actor connector, registrar_actor registry);

} // namespace millrace::torq
