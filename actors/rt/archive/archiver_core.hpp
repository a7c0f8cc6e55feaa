#pragma once

#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// A closed file of a merged log.
struct archive_file {
  position begin;
  position end; ///< Where the next file begins.
  uint64_t bytes = 0;
  /// Of its messages, or when it was first seen closed where that is earlier:
  /// a message of the future keeps no file. None: it has no messages.
  std::optional<int64_t> newest_ts;
};

/// What lies on the disk.
struct archive_files {
  std::vector<archive_file> closed; ///< The oldest first.
  /// Of those seen for the first time, one with a message of the future.
  std::optional<position> of_future;
  uint64_t live_bytes = 0;      ///< Of the file that is written.
  uint64_t disk_used_bytes = 0; ///< Of the whole disk, by whatever.
  uint64_t disk_total_bytes = 0;
};

/// What may stay; 0: without a limit.
struct archive_policy {
  int64_t age_max_ns = 0;
  uint64_t bytes_max = 0;
  uint32_t disk_percent_max = 0;
  /// What ends at or before it goes, as somebody asks for it once.
  std::optional<position> up_to;

  [[nodiscard]] bool any() const noexcept {
    return age_max_ns != 0 || bytes_max != 0 || disk_percent_max != 0;
  }
};

/// Consumers that must lose nothing, and what each still needs: all after its
/// position. None: it has not told yet, and may need all.
using archive_floors = std::map<std::string, std::optional<position>>;

struct archive_decision {
  position begin; ///< Where the log is to begin; the start: nothing goes.
  uint64_t files = 0;
  uint64_t bytes = 0;
  /// The consumer for which a file stays that would go by the policy.
  std::string held_by;
};

/// What goes of a merged log by a policy: the oldest first, never the file that
/// is written, and never what a consumer needs. Pure.
/// @param now_ns the time as headers have it, ns since 2000.01.01.
[[nodiscard]] archive_decision archive(const archive_files& files,
                                       const archive_floors& floors,
                                       const archive_policy& policy,
                                       int64_t now_ns);

/// What goes when the log is cut at a position, whatever consumers need: the
/// files that end at or before it.
[[nodiscard]] archive_decision cut_at(const archive_files& files, position at);

/// The consumers that would lose something if the log began there, and the end
/// of what each has no need of.
[[nodiscard]] archive_floors losers(const archive_floors& floors,
                                    position begin);

} // namespace millrace::rt
