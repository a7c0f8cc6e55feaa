#pragma once

#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/gateway/plan_cuts.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/owed_answer.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/plan/split.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

/// Asks for the result of one fragment of a plan: the numbers of both, the
/// place in its stream that it must end at ({0}: the newest), and the life of
/// the stream that this is of.
using fragment_atom = caf::atom_constant<caf::atom("fragment")>;
using fragment_actor
  = caf::typed_actor<caf::replies_to<fragment_atom, uint64_t, size_t, position,
                                     lineage_id>::with<chunks, query_cut>>;

/// GATEWAY PLAN: answers a plan of several fragments, or of one and what is to
/// be done with its result.
using gateway_plan_actor
  = caf::typed_actor<caf::replies_to<start_atom>::with<chunks, query_cut>,
                     // From the pool: the answer, or the fault.
                     caf::reacts_to<job_atom, chunks, caf::error>>;

/// A plan, and what its answer may take.
struct plan_request {
  query::split_plan plan;
  uint64_t number = 0;                      ///< Of the plan, in its gateway.
  std::vector<plan_cuts::fragment> sources; ///< Of the fragments.
  /// What the HDBs served when it began, by name: they are asked at that, so
  /// that all fragments see the same partitions.
  std::map<std::string, hdb_announcement> announced;
  std::optional<position> at_least; ///< In the first fragment's stream.
  std::optional<position> as_of{};  ///< In that of all fragments.
  int64_t deadline_ns = 0;          ///< Monotonic.
  uint64_t rows_max = 0;            ///< Of the answer; 0: no limit.
  uint64_t bytes_max = 0;           ///< Of the answer; 0: no limit.
  /// What all of it may hold in the gateway; of each begin its own.
  std::shared_ptr<query::memory_account> memory{};
  question_priority priority = question_priority::normal;
  caf::actor_addr client{}; ///< The work ends when it does.
  /// The same without joins in stores; null: there are none.
  std::shared_ptr<const plan_request> by_rows{};
};

/// State of the GATEWAY PLAN: asks the gateway for the fragments as `plan_cuts`
/// says, and carries out the rest on the pool.
struct gateway_plan_state {
  static constexpr const char* name = "gateway-plan";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_plan_state(gateway_plan_actor::pointer owner)
    : self{owner} {}

  caf::result<chunks, query_cut> start();
  void ask(const std::vector<plan_cuts::ask>& next);
  void fragment_answered(size_t number, const chunks& rows,
                         const query_cut& at);
  void finish(const chunks& answer, const caf::error& fault);

  gateway_plan_actor::pointer self;
  persistence::env* env = nullptr;
  fragment_actor gateway;
  std::shared_ptr<const plan_request> request;
  std::vector<chunks> partials;
  std::optional<plan_cuts> cuts;
  query_cut cut; ///< Of the first fragment, with the warnings of all.
  /// All that it does on the pool.
  std::shared_ptr<persistence::share_of_executor> pool;
  owed_answer<chunks, query_cut> owed;
};

gateway_plan_actor::behavior_type
gateway_plan(gateway_plan_actor::stateful_pointer<gateway_plan_state> self,
             persistence::env* world, fragment_actor gateway,
             std::shared_ptr<const plan_request> request);

} // namespace millrace::torq
