#pragma once

#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/memory/memory_store.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

struct rdb_settings {
  std::string process; ///< Its name in the registry.
  std::string stream;
  std::vector<table_schema> tables;
  std::string hdb_directory; ///< Empty: no write-down, rows stay.
  bool write_down = true;
  endpoint rt;
  /// Above it the RDB stops applying and lags on the log, until the end of a
  /// period frees memory. An end of a period that somebody waits for is reached
  /// all the same: without it nothing would ever be freed. 0: no limit.
  uint64_t memory_max_bytes = 0;
  /// How long a query may run, whichever gateway asks. Rows of an installed
  /// period stay so long, and a margin, for queries planned before.
  int64_t query_timeout_ns = 30'000'000'000;
  /// Called when applying stops, with the reason, and when it goes on (empty).
  std::function<void(const std::string& reason)> on_stall;
};

/// The tables and who may write them: deliveries of the subscriber, and drops.
/// Readers take snapshots and never wait.
struct rdb_store {
  std::mutex writing;
  persistence::memory_store tables;
  std::atomic<bool> wake_wanted{false};
  /// Ends of periods that a snapshot shows and the RDB has not heard of yet.
  std::atomic<uint32_t> period_ends_untold{0};
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> rejected_batches{0};
  std::atomic<size_t> byte_count{0};
  std::mutex reject_mutex;
  std::string last_reject; ///< Table, column, reason.
};

/// State of the RDB: holds the periods since the newest cutover, answers over
/// them, and writes each period down when it ends.
struct rdb_state {
  static constexpr const char* name = "rdb";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit rdb_state(rdb_actor::pointer owner) : self{owner} {}

  void start(connector_actor to_others, registrar_actor registry);
  caf::result<chunks, query_cut> query(const chunk& plan, uint64_t cutover,
                                       uint64_t at_least);
  void period_passed(int64_t period, uint64_t end);
  void written(int64_t period, uint64_t cutover, uint64_t version,
               const caf::error& fault);
  caf::result<uint64_t> wait_installed(uint64_t position,
                                       std::optional<int64_t> period);
  void watch(const std::vector<process_row>& rows);
  void tick();
  void wake();
  [[nodiscard]] std::string status() const;

  void subscribe();
  void write_next();
  void tell_hdbs();
  void served(uint64_t version, const std::string& hdb);
  void drop_served();
  void answer_installs();
  void watch_memory();
  void connect(const std::string& backend_name);

  struct waiting_query {
    query::logical_plan plan;
    uint64_t cutover = 0;
    uint64_t at_least = 0;
    int64_t deadline_ns = 0;
    caf::typed_response_promise<chunks, query_cut> promise;
  };
  void answer(waiting_query what);
  [[nodiscard]] bool ready(const waiting_query& what) const;
  [[nodiscard]] caf::error not_reached(const waiting_query& what,
                                       errc code) const;

  struct ended_period {
    int64_t period = 0;
    position end;
    uint64_t version = 0; ///< Of the manifest; 0: not yet written.
    bool served = false;
    int64_t drop_at_ns = 0;
  };
  struct waiting_install {
    uint64_t position = 0;
    std::optional<int64_t> period; ///< Ended at or before `position`.
    int64_t deadline_ns = 0;
    caf::typed_response_promise<uint64_t> promise;
  };
  [[nodiscard]] bool installed(const waiting_install& what) const;
  /// Why applying stands still; empty: it does not.
  [[nodiscard]] std::string stall_reason() const;

  rdb_actor::pointer self;
  persistence::env* env = nullptr;
  rdb_settings settings;
  connector_actor connector;
  std::shared_ptr<rdb_store> store;
  brood children;
  subscriber_actor subscriber;
  backend_table hdbs;
  std::deque<waiting_query> waiting;
  std::deque<ended_period> ended; ///< Passed, rows not yet dropped.
  std::vector<waiting_install> installs;
  uint64_t served_position = 0;
  uint64_t served_version = 0;
  bool writing = false;
  bool paused = false;
  int64_t retry_write_at_ns = 0;
  int64_t next_tell_ns = 0;
  error last_failure;
};

/// @param registry tells of HDBs; may be null when there is none.
rdb_actor::behavior_type rdb(rdb_actor::stateful_pointer<rdb_state> self,
                             persistence::env* world, rdb_settings settings,
                             connector_actor connector,
                             registrar_actor registry);

} // namespace millrace::torq
