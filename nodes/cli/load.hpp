#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

struct load_options {
  std::string config;
  std::string layout;
  std::string table;
  std::string symbol;
  std::string reject;
  std::optional<int32_t> date; ///< Days since 2000.01.01.
  bool replace = false;
  bool beside = false; ///< Dates may have other rows.
  /// Lines of one file that may give no row before the load counts as failed.
  uint64_t rejects_max = 0;
  output_format output = output_format::table;
  std::vector<std::string> files; ///< Of a database of kdb+: its tables.
  std::string kdb;                ///< Directory of such; empty: files are read.
  std::string leave_out;          ///< Columns of it, with commas between.
  bool dry = false;
  bool print_table = false;
};

/// Writes files of any number of days into the partitions of their rows' own
/// dates.
extern const command<load_options> load_command;

} // namespace millrace::nodes
