#pragma once

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

/// Where an rdb notes what its next life should know.
[[nodiscard]] std::string stream_note_file(const cluster_config& config,
                                           const std::string& rdb);

/// What rdbs of this host wrote down there, and is not there, as no database
/// is; in words. @param besides an rdb that knows for itself; empty: none
[[nodiscard]] std::vector<std::string>
gone_of_rdbs(persistence::file_system& fs, const cluster_config& config,
             const std::string& directory, const std::string& besides = {});

/// Before a command that would begin a database: `unavailable` when there is
/// none, and hdbs of this cluster served one there that had something done by
/// hand, or rdbs wrote to it.
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
