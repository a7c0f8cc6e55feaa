#pragma once

#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/line_format.hpp>
#include <millrace/nodes/lines/parse_place.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::nodes {

struct sub_options {
  std::string config;
  std::string stream;
  named_places at;   ///< Where its RT nodes are.
  std::string table; ///< Only rows of it; empty: all messages.
  line_format format = line_format::json;
  std::optional<start_spec> from;
  /// Only rows of the table that are not earlier, since 2000.01.01 UTC.
  std::optional<int64_t> row_time_ns;
  std::optional<start_spec> until; ///< None: never.
  int64_t for_ns = 0;              ///< Ends after this long; 0: never.
  uint64_t count = 0;              ///< Ends after so many messages; 0: never.
  uint64_t rows = 0;    ///< Ends after so many rows of the table; 0: never.
  uint64_t last = 0;    ///< Only the last messages, or rows; 0: all.
  std::string consumer; ///< Its name as a durable consumer; empty: none.
};

/// Prints the messages of a stream, one per line, as they come.
extern const command<sub_options> sub_command;

} // namespace millrace::nodes
