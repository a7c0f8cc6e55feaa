#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace millrace::persistence {

/// Every place where a test may end a process as by kill -9, on a real node or
/// a simulated one: the one list. A lint test holds it against the calls of
/// `crash_point` in the sources.
inline constexpr std::array crash_point_names{
  std::string_view{"pub.before_write"},
  std::string_view{"pub.after_write"},
  std::string_view{"pub.before_sync"},
  std::string_view{"pub.after_sync"},
  std::string_view{"pub.before_roll"},
  std::string_view{"pub.after_create"},
  std::string_view{"pub.after_dirsync"},
  std::string_view{"pub.before_send"},
  std::string_view{"pub.after_send"},
  // Of the merged log, whose writer resumes; a publisher's are above.
  std::string_view{"log.before_roll"},
  std::string_view{"log.after_create"},
  std::string_view{"log.after_dirsync"},
  std::string_view{"rt.before_append"},
  std::string_view{"rt.after_append"},
  std::string_view{"rt.before_sync"},
  std::string_view{"rt.after_sync"},
  std::string_view{"rt.before_ack"},
  std::string_view{"rt.after_ack"},
  std::string_view{"rt.before_commit"},
  std::string_view{"rt.after_commit"},
  std::string_view{"rt.before_snapshot"},
  std::string_view{"rt.after_snapshot_rename"},
  std::string_view{"rt.before_truncate"},
  std::string_view{"rt.before_drop"},
  std::string_view{"collect.after_mark"},
  std::string_view{"collect.after_empty"},
  std::string_view{"collect.after_remove"},
  std::string_view{"sub.before_apply"},
  std::string_view{"sub.after_apply"},
  std::string_view{"rdb.before_insert"},
  std::string_view{"rdb.before_eod_mark"},
  std::string_view{"rdb.after_flush"},
  std::string_view{"rdb.before_manifest"},
  std::string_view{"rdb.after_manifest"},
  std::string_view{"rdb.before_purge"},
  std::string_view{"rdb.after_purge"},
  std::string_view{"rdb.before_notify"},
  std::string_view{"hdb.before_open"},
  std::string_view{"hdb.after_open"},
  std::string_view{"gw.before_dispatch"},
  std::string_view{"gw.after_partial"},
  std::string_view{"gw.before_merge"},
  std::string_view{"gw.after_reply"},
  std::string_view{"disc.before_register"},
  std::string_view{"disc.after_register"},
};

/// Whether product code has a place of this name.
[[nodiscard]] constexpr bool is_crash_point(std::string_view name) noexcept {
  return std::find(crash_point_names.begin(), crash_point_names.end(), name)
         != crash_point_names.end();
}

} // namespace millrace::persistence
