#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>

namespace millrace::nodes {

struct layout_options {
  std::string file;
  std::string table;  ///< Empty: named as the file.
  std::string member; ///< Of an archive, as a pattern; empty: the first.
  std::string preset; ///< Printed instead of a proposal.
  std::string stream = "market"; ///< Of the table.
  bool print_table = false;      ///< The table instead of the layout.
  output_format output = output_format::table;
};

/// Proposes how the lines of a file become rows, and the table that they fill.
extern const command<layout_options> layout_command;

} // namespace millrace::nodes
