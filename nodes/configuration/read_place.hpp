#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// The address of `[cluster]` is one of loopback.
void check_cluster_address(text::toml_section& at, const std::string& address);

/// The port of a section. @returns 0: it has none, and that is said; no two of
/// them are the same one
[[nodiscard]] uint16_t read_port_number(text::toml_section& at);

/// Reads where a `[[node]]` is reached.
/// @param within the cluster and the nodes before it
void read_place(text::toml_section& at, const cluster_config& within,
                node_config& into);

/// Whether two nodes may be on one host, by their names; one that is not known,
/// or has none, may be anywhere.
[[nodiscard]] bool of_one_host(const cluster_config& config,
                               std::string_view node, std::string_view other);

/// What a cluster on several hosts has to keep to.
void check_hosts(const cluster_config& config, text::toml_faults& faults);

} // namespace millrace::nodes
