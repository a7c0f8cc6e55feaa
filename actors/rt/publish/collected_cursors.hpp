#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>
#include <vector>

namespace millrace::rt {

// How far a publisher had read its sources, of what its own log does not have
// any more: RT tells that of a stream which it orders, and nobody of others. In
// a file beside the log, `.cursors`: the CRC-32C of what follows in four bytes,
// and SourceCursors.

/// What was kept; empty: no file of the log went. `corrupt` names the file.
[[nodiscard]] result<std::vector<source_cursor>>
collected_cursors(persistence::file_system& fs, const std::string& directory);

/// Keeps what the messages before `below` say, which are about to go. Durable
/// when it returns; reads all of them.
[[nodiscard]] error keep_cursors(persistence::file_system& fs,
                                 const std::string& directory, position below);

} // namespace millrace::rt
