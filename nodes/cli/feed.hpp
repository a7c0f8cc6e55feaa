#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

struct feed_options {
  std::string config;
  std::string layout; ///< A preset, a name of `[feed.layouts]`, or a path.
  std::string table;
  /// Days since 2000.01.01, for files that carry times of day only.
  std::optional<int32_t> date;
  std::string symbol; ///< For files that carry none.
  /// Row time that passes in one second; 0: as fast as possible.
  double speed = 0;
  bool again = false; ///< Publish files anew that were published before.
  bool go_on = false; ///< After what was published of a text in another way.
  std::string reject; ///< Where bad lines go; empty: beside the publisher.
  output_format output = output_format::table;
  /// Lines of one file that may give no row before the feed counts as failed.
  uint64_t rejects_max = 0;
  bool dry_run = false;     ///< Reads all, and publishes nothing.
  bool follow = false;      ///< Goes on with what is appended to the files.
  std::string member;       ///< Of archives, as a pattern; empty: all.
  std::string only_rejects; ///< A reject file, fed instead of files.
  std::string name;         ///< Of the feed; empty: from table and symbol.
  std::vector<std::string> files;
};

/// Publishes files as rows of a table, and ends when the last is merged.
extern const command<feed_options> feed_command;

} // namespace millrace::nodes
