#pragma once

#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/persistence/log/waiting_records.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::rt {

/// What one member of a group keeps: its votes and the entries of its log, in a
/// directory of log files. Each file but the very first begins by saying again
/// all that still counts, so that the files before it can go: a restart reads
/// little, however long the group has lived. A directory is one incarnation of
/// its member. One owner; blocks in `open`, `found` and `close` alone.
class entry_log {
public:
  /// Recovers what is there. `corrupt` when records below the synced end are
  /// missing or damaged, when the files do not begin with a beginning, when
  /// there are none although the group was founded, and when nothing says which
  /// group it is that they are of.
  [[nodiscard]] static result<std::unique_ptr<entry_log>>
  open(persistence::env& world, const std::string& directory);

  /// The life of this directory: drawn when it was made.
  [[nodiscard]] const lineage_id& lineage() const noexcept {
    return log_->lineage();
  }
  /// Who the group began with; empty until `found`.
  [[nodiscard]] const group_founding& founding() const noexcept {
    return founding_;
  }
  /// Keeps the founding, durably, before the first record. Once; after
  /// `no_space` again.
  [[nodiscard]] error found(const group_founding& founding) {
    return found(founding, {{}, {{}, founding.members}, {}}, {});
  }
  /// What the entries up to an index came to, as their owner says.
  struct kept_state {
    entry_index index;
    std::vector<std::byte> bytes;
  };
  /// The same for a group that goes on with what another one had left.
  [[nodiscard]] error found(const group_founding& founding,
                            const raft_recovered& left, kept_state state);
  /// What was recovered. Call it once.
  [[nodiscard]] raft_recovered take_recovered();
  /// The newest that `keep` was told of; its index is 0 when there is none.
  [[nodiscard]] const kept_state& state() const noexcept { return now_.state; }

  // What `raft_core::persist` says, in its order: a crash may leave the first
  // of it. Nothing of it reaches the system before `write`. A full disk refuses
  // none of it: it waits in memory.

  [[nodiscard]] error write(const raft_vote& vote);
  [[nodiscard]] error begin_at(const raft_base& base);
  [[nodiscard]] error cut(entry_index from);
  [[nodiscard]] error append(const raft_entry& entry);
  /// Keeps a state, of any size: comes before the base that lets its entries
  /// go.
  [[nodiscard]] error keep(kept_state state);

  /// Hands it all to the system. `no_space` changes nothing: to be repeated.
  [[nodiscard]] error write();
  /// A sync of what was written; files that are not needed go when it is done.
  /// @pre the last `write` was no failure.
  [[nodiscard]] persistence::log_writer::sync_job begin_sync() {
    return log_->begin_sync();
  }
  void finish_sync(position end, const error& outcome);
  /// Files wait for a sync to go.
  [[nodiscard]] bool drops_files() const noexcept {
    return kept_from_.has_value();
  }
  /// As that of log_writer.
  [[nodiscard]] bool has_its_name() const { return log_->has_its_name(); }
  [[nodiscard]] error close();

  // -- what a member may have forgotten ---------------------------------------

  /// From now on the member says what it has only written: if the machine
  /// loses its power before `close`, `forgot` tells so in its next life.
  [[nodiscard]] static error mark_unsynced(persistence::file_system& fs,
                                           const std::string& directory);
  /// After `close`, and when all else that it vouched for is synced.
  [[nodiscard]] static error mark_synced(persistence::file_system& fs,
                                         const std::string& directory);
  /// What this member said may be lost.
  [[nodiscard]] static result<bool> forgot(persistence::file_system& fs,
                                           const std::string& directory);
  /// The founding in a directory that nobody opened; empty: there is none.
  [[nodiscard]] static result<group_founding>
  founding_in(persistence::file_system& fs, const std::string& directory);

private:
  entry_log(persistence::env& world, std::string directory,
            std::unique_ptr<persistence::log_writer> log);

  error recover();
  [[nodiscard]] bool says_nothing() const;
  error take(std::span<const std::byte> record);
  void begin_again(uint32_t records);
  error append_record(std::vector<std::byte> record);
  error say_again();
  error append_state();
  void take_part(entry_index index, uint32_t part, bool last,
                 std::span<const std::byte> bytes);
  void drop(const raft_base& base);
  void drop_from(entry_index from);

  persistence::env* env_;
  std::string directory_;
  std::unique_ptr<persistence::log_writer> log_;
  persistence::waiting_records waiting_;
  group_founding founding_;
  group_founding said_founding_; ///< And not kept yet.
  /// What is kept.
  struct content {
    raft_vote vote;
    raft_base base;
    std::deque<raft_entry> entries; ///< Those after the base.
    kept_state state;
  };
  content now_;
  /// What was kept before all of it is said again; it counts until that is read
  /// to its end.
  std::optional<content> before_;
  uint32_t records_left_ = 0; ///< Of those that say it again.
  kept_state partial_;        ///< A state whose last part has not been read.
  uint32_t parts_ = 0;
  int64_t last_record_ = 0;
  bool begun_ = false; ///< What was read has begun with a beginning.
  /// Files before this one may go once it is synced.
  std::optional<position> kept_from_;
};

} // namespace millrace::rt
