#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

// What a command did to a database stands, and what was done by hand before is
// not there: it is another database, as a copy that was put back.

/// A line for each; empty: nothing lacks.
/// @param is_done what the command was to do
[[nodiscard]] std::string lacking_lines(const std::vector<std::string>& lacks,
                                        const std::string& indent = {},
                                        bool is_done = true);

/// As "hdb_lacks"; nothing lacks: no key.
void add_lacks(text::json_value& out, const std::vector<std::string>& lacks);

/// Of the command: the answer is negative when something lacks.
[[nodiscard]] int exit_code_of(const std::vector<std::string>& lacks);

} // namespace millrace::nodes
