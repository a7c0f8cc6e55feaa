#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>

namespace millrace::nodes {

struct console_options {
  std::string config;
  bool open = false; ///< In the browser of the desktop.
  output_format output = output_format::table;
};

/// Prints where the console of a cluster is.
extern const command<console_options> console_command;

/// "http://127.0.0.1:8080/": the page of a process of type http.
[[nodiscard]] std::string console_address(const cluster_config& config,
                                          const process_config& process);

} // namespace millrace::nodes
