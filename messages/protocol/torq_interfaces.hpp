#pragma once

// The tick database: what gateways, RDBs and HDBs say to each other; part of
// the map of interfaces.hpp.

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/node_interfaces.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace millrace {

/// Where an RDB stands.
struct rdb_facts {
  std::string stream;
  position begin; ///< Rows of messages in (begin, end] are here.
  position end;
  uint64_t bytes = 0;
  std::map<std::string, uint64_t> rows; ///< By table.
  uint64_t rejected_batches = 0;
  std::string last_reject;   ///< Table, column, reason.
  std::string stalled;       ///< Why applying stands still; empty: it does not.
  uint64_t periods_held = 0; ///< Ended, and their rows not yet dropped.
  position served_end;       ///< Up to where an HDB serves what was written.
  std::string last_failure;  ///< Of a write-down or a drop.
  std::string held; ///< Why an ended period is not written; empty: none waits.
  int64_t newest_time = null_long; ///< Of all rows here.
  bool ready = false;              ///< As it announces it.
  std::string standing;            ///< Why it is not ready; empty: it is.
  bool refuses = false;            ///< Not ready until an operator acts.
  uint32_t replayed_percent = 0;   ///< Of what it has to come to.
  /// That it met in the stream, and that are in what was written down.
  uint64_t losses = 0;
  std::string last_loss;
  /// Batches of tables that no RDB holds, in this life.
  uint64_t unheld_batches = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rdb_facts& x) {
  return f(caf::meta::type_name("rdb_facts"), x.stream, x.begin, x.end, x.bytes,
           x.rows, x.rejected_batches, x.last_reject, x.stalled, x.periods_held,
           x.served_end, x.last_failure, x.held, x.newest_time, x.ready,
           x.standing, x.refuses, x.replayed_percent, x.losses, x.last_loss,
           x.unheld_batches);
}

/// What an RDB knows of a period, and what became of its rows.
struct period_report {
  period_id period;
  position end; ///< Of its marker; the start: it did not end, or not yet.
  bool reached = false; ///< The RDB has come to the place that was asked for.
  position stands;      ///< Where it has come to.
  manifest_version version; ///< That holds it; 0: it is not written down.
  bool served = false;      ///< By an HDB, and so is all before it.
  uint64_t hdbs = 0;        ///< That live, of those that the RDB tells.
  /// Rows that were written, by table and the period of their own date.
  std::map<std::string, std::map<period_id, uint64_t>> rows;
  uint64_t rejected_batches = 0; ///< Kept, because they fit no table.
  /// Not written until these are accepted, or, where there is a `failure`,
  /// until somebody did what that says.
  bool held = false;
  uint64_t losses = 0;   ///< Of the stream, while the period went on.
  std::string last_loss; ///< Of these, in words.
  /// Of tables that no RDB holds: they are stored nowhere.
  uint64_t unheld_batches = 0;
  std::string failure; ///< Why it is not written; empty: none known.
  /// What was done by hand and the HDB lacks, in words: it is another one.
  std::vector<std::string> lacks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, period_report& x) {
  return f(caf::meta::type_name("period_report"), x.period, x.end, x.reached,
           x.stands, x.version, x.served, x.hdbs, x.rows, x.rejected_batches,
           x.held, x.losses, x.last_loss, x.unheld_batches, x.failure, x.lacks);
}

/// BUNDLE SOURCE: has the chunks of a result that did not travel with it, until
/// all are fetched, or the one that is to fetch them is gone.
using bundle_source_actor = caf::typed_actor<
  // The chunk of this number, of those that follow. Once each.
  caf::replies_to<fetch_atom, chunk_number>::with<chunk>>;

/// RESULT SINK: takes the rows of an answer piece by piece, in their order.
using result_sink_actor = caf::typed_actor<
  // The next rows of this flow: a PartialResult of about 256 KiB.
  caf::reacts_to<chunk_atom, flow_id, chunk>,
  // The flow is over; no error: all rows came.
  caf::reacts_to<finished_atom, flow_id, caf::error>>;

/// RESULT SOURCE: gives the rows of an answer to a SINK, and makes no more than
/// that has credit for. Ends with the flow, or with the SINK.
using result_source_actor = caf::typed_actor<
  // So many bytes of the flow are taken in, in all. The first one, of 0 bytes,
  // lets the flow begin.
  caf::reacts_to<ack_atom, byte_number>,
  // Nobody wants the rest.
  caf::reacts_to<stop_atom>>;

/// RDB WATCHER: hears whether an RDB can be asked.
using rdb_watcher_actor
  = caf::typed_actor<caf::reacts_to<announce_atom, rdb_announcement>>;

/// RDB: the current periods in memory.
using rdb_actor = status_actor::extend<
  // Plan (chunk) over rows after a cutover: a partial result, and the place
  // that it is of. `moved` when some are no longer here, `unavailable` when it
  // has not come far enough in time. The work ends with the one that asked.
  caf::replies_to<query_atom, chunk, rows_after>::with<bundle, rdb_cut>,
  // The same of a plan of rows as they are stored: they flow to the SINK.
  caf::replies_to<query_atom, chunk, rows_after, flow_id,
                  result_sink_actor>::with<result_source_actor, rdb_cut>,
  // Announces to this watcher whether it can be asked, now and when it changes.
  caf::reacts_to<caf::subscribe_atom, rdb_watcher_actor>,
  // As a WATCHER of HDBs, and as an HDB WATCHER.
  caf::reacts_to<watch_atom, std::vector<process_row>>,
  caf::reacts_to<announce_atom, hdb_announcement>,
  // Waits until an HDB serves a period, and all before it, that ended at or
  // before a position (where exactly, only the stream knows), or until the
  // period is held for its rejects; true: they are accepted, and those of the
  // periods before it. After some seconds
  // answers as it stands then: ask again to keep waiting.
  caf::replies_to<installed_atom, period_id, position,
                  bool>::with<period_report>,
  // Where it stands.
  caf::replies_to<facts_atom>::with<rdb_facts>>;

/// HDB WATCHER: hears what an HDB serves.
using hdb_watcher_actor
  = caf::typed_actor<caf::reacts_to<announce_atom, hdb_announcement>>;

/// HDB: partitions, read only.
using hdb_actor = status_actor::extend<
  // Plan (chunk) of a stream's table at the newest manifest version there is: a
  // partial result and its cut.
  caf::replies_to<query_atom, chunk>::with<bundle, partition_cut>,
  // The same at this version; `moved` when it is not served (any more).
  caf::replies_to<query_atom, chunk, manifest_version>::with<bundle,
                                                             partition_cut>,
  // Both of a plan of rows as they are stored: they flow to the SINK.
  caf::replies_to<query_atom, chunk, flow_id,
                  result_sink_actor>::with<result_source_actor, partition_cut>,
  caf::replies_to<query_atom, chunk, manifest_version, flow_id,
                  result_sink_actor>::with<result_source_actor, partition_cut>,
  // Load the manifest; answers the version now served.
  caf::replies_to<refresh_atom>::with<manifest_version>,
  // Announces to this watcher what is served, now and at each new version.
  caf::reacts_to<caf::subscribe_atom, hdb_watcher_actor>>;

/// GATEWAY: one entry over all RDBs and HDBs.
using gateway_actor = status_actor::extend<
  // A question as JSON: the result and the cut.
  caf::replies_to<query_atom, std::string>::with<bundle, query_cut>,
  // The same: the result flows to the SINK. Its first piece has its columns,
  // also when there is no row.
  caf::replies_to<query_atom, std::string, flow_id,
                  result_sink_actor>::with<result_source_actor, query_cut>,
  // As a WATCHER of RDBs and HDBs, as an HDB WATCHER and as an RDB WATCHER.
  caf::reacts_to<watch_atom, std::vector<process_row>>,
  caf::reacts_to<announce_atom, hdb_announcement>,
  caf::reacts_to<announce_atom, rdb_announcement>>;

/// FEED: publishes the rows of a batch source.
using feed_actor = status_actor;

} // namespace millrace
