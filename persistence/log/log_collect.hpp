#pragma once

#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What was given back to the disk.
struct collected_files {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

/// The files of `all` that end before the file in which `floor` lies; never the
/// last one, which is written. @param all in stream order.
[[nodiscard]] std::vector<log_file_info>
files_below(const std::vector<log_file_info>& all, position floor);

/// A place after the last message of a closed file is the start of the next
/// file; any other stays as it is.
[[nodiscard]] result<position>
begin_after(file_system& fs, const std::string& directory, position at);

/// Collects these files of a log: the newest of them becomes a tombstone, which
/// tells readers that what came before it was collected; the others go. Durable
/// when it returns. May run beside the writer and readers of the log. What a
/// crash leaves undone, the next call does.
[[nodiscard]] result<collected_files>
collect_log(env& world, const std::string& directory, position floor);

} // namespace millrace::persistence
