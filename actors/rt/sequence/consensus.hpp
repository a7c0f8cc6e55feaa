#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace millrace::rt {

/// Agrees on the order of a stream's merge entries. The seam where a Raft group
/// of three or five stands; a group of one commits what its own log holds.
/// Indexes begin at 1. One owner.
class consensus_group {
public:
  virtual ~consensus_group() = default;

  /// Appends an entry to the leader's log.
  /// @returns its index; it is committed when `committed()` reaches it.
  virtual result<entry_index> propose(const merge_entry& entry) = 0;

  /// Hands the proposed entries to the system.
  virtual error write() = 0;
  /// A sync of what was written; `finish_sync` with its outcome moves
  /// `committed()`. In a cached stream `write` alone moves it.
  virtual persistence::log_writer::sync_job begin_sync() = 0;
  virtual void finish_sync(position end, const error& outcome) = 0;

  [[nodiscard]] virtual entry_index committed() const noexcept = 0;
  [[nodiscard]] virtual entry_index proposed() const noexcept = 0;

  /// Reads the committed entries after `index`, in order; for recovery.
  virtual error
  replay(entry_index index,
         const std::function<error(entry_index, const merge_entry&)>& apply)
    = 0;

  virtual error close() = 0;
};

/// The group of one: its log is `directory`.
[[nodiscard]] result<std::unique_ptr<consensus_group>>
open_group_of_one(persistence::env& world, const std::string& directory,
                  bool cached);

} // namespace millrace::rt
