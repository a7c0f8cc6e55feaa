#pragma once

// Streams: what publishers, RT nodes and subscribers say to each other; part of
// the map of interfaces.hpp.

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/node_interfaces.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

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
  /// log that has another one there is another log.
  record_sum before_begin;
  position merged; ///< Offer: input position merged so far.
  /// Offer: the node leads, and this life of the publisher writes its origin,
  /// so that watermark and cursors are the stream's.
  bool leads = false;
  /// Offer: how often the origin was claimed, as the node knows.
  uint64_t epoch = 0;
  message_id watermark; ///< Offer: last merged id of the origin; 0: none.
  uint8_t ids = 0;      ///< Offer: the id_policy of the stream.
  lineage_id life;      ///< Of the stream.
  position end;         ///< Subscription: where the merged log ends now.
  chunk cursors;        ///< Offer: SourceCursors merged for the origin.
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
  // Answers what goes and who loses what (see prune_report). Careful:
  // `invalid_argument` where a consumer would lose.
  caf::replies_to<prune_atom, position, cut_mode>::with<status_facts>,
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
  caf::replies_to<fetch_atom, entry_index, byte_number>::with<chunk>,
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
  caf::replies_to<losses_atom, loss_number>::with<status_facts>,
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

/// A SEQUENCER, as an operator knows it who changes what a stream holds. One
/// that does not lead asks the one that does.
using operated_stream_actor = caf::typed_actor<
  // The archiver lets files go that end before the position, as far as no
  // consumer needs them, in each mode. Answers what goes, and who holds the
  // rest (see prune_report).
  caf::replies_to<archive_atom, position, cut_mode>::with<status_facts>,
  // The stream goes on in its next session, which begins with a `reset`, and
  // what lies before it goes. Answers and refuses as a cut there does, and
  // `already_exists` where the session is named and has begun: who heard
  // nothing may ask again, and resets once. 0: whichever is next.
  caf::replies_to<reset_atom, cut_mode, session_number>::with<status_facts>,
  // Nothing is kept any more for the consumer of this name, which may subscribe
  // anew later. Answers what it needed, and what was kept for it alone:
  // `not_found`, or `invalid_argument` for one that is connected, or that the
  // configuration names. Dry: only tells.
  caf::replies_to<forget_atom, std::string, bool /*dry*/>::with<status_facts>,
  // A checkpoint now, with which this node's part of the group's log begins as
  // soon as no member needs what is before it. Answers once it is taken.
  caf::replies_to<snapshot_atom>::with<status_facts>>;

} // namespace millrace
