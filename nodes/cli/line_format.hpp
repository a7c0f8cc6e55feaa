#pragma once

#include <millrace/nodes/cli/command/options.hpp>

#include <cstdint>

namespace millrace::nodes {

/// How the lines of `pub` and `sub` hold data.
enum class line_format : uint8_t {
  json, ///< One object per line: the fields of a row, or {"data": text}.
  csv,  ///< With a header line that names the columns.
};

/// Declares `--format json|csv`.
void declare_line_format(option_list& list, line_format& format);

} // namespace millrace::nodes
