#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Reads the `[[query]]` of a file. Whether their texts mean anything is not
/// looked at: see `check_queries`.
/// @param file as faults name it
[[nodiscard]] std::vector<query_config> read_queries(text::toml_section& root,
                                                     const std::string& file);

/// The same of a file that has nothing else, as a gateway's `load` names it.
[[nodiscard]] result<std::vector<query_config>>
parse_queries(std::string_view text, const std::string& file);

} // namespace millrace::nodes
