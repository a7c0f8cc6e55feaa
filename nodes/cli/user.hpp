#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct user_list_options {
  std::string config;
  output_format output = output_format::table;
};

struct user_password_options {
  std::string config;
  std::string user;
  std::string password_file; ///< "-": standard input. Empty: it is asked for.
  output_format output = output_format::table;
};

struct user_remove_options {
  std::string config;
  std::string user;
  std::string token; ///< The name of one token; empty: all that is kept.
  output_format output = output_format::table;
};

struct user_token_options {
  std::string config;
  std::string user;
  output_format output = output_format::table;
};

/// Passwords and tokens of those who may log in at the ports of a cluster.
extern const command_group user_commands;

} // namespace millrace::nodes
