#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <string_view>

namespace millrace::nodes {

/// Reads a `[[table]]`.
/// @param within the streams that it may be of, the tables whose names it may
///   not have, and the period that its own roll defaults to
[[nodiscard]] table_config read_table(text::toml_section& at,
                                      text::toml_faults& faults,
                                      const cluster_config& within);

/// The time zone at `key`: a fault when nobody knows it.
std::string read_zone(text::toml_section& at, std::string_view key,
                      std::string fallback);

} // namespace millrace::nodes
