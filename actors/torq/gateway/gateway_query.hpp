#pragma once

#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/gateway/cut_query.hpp>
#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/owed_answer.hpp>
#include <millrace/messages/protocol/watched_request.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

/// GATEWAY QUERY: asks the back ends one question, answers once.
using gateway_query_actor
  = caf::typed_actor<caf::replies_to<start_atom>::with<chunks, query_cut>,
                     // From the pool: both partial results merged, or the
                     // fault.
                     caf::reacts_to<job_atom, chunks, caf::error>>;

/// A back end that says at the deadline why it cannot answer is heard.
inline constexpr std::chrono::milliseconds last_word{300};

/// One question, planned, and the living back ends that it may be put to.
struct gateway_request {
  query::logical_plan plan;
  cut_query::question question;
  std::map<std::string, caf::strong_actor_ptr> handles; ///< By name.
  std::map<std::string, backend_load> stores;           ///< By name.
  /// Of those that it goes to first, while it is under way.
  std::vector<backend_load::token> loads;
  /// What it may hold in the gateway.
  std::shared_ptr<query::memory_account> memory{};
  /// Of the answer, whatever the back ends say.
  std::vector<std::string> warnings;
  /// Hears of a back end that is gone before the question fails for it.
  caf::actor_addr gateway;

  void add(const backend& what) {
    handles[what.row.name] = what.handle;
    stores[what.row.name] = what.load;
  }
  /// Questions after this one go to others first.
  /// @param who empty: none failed; @param now_ns monotonic
  void note_failure(const std::string& who, int64_t now_ns) const {
    if (!who.empty())
      stores.at(who).note_failure(now_ns);
  }
};

/// Passes on that a back end is gone: its gateway's own word of it may come
/// later than that of the one who asked it, and a question waits only for those
/// that are known to be gone.
void tell_gone(const gateway_request& request, const caf::actor_addr& who);

/// The same if a request's failure says so.
void tell_if_gone(const gateway_request& request, const caf::actor_addr& who,
                  const caf::error& fault);

/// State of the GATEWAY QUERY: carries out what `cut_query` says, and merges
/// the partial results on the pool.
struct gateway_query_state {
  static constexpr const char* name = "gateway-query";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_query_state(gateway_query_actor::pointer owner)
    : self{owner} {}

  caf::result<chunks, query_cut> start();
  void done(const chunks& merged, const caf::error& fault);

  void step(cut_query::input what);
  void ask(const cut_query::ask_hdb& what);
  void ask(const cut_query::ask_rdb& what);
  void lost(const caf::actor_addr& who);
  void merge(cut_query::merge what);
  void finish(const caf::error& fault);
  [[nodiscard]] caf::timespan remaining() const;

  gateway_query_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<const gateway_request> request;
  std::optional<cut_query> way;
  struct asked_backend {
    watched_request request;
    int round = 0;
    /// For what comes from it, before it is fetched.
    query::held_memory room{};
  };
  /// @returns false when there is no memory for a result: that is the end.
  [[nodiscard]] bool take_room(asked_backend& from, const bundle& partial);

  asked_backend hdb;
  asked_backend rdb;
  chunk plan_bytes;
  query_cut cut; ///< Of the answer.
  /// All that it does on the pool.
  std::shared_ptr<persistence::share_of_executor> pool;
  owed_answer<chunks, query_cut> owed;
};

gateway_query_actor::behavior_type
gateway_query(gateway_query_actor::stateful_pointer<gateway_query_state> self,
              persistence::env* world,
              std::shared_ptr<const gateway_request> request);

} // namespace millrace::torq
