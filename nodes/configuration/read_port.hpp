#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <filesystem>
#include <string>

namespace millrace::nodes {

/// Reads what a `[[process]]` of type kdb, http or postgres has beside its
/// name, type and node.
/// @param within the nodes, streams, users and processes before it
/// @param base relative paths count from it
void read_port(text::toml_section& at, const cluster_config& within,
               const std::filesystem::path& base, process_config& into);

/// Where an address, as a number, is.
enum class address_kind { none, loopback, other };
[[nodiscard]] address_kind kind_of_address(const std::string& address);

} // namespace millrace::nodes
