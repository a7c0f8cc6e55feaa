#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

/// Which cluster all commands below `stream` ask, and how they print.
struct stream_options {
  std::string config;
  output_format output = output_format::table;
};

/// Declares `--config` and `--output`.
void declare_streams(option_list& list, stream_options& into);

/// Declares `--to POSITION`, which must be given.
void declare_to(option_list& list, position& into, const std::string& help);

struct stream_info_options : stream_options {
  std::string stream;
};

struct stream_prune_options : stream_options {
  std::string stream;
  position to;
  bool dry_run = false;
  bool yes = false;
  bool force = false;
};

struct stream_archive_options : stream_options {
  std::string stream;
  position to;
  bool dry_run = false;
  bool yes = false;
};

struct stream_reset_options : stream_options {
  std::string stream;
  bool soft = false;
  bool hard = false;
  bool dry_run = false;
  bool yes = false;
  bool force = false;
};

struct stream_losses_options : stream_options {
  std::string stream;
};

struct stream_give_up_options : stream_options {
  std::string stream;
  bool dry_run = false;
  bool yes = false;
};

struct consumer_info_options : stream_options {
  std::string consumer;
};

/// Looks after the streams of a running cluster. In ls.cpp, info.cpp,
/// prune.cpp, archive.cpp, reset.cpp, losses.cpp and give_up.cpp.
extern const command<stream_options> stream_ls_command;
extern const command<stream_info_options> stream_info_command;
extern const command<stream_prune_options> stream_prune_command;
extern const command<stream_archive_options> stream_archive_command;
extern const command<stream_reset_options> stream_reset_command;
extern const command<stream_losses_options> stream_losses_command;
extern const command<stream_give_up_options> stream_give_up_command;
/// `millrace consumer`, in consumers.cpp.
extern const command_group consumer_commands;

} // namespace millrace::nodes
