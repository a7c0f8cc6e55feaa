#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// Where `millrace up` lets a node write.
[[nodiscard]] std::string node_log_path(const cluster_config& config,
                                        std::string_view node);

/// A piece of a log, and where it ends in the file.
struct log_piece {
  std::string text;
  uint64_t end = 0;
};

/// The last whole lines; fewer when the file has fewer. `not_found` says what
/// would make the file.
[[nodiscard]] result<log_piece> read_last_lines(persistence::file_system& fs,
                                                const std::string& path,
                                                uint64_t count);

/// Whole lines from a place on; from the begin when the file ends before it.
[[nodiscard]] result<log_piece> read_log_from(persistence::file_system& fs,
                                              const std::string& path,
                                              uint64_t from);

/// The same lines as a node writes them with `format = "json"`. One that no
/// node wrote is an object with a "message" alone.
[[nodiscard]] std::string json_lines(std::string_view text);

} // namespace millrace::nodes
