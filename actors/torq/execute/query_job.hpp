#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/owed_answer.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/execution/execution.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace millrace::torq {

/// What questions of a node hold together, from how they are configured.
struct query_memory {
  query_memory() = default;
  /// @param process the node's, for messages
  /// @param all_max bytes of all together; 0: no limit
  query_memory(uint64_t each, const std::string& process, uint64_t all_max)
    : each_max{each}, all{std::make_shared<query::questions_memory>(process,
                                                                    all_max)} {}

  uint64_t each_max = 0; ///< Bytes of one; 0: no limit.
  std::shared_ptr<query::questions_memory> all;

  /// Of a question. @param subject as "the query on table 't'"
  [[nodiscard]] std::shared_ptr<query::memory_account>
  account(const std::string& subject,
          std::string key = "query_memory_max") const;
  /// As `status` shows it, below "queries_memory".
  void add_to(status_facts& facts) const;
};

using start_atom = caf::atom_constant<caf::atom("start")>;
using job_atom = caf::atom_constant<caf::atom("job")>;

/// QUERY JOB: runs one plan on the pool and answers once.
using query_job_actor
  = caf::typed_actor<caf::replies_to<start_atom>::with<chunks>,
                     // From the pool: a partial result, or the fault.
                     caf::reacts_to<job_atom, chunks, caf::error>>;

/// A plan and what it runs over.
struct query_work {
  query::logical_plan plan;
  std::vector<persistence::table_view> parts;
  /// Of the right table, when the plan joins two.
  std::vector<persistence::table_view> right_parts{};
  bool is_live = false;    ///< Of the store of the later rows.
  int64_t deadline_ns = 0; ///< Monotonic; 0: none.
  /// What it may hold here; who keeps its answer keeps this. Null: it may
  /// hold what it needs.
  std::shared_ptr<query::memory_account> memory{};
  uint64_t parts_left_out = 0; ///< By an index, before it is bound.
  /// The work ends when it does: nobody reads an answer then. May be null.
  caf::strong_actor_ptr asker;
  std::string process; ///< Whose memory it is, for messages.
};

/// State of the QUERY JOB: runs one plan's morsels on the pool, never in a
/// handler, and answers with the partial result. That there is none to run a
/// handler finds out where no file is to be looked at. Ends with its answer, or
/// with the one that asked.
struct query_job_state {
  static constexpr const char* name = "query-job";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit query_job_state(query_job_actor::pointer owner) : self{owner} {}

  caf::result<chunks> start();
  void done(const chunks& partial, const caf::error& fault);

  query_job_actor::pointer self;
  persistence::env* env = nullptr;
  struct shared_run;
  std::shared_ptr<shared_run> run;
  owed_answer<chunks> owed;
};

query_job_actor::behavior_type
query_job(query_job_actor::stateful_pointer<query_job_state> self,
          persistence::env* world, std::shared_ptr<query_work> work);

/// Adds the lines of `more` that are not among `lines`.
void add_missing(std::vector<std::string>& lines,
                 const std::vector<std::string>& more);

} // namespace millrace::torq
