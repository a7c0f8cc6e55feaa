#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// Every failure that may cross the border of a room.
/// Append only: the numeric value travels between nodes.
enum class errc : uint8_t {
  none = 0,
  malformed_message = 1, ///< Bytes did not decode as the expected schema.
  storage_failed = 2,    ///< The storage refused a read, a write or a sync.
  no_space = 3,          ///< The disk is full; retry after space returns.
  not_found = 4,         ///< A file, table, column, process or key is missing.
  permission = 5,        ///< The system refused access.
  locked = 6,            ///< Another live process owns the directory or port.
  corrupt = 7,           ///< Stored bytes fail their checksum or structure.
  bad_position = 8,      ///< A position is not on a message boundary.
  ahead = 9,             ///< A position lies beyond the end of the stream.
  pruned = 10,           ///< A position lies below what is retained.
  bad_id = 11,           ///< A message id does not follow the one before it.
  // 12 and 13 were of earlier releases, and stay reserved.
  oversize = 14,          ///< A message or line exceeds its limit.
  closed = 15,            ///< The object was closed or failed before.
  timeout = 16,           ///< A deadline passed.
  invalid_argument = 17,  ///< A parameter is missing, unknown or ill-typed.
  schema_mismatch = 18,   ///< A batch does not fit its table.
  config = 19,            ///< The configuration is wrong; names file:line:key.
  unavailable = 20,       ///< No live process can do this now; retry later.
  moved = 21,             ///< A back end cannot serve the pinned cut.
  backend_lost = 22,      ///< A back end died and no other of its kind is left.
  limit_exceeded = 23,    ///< A limit on rows, bytes, time or memory was hit.
  already_exists = 24,    ///< A name or file exists that must not.
  unsupported = 25,       ///< Understood, but not implemented.
  bad_data = 26,          ///< Input data is damaged; names file and line.
  fenced = 27,            ///< A later writer owns this origin or directory.
  origin_unverified = 28, ///< The publisher must hear from RT first; retry.
  cancelled = 29,         ///< The caller withdrew the request.
  internal = 30,          ///< A broken invariant; a defect of ours.
  overflow = 31,          ///< A whole number does not fit its type.
  busy = 32,      ///< As much is asked at a time as may be; retry later.
  id_behind = 33, ///< A message id is at or below what is merged of its origin.
  before_cutover = 34, ///< As of a place before what was written down.
  overloaded = 35,     ///< What all queries of a node may hold is held; retry.
};

/// The stable name of a code, such as "storage_failed".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// Whether a node answered that it is not for the one who asks: it is of
/// another cluster, or of another user. However often it is asked, it stays so.
[[nodiscard]] constexpr bool is_refusal(errc code) noexcept {
  return code == errc::config || code == errc::permission;
}

/// A failure: what kind, and the facts (path, offset, key, value) in words.
/// Converts to true when it holds a failure.
struct error {
  errc code = errc::none;
  std::string context;

  explicit operator bool() const noexcept { return code != errc::none; }
  friend bool operator==(const error&, const error&) = default;
};

/// "storage_failed: /data/log.0.0: write of 4096 bytes at 8192: Input/output
/// error"
[[nodiscard]] std::string to_string(const error& err);

} // namespace millrace
