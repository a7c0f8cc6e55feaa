#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Where a reading of a stream begins or ends: "begin", "end", a position, or a
/// time at which messages were published.
struct stream_place {
  enum class kind { begin, end, at_position, at_time };
  kind is = kind::end;
  position at;         ///< Kind at_position.
  int64_t time_ns = 0; ///< Kind at_time: since 2000.01.01 UTC.
};

/// The place of "begin", "end", "1064", "log.0.0@1064" or "2024-01-02T14:30";
/// `invalid_argument`.
[[nodiscard]] result<stream_place> parse_place(const std::string& text);

} // namespace millrace::nodes
