#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace millrace::rt {

/// What a node has applied of its group's log, as out/, history/ and the
/// checkpoint say it: all of it was agreed on, and durable here. So it tells a
/// log that is whole from one that is gone, or was put back from an older copy.
struct applied_trace {
  /// The merged log has begun here.
  bool any = false;
  /// At least up to here.
  entry_index last;
  /// What the last ones of them were, as `sum_of` says.
  std::map<entry_index, uint64_t> sums;

  /// It says that something else than `entry` was applied there.
  [[nodiscard]] bool denies(entry_index index, const merge_entry& entry) const;
};

/// The same for an instruction and for what a history holds in its place.
[[nodiscard]] uint64_t sum_of(const merge_entry& entry);

/// Reads the newest files of a history. What is damaged there says nothing.
/// @param directory of the stream
/// @param checkpoint the newest one, if there is any
[[nodiscard]] applied_trace
trace_applied(persistence::file_system& fs, const std::string& directory,
              const std::optional<merge_state>& checkpoint);

/// Why this cannot be the log that was applied from; empty: it can.
[[nodiscard]] std::string disagreement(const raft_recovered& log,
                                       const applied_trace& applied);

} // namespace millrace::rt
