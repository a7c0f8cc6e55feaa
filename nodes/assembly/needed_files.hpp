#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// Whether the directories of the rdb and hdb processes among these may be
/// databases here: a file is not, nor what kdb+ wrote, nor a directory of
/// `load` that is not there. Each fault is a line `<file>:<line>:<key>:
/// <reason>` of one `config` error. Changes nothing; a directory of `hdb` that
/// is not there yet is none.
[[nodiscard]] error check_databases(persistence::file_system& fs,
                                    const cluster_config& config,
                                    const std::vector<std::string>& processes);

/// The same, and whether what the feeds among these read is there: files, and
/// layouts that can be read.
/// @param warnings gets such lines of files that are gone of a feed that has
/// published: it may have read them
[[nodiscard]] error
check_needed_files(persistence::file_system& fs, const cluster_config& config,
                   const std::vector<std::string>& processes,
                   std::vector<std::string>& warnings);

} // namespace millrace::nodes
