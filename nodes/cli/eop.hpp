#pragma once

#include <millrace/nodes/cli/command/command.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct eop_options {
  std::string config;
  int64_t period = 0; ///< Days since 2000.01.01.
  int timeout_s = 300;
};

/// Ends a period, and returns when the hdb serves its partition.
extern const command<eop_options> eop_command;

} // namespace millrace::nodes
