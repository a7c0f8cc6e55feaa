#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

struct eop_options {
  std::string config;
  period_id period;
  bool force = false;
  bool accept_rejects = false;
  int timeout_s = 300;
  output_format output = output_format::table;
};

/// Ends a period, and returns when the hdb serves its rows; says what became of
/// them. A negative answer when the period did not end, was not written down
/// because of rejects, or the stream lost something of it.
extern const command<eop_options> eop_command;

} // namespace millrace::nodes
