#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace millrace::nodes {

/// Whether two paths are one directory, also through links; what is not there
/// is the one of its own path alone.
[[nodiscard]] inline bool is_same_directory(const std::string& one,
                                            const std::string& other) {
  std::error_code unknown;
  return one == other || std::filesystem::equivalent(one, other, unknown);
}

} // namespace millrace::nodes
