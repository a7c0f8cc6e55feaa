#pragma once

#include <millrace/nodes/cli/command/options.hpp>
#include <millrace/nodes/lines/line_format.hpp>

namespace millrace::nodes {

/// Declares `--format json|csv`.
void declare_line_format(option_list& list, line_format& format);

} // namespace millrace::nodes
