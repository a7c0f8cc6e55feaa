#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>

#include <string>

namespace millrace::bench {

/// Writes a period down as an RDB does: sorted, synced and committed. Blocks.
[[nodiscard]] error write_period(persistence::env& env,
                                 const std::string& directory,
                                 persistence::period_request what);

} // namespace millrace::bench
