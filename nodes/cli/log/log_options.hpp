#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Where all commands below `log` look, and how they print.
struct log_options {
  std::string directory;
  output_format output = output_format::table;
};

/// Declares `LOG`, a directory or the name of a stream, and `--output`.
void declare_log(option_list& list, log_options& into);

struct log_dump_options : log_options {
  std::string from;   ///< A position; empty: the begin.
  uint64_t count = 0; ///< 0: all.
  uint32_t bytes = 32;
  bool resync = false; ///< After damage goes on at the next intact record.
};

struct log_tail_options : log_options {
  uint64_t count = 10;
  uint32_t bytes = 32;
  bool follow = false;
  bool resync = false;
  uint32_t poll_ms = 200;
};

struct log_explain_options : log_options {
  std::string position;
};

// In ls.cpp, info.cpp, verify.cpp, dump.cpp, tail.cpp and explain_pos.cpp.
extern const command<log_options> log_ls_command;
extern const command<log_options> log_info_command;
extern const command<log_options> log_verify_command;
extern const command<log_dump_options> log_dump_command;
extern const command<log_tail_options> log_tail_command;
extern const command<log_explain_options> log_explain_pos_command;

} // namespace millrace::nodes
