#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/declared_stream.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Which cluster all commands below `stream` ask, and how they print.
struct stream_options {
  std::string config;
  output_format output = output_format::table;
};

/// Declares `--config` and `--output`.
void declare_streams(option_list& list, stream_options& into);

/// Loads what `--config`, or `$MILLRACE_CONFIG`, names: `not_found` when it has
/// no such stream, `unsupported` when no rt orders it.
[[nodiscard]] result<cluster_config> load_stream(const std::string& path,
                                                 const std::string& stream);

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
  uint64_t session = 0; ///< That is to begin; 0: the next one.
};

struct stream_losses_options : stream_options {
  std::string stream;
};

struct stream_give_up_options : stream_options {
  std::string stream;
  bool dry_run = false;
  bool yes = false;
};

struct stream_members_options : stream_options {
  std::string stream;
};

struct stream_replace_options : stream_options {
  std::string stream;
  std::string leaving;
  std::string joining;
  uint64_t timeout_s = 60;
};

struct stream_remove_options : stream_options {
  std::string stream;
  std::string leaving;
  uint64_t timeout_s = 60;
};

struct stream_recover_options : stream_options {
  std::string stream;
  std::string from;
  bool accept_loss = false;
};

struct stream_explain_options : stream_options {
  std::string stream;
  position at;
  bool delivered = false; ///< It came with a message, which ends there.
  std::string publisher;  ///< Directory whose position it is; empty: merged.
  std::string lineage;
  std::string process; ///< Whose files are read; empty: the first here.
};

struct stream_create_options : stream_options {
  stream_declaration what;
  bool dry_run = false;
  int timeout_s = 60;
};

struct consumer_info_options : stream_options {
  std::string consumer;
};

struct consumer_rm_options : stream_options {
  std::string consumer;
  std::string stream; ///< Empty: the one that has such a consumer.
  bool dry_run = false;
};

// In ls.cpp, info.cpp, prune.cpp, archive.cpp, reset.cpp, losses.cpp,
// give_up.cpp, members.cpp, replace.cpp, remove.cpp, recover.cpp,
// explain_pos.cpp and create.cpp.
extern const command<stream_options> stream_ls_command;
extern const command<stream_info_options> stream_info_command;
extern const command<stream_prune_options> stream_prune_command;
extern const command<stream_archive_options> stream_archive_command;
extern const command<stream_reset_options> stream_reset_command;
extern const command<stream_losses_options> stream_losses_command;
extern const command<stream_give_up_options> stream_give_up_command;
extern const command<stream_members_options> stream_members_command;
extern const command<stream_replace_options> stream_replace_command;
extern const command<stream_remove_options> stream_remove_command;
extern const command<stream_recover_options> stream_recover_command;
extern const command<stream_explain_options> stream_explain_pos_command;
extern const command<stream_create_options> stream_create_command;

} // namespace millrace::nodes
