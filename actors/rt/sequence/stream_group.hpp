#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/actors/rt/raft/entry_log.hpp>
#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/sequence/applied_trace.hpp>
#include <millrace/actors/rt/sequence/group_forming.hpp>
#include <millrace/messages/data/duration_histogram.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How it becomes a group, and what becomes of its members, is in
// stream_members.cpp.

namespace millrace::rt {

/// Bytes of a group's log that a member may be behind before it is left to a
/// snapshot, unless somebody says otherwise.
inline constexpr uint64_t behind_bytes_default = uint64_t{8} << 20;
/// How long a member may hold back what the others could let go, unless
/// somebody says otherwise.
inline constexpr int64_t gc_grace_default_ns = 600'000'000'000;

/// Where a node keeps its log of the group, below the stream's directory; one
/// that was set aside has persistence::aside_mark and a number after that.
inline constexpr std::string_view group_log_name = "raft";
/// Gives the log of an earlier life another name.
[[nodiscard]] error set_log_aside(persistence::file_system& fs,
                                  const std::string& directory);

/// A member of the group that agrees on a stream's merge entries: drives
/// `raft_core` and writes what it decides to an `entry_log`. An entry goes to
/// the disk when its owner says that the bytes it names are held here, and
/// counts as durable after that: what is on the disk can be applied. One owner;
/// blocks in `open` alone.
class stream_group {
public:
  struct settings {
    std::string directory; ///< Of the group's log.
    bool cached = false;   ///< "Written" stands for "synced".
    /// The nodes of the stream; one: it is a group of its own at once.
    std::vector<group_forming::node> nodes;
    node_id self; ///< Which of them this is.
    /// A member that is away holds back the compaction of so many bytes of the
    /// log; one that comes back later gets a snapshot.
    uint64_t behind_bytes_max = behind_bytes_default;
    /// A member that lacks entries and has not come on for so long is left
    /// behind: what it lacks goes, and it gets a snapshot.
    int64_t gc_grace_ns = gc_grace_default_ns;
  };
  /// Recovers what is there; a new directory draws a new incarnation. A log
  /// that is damaged, gone, another one than that which `applied` is of, or
  /// that a power cut may have taken from (of a cached stream of several nodes)
  /// is set aside: what this node had said there nobody may build on. With
  /// several nodes it goes on as another member; alone, its owner must call
  /// `found_alone`.
  [[nodiscard]] static result<std::unique_ptr<stream_group>>
  open(persistence::env& world, settings how,
       const applied_trace& applied = {});

  /// A decoded entry of the log; none of Raft's own.
  using instruction = std::pair<entry_index, merge_entry>;

  struct effects {
    std::vector<raft_message> sends;
    /// Newly committed, in order.
    std::vector<instruction> committed;
    /// Inputs that were not taken, for the log.
    std::vector<raft_core::refused> refused;
    /// Members that lack what is no longer in the log: they are to be offered
    /// `snapshot`.
    std::vector<member_id> stranded;
    /// The role, the term or the leader changed, or the members did.
    bool changed = false;
  };

  // -- forming ----------------------------------------------------------------

  [[nodiscard]] const member_id& self() const noexcept { return self_; }
  /// What others are to be told: until the group is founded, what an earlier
  /// life of this node had, or nothing.
  [[nodiscard]] const group_founding& founding() const noexcept {
    return founded() ? founding_ : left_founding_;
  }
  [[nodiscard]] founding_id group_id() const noexcept { return group_id_; }
  [[nodiscard]] bool founded() const noexcept { return raft_ != nullptr; }
  [[nodiscard]] const group_forming& forming() const noexcept {
    return forming_;
  }
  /// Where earlier lives of this node are kept until the group has taken it in,
  /// and why the last of them ended, if it did just now.
  [[nodiscard]] const std::vector<std::string>& set_aside() const noexcept {
    return set_aside_;
  }
  [[nodiscard]] const std::string& why_set_aside() const noexcept {
    return why_set_aside_;
  }
  /// Whose directory this is by its log, if that is another node's.
  [[nodiscard]] const std::string& whose() const noexcept { return whose_; }
  /// It was a member once, and is in no group now.
  [[nodiscard]] bool forgot() const noexcept {
    return !founded() && !set_aside_.empty();
  }
  /// Sets its log aside, at once and for good: its process must end.
  [[nodiscard]] error leave();
  /// Another node said who it is. `fenced` when a later group took the place of
  /// this node's, which is set aside: its process must end, and joins the later
  /// one in its next life.
  [[nodiscard]] error heard(const member_id& from,
                            const group_founding& founding, bool forgot);
  /// Its directory is of a group that most nodes of the stream are not of, as
  /// one that was put back after the stream had begun anew: it follows nobody,
  /// and nobody follows it.
  [[nodiscard]] bool is_out_of_place() const;
  /// What is to be founded now, if anything is.
  [[nodiscard]] std::optional<group_founding> to_found() const;
  /// An earlier life of this node was a member of it: what it applied holds.
  [[nodiscard]] bool continues(const group_founding& founding) const;
  [[nodiscard]] error found(const group_founding& founding, int64_t now_ns);
  /// Begins a group of this node alone after what an earlier one had agreed on.
  /// @param applied the last entry of that; 0: nothing is left of it.
  /// @param state what it came to, if that is known.
  /// @pre it is not founded, and the only node of its stream.
  [[nodiscard]] error found_alone(entry_index applied,
                                  std::vector<std::byte> state, int64_t now_ns);

  // -- the group at work; before its founding nothing comes of it ------------

  [[nodiscard]] error tick(int64_t now_ns);
  [[nodiscard]] error received(raft_message message, int64_t now_ns);
  /// @returns whether the group took them, all or none; it does when this node
  ///   leads, but for while it hands over or much waits to be committed.
  [[nodiscard]] result<bool> propose(const std::vector<merge_entry>& entries,
                                     int64_t now_ns);
  /// The first instruction that is not on the disk yet, for the owner to say
  /// whether the bytes that it names are held; null when all are written.
  [[nodiscard]] const merge_entry* unwritten() const;
  /// Where the bytes end that it, and those after it, name of its input, one
  /// after the other in one file. @pre it names [from, to) of the input
  [[nodiscard]] position named_end(input_id input, position to) const;
  /// They are: it goes to the disk.
  [[nodiscard]] error write_next();
  /// Hands what was written to the system. In a cached stream it is durable.
  /// On a full disk it waits: the next call tries again.
  [[nodiscard]] error write(int64_t now_ns);
  /// Why it waits; none: it does not.
  [[nodiscard]] const error& full() const noexcept { return full_; }
  /// Its log's file is still the one of its name: see log_writer.
  [[nodiscard]] bool has_its_name() const {
    return !log_ || log_->has_its_name();
  }
  [[nodiscard]] bool needs_sync() const noexcept;
  [[nodiscard]] persistence::log_writer::sync_job begin_sync();
  [[nodiscard]] error finish_sync(position end, const error& outcome,
                                  int64_t now_ns);
  /// No member needs the entries up to that of `state` any more: they go, and
  /// the state is kept in their place. Nothing happens while they are few.
  /// @param gain bytes of other logs that go with them.
  [[nodiscard]] error compact(const entry_log::kept_state& state, uint64_t gain,
                              int64_t now_ns);
  /// What was kept so; its index is 0 when nothing was.
  [[nodiscard]] const entry_log::kept_state& state() const noexcept {
    return log_->state();
  }
  struct needless_entries {
    entry_index index; ///< Up to here the leader may let go of entries.
    /// Members for which nothing is kept any more, in no order.
    std::vector<member_id> left_behind;
  };
  /// A member cannot use the state that it is offered: until the log begins
  /// with a later one, nothing is kept for it.
  void want_later(node_id who) { later_wanted_.insert(who); }
  /// Of the entries that the leader has in a checkpoint.
  /// @param short_of_space on a disk: members that are away are not waited for.
  /// @pre this node leads.
  [[nodiscard]] needless_entries needless(entry_index checkpointed,
                                          bool short_of_space, int64_t now_ns);
  /// @param all_synced the bytes that entries name are, too.
  [[nodiscard]] error close(bool all_synced);

  // -- members ----------------------------------------------------------------

  /// A node of the configuration lives under this id, in this group. The leader
  /// takes it in, step by step, in the place of its earlier life.
  [[nodiscard]] error welcome(const member_id& who, int64_t now_ns);
  /// The next step of what an operator wants; node 0: none. `invalid_argument`
  /// where a member that leaves would come back by itself, and where those that
  /// stay would be no majority that is heard.
  /// @returns whether nothing is left to do.
  [[nodiscard]] result<bool> replace(node_id leaving,
                                     const std::optional<member_id>& joining,
                                     int64_t now_ns);
  /// What a member gets that lacks compacted entries; none: it needs none.
  [[nodiscard]] std::optional<raft_snapshot> snapshot() const;
  /// A leader offers one of which this member has the last entry: it says so.
  [[nodiscard]] error needs_no_snapshot(const raft_snapshot& what,
                                        int64_t now_ns);
  /// Takes in what a leader sent. @pre out/ holds what the state says, durably.
  [[nodiscard]] error install(const raft_snapshot& what,
                              const entry_log::kept_state& state,
                              int64_t now_ns);

  // -- the disk -----------------------------------------------------------

  enum class disk_health : uint8_t {
    well,
    slow,    ///< It takes what the stream brings, others' do sooner.
    failing, ///< It does not take it.
  };
  /// How the disk of this node is. While it is not well it takes over from no
  /// leader, and stands for election after others alone. While it fails,
  /// another member is to lead: one after the other is handed the lead, as long
  /// as this one has it.
  [[nodiscard]] error mind_disk(disk_health how, int64_t now_ns);
  /// Hands the lead to a member that votes; nothing comes of it where that one
  /// does not take it within an election time-out. @pre this node leads.
  [[nodiscard]] error hand_over(const member_id& to, int64_t now_ns);

  /// What came of all that since the last call.
  [[nodiscard]] effects fetch() { return std::exchange(effects_, {}); }

  // -- facts ------------------------------------------------------------------

  /// Null before the founding.
  [[nodiscard]] const raft_core* raft() const noexcept { return raft_.get(); }
  [[nodiscard]] bool leads() const noexcept {
    return raft_ && raft_->role() == raft_core::role_type::leader;
  }
  /// Leads, has committed an entry of its own term, and hears a majority: it
  /// knows all that was ever committed.
  [[nodiscard]] bool leads_for_sure() const;
  /// Leads, and would take a proposal now.
  [[nodiscard]] bool takes_proposals() const noexcept {
    return raft_ && raft_->takes_proposals();
  }
  /// Messages of members that hold what this program does not know.
  [[nodiscard]] uint64_t unreadable() const noexcept { return unreadable_; }
  /// How long what this node proposed took to be agreed on.
  [[nodiscard]] const duration_histogram& commit_times() const noexcept {
    return commit_times_;
  }
  /// The instructions of the log after `index`, in order.
  [[nodiscard]] std::vector<merge_entry> after(entry_index index) const;
  /// The group agreed on an instruction after this entry. Entries of Raft
  /// itself (a leader's first one, members) are none.
  [[nodiscard]] bool has_agreed_after(entry_index index) const;
  /// The log holds what comes after this.
  [[nodiscard]] entry_index begin() const noexcept { return before_; }
  /// And up to here on the disk.
  [[nodiscard]] entry_index written() const noexcept { return written_; }
  /// Whether the log has what the group agreed on up to there: an entry of
  /// another term at that index is of a leader that went before it was agreed
  /// on.
  [[nodiscard]] bool holds(const raft_place& agreed) const noexcept;

private:
  struct log_entry {
    raft_entry raft;
    std::optional<merge_entry> instruction; ///< None of Raft's own entries.
    int64_t proposed_ns = 0;                ///< 0: not by this node's proposal.
  };

  stream_group(persistence::env& world, settings how,
               std::unique_ptr<entry_log> log);

  error start(raft_recovered found, int64_t now_ns);
  [[nodiscard]] std::string why_stays(const member_id& who,
                                      int64_t now_ns) const;
  error list_set_aside();
  void look_whose(const raft_recovered& found);
  error forget_set_aside();
  error run(raft_core::input what, int64_t now_ns);
  error act(raft_core::persist& what);
  error act(raft_core::send& what);
  error act(raft_core::committed& what);
  error act(raft_core::declined& what);
  error act(raft_core::snapshot_needed& what);
  error act(raft_core::refused& what);
  error act(raft_core::became& what);
  error act(raft_core::configured& what);
  template <class Other>
  error act(Other&) {
    return {};
  }
  error append(raft_entry entry);
  error write_own();
  error durable(uint64_t ticket, entry_index written, int64_t now_ns);

  persistence::env* env_;
  settings settings_;
  std::unique_ptr<entry_log> log_;
  group_founding left_founding_; ///< The latest one of what was set aside.
  member_id self_;
  group_forming forming_;
  group_founding founding_;
  std::vector<std::string> set_aside_;
  std::string why_set_aside_;
  std::string whose_;
  founding_id group_id_;
  std::set<node_id> of_others_; ///< Nodes that are of another group.
  std::unique_ptr<raft_core> raft_;
  /// Those after `first_`, the oldest first: what may still be asked for.
  std::deque<log_entry> entries_;
  entry_index before_; ///< Of the first one.
  entry_index written_;
  entry_index told_; ///< Up to here `committed` was told.
  uint64_t ticket_ = 0;
  bool declined_ = false;
  bool dirty_ = false;
  error full_;
  bool sync_running_ = false;
  uint64_t job_ticket_ = 0;
  entry_index job_written_;
  effects effects_;
  /// Snapshots, and when.
  std::deque<std::pair<member_id, int64_t>> offered_;
  /// Members that lack what is in a checkpoint: where they stand, since when.
  struct lag {
    entry_index durable;
    int64_t since_ns = 0;
  };
  std::map<member_id, lag> lags_;
  std::set<node_id> later_wanted_; ///< By whom, until the log begins anew.
  int64_t ran_at_ns_ = 0;
  bool disk_is_well_ = true;
  int64_t hand_over_at_ns_ = 0;
  size_t handed_over_ = 0; ///< How often.
  uint64_t unreadable_ = 0;
  duration_histogram commit_times_;
};

} // namespace millrace::rt
