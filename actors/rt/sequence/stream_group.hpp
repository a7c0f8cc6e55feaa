#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/actors/rt/raft/entry_log.hpp>
#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/actors/rt/sequence/group_forming.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

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
    uint64_t self = 0; ///< Which of them this is.
  };
  /// Recovers what is there; a new directory draws a new incarnation.
  [[nodiscard]] static result<std::unique_ptr<stream_group>>
  open(persistence::env& world, settings how);

  /// A decoded entry of the log; none of Raft's own.
  using instruction = std::pair<entry_index, merge_entry>;

  struct effects {
    std::vector<raft_message> sends;
    /// Newly committed, in order.
    std::vector<instruction> committed;
    /// Inputs that were not taken, for the log.
    std::vector<raft_core::refused> refused;
    /// Members that lack what is no longer in the log.
    std::vector<raft_core::snapshot_needed> stranded;
  };

  // -- forming ----------------------------------------------------------------

  [[nodiscard]] const member_id& self() const noexcept { return self_; }
  /// What others are to be told: empty until the group is founded.
  [[nodiscard]] const raft_configuration& founding() const noexcept {
    return founding_;
  }
  [[nodiscard]] uint64_t group_id() const noexcept { return group_id_; }
  [[nodiscard]] bool founded() const noexcept { return raft_ != nullptr; }
  [[nodiscard]] const group_forming& forming() const noexcept {
    return forming_;
  }
  /// Another node said who it is; may found the group.
  [[nodiscard]] error heard(const member_id& from,
                            const raft_configuration& founding,
                            int64_t now_ns);

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
  /// They are: it goes to the disk.
  [[nodiscard]] error write_next();
  /// Hands what was written to the system. In a cached stream it is durable.
  [[nodiscard]] error write(int64_t now_ns);
  [[nodiscard]] bool needs_sync() const noexcept;
  [[nodiscard]] persistence::log_writer::sync_job begin_sync();
  [[nodiscard]] error finish_sync(position end, const error& outcome,
                                  int64_t now_ns);
  /// No member needs the entries up to that of `state` any more: they go, and
  /// the state is kept in their place. Nothing happens while they are few.
  [[nodiscard]] error compact(const entry_log::kept_state& state,
                              int64_t now_ns);
  /// What was kept so; its index is 0 when nothing was.
  [[nodiscard]] const entry_log::kept_state& state() const noexcept {
    return log_->state();
  }
  [[nodiscard]] error close();

  /// What came of all that since the last call.
  [[nodiscard]] effects fetch() { return std::exchange(effects_, {}); }

  // -- facts ------------------------------------------------------------------

  /// Null before the founding.
  [[nodiscard]] const raft_core* raft() const noexcept { return raft_.get(); }
  [[nodiscard]] bool leads() const noexcept {
    return raft_ && raft_->role() == raft_core::role_type::leader;
  }
  /// Leads, and has committed an entry of its own term: it knows all that was
  /// ever committed.
  [[nodiscard]] bool leads_for_sure() const;
  /// The instructions of the log after `index`, in order.
  [[nodiscard]] std::vector<merge_entry> after(entry_index index) const;
  /// The log holds what comes after this.
  [[nodiscard]] entry_index begin() const noexcept { return before_; }
  /// And up to here on the disk.
  [[nodiscard]] entry_index written() const noexcept { return written_; }

private:
  struct log_entry {
    raft_entry raft;
    std::optional<merge_entry> instruction; ///< None of Raft's own entries.
  };

  stream_group(persistence::env& world, settings how,
               std::unique_ptr<entry_log> log);

  error start(raft_recovered found, int64_t now_ns);
  error found(const raft_configuration& founding, int64_t now_ns);
  error run(raft_core::input what, int64_t now_ns);
  error act(raft_core::persist& what);
  error act(raft_core::send& what);
  error act(raft_core::committed& what);
  error act(raft_core::declined& what);
  error act(raft_core::snapshot_needed& what);
  error act(raft_core::refused& what);
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
  member_id self_;
  group_forming forming_;
  raft_configuration founding_;
  uint64_t group_id_ = 0;
  std::unique_ptr<raft_core> raft_;
  /// Those after `first_`, the oldest first: what may still be asked for.
  std::deque<log_entry> entries_;
  entry_index before_; ///< Of the first one.
  entry_index written_;
  entry_index told_; ///< Up to here `committed` was told.
  uint64_t ticket_ = 0;
  bool declined_ = false;
  bool dirty_ = false;
  bool sync_running_ = false;
  uint64_t job_ticket_ = 0;
  entry_index job_written_;
  effects effects_;
};

} // namespace millrace::rt
