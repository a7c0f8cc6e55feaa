#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace millrace::rt {

/// What the consensus group of a stream commits: instructions, never messages.
struct merge_range {
  uint32_t input = 0;
  position from;
  position to; ///< Whole records of one file: [from, to).
};

struct open_input {
  uint32_t input = 0;
  std::string directory; ///< Name of the publisher's directory.
  persistence::lineage_id lineage;
};

struct close_input {
  uint32_t input = 0;
  position end;
  int64_t last_id = 0;
};

struct period_end {
  int64_t period = 0;
  std::vector<std::string> absent; ///< Participants whose marker never came.
};

using merge_entry = std::variant<merge_range, open_input, close_input,
                                 stream_event, period_end>;

[[nodiscard]] std::vector<std::byte> encode(const merge_entry& entry);
[[nodiscard]] result<merge_entry>
decode_merge_entry(std::span<const std::byte> bytes);

} // namespace millrace::rt
