#pragma once

#include <millrace/actors/rt/archive/archive_clock.hpp>
#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/actors/rt/archive/prune_lease.hpp>
#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/link/served_log.hpp>
#include <millrace/actors/rt/sequence/disk_pace.hpp>
#include <millrace/actors/rt/sequence/disk_trouble.hpp>
#include <millrace/actors/rt/sequence/input_repair.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/actors/rt/sequence/pending_claims.hpp>
#include <millrace/actors/rt/sequence/period_ending.hpp>
#include <millrace/actors/rt/sequence/sequencer_consumers.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/actors/rt/sequence/sequencer_rebuild.hpp>
#include <millrace/actors/rt/sequence/sequencer_self.hpp>
#include <millrace/actors/rt/sequence/slow_lead.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/stream_operator.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Who reads from it is in sequencer_readers.cpp, how periods end in
// sequencer_periods.cpp.
// What it says to the other nodes of its stream is in sequencer_peers.cpp, how
// it finds and mends damage in sequencer_scrub.cpp, sequencer_repair.cpp and
// sequencer_rebuild.cpp, how it catches up with the others in
// sequencer_catch_up.cpp, what becomes of old files in sequencer_archive.cpp,
// what is kept for whom in sequencer_consumers.cpp, how an operator resets the
// stream in sequencer_reset.cpp, who writes an origin in sequencer_writers.cpp,
// how long its syncs take and what comes of that in sequencer_pace.cpp, how
// responses of consumers find their way in sequencer_responses.cpp, what it
// says of itself in sequencer_status.cpp.

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
struct sequencer_state {
  static constexpr const char* name = "sequencer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit sequencer_state(sequencer_self_actor::pointer owner) : self{owner} {}

  caf::result<sink_actor, flow_grant> offer(const input_offer& what,
                                            const pusher_actor& from);
  caf::result<source_actor, flow_grant> subscribe(const start_spec& from,
                                                  const sink_actor& to);
  void input_lacking(copy_id copy, position from, position to);
  void input_failed(copy_id copy, const caf::error& fault);
  void input_refused(copy_id copy, const caf::error& fault);
  void out_synced(const caf::error& outcome);
  [[nodiscard]] stream_facts facts() const;
  caf::result<stream_facts> tell_facts();
  void tell_facts_that_wait();
  [[nodiscard]] bool knows_end(entry_index agreed) const;
  [[nodiscard]] bool may_tell_facts(entry_index agreed) const;
  caf::result<bool> stop();
  [[nodiscard]] status_facts status() const;
  [[nodiscard]] status_facts losses_after(uint64_t number) const;

  void start(persistence::env* world, std::unique_ptr<sequencer_core> whose,
             sequencer_settings how);
  void progress(const result<sequencer_effects>& outcome);
  void fail(const error& fault);
  /// Has a job done off this thread. The next life of the stream here begins
  /// when all of them are done.
  template <class Job>
  void submit(Job job) {
    env->io->submit(
      [held = core->held(), job = std::move(job)]() mutable { job(); });
  }
  void start_checkpoint();
  void no_room_for_checkpoint(const error& why);
  void went(const caf::actor_addr& who);
  /// @param was_here its copy should be, if any of it is merged
  result<input_sink_actor> sink_of(const input_name& input,
                                   bool was_here = true);
  void grant_offers();
  void tell(const std::string& origin, flow_grant& answer) const;
  void led();
  void tell_agreed() const;
  void give_up_periods();
  void tick();

  // sequencer_readers.cpp
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

  // sequencer_periods.cpp
  caf::result<position> end_period(period_id period);
  void ended_with(const period_ended& what);
  void step(const period_ending::input& what);
  /// Asks for the end that `request` wants.
  void ask_for_end(uint64_t request, period_id period);
  void act(const period_ending::ask& what);
  void act(period_ending::propose& what);
  void act(const period_ending::answer& what);
  void act(const period_ending::refuse& what);

  // sequencer_archive.cpp
  void collect_needless();
  void collect(const input_sink_actor& sink, copy_id copy);
  result<entry_index> needless_entries(int64_t now_ns);
  void tell_left_behind(const std::vector<member_id>& members);
  void leave_behind(bool any);
  void look_at_disk();
  void disk_seen(uint32_t percent);
  void collect_out();
  void collect_history();
  void history_collected(entry_index last, const caf::error& outcome);
  void out_collected(position below, const caf::error& outcome);
  void mind_archive_clock();
  void remove_gone();
  void end_closed_flows();
  void look_at_files();
  void files_seen();
  [[nodiscard]] error check_cut(position at) const;
  [[nodiscard]] result<archive_files> files_now() const;
  caf::result<status_facts> prune(position at, bool dry, bool forced);
  caf::result<status_facts> archive_up_to(position at, bool dry);
  caf::result<status_facts> cut(const archive_decision& what,
                                status_facts report);
  void answer_cuts();
  caf::result<std::string> take_lead(const std::string& who);
  void note_loss(loss what);
  void note_refused(const input_name& input, const error& why,
                    position at = {});
  void publisher_refused(const input_offer& what);
  void tell_losses();
  void tell_collection(text::json_value& into) const;

  // sequencer_consumers.cpp
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

  // sequencer_reset.cpp
  caf::result<status_facts> reset(bool dry, bool forced, uint64_t wanted);
  void begun(const session_begun& what);
  void give_up_resets();
  caf::result<status_facts> take_snapshot_now();
  void answer_snapshots();
  [[nodiscard]] bool snapshot_wanted() const {
    return !snapshots.empty() && core->state() != nullptr;
  }

  // sequencer_writers.cpp
  caf::result<flow_grant> origin_facts(const input_offer& what);
  caf::result<flow_grant> claim(const input_offer& what);
  void heard_of_claims(const peer_hello& what);
  void mind_claims();
  std::optional<result<flow_grant>> judge_claim(pending_claims::claim& each);
  void mind_fenced();
  void note_fenced(const std::string& origin, copy_id copy, uint64_t life);
  void claimed(const origin_claimed& what);
  [[nodiscard]] text::json_value origin_status(const std::string& origin_name,
                                               const merge_origin& what) const;

  // sequencer_peers.cpp
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
  caf::result<bool> respond(const message_response& what);
  struct response_way; ///< See sequencer_responses.cpp.
  void pass_on(const std::shared_ptr<response_way>& way);
  void say_hello();
  void take(const peer_hello& what);
  void take_held(const peer_hello& what);
  void take_raft(founding_id group, const chunk& bytes);
  void send(const raft_message& what);
  void take_refused(const raft_core::refused& what);
  caf::result<position, chunk> serve_bytes(const input_range& what);
  [[nodiscard]] caf::result<position, chunk>
  serve_out(const input_range& what) const;

  // sequencer_repair.cpp
  void mend_inputs();
  [[nodiscard]] input_repair::passed sources_of(copy_id copy) const;
  [[nodiscard]] pusher_actor pusher_of(copy_id copy) const;
  void step_repair(const input_repair::input& what);
  void act(const input_repair::ask& what);
  void act(const input_repair::give_up& what);
  void act(const input_repair::waits& what) const;
  void act(const input_repair::copies& what);
  caf::result<status_facts> give_up(bool dry);
  [[nodiscard]] text::json_value
  told_ranges(const std::vector<std::pair<copy_id, input_part>>& ranges) const;
  void filled(copy_id copy, input_part range, position begin,
              const chunk& bytes);
  void fetch_held(const peer_links::peer& from, copy_id copy, input_part range);
  void retry_inputs();
  void input_gone(copy_id copy);
  void disk_troubled(const error& why);
  void mind_disk();
  void step(const disk_trouble::input& what);
  void act(const disk_trouble::make_room&);
  void act(const disk_trouble::struck& what) const;
  void act(const disk_trouble::healed&) const;
  void act(const disk_trouble::blocked& what) const;
  void mind_reserve();
  void tell_gone_inputs();
  void drop_sink(copy_id copy, const caf::error& fault);
  void begin_needless_copies_anew();
  [[nodiscard]] bool is_news(copy_id copy, position from);
  /// Somebody may still have what an input lacks there.
  [[nodiscard]] bool may_come(copy_id copy, position from) const;
  [[nodiscard]] text::json_value repair_status() const;

  // sequencer_pace.cpp
  void input_recorded(copy_id copy, position from, position to,
                      const chunk& bytes);
  void input_durable(copy_id copy, position end);
  void start_sync();
  void group_synced(position end, const caf::error& outcome);
  [[nodiscard]] slow_lead::facts pace_facts(int64_t now_ns) const;
  [[nodiscard]] error mind_pace(int64_t now_ns);
  [[nodiscard]] text::json_value pace_status() const;

  // sequencer_scrub.cpp
  struct scrubbed_file {
    std::string directory;
    lineage_id lineage;
    position file;
    position next; ///< Where the next one begins.
    uint64_t bytes = 0;
    std::optional<copy_id> copy; ///< Of an input; none: of out/.
    /// Of the file that is written: up to here nothing changes any more.
    std::optional<position> below{};
  };
  void scrub();
  bool list_files(const std::string& directory, const lineage_id& lineage,
                  std::optional<copy_id> copy);

  // sequencer_catch_up.cpp
  void offer_snapshot(const std::vector<member_id>& to);
  void take_snapshot(founding_id group, const chunk& bytes);
  void offer_later_state(entry_index after);
  void fetch_state();
  [[nodiscard]] caf::result<chunk> serve_state(entry_index index,
                                               uint64_t from) const;
  void copy_out();
  void out_copied(const caf::error& outcome);
  void end_catching_up(const error& why);
  void take_in(const peer_hello& what, int64_t now_ns);
  caf::result<bool> change_members(node_id leaving, node_id joining);
  void tell_changes();
  void warn(const std::string& id, const std::string& text) const {
    settings.warn(id, "stream '" + core->options().stream + "': " + text);
  }
  void note(const std::string& id, const std::string& text) const {
    settings.note(id, "stream '" + core->options().stream + "': " + text);
  }

  sequencer_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::unique_ptr<sequencer_core> core;
  sequencer_settings settings;
  brood children;
  std::map<copy_id, input_sink_actor> sinks;
  std::unique_ptr<peer_links> peers;
  std::vector<log_reading> readers;
  entry_index stands_at;       ///< What was merged last,
  int64_t stands_since_ns = 0; ///< and since when nothing else was that could.
  bool stands_still = false;
  struct connected_publisher {
    pusher_actor pusher;
    std::string origin;
    copy_id copy;
    uint64_t life = 0; ///< Of the publisher.
  };
  std::map<flow_id, connected_publisher> publishers; ///< By flow.
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
  std::vector<waiting_offer> offers;
  pending_claims waiting_claims;
  flow_id flow_last;
  /// Subscribers that stand after what is applied here.
  struct waiting_subscriber {
    caf::typed_response_promise<source_actor, flow_grant> promise;
    start_spec from;
    sink_actor sink;
    int64_t until_ns = 0;
  };
  std::vector<waiting_subscriber> waiting;
  /// Those that ask where the stream stands, until what the group had agreed on
  /// when they asked is applied here.
  struct waiting_facts {
    entry_index agreed;
    caf::typed_response_promise<stream_facts> promise;
    int64_t since_ns = 0;
  };
  std::vector<waiting_facts> facts_asked;
  /// Subscribers whose start is looked for, by number.
  struct sought_start {
    sink_actor sink;
    subscriber_promise promise;
  };
  std::map<uint64_t, sought_start> seeking;
  uint64_t seek_next = 1;
  bool led_for_sure = false;
  int64_t hello_at_ns = 0;
  /// Chunks of records that were damaged on their way here, and refused.
  uint64_t damaged_records = 0;
  uint64_t strange_messages = 0; ///< Of another group, or not to be read.
  /// What lacked at the last tick, and the copies whose bytes are on their way
  /// because another node holds them.
  std::optional<sequencer_core::missing_bytes> missed;
  std::set<copy_id> fetching;
  input_repair repair{{}};
  /// What copies lack, as their sinks told it.
  std::map<copy_id, std::vector<input_part>> lacks;
  /// What nobody has is not asked for again.
  std::set<std::pair<copy_id, position>> given_up;
  struct failed_input {
    std::string why;
    int64_t retry_at_ns = 0;
  };
  std::map<copy_id, failed_input> failed_inputs;
  /// Those that a full disk refused, and when it last did.
  std::map<copy_id, int64_t> without_room;
  std::unique_ptr<out_mending> mending;
  /// Files that are still to be looked at in this round.
  std::deque<scrubbed_file> to_scrub;
  std::shared_ptr<std::atomic<bool>> scrubbing
    = std::make_shared<std::atomic<bool>>(false);
  int64_t scrub_at_ns = 0;
  uint64_t scrubbed = 0;
  uint64_t input_failures = 0;
  std::vector<copy_id> gone_inputs; ///< Not told yet.
  std::set<copy_id> begun_anew;     ///< Their copies were removed here.
  /// The first file of copies that began anew: none before it is missed.
  std::map<copy_id, position> begun_at;
  uint64_t inputs_gone = 0;
  std::unique_ptr<disk_trouble> disk;
  /// Places of inputs that lack something, and when that was told.
  std::map<std::pair<copy_id, position>, int64_t> told_lacks;
  disk_pace pace;
  /// Of each copy, up to where bytes came that its sync under way may not
  /// cover.
  std::map<copy_id, position> unsynced_ends;
  slow_lead lead_judge{};
  bool is_slow = false; ///< As `lead_judge` said last.
  /// What syncs take on the other nodes, and when they said so.
  struct told_pace {
    std::optional<int64_t> sync_ns;
    int64_t at_ns = 0;
  };
  std::map<node_id, told_pace> peer_paces;
  /// The reserve is taken again.
  std::shared_ptr<std::atomic<bool>> reserving
    = std::make_shared<std::atomic<bool>>(false);
  int64_t reserve_at_ns = 0;
  bool told_reserve = false; ///< That it is given.

  struct catch_up {
    raft_snapshot what;
    sequencer_actor from;
    std::vector<std::byte> state;                      ///< So far.
    std::shared_ptr<std::vector<stream_event>> events; ///< Of what is copied.
  };
  std::unique_ptr<catch_up> catching_up;
  /// The log names bytes of inputs that others have merged and collected.
  bool lacks_merged = false;
  /// Who the other nodes are now, and since when they say so.
  struct node_life {
    member_id who;
    int64_t since_ns = 0;
  };
  std::map<node_id, node_life> lives;
  std::string told_group; ///< What of the group was last in the log.
  uint64_t refused_messages = 0;
  /// The member that speaks against what was agreed on, and when it was told.
  std::optional<member_id> against;
  int64_t against_at_ns = 0;
  /// What the group has no room for yet, while this node leads.
  std::vector<period_end> unproposed;

  std::unique_ptr<period_ending> ending;
  struct period_request {
    caf::typed_response_promise<position> promise;
    period_id period;
  };
  std::map<uint64_t, period_request> period_requests;
  uint64_t period_request_next = 1;
  std::optional<sequencer_core::checkpoint_job> checkpoint;
  int64_t checkpoint_at_ns = 0; ///< None before.
  std::string told_unsaved;     ///< Why the last one was not taken.
  uint64_t checkpoints_refused = 0;

  consumer_desk consumers;
  struct survey {
    archive_files files;
    /// By the start of a file: it is closed, and has it for good.
    std::map<position, std::optional<int64_t>> times;
    error failure;
  };
  std::shared_ptr<survey> looked = std::make_shared<survey>();
  bool looking = false;
  int64_t look_at_ns = 0;
  archive_clock age_clock;
  std::string held_by; ///< As it was told last.
  uint32_t disk_percent = 0;
  /// Of the nodes that live, this one apart, as they said last.
  std::map<node_id, uint32_t> peer_disk_percents;
  bool looking_at_disk = false;
  int64_t disk_look_at_ns = 0;
  std::vector<std::string> left_behind; ///< Names; while this node leads.
  bool leaves_behind = false;           ///< As the node that leads said last.
  bool collecting_history = false;
  entry_index history_collected_end;
  bool collecting_out = false;
  position out_collected_end;
  error collect_failure;
  /// Those that wait until out/ begins there on this node.
  struct waiting_cut {
    position begin;
    status_facts report;
    caf::typed_response_promise<status_facts> promise;
  };
  std::vector<waiting_cut> cuts;
  /// Those that wait until the stream goes on in another session.
  struct waiting_reset {
    uint64_t session = 0;
    bool forced = false;
    status_facts report;
    caf::typed_response_promise<status_facts> promise;
  };
  std::vector<waiting_reset> resets;
  /// Those that wait for a checkpoint of all up to an entry.
  struct waiting_snapshot {
    entry_index applied;
    caf::typed_response_promise<status_facts> promise;
  };
  std::vector<waiting_snapshot> snapshots;
  prune_lease lead;
  log_growth growth;                   ///< Of out/.
  std::set<input_name> refused_inputs; ///< In this life; told once.
  uint64_t told_losses = 0;            ///< How many the log has told of,
  int64_t tell_losses_at_ns = 0;
};

sequencer_self_actor::behavior_type
sequencer(sequencer_self_actor::stateful_pointer<sequencer_state> self,
          persistence::env* world,
          std::shared_ptr<std::unique_ptr<sequencer_core>> core,
          sequencer_settings settings);

} // namespace millrace::rt
