#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <functional>
#include <string>

namespace millrace::nodes {

/// What a command wants its directory to be.
struct kind_of_directory {
  std::string name; ///< "a log directory"
  std::function<bool(const std::string& path)> holds;
};

/// None when `path` is such a directory, else `not_found`: whether it is there
/// at all, and which directories below or above it are such ones.
[[nodiscard]] error check_kind(persistence::file_system& fs,
                               const std::string& path,
                               const kind_of_directory& kind);

} // namespace millrace::nodes
