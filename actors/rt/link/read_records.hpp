#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::rt {

/// Whole records of a log and where they begin.
struct read_part {
  position begin;
  chunk bytes;
};

/// The records of a log from `from` on, verified, as many of [from, to) as fit
/// a chunk; they begin later where a file ended, or after files that were
/// collected. `not_found` where they are not in the log, or not any more, or
/// are lost: padding is not given.
[[nodiscard]] result<read_part> read_records(persistence::file_system& fs,
                                             const std::string& directory,
                                             position from, position to);

} // namespace millrace::rt
