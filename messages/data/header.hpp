#pragma once

#include <millrace/messages/data/types.hpp>

#include <cstdint>
#include <string_view>

namespace millrace {

/// The header of one message; its fields have the names that KX RT gives them.
struct message_header {
  /// Origin: who created the message. The view lives as long as the delivered
  /// message or, at publish, until `publish` returns.
  std::string_view on;
  /// Record time, ns since 2000.01.01 UTC; null: the publisher stamps "now".
  int64_t ts = null_long;
  /// Message number of its origin, carried verbatim. Which one may follow which
  /// says the id_policy of the stream: mostly, |id| grows by exactly 1 from
  /// message to message. null: the publisher numbers it.
  int64_t id = null_long;
  /// How long the originator waits for a response, in milliseconds; null: no
  /// response wanted. Advisory: an expired message is delivered all the same.
  int32_t to = null_int;
};

/// |id|, safe for every non-null id.
[[nodiscard]] constexpr uint64_t magnitude(int64_t id) noexcept {
  return id < 0 ? uint64_t{0} - static_cast<uint64_t>(id)
                : static_cast<uint64_t>(id);
}

/// What the payload of a message is; stored in the record that frames it.
enum class payload_kind : uint8_t {
  opaque = 0,        ///< Bytes of the user's own.
  table_batch = 1,   ///< Cap'n Proto TableBatch.
  table_schema = 2,  ///< Cap'n Proto TableSchema: a schema version.
  end_of_period = 3, ///< Cap'n Proto EndOfPeriod: a publisher's marker.
};

/// Largest payload of one message.
inline constexpr uint32_t payload_bytes_max = 16u << 20;

} // namespace millrace
