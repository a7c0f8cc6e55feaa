#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct rejects_options {
  std::string config;
  std::string process; ///< An rdb; empty: all.
  bool payload = false;
  output_format output = output_format::table;
};

/// Lists the batches that rdbs keep because they fit no table, and those that
/// they and processes of types of one's own keep because they ended them, from
/// the files of this host; no process need live.
extern const command<rejects_options> rejects_command;

} // namespace millrace::nodes
