#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::rt {

/// The bytes of the state record that a file of a merged log begins with.
/// `not_found` when it begins with none that is intact.
/// @param directory of the log
/// @param file its start
[[nodiscard]] result<std::vector<std::byte>>
state_bytes(persistence::file_system& fs, const std::string& directory,
            const lineage_id& lineage, position file);

/// The state that such a record says, of the stream before it. `not_found` also
/// when that is no whole state.
[[nodiscard]] result<merge_state> state_at(persistence::file_system& fs,
                                           const std::string& directory,
                                           const lineage_id& lineage,
                                           position file);

} // namespace millrace::rt
