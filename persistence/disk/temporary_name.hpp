#pragma once

#include <string_view>

namespace millrace::persistence {

/// Ends the name under which `replace_file` writes what is to be `path`: such a
/// file is unfinished, or was left by a process that ended or whose disk
/// failed.
inline constexpr std::string_view temporary_suffix = ".tmp";

} // namespace millrace::persistence
