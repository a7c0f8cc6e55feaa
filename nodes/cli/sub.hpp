#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/line_format.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct sub_options {
  std::string config;
  std::string stream;
  std::string table; ///< Only rows of it; empty: all messages.
  line_format format = line_format::json;
  /// Where to start: "begin", "end", a position, or a time in ISO 8601.
  std::string from = "end";
  uint64_t count = 0; ///< Ends after so many messages; 0: never.
};

/// Prints the messages of a stream, one per line, as they come.
extern const command<sub_options> sub_command;

} // namespace millrace::nodes
