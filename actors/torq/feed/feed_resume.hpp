#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace millrace::torq {

/// Where each source was left, by its name.
using cursor_map = std::map<std::string, source_cursor>;

/// How far sources were published, as one witness knows it.
struct published_so_far {
  uint64_t last_id = 0; ///< Magnitude.
  cursor_map cursors;
};

/// What a publisher's own log knows: also what was not merged yet. Reads it
/// all, and blocks.
[[nodiscard]] result<published_so_far>
read_own_log(persistence::env& world, const std::string& directory);

/// Where each source goes on, of what the log and RT know of it; where both do,
/// as the one says that saw more.
[[nodiscard]] cursor_map newest_of(published_so_far log, published_so_far rt);

} // namespace millrace::torq
