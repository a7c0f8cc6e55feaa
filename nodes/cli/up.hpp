#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

struct up_options {
  std::string config;
  std::string process_csv;        ///< Given in the place of `config`.
  std::vector<std::string> nodes; ///< Empty: all.
  int timeout_s = 60;
  output_format output = output_format::table;
};

/// What is to be started, with the path of its configuration, if nothing that
/// is known before is in the way: of the configuration, of its tables, of files
/// that ports prove themselves by. What is no fault yet is told on standard
/// error.
[[nodiscard]] result<up_options> checked_start(const up_options& given);
/// Starts that, and waits for it. @returns the exit code
[[nodiscard]] int start_checked(const up_options& options);

/// Starts the nodes of a configuration on this host, as `millrace node`.
extern const command<up_options> up_command;

} // namespace millrace::nodes
