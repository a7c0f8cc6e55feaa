#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/configuration/declared_stream.hpp>

#include <cstdint>
#include <string>

// `create` is in create.cpp, `recover` in recover.cpp, `explain-pos` in
// explain_pos.cpp, the others in members.cpp.

namespace millrace::nodes {

struct stream_members_options {
  std::string config;
  std::string stream;
  output_format output = output_format::table;
};

struct stream_replace_options {
  std::string config;
  std::string stream;
  std::string leaving;
  std::string joining;
  uint64_t timeout_s = 60;
  output_format output = output_format::table;
};

struct stream_remove_options {
  std::string config;
  std::string stream;
  std::string leaving;
  uint64_t timeout_s = 60;
  output_format output = output_format::table;
};

struct stream_recover_options {
  std::string config;
  std::string stream;
  std::string from;
  bool accept_loss = false;
  output_format output = output_format::table;
};

struct stream_explain_options {
  std::string config;
  std::string stream;
  position at;
  std::string publisher; ///< Directory whose position it is; empty: merged.
  std::string lineage;
  std::string process; ///< Whose files are read; empty: the first here.
  output_format output = output_format::table;
};

struct stream_create_options {
  std::string config;
  stream_declaration what;
  bool dry_run = false;
  int timeout_s = 60;
  output_format output = output_format::table;
};

extern const command<stream_create_options> stream_create_command;
extern const command<stream_members_options> stream_members_command;
extern const command<stream_replace_options> stream_replace_command;
extern const command<stream_remove_options> stream_remove_command;
extern const command<stream_recover_options> stream_recover_command;
extern const command<stream_explain_options> stream_explain_pos_command;

/// Looks after streams and their files (ls, info, prune, archive, reset: in
/// stream/), after the group of one (members, replace, remove, recover,
/// explain-pos), and makes them (create).
extern const command_group stream_commands;

} // namespace millrace::nodes
