#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// What a stream tells its subscribers beside messages. Numbers are on disk.
enum class event_kind : uint8_t {
  badtail
  = 1,       ///< Records are lost. Pair: the corrupt message, where it goes on.
  reset = 2, ///< The source began a new life. Pair: end of the last message
             ///< before, first message after. Loss and duplicates possible.
  gap = 3,   ///< Ids are missing. Pair: start and end of the event.
  pruned = 4,      ///< Pair: the position asked for, the earliest retained.
  ahead = 5,       ///< Pair: the position asked for, twice; the cause has the
                   ///< end of the stream.
  id_conflict = 6, ///< The same id came with another payload and was dropped.
  schema = 7,      ///< A schema version of a table takes effect here.
};

[[nodiscard]] std::string_view to_string(event_kind kind) noexcept;

/// A typed stream event. After its delivery the stream goes on at `to`.
struct stream_event {
  event_kind kind = event_kind::reset;
  position from;
  position to;
  std::string origin;   ///< Of messages; badtail, reset: the directory; or "".
  int64_t first_id = 0; ///< gap, conflict: first id concerned.
  int64_t last_id = 0;  ///< gap: last missing id; reset: last id seen.
  std::string cause;    ///< In words; names file and offset for damage.
  std::vector<std::byte> schema; ///< kind schema: an encoded TableSchema.
  friend bool operator==(const stream_event&, const stream_event&) = default;
};

[[nodiscard]] std::vector<std::byte> encode(const stream_event& event);
[[nodiscard]] result<stream_event>
decode_stream_event(std::span<const std::byte> payload);

} // namespace millrace
