#pragma once

#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/link/served_log.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/actors/rt/sequence/pending_claims.hpp>
#include <millrace/actors/rt/sequence/sequencer_archive.hpp>
#include <millrace/actors/rt/sequence/sequencer_catch_up.hpp>
#include <millrace/actors/rt/sequence/sequencer_consumers.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/actors/rt/sequence/sequencer_pace.hpp>
#include <millrace/actors/rt/sequence/sequencer_periods.hpp>
#include <millrace/actors/rt/sequence/sequencer_rebuild.hpp>
#include <millrace/actors/rt/sequence/sequencer_repair.hpp>
#include <millrace/actors/rt/sequence/sequencer_scrub.hpp>
#include <millrace/actors/rt/sequence/sequencer_self.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

/// As they travel.
[[nodiscard]] std::vector<member_id> ids_of(const raft_configuration& members);

struct sequencer_settings {
  /// How long an end of period waits for publishers that are connected.
  int64_t period_grace_ns = 5'000'000'000;
  /// Origins of publishers that it waits for also while they are away.
  std::vector<std::string> participants;
  /// The other nodes that order the stream, and what finds them.
  std::vector<peer_settings> peers;
  connector_actor connector;
  /// A line for the node's log: what was damaged, mended, refused, given up.
  /// First a word that can be searched for.
  std::function<void(const std::string&, const std::string&)> warn
    = [](const std::string&, const std::string&) {};
  /// The same for what is as it should be.
  std::function<void(const std::string&, const std::string&)> note
    = [](const std::string&, const std::string&) {};
  /// The same of what is worth a line only to who looks for a fault.
  std::function<void(const std::string&, const std::string&)> detail
    = [](const std::string&, const std::string&) {};
  /// What of out/ may stay, as the node that leads has it.
  archive_policy retention;
  /// Names of those that must lose nothing to it, whether they are there or
  /// not: registered by the node that leads, and forgotten by nobody.
  std::vector<std::string> consumers;
  /// While the disk of a node is fuller, nothing is kept for nodes away.
  uint32_t gc_disk_percent = 70;
  /// A node whose syncs take longer hands the lead over: see `slow_lead`.
  int64_t slow_sync_ns = slow_sync_default_ns;
};

/// State of the SEQUENCER: the actor around sequencer_core. A failure of its
/// storage ends it; its next life recovers what is there.
///
/// What it does with rules and timers of their own are parts of it, each in the
/// header of its unit: they reach the rest of it by this state.
struct sequencer_state {
  static constexpr const char* name = "sequencer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit sequencer_state(sequencer_self_actor::pointer owner) : self{owner} {}

  void start(persistence::env* world, std::unique_ptr<sequencer_core> whose,
             sequencer_settings how);
  void progress(const result<sequencer_effects>& outcome);
  void tick();
  caf::result<bool> stop();
  void fail(const error& fault);
  void went(const caf::actor_addr& who);
  /// Has a job done off this thread. The next life of the stream here begins
  /// when all of them are done.
  template <class Job>
  void submit(Job job) {
    env->io->submit(
      [held = core->held(), job = std::move(job)]() mutable { job(); });
  }
  void warn(const std::string& id, const std::string& text) const {
    settings.warn(id, "stream '" + core->options().stream + "': " + text);
  }
  void note(const std::string& id, const std::string& text) const {
    settings.note(id, "stream '" + core->options().stream + "': " + text);
  }
  void tell_agreed() const;
  void remove_gone();

  caf::result<sink_actor, flow_grant> offer(const input_offer& what,
                                            const pusher_actor& from);
  void grant_offers();
  void tell(const std::string& origin, flow_grant& answer) const;
  void end_closed_flows();
  /// @param was_here its copy should be, if any of it is merged
  result<input_sink_actor> sink_of(const input_name& input,
                                   bool was_here = true);
  void drop_sink(copy_id copy, const caf::error& fault);

  void start_checkpoint();
  void no_room_for_checkpoint(const error& why);
  void out_synced(const caf::error& outcome);

  // sequencer_status.cpp: what it says of itself.

  [[nodiscard]] stream_facts facts() const;
  /// It is the only member of its group.
  [[nodiscard]] bool is_alone() const;
  caf::result<stream_facts> tell_facts();
  caf::result<stream_facts> tell_facts_of_leader();
  void tell_facts_that_wait();
  [[nodiscard]] bool knows_end(entry_index agreed) const;
  [[nodiscard]] bool may_tell_facts(entry_index agreed) const;
  [[nodiscard]] status_facts status() const;
  [[nodiscard]] text::json_value repair_status() const;
  [[nodiscard]] status_facts losses_after(loss_number number) const;
  void note_loss(loss what);
  void tell_losses();

  // sequencer_readers.cpp: who reads from it.

  caf::result<source_actor, flow_grant> subscribe(const start_spec& from,
                                                  const sink_actor& to);
  result<std::optional<position>> resolve(const start_spec& from) const;
  struct opened_tail {
    source_actor source;
    flow_grant grant;
  };
  result<opened_tail> open_tail(const start_spec& from, const sink_actor& to);
  [[nodiscard]] bool reached(const start_spec& from) const;
  [[nodiscard]] std::optional<position> begin_of_stream() const;
  /// It names a place in an earlier life of the stream.
  [[nodiscard]] bool of_another_life(const start_spec& from) const;
  [[nodiscard]] bool is_strange(position at) const;
  [[nodiscard]] bool begins_anew(const start_spec& from) const;
  [[nodiscard]] error strange_place(position at) const;
  [[nodiscard]] std::string marks_as(const std::string& origin,
                                     copy_id copy) const;
  [[nodiscard]] bool set_back(const start_spec& from) const;
  void serve_waiting();
  using subscriber_promise
    = caf::typed_response_promise<source_actor, flow_grant>;
  void serve(const start_spec& from, const sink_actor& to,
             subscriber_promise promise);
  void seek(int64_t time_ns, const sink_actor& to, subscriber_promise promise);
  void sought(uint64_t number, position at, const caf::error& outcome);
  void hand_out(const std::vector<sequencer_effects::out_part>& parts);
  void mind_readers();

  // sequencer_consumers.cpp: what is kept for whom.

  caf::result<consumer_facts> take_floor(const consumer_floor& what);
  caf::result<consumer_facts> claim(const consumer_floor& what);
  void taken(const consumer_desk::waiting_floor& by);
  [[nodiscard]] error replaced(const consumer_floor& what) const;
  error too_many(const std::string& consumer);
  void answer_floors();
  void mind_consumers();
  void note_floors_now();
  void add_configured(std::vector<noted_floor>& into);
  [[nodiscard]] archive_floors floors() const;
  [[nodiscard]] bool is_configured(const std::string& consumer) const;
  caf::result<status_facts> forget(const std::string& consumer, bool dry);
  void tell_consumers(text::json_value& into) const;

  // sequencer_reset.cpp: how an operator resets the stream, or its log.

  caf::result<status_facts> reset(cut_mode mode, session_number wanted);
  void begun(const session_begun& what);
  void give_up_resets();
  caf::result<status_facts> take_snapshot_now();
  void answer_snapshots();
  [[nodiscard]] bool snapshot_wanted() const {
    return !snapshots.empty() && core->state() != nullptr;
  }

  // sequencer_writers.cpp: who writes an origin.

  caf::result<flow_grant> origin_facts(const input_offer& what);
  caf::result<flow_grant> claim(const input_offer& what);
  void heard_of_claims(const peer_hello& what);
  void mind_claims();
  std::optional<result<flow_grant>> judge_claim(pending_claims::claim& each);
  void mind_fenced();
  void note_fenced(const std::string& origin, copy_id copy, uint64_t life);
  void claimed(const origin_claimed& what);
  void note_refused(const input_name& input, const error& why,
                    position at = {});
  void publisher_refused(const input_offer& what);
  [[nodiscard]] text::json_value origin_status(const std::string& origin_name,
                                               const merge_origin& what) const;

  // sequencer_responses.cpp: how responses of consumers find their way.

  caf::result<bool> respond(const message_response& what);
  struct response_way;
  void pass_on(const std::shared_ptr<response_way>& way);

  // sequencer_peers.cpp: what it says to the other nodes of its stream, and
  // who they are.

  void look_for_peers();
  [[nodiscard]] result<sequencer_actor> leading_peer() const;
  /// What the node that leads, which is another one, answers to these words.
  template <class Answer, class Handle = sequencer_actor, class... Words>
  caf::result<Answer> ask_leader(const Words&... words) {
    const auto leader = leading_peer();
    if (!leader)
      return to_caf(leader.failure());
    return self->delegate(caf::actor_cast<Handle>(*leader), words...);
  }
  void say_hello();
  void take(const peer_hello& what);
  void mind_place();
  [[nodiscard]] bool knows_its_place() const;
  void take_held(const peer_hello& what);
  void take_raft(founding_id group, const chunk& bytes);
  void send(const raft_message& what);
  void take_refused(const raft_core::refused& what);
  caf::result<position, chunk> serve_bytes(const input_range& what);
  caf::result<position, chunk> serve_out(const input_range& what);
  void read_out(uint64_t number, position begin, const chunk& bytes,
                const caf::error& outcome);
  void take_in(const peer_hello& what, int64_t now_ns);
  caf::result<bool> change_members(node_id leaving, node_id joining);
  void tell_changes();

  sequencer_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::unique_ptr<sequencer_core> core;
  sequencer_settings settings;
  brood children;
  bool led_for_sure = false;
  flow_id flow_last;

  // Its parts.

  std::unique_ptr<period_desk> periods;
  std::unique_ptr<input_mending> input_mends;
  std::unique_ptr<out_mending> out_mends;
  std::unique_ptr<file_scrub> scrub;
  std::unique_ptr<disk_watch> disk;
  std::unique_ptr<stream_catch_up> catch_up;
  std::unique_ptr<stream_archive> archive;

  // Publishers.

  std::map<copy_id, input_sink_actor> sinks;
  struct connected_publisher {
    pusher_actor pusher;
    std::string origin;
    copy_id copy;
    uint64_t life = 0; ///< Of the publisher.
  };
  std::map<flow_id, connected_publisher> publishers; ///< By flow.
  /// What publishers said of who merged their logs, until this node knows which
  /// life of the stream it is of.
  std::map<copy_id, input_offer> unnoted_lives;
  struct waiting_offer {
    caf::typed_response_promise<sink_actor, flow_grant> promise;
    sink_actor sink;
    flow_id flow;
    copy_id copy;
    std::string origin;
    uint64_t life = 0;
    bool has_position = false;
    position end;        ///< Of the copy.
    uint32_t before = 0; ///< Sum of the record that ends there.
  };
  void note_earlier_lives();
  void note_earlier_life(copy_id copy, const input_offer& of);
  std::vector<waiting_offer> offers;
  pending_claims waiting_claims;
  std::set<input_name> refused_inputs; ///< In this life; told once.

  // Subscribers and consumers.

  std::vector<log_reading> readers;
  /// Subscribers that stand after what is applied here.
  struct waiting_subscriber {
    caf::typed_response_promise<source_actor, flow_grant> promise;
    start_spec from;
    sink_actor sink;
    int64_t until_ns = 0;
  };
  std::vector<waiting_subscriber> waiting;
  /// Subscribers whose start is looked for, by number.
  struct sought_start {
    sink_actor sink;
    subscriber_promise promise;
  };
  std::map<uint64_t, sought_start> seeking;
  uint64_t seek_next = 1;
  /// Other nodes, whose parts of out/ are read, by number.
  std::map<uint64_t, caf::typed_response_promise<position, chunk>> out_readings;
  uint64_t out_reading_next = 1;
  entry_index stands_at;       ///< What was merged last,
  int64_t stands_since_ns = 0; ///< and since when nothing else was that could.
  bool stands_still = false;
  /// What its directory is, where that is of another group than most nodes are
  /// of, and what to do; empty: it is not. Nobody is served then.
  std::string foreign;
  bool has_met_group = false; ///< Some node led it, in this life.
  int64_t began_ns = 0;       ///< This life; monotonic.
  consumer_desk consumers;
  log_growth growth; ///< Of out/.

  // The other nodes.

  std::unique_ptr<peer_links> peers;
  int64_t hello_at_ns = 0;
  /// Who they are now, and since when they say so.
  struct node_life {
    member_id who;
    int64_t since_ns = 0;
  };
  std::map<node_id, node_life> lives;
  std::string told_group; ///< What of the group was last in the log.
  /// The member that speaks against what was agreed on, and when it was told.
  std::optional<member_id> against;
  int64_t against_at_ns = 0;
  uint64_t refused_messages = 0;
  uint64_t strange_messages = 0; ///< Of another group, or not to be read.
  /// Chunks of records that were damaged on their way here, and refused.
  uint64_t damaged_records = 0;

  // Checkpoints.

  std::optional<sequencer_core::checkpoint_job> checkpoint;
  int64_t checkpoint_at_ns = 0; ///< None before.
  std::string told_unsaved;     ///< Why the last one was not taken.
  uint64_t checkpoints_refused = 0;

  // What was asked for, and waits.

  /// Where the stream stands, until what the group had agreed on when it was
  /// asked is applied here.
  struct waiting_facts {
    entry_index agreed;
    caf::typed_response_promise<stream_facts> promise;
    int64_t since_ns = 0;
  };
  std::vector<waiting_facts> facts_asked;
  /// Resets, until the stream goes on in another session.
  struct waiting_reset {
    uint64_t session = 0;
    cut_mode mode = cut_mode::careful;
    status_facts report;
    caf::typed_response_promise<status_facts> promise;
  };
  std::vector<waiting_reset> resets;
  /// Checkpoints of all up to an entry.
  struct waiting_snapshot {
    entry_index applied;
    caf::typed_response_promise<status_facts> promise;
  };
  std::vector<waiting_snapshot> snapshots;
  uint64_t told_losses = 0; ///< How many the log has told of,
  int64_t tell_losses_at_ns = 0;
};

sequencer_self_actor::behavior_type
sequencer(sequencer_self_actor::stateful_pointer<sequencer_state> self,
          persistence::env* world,
          std::shared_ptr<std::unique_ptr<sequencer_core>> core,
          sequencer_settings settings);

} // namespace millrace::rt
