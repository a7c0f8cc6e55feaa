#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::rt {

/// Where a publisher's log goes on.
struct granted {
  position at;
  /// A record that the node's copy has at the same place if it is of this log:
  /// to be compared first, where a power cut seems to have taken the log's end.
  std::optional<persistence::record_place> shared;
};

/// Where a publisher's log goes on at a node whose copy of it ends at `end`:
/// the same place, or the start of the next file where a power cut took from
/// the log what the node has. `fenced` with the remedy when the copy is of
/// another log: one that was published from a copy of this directory.
/// @param sum of the record before `end`, as its header has it; 0: not known.
[[nodiscard]] result<granted> granted_place(persistence::file_system& fs,
                                            const std::string& directory,
                                            const lineage_id& lineage,
                                            position end, uint32_t sum);

/// Why that is refused: the node has other content there.
[[nodiscard]] error foreign_log(const std::string& directory, position end,
                                const std::string& what);

} // namespace millrace::rt
