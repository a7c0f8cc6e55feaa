#pragma once

#include <millrace/nodes/cli/command/options.hpp>

#include <string>

namespace millrace::nodes {

/// Declares `--layout` of what reads files; see also find_layout.
option declare_layout(option_list& list, std::string& layout);

} // namespace millrace::nodes
