#pragma once

#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/cli/line_format.hpp>

#include <string>

namespace millrace::nodes {

struct pub_options {
  std::string config;
  std::string stream;
  named_places at;   ///< Where its RT nodes are.
  std::string table; ///< Empty: each line is one opaque payload.
  line_format format = line_format::json;
  std::string origin; ///< Empty: the name of the publisher's directory.
  /// Which of several publishers of a replicated origin this is; empty: that of
  /// the log path, where the configuration says that the origin is one.
  std::string writer;
  /// Number of the first line, of a replicated origin.
  uint64_t first_id = 1;
  /// What to wait for before the end: recorded, synced or committed.
  std::string level = "committed";
  /// Publishes nothing, and waits for what earlier ones left in the log.
  bool flush = false;
  /// Each of the two waits, for RT at the start and for the last message at the
  /// end, in seconds; 0: as long as is usual.
  int timeout_s = 0;
  output_format output = output_format::table;
};

/// Publishes the lines of standard input.
extern const command<pub_options> pub_command;

} // namespace millrace::nodes
