#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/actors/rt/sequence/applied_trace.hpp>
#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/actors/rt/sequence/merge_planner.hpp>
#include <millrace/actors/rt/sequence/out_rebuild.hpp>
#include <millrace/actors/rt/sequence/space_reserve.hpp>
#include <millrace/actors/rt/sequence/state_store.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

// Recovery is in sequencer_recovery.cpp, what becomes of agreed entries in
// sequencer_apply.cpp, what goes into the ledger in sequencer_losses.cpp, how a
// node that is alone goes on without its group's log in sequencer_alone.cpp.

namespace millrace::rt {

struct sequencer_options {
  std::string stream;
  /// Holds in/, raft/, history/, out/ and state/ of this stream on this node.
  std::string directory;
  bool cached = false;
  /// Of a new stream: what is agreed on at its beginning stays.
  uint64_t roll_bytes = uint64_t{1} << 29;
  /// The same.
  id_policy ids = id_policy::strict;
  /// Origins that several publishers write at a time, all the same sequence;
  /// agreed on when one of them claims it.
  std::vector<std::string> replicated_origins{};
  /// A stream that begins does so at a place that is drawn, so that places of
  /// an earlier life of it are none of this one; else in session 0.
  bool draws_first_place = false;
  /// out/ bytes between checkpoints: what a restart applies again at most.
  uint64_t checkpoint_bytes = checkpoint_bytes_default;
  /// The nodes that order the stream, and which of them this one is. Empty: it
  /// is alone.
  std::vector<group_forming::node> nodes;
  node_id self;
  /// See `stream_group::settings`.
  uint64_t behind_bytes_max = behind_bytes_default;
  int64_t gc_grace_ns = gc_grace_default_ns;
};

/// What a step of the sequencer led to, for others to act on.
struct sequencer_effects {
  /// A part of out/ that was written.
  struct out_part {
    position end;
    chunk bytes; ///< Empty while nobody follows out/.
  };
  std::vector<out_part> out;
  std::set<copy_id> merged; ///< Copies whose merged end moved.
  std::vector<merge_effect> facts;
  std::vector<raft_message> sends;
  /// Inputs of others that the stream took in: their bytes are to be copied.
  std::vector<input_name> opened;
  std::vector<raft_core::refused> refused;
  /// Members that are to be offered the group's snapshot.
  std::vector<member_id> stranded;
  /// The part of this node in the group changed, or the group did.
  bool changed = false;
  /// More is needless than before: see `needless`.
  bool collects = false;
};

/// One stream on one RT node, without actors: inputs become durable, the leader
/// of the group proposes ranges of them, what the group commits is appended to
/// out/. One owner.
class sequencer_core {
public:
  /// Opens the directory and recovers: the newest checkpoint (or, without one,
  /// the newest state record of out/), and out/ cut back to it. Where damage or
  /// a power cut took that part of out/, it is made again from the inputs and
  /// the history. A node that is alone applies the committed entries after it,
  /// from in/; one of several does so as it hears from the others. `locked`
  /// while an earlier core, or a job of it, has the directory. Blocks; call it
  /// before the actor starts.
  [[nodiscard]] static result<std::unique_ptr<sequencer_core>>
  open(persistence::env& world, sequencer_options options,
       std::unique_ptr<state_store> store);

  // -- inputs -----------------------------------------------------------------

  struct input_grant {
    copy_id copy;
    std::string directory; ///< Where the copy of this input grows.
    position merged;
    /// What this node vouched for, as its disk said when it was opened: all of
    /// it was durable in the copy once.
    position vouched;
  };
  /// The copy of a publisher's directory and lineage on this node. `fenced`
  /// when a later lineage of the directory is known.
  [[nodiscard]] result<input_grant> open_input(const input_name& name);
  /// Bytes [from, to) of an input are recorded here; merged once durable.
  void recorded(copy_id copy, position from, position to, chunk bytes);
  /// The input is durable below `end`.
  void durable(copy_id copy, position end);
  /// The copy lacks this range; nothing after it is ordered until it is filled,
  /// or `lost`, or `absent`: nothing lies there.
  void lacking(copy_id copy, const input_part& range);
  void lost(copy_id copy, const input_part& range);
  void absent(copy_id copy, const input_part& range);
  /// The copy begins anew: its sink failed.
  void restart_input(copy_id copy) { inputs_.restart(copy); }

  /// The inputs that the stream and the group's log name.
  [[nodiscard]] std::vector<input_name> known_inputs() const;

  // -- instructions: `unavailable` where the group takes none now -------------

  [[nodiscard]] error propose_period_end(period_end entry);
  [[nodiscard]] error propose_cut(position begin);
  [[nodiscard]] error propose_session(begin_session entry);
  [[nodiscard]] error propose_floors(note_floors entry);
  [[nodiscard]] error propose_forget(const std::string& consumer);

  // -- who writes an origin (sequencer_claims.cpp) ----------------------------

  enum class standing_type : uint8_t {
    none,   ///< This life of the publisher did not claim the origin.
    writes, ///< It is a writer.
    fenced, ///< It was one, and a later one took its place.
  };
  [[nodiscard]] standing_type standing_of(const std::string& origin,
                                          const input_name& name,
                                          uint64_t life) const;
  /// How often an origin was claimed, as it is known here.
  [[nodiscard]] uint64_t epoch_of(const std::string& origin) const;
  /// Publishers' logs that a claim of the origin would fence.
  [[nodiscard]] std::vector<input_name>
  fenced_by_claim(const std::string& origin, const input_name& by) const;
  /// Its writers publish the same sequence, in which a marker has no place.
  [[nodiscard]] bool is_replicated(const std::string& origin) const;
  /// The directories of those that write it now.
  [[nodiscard]] std::vector<std::string>
  writers_of(const std::string& origin) const;
  /// Why a life of a publisher is fenced, with the remedy.
  [[nodiscard]] error why_fenced(const std::string& origin,
                                 const std::string& directory) const;
  /// A life of a publisher is to become a writer. @pre the stream knows its log
  [[nodiscard]] error propose_claim(const std::string& origin,
                                    const input_name& by, uint64_t life);
  /// Nothing of the copy is ordered from there on, until all are released.
  void hold_back(copy_id copy, position from) { held_back_[copy] = from; }
  void release(copy_id copy);

  // -- the group --------------------------------------------------------------

  [[nodiscard]] stream_group& group() noexcept { return *group_; }
  [[nodiscard]] const stream_group& group() const noexcept { return *group_; }

  /// Another node said who it is; may found the group, or join one: what out/
  /// holds of another one is set aside then. `fenced`: see `stream_group`.
  [[nodiscard]] error heard(const member_id& from,
                            const group_founding& founding, bool forgot);

  /// Goes as far as it can: proposes what is durable, writes entries whose
  /// bytes are here, applies what is committed.
  [[nodiscard]] result<sequencer_effects> advance();
  /// Whether entries wait for a sync of the group's log.
  [[nodiscard]] bool needs_sync() const noexcept {
    return group_->needs_sync();
  }
  /// Of what `advance` wrote.
  [[nodiscard]] persistence::log_writer::sync_job begin_sync();
  [[nodiscard]] result<sequencer_effects> finish_sync(position end,
                                                      const error& outcome);

  /// What the next entry names and this node does not hold, or not any more.
  struct missing_bytes {
    copy_id copy;
    input_part range; ///< The first part of it that lacks.
    friend bool operator==(const missing_bytes&, const missing_bytes&)
      = default;
  };
  /// The range, and what must come before it: a copy grows from its end on, and
  /// an empty one from the start of a file.
  [[nodiscard]] input_part growing(copy_id copy, input_part range) const;
  [[nodiscard]] const std::optional<missing_bytes>& missing() const noexcept {
    return missing_;
  }
  /// Tries to apply again what could not be read.
  void retry() noexcept { blocked_.reset(); }
  /// An entry that is due names some of these bytes, which are not here.
  [[nodiscard]] bool is_blocked_on(copy_id copy, const input_part& range) const;
  /// What the group's log has forgotten is not all applied here.
  [[nodiscard]] bool recalls() const;
  /// Nobody has what that takes: sets out/ and the group's log aside, and says
  /// so as a failure to end with. The next life copies what the group has.
  /// @pre other nodes order the stream.
  [[nodiscard]] error give_up_recall(const std::string& why);
  /// Why nothing is applied, or agreed on; none while all goes on.
  [[nodiscard]] error blocked() const {
    return blocked_ ? blocked_->why : group_->full();
  }
  /// Half of an entry is in out/: the disk had no room for the rest.
  [[nodiscard]] bool is_between_entries() const noexcept {
    return half_applied_.has_value();
  }
  /// Of what cannot be read: what is damaged, and not declared lost.
  [[nodiscard]] std::vector<missing_bytes> damaged() const;
  /// Nobody has what is `damaged` in this range: an event takes its place once
  /// this is agreed on, durably, and in every later life. @pre this node is
  /// alone: no other one may have applied it.
  void declare_lost(copy_id copy, const input_part& range);

  // -- checkpoints ------------------------------------------------------------

  /// What neither this node needs after a crash, whatever else of its state is
  /// lost with it, nor another member. It may be collected: of inputs, what the
  /// files of out/ before the newest were made from; of out/, what was cut off.
  /// Both once the group's log begins after that, durably.
  struct needless_logs {
    std::map<input_id, position> inputs; ///< Of each input, below this.
    position out;                        ///< Of out/, below this.
    entry_index history;                 ///< Of the history, up to this.
  };
  [[nodiscard]] position needless_of(copy_id copy) const;
  [[nodiscard]] position needless_out() const noexcept { return needless_.out; }
  [[nodiscard]] entry_index needless_history() const noexcept {
    return needless_.history;
  }

  /// A checkpoint: out/ is synced by the job, then `finish_checkpoint` stores
  /// the state as it was when the job began.
  struct checkpoint_job {
    persistence::log_writer::sync_job sync;
    position history_end;
    std::vector<std::byte> state;
    entry_index applied;
    needless_logs before; ///< What comes before that state.
    position anchor;      ///< Where the file begins that is kept with it.
    position end;         ///< Of out/ at that state.
    /// What the job could not keep; see `not_saved`.
    std::shared_ptr<error> refused = std::make_shared<error>();
  };
  [[nodiscard]] bool checkpoint_due() const;
  /// `no_space` changes nothing: it is due until there is room.
  [[nodiscard]] result<checkpoint_job> begin_checkpoint();
  [[nodiscard]] error finish_checkpoint(const checkpoint_job& job,
                                        const error& outcome);
  /// Why the last one was not taken, and is due again; none: it was.
  [[nodiscard]] const error& not_saved() const noexcept { return not_saved_; }
  /// Up to here the state is durable in a checkpoint.
  [[nodiscard]] entry_index checkpointed() const noexcept {
    return newest_.index;
  }
  /// No member of the group needs the entries up to `index` any more.
  [[nodiscard]] error compact(entry_index index);
  /// The group's log begins at the next checkpoint that it may begin at, also
  /// where that costs more than it saves.
  void compact_at_any_cost() noexcept { at_any_cost_ = true; }

  // -- what came before the group's log (sequencer_install.cpp) ---------------

  /// Lets go of out/, for others to add to: nothing is applied meanwhile.
  /// @pre no checkpoint is under way, and it is not between entries.
  void begin_copying();
  [[nodiscard]] bool copying() const noexcept { return copying_; }
  /// What was copied is the stream up to `state`, durably.
  /// @param events that lie in what was copied.
  [[nodiscard]] result<sequencer_effects>
  install(const raft_snapshot& what, const entry_log::kept_state& state,
          const std::vector<stream_event>& events);
  /// Nothing came of it: goes on with what was applied before.
  [[nodiscard]] result<sequencer_effects> end_copying();
  /// out/ is not what the group agreed on.
  [[nodiscard]] error set_out_aside() { return leave_out(false); }
  /// All of out/ was agreed on, and has gone from the stream since: it is
  /// renamed, and what `gone_directories` names is to be removed.
  [[nodiscard]] error give_out_up() { return leave_out(true); }
  [[nodiscard]] std::vector<std::string> gone_directories() const;

  /// A file that is written was moved, or another one put in its place: what
  /// is written is nowhere to be found, and may get into what others look for.
  /// As a failure to end with; the next life goes on in what is there. Reads
  /// little.
  [[nodiscard]] error check_names() const;

  [[nodiscard]] error close();

  /// What this node has forgotten, and how it goes on without that; empty:
  /// nothing.
  [[nodiscard]] const std::string& forgot() const noexcept { return forgot_; }

  /// What of its state was damaged, and begins anew without a loss.
  [[nodiscard]] const std::vector<std::string>& remarks() const noexcept {
    return remarks_;
  }

  // -- facts ------------------------------------------------------------------

  /// The hold on the stream's directory: no other core opens it while somebody
  /// has this. For jobs that go on when the core is gone.
  [[nodiscard]] const std::shared_ptr<persistence::directory_lock>&
  held() const noexcept {
    return held_;
  }
  /// What is given away on a full disk.
  [[nodiscard]] const std::shared_ptr<space_reserve>& reserve() const noexcept {
    return reserve_;
  }
  /// Null until the stream has begun.
  [[nodiscard]] const merge_state* state() const noexcept {
    return merge_ ? &merge_->state() : nullptr;
  }
  /// This node decides the order, and has applied all that was ever agreed on.
  [[nodiscard]] bool leads() const {
    return merge_ && pending_.empty() && group_->leads_for_sure();
  }
  [[nodiscard]] position merged(copy_id copy) const;
  /// A later life of the publisher's directory took its place.
  [[nodiscard]] bool closed(copy_id copy) const;
  /// The stream knows the input, and all that was recorded of it is merged; of
  /// one that is fenced nothing more will be, as things are.
  [[nodiscard]] bool settled(copy_id copy) const;
  [[nodiscard]] const input_store& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const sequencer_options& options() const noexcept {
    return options_;
  }
  [[nodiscard]] std::string out_directory() const {
    return options_.directory + "/out";
  }
  [[nodiscard]] position out_end() const noexcept;
  /// Messages that were merged here since the stream was opened, or copied
  /// anew.
  [[nodiscard]] uint64_t messages() const noexcept {
    return merge_ ? merge_->messages() : 0;
  }
  /// Of the merged log; not known until the stream has begun.
  [[nodiscard]] lineage_id life() const noexcept;
  /// What a file of out/ can be made again from, all that was applied included.
  /// @pre the stream has begun.
  [[nodiscard]] result<rebuild_source> rebuilt_from();

  /// What was lost, refused or let go, as far as this node knows. The ledger is
  /// durable with the checkpoint that comes after.
  [[nodiscard]] const loss_ledger& losses() const noexcept { return *ledger_; }
  /// Writes one down that no entry tells of. While the disk is full it is kept
  /// in mind.
  [[nodiscard]] error note_loss(loss what);

  /// Whether somebody follows out/: its parts then carry their bytes.
  void set_followed(bool followed) noexcept { followed_ = followed; }

private:
  sequencer_core(persistence::env& world, sequencer_options options,
                 std::shared_ptr<state_store> store);

  // sequencer_recovery.cpp
  error recover();
  error open_history();
  void tell_what_is_gone();
  error leave_out(bool is_gone);
  error leave(const std::string& directory, bool is_gone);
  error begin_history_anew(bool is_gone = false);
  std::optional<merge_state> stored_state();
  result<std::optional<lineage_id>>
  out_lineage(const std::optional<merge_state>& checkpoint);
  result<std::optional<merge_state>>
  recover_state(const std::optional<merge_state>& checkpoint);
  result<std::optional<merge_state>> state_to_make_again();
  [[nodiscard]] bool whole_up_to(position end) const;
  result<std::optional<merge_state>> newest_state_record(bool by_history);
  [[nodiscard]] bool usable(const merge_state& state, bool by_history) const;
  [[nodiscard]] bool history_leads_on(entry_index from) const;
  error apply_history();
  error make_missing_files();
  [[nodiscard]] result<merge_state> state_record(position file) const;
  [[nodiscard]] std::optional<merge_state> state_at_first_file() const;
  void recover_needless();
  error apply_alone();
  // sequencer_out.cpp
  [[nodiscard]] stream_layout new_layout() const;
  error open_out_again(const lineage_id& lineage,
                       const std::optional<merge_state>& checkpoint);
  [[nodiscard]] error make_first_file(const stream_layout& layout) const;
  error open_out(const stream_layout& layout);
  static error foreign_out(error fault);
  error begin_merge(merge_state state);
  // sequencer_alone.cpp
  error go_on_alone(const std::optional<merge_state>& checkpoint);
  [[nodiscard]] entry_index history_end(entry_index from) const;
  [[nodiscard]] bool inputs_reach(const merge_state& state) const;
  [[nodiscard]] bool lost_end() const;
  error start_over();
  [[nodiscard]] error leave(entry_index denied);

  void lead();
  /// @returns false when the group takes nothing for now.
  result<bool> plan();
  error propose_losses();
  error propose(const std::vector<merge_entry>& entries);
  error write_held();
  error sync_unmerged();
  [[nodiscard]] bool holds(const merge_range& range);
  error apply_pending(sequencer_effects& out);
  error apply(const stream_group::instruction& what, sequencer_effects& out);
  void queue(std::vector<stream_group::instruction> what);
  /// An entry as it is applied: of a range, what is not merged yet, without
  /// what was declared lost.
  struct readable {
    merge_entry entry;
    input_bytes bytes;
  };
  result<readable> read(const merge_entry& entry);
  error read(const merge_range& range, input_bytes& into);
  void block(const merge_range& on, const error& why);
  error wait_if_full(error fault);
  [[nodiscard]] error room_for(const merge_entry& entry,
                               const input_bytes& bytes);
  void name(input_id number, const input_name& name);
  [[nodiscard]] const merge_input* input_of(const input_name& name) const;
  [[nodiscard]] int64_t now() const { return env_->clock->monotonic_ns(); }
  static needless_logs before(const merge_state& state);
  error compact(const entry_log::kept_state& to, const needless_logs& before,
                position end);
  void thin_out_older();
  /// Whether a cut is to be followed by one more checkpoint. Each member takes
  /// its own when it meets the cut, maybe some entries later than the others;
  /// the group forgets only up to what all have, and in a stream that is quiet
  /// then no further one comes by itself.
  [[nodiscard]] bool due_again() const;
  void take_anchor();
  void find_anchor();
  result<std::optional<merge_state>> kept_anchor(const lineage_id& of);
  error begin_anchored_file(const lineage_id& of);
  error note_losses(const std::vector<merge_effect>& facts);
  error write_losses();
  void take_needless(std::optional<needless_logs> what);

  persistence::env* env_;
  sequencer_options options_;
  std::shared_ptr<persistence::directory_lock> held_;
  std::shared_ptr<space_reserve> reserve_;
  std::shared_ptr<state_store> store_; ///< Jobs write to it as well.
  input_store inputs_;
  std::unique_ptr<stream_group> group_;
  std::unique_ptr<persistence::log_writer> out_;
  std::unique_ptr<merge_core> merge_;
  std::unique_ptr<merge_history> history_;
  std::unique_ptr<loss_ledger> ledger_;
  /// By this node, as far as it was known when it began.
  applied_trace applied_before_;
  /// Where out/ ended then, if the group's log was gone.
  std::optional<position> end_before_;
  std::optional<merge_state> went_on_from_; ///< Until that is recovered.
  bool lost_begin_ = false; ///< Nothing says what its log has forgotten.
  std::vector<std::string> remarks_;
  std::string forgot_;
  std::vector<loss> unwritten_losses_; ///< While the disk is full.
  /// While this node leads.
  std::optional<merge_planner> planner_;
  /// Copies that have what may not be planned yet.
  std::set<copy_id> unplanned_;
  std::map<copy_id, position> held_back_; ///< Nothing from there on is planned.
  /// As the entries on the disk and the state name them.
  std::map<input_id, input_name> names_;
  std::map<input_name, input_id> numbers_;
  std::optional<missing_bytes> missing_;
  /// Committed, not yet applied: all of it, but for a moment, only while the
  /// bytes of the first cannot be read.
  std::deque<stream_group::instruction> pending_;
  struct unreadable {
    error why;
    copy_id copy;
    std::vector<input_part> parts; ///< What of them is damaged.
  };
  std::optional<unreadable> blocked_; ///< Which those are.
  /// The first of them as it was read, while it is applied; see
  /// `is_between_entries`.
  struct half_applied {
    readable what;
    std::optional<input_id> input;
    /// Where that was merged to before, and where out/ ended: nobody hears of
    /// more until the entry is there.
    position merged_before;
    position end_before;
  };
  std::optional<half_applied> half_applied_;
  uint64_t room_ = 0; ///< Bytes of the disk that were free, and not used since.
  /// By input: what is agreed to be lost of ranges that are not applied yet.
  std::map<input_id, std::vector<input_part>> losses_;
  std::vector<std::pair<copy_id, input_part>> declared_; ///< Not agreed yet.
  /// What the group's log named of inputs when it was opened.
  std::map<input_name, position> vouched_;
  std::vector<input_name> opened_;                   ///< Not yet handed out.
  std::vector<sequencer_effects::out_part> written_; ///< Not yet handed out.
  bool followed_ = false;
  bool copying_ = false;
  std::optional<merge_state> parked_; ///< What was applied before that.
  bool checkpoint_running_ = false;
  position checkpointed_;
  error not_saved_;
  entry_log::kept_state newest_; ///< What the newest checkpoint says.
  needless_logs before_newest_;  ///< What comes before it.
  position cut_kept_;            ///< Begin of out/ in it.
  int64_t cut_kept_ns_ = 0;      ///< When that became later.
  size_t again_ = 0;             ///< Checkpoints since; see due_again.
  position newest_end_;          ///< Of out/ there.
  struct kept_checkpoint {
    entry_log::kept_state state;
    needless_logs before;
    position end;
  };
  /// Those between the start of the group's log and the newest one: a node
  /// that is ahead of its leader lets go of what came before one of them.
  std::deque<kept_checkpoint> older_;
  bool at_any_cost_ = false; ///< The next time that it is cut.
  entry_index compacted_;    ///< Where the group's log begins,
  position compacted_end_;   ///< and the end of out/ there.
  /// Once the group's log is written so far, and once a sync of it ended.
  std::optional<needless_logs> needless_next_;
  std::optional<needless_logs> needless_synced_;
  needless_logs needless_;
  bool collects_ = false; ///< Not yet handed out.
  /// A file of out/ that can be made again with all after it, whatever becomes
  /// of them: the state where it begins is kept apart from it, and of the
  /// inputs what was merged since.
  struct kept_file {
    position file;
    std::map<input_id, position> inputs; ///< Merged before it.
    std::vector<std::byte> state; ///< Until it is kept, durably; of `file`, or
                                  ///< of the end of the file before it.
    entry_index index;            ///< Applied before it.
  };
  kept_file anchor_;                     ///< That is kept.
  std::optional<kept_file> anchor_next_; ///< And one that is to be.
};

} // namespace millrace::rt
