#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::persistence {

/// Whether a directory is a database that kdb+ wrote, and no manifest of ours
/// is in it: it has the file of its symbols, or of its segments, or splayed
/// tables, or dates that hold them, or is such a date or table itself. What
/// cannot be listed is none.
[[nodiscard]] bool is_of_kdb(file_system& fs, const std::string& directory);

/// `config` of one: where its rows are taken in, and what is named instead.
[[nodiscard]] error check_not_of_kdb(file_system& fs,
                                     const std::string& directory);

} // namespace millrace::persistence
