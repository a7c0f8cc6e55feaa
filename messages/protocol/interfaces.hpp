#pragma once

// The map of the system: each actor that others know, and every message that
// they may send to it; what operators ask of a stream beside that stands in
// stream_operator.hpp, how they tell of tables in table_news.hpp. What an actor
// sends to itself, or to one that only it knows, stands in its own header. Bulk
// and structured content travels as `chunk`s of Cap'n Proto; what each one
// holds is said beside the message. No floating-point number goes through CAF's
// serialiser.

#include <millrace/messages/data/answer.hpp>
#include <millrace/messages/data/consumer_floor.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/start_spec.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/announcements.hpp>
#include <millrace/messages/protocol/bundle.hpp>
#include <millrace/messages/protocol/endpoint.hpp>
#include <millrace/messages/protocol/message_response.hpp>
#include <millrace/messages/protocol/peer_hello.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/actor.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace millrace {

/// What an actor says of itself: names and values, some of them groups and
/// lists. It becomes JSON or text where people read it, and only there.
using status_facts = text::json_value;

/// A row of the registry. DISCOVERY keeps it whatever becomes of the process.
struct process_row {
  std::string name; ///< Unique: "rdb1".
  std::string type; ///< As `[[process]]` says it; see process_type.
  std::string node; ///< Name of the node that hosts it.
  endpoint at;      ///< How anyone can open a connection of their own.
  text::json_value attributes; ///< An object: stream, tables, ...
  int64_t last_seen_ns = 0;    ///< Wall time of the last registration.
  /// Registered within the last seconds, and ready for questions.
  bool available = false;
  bool ready = true; ///< It says of itself that it can answer.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, process_row& x) {
  return f(caf::meta::type_name("process_row"), x.name, x.type, x.node, x.at,
           x.attributes, x.last_seen_ns, x.available, x.ready);
}

/// A publisher's directory as its replicator offers it to an RT node.
struct input_offer {
  std::string directory; ///< "<host>.<topic>"
  std::string stream;
  lineage_id lineage;
  std::string origin; ///< Default origin, whose watermark is wanted back.
  uint64_t life = 0;  ///< Of the publisher, drawn at random when it was opened.
  /// The newest epoch of the origin that it heard of.
  uint64_t seen = 0;
  /// The life of the stream that merged the log, as the publisher knows; not
  /// known: none did.
  lineage_id merged_by{};
  position merged; ///< By that life, at least so far.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, input_offer& x) {
  return f(caf::meta::type_name("input_offer"), x.directory, x.stream,
           x.lineage, x.origin, x.life, x.seen, x.merged_by, x.merged);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, start_spec& x) {
  return f(caf::meta::type_name("start_spec"), x.kind, x.at, x.time_ns, x.life,
           x.before);
}

/// The answer to an offer or a subscription: a flow of chunks begins.
/// `flow` numbers it, so that messages of an earlier one are told apart.
struct flow_grant {
  flow_id flow;
  bool has_begin = false; ///< Not for an offer whose copy is empty.
  position begin;         ///< Where the flow begins in the source's log.
  /// Offer: the sum of the record that ends at `begin`, as its header has it; a
  /// log that has another one there is another log. 0: not known.
  uint32_t before_begin = 0;
  position merged; ///< Offer: input position merged so far.
  /// Offer: the node leads, and this life of the publisher writes its origin,
  /// so that watermark and cursors are the stream's.
  bool leads = false;
  /// Offer: how often the origin was claimed, as the node knows.
  uint64_t epoch = 0;
  int64_t watermark = 0; ///< Offer: last merged id of the origin; 0: none.
  uint8_t ids = 0;       ///< Offer: the id_policy of the stream.
  lineage_id life;       ///< Of the stream.
  position end;          ///< Subscription: where the merged log ends now.
  chunk cursors;         ///< Offer: SourceCursors merged for the origin.
  /// Subscription: the log does not hold what came before the place that was
  /// asked for, although it is of that life: it was set back. The flow begins
  /// where nothing of it is missed.
  bool set_back = false;
  /// Subscription: a place without a life was asked for, and is none of this
  /// life of the stream. The flow begins where the stream does.
  bool other_life = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, flow_grant& x) {
  return f(caf::meta::type_name("flow_grant"), x.flow, x.has_begin, x.begin,
           x.before_begin, x.merged, x.leads, x.epoch, x.watermark, x.ids,
           x.life, x.end, x.cursors, x.set_back, x.other_life);
}

/// Progress of a flow, from SINK to SOURCE; also the credit and the heartbeat.
struct flow_ack {
  flow_id flow;
  uint64_t bytes = 0; ///< Chunk bytes taken in so far, of this flow.
  position merged;    ///< Input position merged (committed) so far.
  /// The SINK collected the files of its copy before that of this position; the
  /// SOURCE may do the same when all SINKs have.
  position collected;
  /// Of those, what the SOURCE may let go once most SINKs say so: the others
  /// were away for too long, and will need none of it.
  position released;
  /// The life of the stream that `merged` is of; not known: it has none yet.
  lineage_id merged_by{};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, flow_ack& x) {
  return f(caf::meta::type_name("flow_ack"), x.flow, x.bytes, x.merged,
           x.collected, x.released, x.merged_by);
}

/// Where a stream stands at its SEQUENCER.
struct stream_facts {
  std::string stream;
  bool cached = false;
  position end; ///< Of what is merged.
  lineage_id life;
  position first; ///< Where this life begins: no place before it is of it.
  entry_index entries;
  uint64_t publishers = 0; ///< Connected now.
  uint64_t subscribers = 0;
  uint64_t pending_bytes = 0; ///< Received, not yet merged.
  uint64_t duplicates = 0;    ///< Messages dropped since the stream began.
  /// This node decides the order; of one that does not, `end` may lag.
  bool leads = false;
  /// No other node has a vote in it; of one that follows, as far as it knows.
  bool alone = false;
  period_id last_period = period_id::before_all(); ///< Newest that ended.
  /// Where; the start: it ended before this process knew.
  position last_period_end;
  /// Publishers that were connected when it ended, and did not mark its end in
  /// the grace: what they publish later counts to the next period.
  std::vector<std::string> last_period_absent;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_facts& x) {
  return f(caf::meta::type_name("stream_facts"), x.stream, x.cached, x.end,
           x.life, x.first, x.entries, x.publishers, x.subscribers,
           x.pending_bytes, x.duplicates, x.leads, x.alone, x.last_period,
           x.last_period_end, x.last_period_absent);
}

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
  /// Rows that were written, by table and their own date (days since 2000).
  std::map<std::string, std::map<int64_t, uint64_t>> rows;
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

} // namespace millrace

CAF_BEGIN_TYPE_ID_BLOCK(millrace, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(millrace, (millrace::chunk))
  CAF_ADD_TYPE_ID(millrace, (millrace::endpoint))
  CAF_ADD_TYPE_ID(millrace, (millrace::process_row))
  CAF_ADD_TYPE_ID(millrace, (std::vector<millrace::process_row>))
  CAF_ADD_TYPE_ID(millrace, (millrace::input_offer))
  CAF_ADD_TYPE_ID(millrace, (millrace::start_spec))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_grant))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_ack))
  CAF_ADD_TYPE_ID(millrace, (millrace::query_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::chunks))

  CAF_ADD_ATOM(millrace, millrace, status_atom, "status")
  CAF_ADD_ATOM(millrace, millrace, resolve_atom, "mresolve")
  CAF_ADD_ATOM(millrace, millrace, register_atom, "register")
  CAF_ADD_ATOM(millrace, millrace, lookup_atom, "lookup")
  CAF_ADD_ATOM(millrace, millrace, watch_atom, "watch")
  CAF_ADD_ATOM(millrace, millrace, offer_atom, "offer")
  CAF_ADD_ATOM(millrace, millrace, chunk_atom, "chunk")
  CAF_ADD_ATOM(millrace, millrace, event_atom, "event")
  CAF_ADD_ATOM(millrace, millrace, ack_atom, "ack")
  CAF_ADD_ATOM(millrace, millrace, origin_atom, "origin")
  CAF_ADD_ATOM(millrace, millrace, query_atom, "query")
  CAF_ADD_ATOM(millrace, millrace, installed_atom, "installed")
  CAF_ADD_ATOM(millrace, millrace, refresh_atom, "refresh")
  CAF_ADD_ATOM(millrace, millrace, spawn_atom, "mspawn")
  CAF_ADD_ATOM(millrace, millrace, stop_atom, "stop")
  CAF_ADD_ATOM(millrace, millrace, pause_atom, "pause")

  CAF_ADD_TYPE_ID(millrace, (millrace::position))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::input_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::entry_index))
  CAF_ADD_TYPE_ID(millrace, (millrace::period_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::manifest_version))

  CAF_ADD_TYPE_ID(millrace, (millrace::partition_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::rows_after))
  CAF_ADD_TYPE_ID(millrace, (millrace::hdb_announcement))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_facts))
  CAF_ADD_ATOM(millrace, millrace, facts_atom, "facts")
  CAF_ADD_ATOM(millrace, millrace, leader_atom, "leader")
  CAF_ADD_ATOM(millrace, millrace, announce_atom, "announce")
  CAF_ADD_TYPE_ID(millrace, (millrace::stream_facts))
  CAF_ADD_ATOM(millrace, millrace, mark_atom, "mark")
  CAF_ADD_ATOM(millrace, millrace, end_period_atom, "endperiod")
  CAF_ADD_ATOM(millrace, millrace, refused_atom, "refused")

  CAF_ADD_TYPE_ID(millrace, (millrace::input_range))
  CAF_ADD_TYPE_ID(millrace, (millrace::peer_hello))
  CAF_ADD_ATOM(millrace, millrace, hello_atom, "hello")
  CAF_ADD_ATOM(millrace, millrace, raft_atom, "raft")
  CAF_ADD_ATOM(millrace, millrace, fetch_atom, "fetch")

  CAF_ADD_TYPE_ID(millrace, (millrace::period_report))
  CAF_ADD_TYPE_ID(millrace, (millrace::lineage_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_announcement))
  CAF_ADD_ATOM(millrace, millrace, ready_atom, "ready")

  CAF_ADD_ATOM(millrace, millrace, snapshot_atom, "snapshot")
  CAF_ADD_ATOM(millrace, millrace, members_atom, "members")

  CAF_ADD_ATOM(millrace, millrace, floor_atom, "floor")
  CAF_ADD_ATOM(millrace, millrace, prune_atom, "prune")
  CAF_ADD_ATOM(millrace, millrace, losses_atom, "losses")
  CAF_ADD_ATOM(millrace, millrace, lead_atom, "lead")
  CAF_ADD_ATOM(millrace, millrace, collected_atom, "collected")

  CAF_ADD_TYPE_ID(millrace, (millrace::text::json_value))
  CAF_ADD_TYPE_ID(millrace, (millrace::cluster_key))
  CAF_ADD_TYPE_ID(millrace, (millrace::node_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::founding_id))

  CAF_ADD_ATOM(millrace, millrace, give_up_atom, "giveup")
  CAF_ADD_ATOM(millrace, millrace, finished_atom, "finished")

  CAF_ADD_TYPE_ID(millrace, (millrace::bundle))

  CAF_ADD_TYPE_ID(millrace, (millrace::message_response))
  CAF_ADD_ATOM(millrace, millrace, respond_atom, "respond")
  CAF_ADD_TYPE_ID(millrace, (millrace::consumer_floor))
  CAF_ADD_TYPE_ID(millrace, (millrace::consumer_facts))
CAF_END_TYPE_ID_BLOCK(millrace)

namespace millrace {

/// Says of itself: role, positions, counts, lag.
using status_actor
  = caf::typed_actor<caf::replies_to<status_atom>::with<status_facts>>;

/// FRONT DOOR: the one actor that a node publishes at its port.
using front_door_actor = status_actor::extend<
  // The local actor of this name, for example "rdb1" or "rt/market", for a
  // process of this cluster: one of another is refused, with both names, and
  // one of other data. Every conversation between nodes begins here.
  caf::replies_to<resolve_atom, std::string,
                  cluster_key>::with<caf::strong_actor_ptr>,
  // Starts a configured process here; answers its endpoint name.
  caf::replies_to<spawn_atom, std::string>::with<std::string>,
  // Ends a process that runs here, for good; answers its name.
  caf::replies_to<stop_atom, std::string>::with<std::string>>;

/// CONNECTOR: opens connections for the actors of a process, so that these
/// touch no socket. A handle obtained through it dies with its own node only.
using connector_actor = caf::typed_actor<
  caf::replies_to<caf::connect_atom, endpoint>::with<caf::strong_actor_ptr>>;

/// WATCHER: hears of processes that became available.
using watcher_actor
  = caf::typed_actor<caf::reacts_to<watch_atom, std::vector<process_row>>>;

/// DISCOVERY: the registry. Holds no connections.
using discovery_actor = status_actor::extend<
  // A process says that it is there; repeated, as a sign of life.
  caf::reacts_to<register_atom, process_row>,
  // A process says that it ended.
  caf::reacts_to<caf::leave_atom, process_row>,
  // Rows of a process type ("" = all), whether available or not.
  caf::replies_to<lookup_atom, std::string>::with<std::vector<process_row>>,
  // Rows as above now, and each newly available one from now on.
  caf::replies_to<caf::subscribe_atom, std::string,
                  watcher_actor>::with<std::vector<process_row>>>;

/// REGISTRAR: keeps a node's processes registered, and its watchers told.
using registrar_actor = caf::typed_actor<
  caf::reacts_to<register_atom, process_row>,
  // The process of this name ended.
  caf::reacts_to<caf::leave_atom, std::string>,
  // The process of this name can answer questions, or cannot.
  caf::reacts_to<ready_atom, std::string, bool>,
  // Tell this watcher of processes of a type ("" = all), now
  // and later.
  caf::reacts_to<caf::subscribe_atom, std::string, watcher_actor>>;

/// SINK: receives a flow of whole log records; grows a copy, or delivers.
using sink_actor = caf::typed_actor<
  // Records of a flow, at a position of the source's log.
  caf::reacts_to<chunk_atom, flow_id, position, chunk>,
  // A StreamEvent that the source's reader found at this place of the flow.
  caf::reacts_to<event_atom, flow_id, chunk>,
  // The source of the flow lives.
  caf::reacts_to<caf::ping_atom, flow_id>,
  // The source's files before that of this position went.
  caf::reacts_to<collected_atom, flow_id, position>>;

/// SOURCE: tails a log directory and feeds a SINK within its credit.
using source_actor = status_actor::extend<
  // How far the flow has come.
  caf::reacts_to<ack_atom, flow_ack>,
  // Ends the flow.
  caf::reacts_to<stop_atom>>;

/// PUSHER: the SOURCE beside a publisher; RT asks it to end a period.
using pusher_actor = source_actor::extend<
  // Log your marker of this period after your last row of it.
  caf::reacts_to<mark_atom, period_id>,
  // RT lacks bytes that it had, or was to have: whole records of the range, as
  // many as fit a chunk. Answers where they begin: later than asked for where a
  // file ended; `not_found` where they are not here either.
  caf::replies_to<fetch_atom, position, position>::with<position, chunk>,
  // From the SINK: it took no chunk that came, or is to come, of this flow, and
  // why: `no_space`, for as long as its disk is full.
  caf::reacts_to<refused_atom, flow_id, caf::error>,
  // A response to a message of the publisher. Answers true where it counts;
  // `not_found` (nobody waits for it, or any more), `already_exists` (another
  // came before), `timeout`, `oversize`, `limit_exceeded`.
  caf::replies_to<respond_atom, message_response>::with<bool>,
  // From RT: this life of the publisher writes its origin no more, because a
  // later writer does (`fenced`, which names it).
  caf::reacts_to<refused_atom, caf::error>>;

/// STREAM SERVER: gives a stream's log to those who read it: the SEQUENCER, or,
/// of a stream that no RT node orders, the LOG SERVER beside its publisher.
using stream_server_actor = status_actor::extend<
  // A subscriber wants the log; a flow to it begins.
  caf::replies_to<caf::subscribe_atom, start_spec,
                  sink_actor>::with<source_actor, flow_grant>,
  // Where the stream stands.
  caf::replies_to<facts_atom>::with<stream_facts>,
  // The same of the node that leads: one that follows asks it. One that knows
  // nobody who leads answers for itself.
  caf::replies_to<leader_atom>::with<stream_facts>,
  // A SUBSCRIBER that is a durable consumer: asks, takes the name, or tells
  // what it needs no more. The node that leads answers, once what is to be
  // agreed on is: that may be later than the answer for what is only told.
  // `fenced`: another one took the name, or it was forgotten; `limit_exceeded`:
  // there are too many.
  caf::replies_to<floor_atom, consumer_floor>::with<consumer_facts>,
  // Cuts the stream: files that end before the position go, on all nodes.
  // Answers what goes and who loses what (see prune_report). Dry: only tells.
  // Not forced: `invalid_argument` where a consumer would lose.
  caf::replies_to<prune_atom, position, bool /*dry*/,
                  bool /*forced*/>::with<status_facts>,
  // A subscriber of this name wants to decide what the stream needs no more;
  // answers who does, for some seconds: itself, or the one before it.
  caf::replies_to<lead_atom, std::string>::with<std::string>,
  // From a subscriber, or another node that orders the stream: a response to a
  // message, for the publisher of its origin. Answers as that does, or
  // `unavailable` where it is connected to no node of the stream.
  caf::replies_to<respond_atom, message_response>::with<bool>>;

/// SEQUENCER: one stream on one RT node. Inputs in, one order out.
using sequencer_actor = stream_server_actor::extend<
  // A publisher's replicator offers its log; a flow to the SINK begins.
  caf::replies_to<offer_atom, input_offer, pusher_actor>::with<sink_actor,
                                                               flow_grant>,
  // From the replicator of a log that was offered: it is another one than that
  // which the stream has, and nothing of it is sent.
  caf::reacts_to<refused_atom, input_offer>,
  // Ends a period: asks the publishers, answers the marker's end position.
  caf::replies_to<end_period_atom, period_id>::with<position>,
  // A life of a publisher wants to write its origin: what is merged of that,
  // watermark and cursors of a grant, once it does. A grant that does not lead
  // tells a newer epoch than the one that the publisher has seen: to be asked
  // again with that one. `fenced` when a later writer took its place;
  // `unavailable` while the node that leads is not found, or not all that this
  // node holds of the input is merged.
  caf::replies_to<origin_atom, input_offer>::with<flow_grant>,
  // From another node that orders the stream: who it is.
  caf::reacts_to<hello_atom, peer_hello>,
  // The same: a RaftMessage, of the group with this id.
  caf::reacts_to<raft_atom, founding_id, chunk>,
  // The same: wants bytes of an input, as many of the range as fit a chunk; of
  // the merged log where no directory is named. Answers where they begin: later
  // than asked for where a file ended; `not_found` where they are not here.
  caf::replies_to<fetch_atom, input_range>::with<position, chunk>,
  // The same, from the leader of the group with this id: a RaftSnapshot, for a
  // member that lacks what comes before the leader's log.
  caf::reacts_to<snapshot_atom, founding_id, chunk>,
  // The same: wants the state as of an entry, from a byte on, as much as fits a
  // chunk. `not_found` when it is not kept any more.
  caf::replies_to<fetch_atom, entry_index, uint64_t>::with<chunk>,
  // From an operator: the first of these nodes leaves the group, the second
  // joins it, if there is one. Answers whether that is done; ask again until it
  // is.
  caf::replies_to<members_atom, node_id, node_id>::with<bool>,
  // From an operator: what copies of inputs lack, and only publishers or nodes
  // that are away may have, is taken for lost. Answers what that is. Dry: only
  // tells.
  caf::replies_to<give_up_atom, bool /*dry*/>::with<status_facts>,
  // What was lost, refused or let go, as this node wrote it down, after a
  // number (see loss_ledger).
  caf::replies_to<losses_atom, uint64_t>::with<status_facts>,
  // Clean stop: everything written is synced and sealed.
  caf::replies_to<stop_atom>::with<bool>>;

/// SUBSCRIBER: a SINK that verifies and delivers to callbacks.
using subscriber_actor
  = sink_actor::extend<caf::replies_to<status_atom>::with<status_facts>,
                       // Stops deliveries for good. Of a durable consumer:
                       // answers when what it needs no more is agreed on,
                       // or false after some seconds.
                       caf::replies_to<caf::unsubscribe_atom>::with<bool>,
                       // Holds deliveries back (true) or lets them go on
                       // (false).
                       caf::reacts_to<pause_atom, bool>,
                       // Who subscribed needs nothing before this position.
                       caf::reacts_to<floor_atom, position>>;

/// BUNDLE SOURCE: has the chunks of a result that did not travel with it, until
/// all are fetched, or the one that is to fetch them is gone.
using bundle_source_actor = caf::typed_actor<
  // The chunk of this number, from 0, of those that follow. Once each.
  caf::replies_to<fetch_atom, uint64_t>::with<chunk>>;

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
  caf::reacts_to<ack_atom, uint64_t>,
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
