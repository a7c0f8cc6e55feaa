#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// An absolute path of a file; empty: the key is not there.
/// @param base relative paths count from it
/// @param line becomes where the configuration names it
[[nodiscard]] std::string read_path(text::toml_section& at,
                                    std::string_view key,
                                    const std::filesystem::path& base,
                                    file_line& line);

/// Reads what the processes of a cluster prove themselves by to one another,
/// of `[cluster]`.
[[nodiscard]] member_tls_config
read_cluster_tls(text::toml_section& at, const std::filesystem::path& base);

} // namespace millrace::nodes
