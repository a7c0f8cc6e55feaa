#pragma once

#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/execute/result_flow.hpp>
#include <millrace/messages/protocol/owed_answer.hpp>

#include <optional>

namespace millrace::torq {

/// QUERY FLOW: runs a plan of rows on the pool, and gives what it finds to a
/// RESULT SINK.
using query_flow_actor = result_source_actor::extend<
  // Answers once the first rows are made, or with the fault that they have.
  caf::replies_to<start_atom>::with<bool>,
  // From the pool: it is known how many morsels there are.
  caf::reacts_to<job_atom, caf::error>,
  // From the pool: a morsel is done.
  caf::reacts_to<job_atom, size_t, caf::error>>;

/// State of the QUERY FLOW. Ends with the flow, and its fault, or with its
/// sink.
struct query_flow_state {
  static constexpr const char* name = "query-flow";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit query_flow_state(query_flow_actor::pointer owner) : self{owner} {}

  caf::result<bool> start();
  void opened(const caf::error& fault);
  void done(size_t morsel, const caf::error& fault);
  void carry_out(const result_flow::effects& what);
  void end(const caf::error& fault);

  query_flow_actor::pointer self;
  persistence::env* env = nullptr;
  result_sink_actor sink;
  flow_id flow;
  struct shared_run;
  std::shared_ptr<shared_run> run;
  std::optional<result_flow> course;
  bool began = false;
  owed_answer<bool> owed;
};

/// @param work a plan of rows without an ordering and a sublist; its parts in
///   the order that the rows are to come in
query_flow_actor::behavior_type
query_flow(query_flow_actor::stateful_pointer<query_flow_state> self,
           persistence::env* world, std::shared_ptr<query_work> work,
           flow_id flow, result_sink_actor sink);

/// READY ROWS: gives a result that is there to a RESULT SINK.
using ready_rows_actor
  = result_source_actor::extend<caf::reacts_to<caf::tick_atom>>;

/// State of the READY ROWS. Ends with the flow, with its sink, or when that
/// took nothing for so long.
struct ready_rows_state {
  static constexpr const char* name = "ready-rows";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit ready_rows_state(ready_rows_actor::pointer owner) : self{owner} {}

  void taken(uint64_t bytes);
  void tick();

  ready_rows_actor::pointer self;
  result_sink_actor sink;
  flow_id flow;
  result_flow course{1};
  chunks rows;                                   ///< Until the flow begins.
  std::shared_ptr<query::memory_account> memory; ///< Whose the rows are.
  caf::timespan patience{};
  bool moved = true; ///< Since the last tick.
};

ready_rows_actor::behavior_type
ready_rows(ready_rows_actor::stateful_pointer<ready_rows_state> self,
           chunks rows, flow_id flow, result_sink_actor sink,
           caf::timespan patience,
           std::shared_ptr<query::memory_account> memory);

} // namespace millrace::torq
