#pragma once

#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <set>
#include <string>
#include <vector>

namespace millrace::nodes {

// What commands do to a database (load, amend, drop) nothing brings again. The
// hdbs of a cluster remember it, also when none of them ran: in marks, see
// torq::served_mark.

/// Where the marks of a cluster's hdbs on this host stand.
[[nodiscard]] std::string marks_folder(const cluster_config& config);

/// Where rdbs note what their next lives should know.
[[nodiscard]] std::string stream_notes_folder(const cluster_config& config);
[[nodiscard]] std::string stream_note_file(const cluster_config& config,
                                           const std::string& rdb);

/// What is known to be gone of the database in a directory: what rdbs of this
/// host wrote down there, and what was done by hand. In the place of it there
/// is none, or another one. @param besides an rdb that knows for itself
[[nodiscard]] torq::lost_database lost_beside(persistence::file_system& fs,
                                              const cluster_config& config,
                                              const std::string& directory,
                                              const std::string& besides);

/// Before a command that would begin a database, or write to another one:
/// `unavailable` when it is not there, and hdbs of this cluster served one
/// there that had something done by hand, or rdbs wrote to it.
[[nodiscard]] error check_not_gone(persistence::file_system& fs,
                                   const cluster_config& config,
                                   const std::string& directory);

/// What is done by hand and not there, in words; of each table.
[[nodiscard]] std::vector<std::string>
gone_by_hand(persistence::file_system& fs, const cluster_config& config,
             const std::string& directory);

/// The same of the directory as it is configured. @param folder marks_folder
/// @param home_of what `home_of` says of it; none: of what was done in it alone
[[nodiscard]] std::vector<std::string>
gone_by_hand(persistence::file_system& fs, const std::string& folder,
             const std::string& own_directory,
             const std::set<std::string>& home_of);

/// Tables that are written and loaded to this directory first of all: what was
/// done to them by hand in another one, before it was so, is to be here.
[[nodiscard]] std::set<std::string> home_of(const cluster_config& config,
                                            const std::string& directory);

/// After a command changed a database: what it has now is to be there whenever
/// one of the cluster's hdbs serves it. No hdb of the cluster has this
/// directory: nothing is done.
/// @returns what was done before and is not there, as `gone_by_hand`
[[nodiscard]] result<std::vector<std::string>>
remember_by_hand(persistence::file_system& fs, const cluster_config& config,
                 const std::string& directory);

} // namespace millrace::nodes
