#pragma once

#include <millrace/messages/base/result.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// Every place where a test may end a process as by kill -9: the one list. A
/// lint test holds it against the calls of `crash_point` in the sources.
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

/// `CRASH_AT=<name>[:count]`.
struct crash_request {
  std::string point;
  uint64_t count = 1; ///< The process ends when it passes for this time.

  friend bool operator==(const crash_request&, const crash_request&) = default;
};

/// None for an empty text. `config` for a point that is not in the list, or a
/// count that is not a positive integer.
[[nodiscard]] result<std::optional<crash_request>>
parse_crash_request(std::string_view text);

/// What `env.crash_point` is to be. Calls `die`, by default SIGKILL to this
/// process, when the requested point is passed for the requested time.
[[nodiscard]] std::function<void(const char*)>
make_crash_point(const std::optional<crash_request>& request,
                 std::function<void()> die = {});

} // namespace millrace::nodes
