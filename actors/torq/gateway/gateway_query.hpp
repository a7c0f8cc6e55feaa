#pragma once

#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace millrace::torq {

/// One question, planned.
struct gateway_request {
  query::logical_plan plan;
  std::string stream;
  uint64_t at_least = 0;   ///< The RDB must have come so far; 0: any.
  int64_t deadline_ns = 0; ///< Monotonic.
  uint64_t turn = 0;       ///< Spreads queries over equal back ends.
  bool needs_rdb = false;  ///< Fails without one, known or not.
  bool needs_hdb = false;
};

/// State of the GATEWAY QUERY: sends a plan to one HDB and one RDB at one cut,
/// tries others of their kind when one dies, plans again when the cut moved,
/// and merges the partial results on the pool.
struct gateway_query_state {
  static constexpr const char* name = "gateway-query";
  /// How often a moved cut is planned again.
  static constexpr int replans_max = 3;

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_query_state(gateway_query_actor::pointer owner)
    : self{owner} {}

  caf::result<chunks, query_cut> start();
  void done(const chunks& merged, const caf::error& fault);

  void plan_again();
  void ask_hdb();
  void ask_rdb();
  void hdb_answered(const std::string& who, const chunks& partial,
                    const query_cut& cut);
  void rdb_answered(const std::string& who, const chunks& partial,
                    const query_cut& cut);
  void failed(const std::string& who, const std::string& type,
              const error& fault);
  void merge_when_complete();
  void finish(const error& fault);
  [[nodiscard]] caf::timespan remaining() const;

  gateway_query_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<gateway_request> request;
  std::shared_ptr<backend_table> backends; ///< As known when it began.
  chunk plan_bytes;
  int attempt = 0;
  int replans = 0;
  bool has_hdb = false;
  bool has_rdb = false;
  bool pinned = false; ///< Version and cutover are fixed.
  bool hdb_done = false;
  bool rdb_done = false;
  query_cut cut;
  chunks hdb_partial;
  chunks rdb_partial;
  std::set<std::string> tried_hdbs;
  std::set<std::string> tried_rdbs;
  error last_fault;
  caf::typed_response_promise<chunks, query_cut> promise;
};

/// @param backends a copy of what the gateway knows; this actor's own.
gateway_query_actor::behavior_type
gateway_query(gateway_query_actor::stateful_pointer<gateway_query_state> self,
              persistence::env* world, std::shared_ptr<gateway_request> request,
              std::shared_ptr<backend_table> backends);

} // namespace millrace::torq
